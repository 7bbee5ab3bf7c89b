"""What every file in `jobs/generating/languages` promises; a new language is tested by being there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aiex import plugins
from aiex.context.engine import Engine, open_engine
from aiex.context.reading import describe
from aiex.errors import Conflict, UsageError
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.generating.choosing import load_template, template_for
from aiex.jobs.generating.languages import ROOM
from aiex.jobs.generating.making import Wish, make
from aiex.jobs.generating.model import Brief

NAMES = plugins.names(ROOM)
NODE = '{"name": "shop", "devDependencies": {"vitest": "1"}}'
SAMPLES = {
    "python": ("shop/code.py", "def total(items, rate=2):\n    return rate\n", {"shop/__init__.py": ""}),
    "javascript": (
        "src/code.js",
        "export function total(items, rate = 2) {\n  return rate;\n}\n",
        {"package.json": NODE},
    ),
    "typescript": (
        "src/code.ts",
        "export function total(items: number[], rate = 2): number {\n  return rate;\n}\n",
        {"package.json": NODE, "tsconfig.json": "{}"},
    ),
    "go": (
        "cart/code.go",
        "package cart\n\nfunc Total(items []int, rate int) (int, error) {\n\treturn rate, nil\n}\n",
        {"go.mod": "module example.com/shop\n"},
    ),
    "rust": (
        "src/lib.rs",
        "pub fn total(items: &[u32], rate: u32) -> u32 {\n    rate\n}\n",
        {"Cargo.toml": '[package]\nname = "shop"\n'},
    ),
    "elixir": (
        "lib/shop/code.ex",
        "defmodule Shop.Code do\n  def total(items, rate \\\\ 2) do\n    {items, rate}\n  end\nend\n",
        {"mix.exs": "defmodule Shop.MixProject do\n  def project, do: [app: :shop]\nend\n"},
    ),
}
"""A file of code, its text without the comment at the top, and what else the project has."""
SIGNATURES = {
    "python": "(a: int, *rest) -> int",
    "javascript": "(a, ...rest)",
    "typescript": "(a: number, ...rest: string[]): number",
    "go": "(a int, rest ...string) (int, error)",
    "rust": "(a: u32, rest: &[String]) -> Option<u32>",
    "elixir": "(a, rest \\\\ [])",
}


class Tree:
    """The sample of one language on disk, with a comment at the top of its code."""

    def __init__(self, root: Path, name: str, eol: str = "\n") -> None:
        self.root = root
        self.template = load_template(name)
        mark = self.template.comment[0]
        self.header = f"{mark} Copyright 2024 Shop Ltd.\n{mark} SPDX-License-Identifier: MIT\n"
        self.path, text, others = SAMPLES[name]
        self.put(self.path, f"{self.header}\n{text}".replace("\n", eol).encode())
        for path, other in others.items():
            self.put(path, other.encode())
        self.engines: list[Engine] = []

    def put(self, path: str, data: bytes) -> None:
        """Write a file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def make(self, kind: str, name: str, **said: str) -> Brief:
        """A brief of what is there now."""
        workspace = Workspace(str(self.root))
        self.engines.append(open_engine(workspace, cache_path=None, workers=1))
        return make(Wish(kind, name, **said), self.engines[-1], workspace)  # type: ignore[arg-type]

    def write(self, brief: Brief) -> None:
        """Put the drafts in place."""
        for draft in brief.drafts:
            self.put(draft.path, draft.after)


@pytest.fixture(params=NAMES)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path, request.param)
    yield made
    for engine in made.engines:
        engine.close()


def wishes(tree: Tree) -> Iterator[Brief]:
    """One brief of each kind."""
    yield tree.make("module", "invoice parser")
    yield tree.make("function", "apply coupon", into=tree.path, signature=SIGNATURES[tree.template.name])
    yield tree.make("function", "plain", into=tree.path)
    yield tree.make("tests", tree.path)
    yield tree.make("docs", tree.path)


def test_what_is_made_can_be_parsed_and_ends_with_one_line_feed(tree: Tree) -> None:
    for brief in wishes(tree):
        assert brief.drafts, brief.wish
        for draft in brief.drafts:
            assert describe(draft.after, draft.path)[1].parsed == "full" or not draft.after, draft
            assert draft.after.endswith(b"\n") and not draft.after.endswith(b"\n\n"), draft  # noqa: PT018


def test_new_files_begin_with_the_comment_of_the_others(tree: Tree) -> None:
    for brief in wishes(tree):
        for draft in brief.drafts:
            if draft.before is None and draft.after:
                assert draft.after.decode().startswith(tree.header), draft.path


def test_new_and_changed_files_have_the_line_ends_of_the_others(tmp_path: Path, tree: Tree) -> None:
    crlf = Tree(tmp_path / "crlf", tree.template.name, "\r\n")
    try:
        for brief in wishes(crlf):
            for draft in brief.drafts:
                is_own = draft.path in SAMPLES[tree.template.name][2]
                assert is_own or draft.after.count(b"\n") == draft.after.count(b"\r\n"), draft
    finally:
        for engine in crlf.engines:
            engine.close()


def test_the_same_wish_makes_the_same(tree: Tree) -> None:
    assert tree.make("module", "invoice parser") == tree.make("module", "invoice parser")


def test_what_is_there_is_never_overwritten(tree: Tree) -> None:
    tree.write(tree.make("module", "invoice parser"))
    with pytest.raises(Conflict):
        tree.make("module", "invoice parser")
    tree.write(tree.make("function", "apply coupon", into=tree.path))
    with pytest.raises(Conflict):
        tree.make("function", "apply coupon", into=tree.path)
    tree.write(tree.make("tests", tree.path))
    with pytest.raises(Conflict):
        tree.make("tests", tree.path)


def test_documentation_is_made_once(tree: Tree) -> None:
    tree.write(tree.make("docs", tree.path))
    assert tree.make("docs", tree.path).drafts == ()


def test_a_changed_file_keeps_every_line(tree: Tree) -> None:
    for brief in wishes(tree):
        for draft in brief.drafts:
            if draft.before is not None:
                after = iter(draft.after.split(b"\n"))
                assert all(line in after for line in draft.before.split(b"\n")), draft.path


def test_keywords_are_refused_and_the_suggestion_is_taken(tree: Tree) -> None:
    template = tree.template
    keyword = next(word for word in sorted(template.keywords) if template.named.match(word))
    with pytest.raises(UsageError) as caught:
        tree.make("function", keyword, into=tree.path)
    offered = caught.value.hint.removeprefix("did you mean ").removesuffix("?")
    assert tree.make("function", offered, into=tree.path).drafts


@pytest.mark.parametrize("signature", ["(", "{", "a) {", "(a\nb", "))"])
def test_what_is_no_signature_is_refused(tree: Tree, signature: str) -> None:
    with pytest.raises(UsageError):
        tree.make("function", "new", into=tree.path, signature=signature)


def test_an_ending_means_its_language(tree: Tree) -> None:
    assert template_for(tree.path).name == tree.template.name


def test_open_tests_say_what_is_to_do(tree: Tree) -> None:
    brief = tree.make("tests", tree.path)
    texts = "".join(draft.after.decode() for draft in brief.drafts)
    assert brief.left_open > 0
    assert texts.count("to do: ") == brief.left_open
    assert brief.run
