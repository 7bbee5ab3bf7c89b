"""Briefings on directories from the real engine."""

from __future__ import annotations

from collections.abc import Callable

from aiex.context.engine import Engine
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.briefing.directory import brief_directory
from aiex.jobs.briefing.fit import sections_of
from aiex.jobs.briefing.model import Briefing
from aiex.jobs.briefing.render import Links

Open = Callable[..., tuple[Engine, Workspace]]

SHOP: dict[str, str | bytes] = {
    "pyproject.toml": '[project]\nname = "shop"\ndescription = "Sells fruit"\ndependencies = ["click>=8", "PyYAML"]\n'
    '[project.scripts]\nshop = "shop.cli:main"\n',
    "shop/__init__.py": '"""A shop for fruit."""\n',
    "shop/cli.py": '"""The command line."""\nimport click\nfrom shop.core.basket import Basket\n\n'
    "def main():\n    Basket()\n",
    "shop/core/__init__.py": "",
    "shop/core/basket.py": '"""What a customer wants."""\nfrom shop.store.db import save\n\nclass Basket:\n    pass\n',
    "shop/store/__init__.py": '"""Keeps things."""\n',
    "shop/store/db.py": "import sqlite3\n\ndef save():\n    def late():\n        from shop.core import basket\n",
    "tests/test_basket.py": "import pytest\nfrom shop.core.basket import Basket\n\ndef test_it():\n    Basket()\n",
    "docs/index.md": "# Manual\n",
    "Makefile": "test: ## Run the tests\n\tpytest\n",
}


def brief(opened: tuple[Engine, Workspace], path: str = ".") -> Briefing:
    engine, workspace = opened
    steps = brief_directory(engine, workspace, None, path)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            briefing: Briefing = end.value
            return briefing


def test_the_purpose_comes_from_the_readme_first(open_tree: Open) -> None:
    with_readme = brief(open_tree({**SHOP, "README.md": "# Shop\n\nA place to buy fruit.\n"}))
    assert with_readme.purpose is not None
    assert (with_readme.purpose.text, with_readme.purpose.origin) == ("A place to buy fruit.", "README.md")


def test_without_a_readme_the_manifest_tells_the_purpose(open_tree: Open) -> None:
    briefing = brief(open_tree(SHOP))
    assert briefing.purpose is not None
    assert (briefing.purpose.text, briefing.purpose.origin) == ("Sells fruit", "pyproject.toml")


def test_the_dominating_package_is_opened_into_its_parts(open_tree: Open) -> None:
    briefing = brief(open_tree(SHOP))
    assert briefing.parts is not None
    parts = {part.path: (part.role, part.purpose) for part in briefing.parts}
    assert parts["shop/store/"] == ("code", "Keeps things.")
    assert parts["shop/cli.py"] == ("code", "The command line.")
    assert parts["tests/"][0] == "tests"
    assert parts["docs/"][0] == "documentation"


def test_entry_points_come_from_manifests(open_tree: Open) -> None:
    briefing = brief(open_tree(SHOP))
    assert briefing.entry_points is not None
    assert [(point.kind, point.name, point.place.path) for point in briefing.entry_points] == [
        ("console script", "shop", "pyproject.toml"),
        ("make target", "test", "Makefile"),
    ]


def test_imports_that_run_later_close_no_cycle(open_tree: Open) -> None:
    order = brief(open_tree(SHOP)).order
    assert order is not None
    assert order.cycles == ()
    depth = {name: number for number, layer in enumerate(order.layers) for group in layer.groups for name in group}
    assert depth["shop/store/"] < depth["shop/core/"] < depth["shop/cli.py"]


def test_a_true_cycle_is_named(open_tree: Open) -> None:
    files = {name: "" for name in ("p/__init__.py", "p/a/__init__.py", "p/b/__init__.py", "p/c/__init__.py")}
    files |= {"p/a/x.py": "from p.b import y\n", "p/b/y.py": "from p.a import x\n", "p/c/z.py": "import os\n"}
    order = brief(open_tree(files)).order
    assert order is not None
    assert order.cycles == (("p/a/", "p/b/"),)


def test_what_starts_runs_and_carries_others_is_read_first(open_tree: Open) -> None:
    briefing = brief(open_tree({**SHOP, "README.md": "# Shop\n\nFruit.\n"}))
    assert briefing.read_first is not None
    paths = [reading.path for reading in briefing.read_first]
    assert paths[0] == "README.md"
    assert "shop/cli.py" in paths[:4]
    assert "tests/test_basket.py" not in paths
    assert "console script `shop`" in briefing.read_first[paths.index("shop/cli.py")].reason


def test_packages_are_joined_from_manifests_and_imports(open_tree: Open) -> None:
    briefing = brief(open_tree(SHOP))
    assert briefing.external is not None
    assert [(item.name, item.required, item.files) for item in briefing.external] == [
        ("click", ">=8", 1),
        ("PyYAML", "", 0),
        ("pytest", "", 1),
    ]


def test_tests_are_counted_with_their_framework(open_tree: Open) -> None:
    layout = brief(open_tree(SHOP)).test_layout
    assert layout is not None
    assert (layout.files, layout.cases, layout.framework, layout.directories) == (1, 1, "pytest", (("tests", 1),))


def test_a_subdirectory_is_explained_alone(open_tree: Open) -> None:
    briefing = brief(open_tree(SHOP), "shop/store")
    assert briefing.parts is not None
    assert [part.path for part in briefing.parts] == ["shop/store/__init__.py", "shop/store/db.py"]
    assert briefing.purpose is not None
    assert briefing.purpose.text == "Keeps things."


def test_files_of_every_kind_have_a_place_in_the_table(open_tree: Open) -> None:
    briefing = brief(open_tree({"a.py": "x = 1\n", "b.bin": b"\0\1", "c.xyz": "hi\n", "bad.py": "def f(:\n"}))
    assert briefing.languages is not None
    assert {share.language: share.files for share in briefing.languages} == {"python": 2, "": 2}
    assert "1 of 4 files" in briefing.subject.notes[0]


def test_every_section_has_a_title_of_its_own(open_tree: Open) -> None:
    titles = [section.title for section in sections_of(brief(open_tree(SHOP)), Links())]
    assert len(titles) == len(set(titles))
    assert titles[:3] == ["Purpose", "At a glance", "Parts"]


def test_progress_ends_at_the_number_of_files(open_tree: Open) -> None:
    engine, workspace = open_tree({f"m{number}.py": "x = 1\n" for number in range(90)})
    seen = list(brief_directory(engine, workspace, None, "."))
    assert seen[0] == (0, 90)
    assert seen[-1] == (90, 90)
    assert len(seen) > 3


def test_with_nothing_at_the_top_the_highest_front_file_tells_the_purpose(open_tree: Open) -> None:
    tree: dict[str, str | bytes] = {
        "tree/src/lib.rs": "//! Grows trees.\npub mod leaf;\n",
        "tree/src/leaf/mod.rs": "//! Leaves of all kinds.\n" + "pub fn leaf() {}\n" * 80,
    }
    briefing = brief(open_tree(tree))
    assert briefing.purpose is not None
    assert (briefing.purpose.text, briefing.purpose.origin) == ("Grows trees.", "tree/src/lib.rs")


def test_one_of_a_kind_is_not_told_in_the_plural(open_tree: Open) -> None:
    opened = open_tree({"app.py": "x = 1\n", "bad.py": "def (:\n", "tests/test_app.py": "def test_it():\n    pass\n"})
    briefing = brief(opened)
    text = "\n".join(section.render(99) for section in sections_of(briefing, Links()))
    assert "tests: 1 function in 1 file" in text
    assert "tests: 1 test function" in text
    assert "1 test functions" not in text
    assert briefing.subject.notes == ("known in part, for syntax errors or size: 1 of 3 files",)
