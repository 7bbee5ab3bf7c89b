"""Which files a repository consists of: what is left out without an ignore file, and how to have it back."""

import os
from itertools import product

import pytest
from pathspec import GitIgnoreSpec

from aiex.context.ignoring import DEFAULT_PATTERNS
from aiex.context.listing import list_files
from aiex.guard.sandbox.files import Workspace


def listed(root) -> set[str]:
    return {entry.path for entry in list_files(Workspace(str(root))).files}


def make(root, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x", encoding="utf-8")


def test_dependencies_and_caches_are_left_out_by_the_rules_of_ignore_files(tmp_path):
    names = [
        "node_modules", "__pycache__", ".venv", "a.egg-info", ".egg-info", "aegg-info", "m.pyc", "m.pyco", ".DS_Store",
        "x.DS_Store", "src", "a node_modules", "node_modules2",
    ]  # fmt: skip
    paths = ["/".join(parts) for parts in (*product(names), *product(["src"], names))]
    make(tmp_path, *(f"{path}/in.py" for path in paths))
    make(tmp_path, *(f"files/{name}" for name in names))
    rules = GitIgnoreSpec.from_lines(DEFAULT_PATTERNS)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert listed(tmp_path) == {path for path in found if not rules.match_file(path)}


def test_an_ignore_file_has_the_last_word(tmp_path):
    make(tmp_path, "node_modules/a.js", "web/node_modules/b.js", "m.pyc", "web/n.pyc", "__pycache__/c.py")
    (tmp_path / ".gitignore").write_text("!/node_modules/\n", encoding="utf-8")
    (tmp_path / "web/.aiexignore").write_text("!*.pyc\n", encoding="utf-8")
    assert listed(tmp_path) == {".gitignore", "node_modules/a.js", "web/.aiexignore", "web/n.pyc"}


@pytest.mark.skipif(os.name != "posix", reason="makes files as links of one, which is quick on POSIX systems only")
def test_a_hundred_thousand_files_half_of_them_in_one_directory_are_listed(tmp_path):
    folders = [tmp_path / "wide", *(tmp_path / f"deep/d{number}" for number in range(50))]
    for folder in folders:
        folder.mkdir(parents=True)
    for folder, count in zip(folders, [50_000] + [1_000] * 50, strict=True):
        source = folder / "f0.py"
        source.write_bytes(b"x = 1\n")
        for number in range(1, count):
            os.link(source, folder / f"f{number}.py")
    listing = list_files(Workspace(str(tmp_path)))
    paths = [entry.path for entry in listing.files]
    assert len(paths) == 100_000
    assert paths == sorted(paths)
    assert not listing.unreadable
    assert sum(path.startswith("wide/") for path in paths) == 50_000
