"""Every rule of a review, on the examples beside its name: it finds what it must, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex.context.engine import Engine, open_engine
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.reviewing.catalogue import load_rules, rule_names
from aiex.jobs.reviewing.diff import Diff, FileChange
from aiex.jobs.reviewing.review import settle
from aiex.jobs.reviewing.source import Source
from tests.fakes.tables import each

DATA = Path(__file__).parents[1] / "data" / "review"
RULES = load_rules()
CASES = {
    name: tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))["case"]
    for name in RULES
    if (DATA / f"{name}.toml").exists()
}
OpenTree = Callable[[list[dict[str, Any]]], Engine]


@pytest.fixture
def open_tree(tmp_path: Path) -> Iterator[OpenTree]:
    """Write the new versions of files and open an engine on them."""
    engines: list[Engine] = []

    def open_(files: list[dict[str, Any]]) -> Engine:
        for file in files:
            if "after" in file:
                path = tmp_path / file["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file["after"], encoding="utf-8")
        engines.append(open_engine(Workspace(str(tmp_path)), cache_path=None, workers=1))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.close()


def change_of(file: dict[str, Any]) -> FileChange:
    path, before, after = file["path"], file.get("before"), file.get("after")
    is_new = before is None
    mode = file.get("mode", 0o100644)
    return FileChange(
        path,
        "added" if is_new else "modified" if after is not None else "deleted",
        None if is_new else Source(path, before.encode()),
        None if after is None else Source(path, after.encode()),
        old_mode=0 if is_new else 0o100644,
        new_mode=mode,
        size_bytes=file.get("size", len((after or "").encode())),
        is_secret=file.get("secret", False),
    )


def diff_of(files: list[dict[str, Any]], engine: Engine) -> Diff:
    """Files whose versions differ changed; the others are there all the same."""
    changed = [one for one in files if one.get("before") != one.get("after") or set(one) - {"path", "before", "after"}]
    known = frozenset(file["path"] for file in files if "after" in file)
    return Diff([change_of(file) for file in changed], "a test", [], engine, known_paths=lambda: known)


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}: {case['title']}") for name, cases in CASES.items() for case in cases],
)
def test_a_rule_finds_what_it_must_and_nothing_else(name: str, case: dict[str, Any], open_tree: OpenTree) -> None:
    diff, rule = diff_of(case["file"], open_tree(case["file"])), RULES[name]
    hits = [hit for change in diff.files if rule.in_file for hit in rule.in_file(change)]
    hits += list(rule.in_diff(diff)) if rule.in_diff else []
    found = settle(diff, [(name, rule, hit) for hit in hits], RULES).findings
    assert [f"{one.path}:{one.line or ''} {one.severity}" for one in found] == case["expect"]


@each("name", rule_names())
def test_every_rule_has_examples_of_both_kinds_and_says_what_it_is_for(name: str) -> None:
    assert {bool(case["expect"]) for case in CASES.get(name, ())} == {True, False}
    rule = RULES[name]
    assert (rule.in_file is None) != (rule.in_diff is None)
    assert (rule.title[-1:].isalnum(), rule.help[-1:] == "." or rule.help[-2:] == ".)") == (True, True)
