"""Commit messages: the habits of a history, what happened in a change, and the words for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.errors import UsageError
from aiex.events import Noted, TurnEnded
from aiex.jobs.generating.commit.habits import Habits, find_habits
from aiex.jobs.generating.commit.message import write
from aiex.jobs.generating.commit.telling import Deed, tell
from aiex.jobs.generating.commit.writing import write_message
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.source import Source
from tests.unit.jobs.conftest import Opened


def subjects(*lines: str) -> list[tuple[str, str]]:
    return [(line, "") for line in lines]


def test_conventional_commits_are_recognised() -> None:
    habits = find_habits(subjects("feat(cart): add a thing", "fix(cart): mend it", "docs: tell", "wip"))
    assert (habits.form, habits.has_scope, habits.scopes, habits.is_capital) == ("conventional", True, ("cart",), False)


@pytest.mark.parametrize(
    ("lines", "form"),
    [
        (("cart: add a", "net/http: fix b"), "prefix"),
        (("[cart] Add a", "[net] Fix b"), "brackets"),
        (("Add a", "Fix b: all of it"), "plain"),
        ((), "plain"),
    ],
)
def test_other_forms_are_recognised(lines: tuple[str, ...], form: str) -> None:
    assert find_habits(subjects(*lines)).form == form


@pytest.mark.parametrize(
    ("lines", "mood"),
    [(("Added a", "Fixed b"), "past"), (("Adds a", "Fixes b"), "present"), (("Add a", "Pass b"), "imperative")],
)
def test_the_mood_is_that_of_most(lines: tuple[str, ...], mood: str) -> None:
    assert find_habits(subjects(*lines)).mood == mood


def test_bodies_bullets_tickets_and_periods_are_habits() -> None:
    habits = find_habits([("AB-1: Add a.", "- one\n\nSigned-off-by: A"), ("AB-2 Fix b.", "- two")])
    assert (habits.has_body, habits.has_bullets, habits.has_ticket, habits.has_period) == (True, True, True, True)
    assert not find_habits([("Add a", "Signed-off-by: A <a@b>")]).has_body


ADDED = Deed("add", "parse_invoice", "code", "src/shop/billing.py")
TEST = Deed("test", "parse invoice", "tests", "tests/test_billing.py")


@pytest.mark.parametrize(
    ("deeds", "habits", "subject"),
    [
        ([ADDED], Habits(), "Add parse_invoice to billing"),
        ([TEST, ADDED], Habits(), "Add parse_invoice to billing"),
        ([ADDED], Habits(mood="past", has_period=True), "Added parse_invoice to billing."),
        ([ADDED], Habits("conventional", is_capital=False), "feat: add parse_invoice to billing"),
        (
            [ADDED],
            Habits("conventional", has_scope=True, scopes=("net", "shop"), is_capital=False),
            "feat(shop): add parse_invoice to billing",
        ),
        ([TEST], Habits("conventional", is_capital=False), "test: test parse invoice"),
        ([ADDED], Habits("prefix", is_capital=False), "shop: add parse_invoice to billing"),
        ([ADDED], Habits("brackets"), "[shop] Add parse_invoice to billing"),
        ([Deed("bump", "httpx", "build", "pyproject.toml", ">=2")], Habits(), "Bump httpx to >=2"),
        ([Deed("rename", "a", "code", "x.py", "b")], Habits(), "Rename a to b in x"),
        ([Deed("change", "a", "code", "x.py")], Habits(update="improve"), "Improve a in x"),
        (
            [Deed("add", f"name_{at}", "code", "x.py") for at in range(30)],
            Habits(width=50),
            "Add name_0, name_1, name_2, name_3 and 26 more",
        ),
    ],
)  # fmt: skip
def test_the_subject_follows_the_habits(deeds: list[Deed], habits: Habits, subject: str) -> None:
    assert write(deeds, habits).subject == subject


def test_a_subject_is_never_longer_than_those_that_are_there() -> None:
    deeds = [Deed("add", "x" * 80, "code", "a/b.py"), Deed("add", "y" * 80, "code", "c/d.py")]
    assert len(write(deeds, Habits(width=50)).subject) <= 50


def test_a_body_tells_of_every_group_where_commits_have_bodies() -> None:
    message = write([ADDED, TEST], Habits(has_body=True))
    assert str(message) == "Add parse_invoice to billing\n\n- Add parse_invoice to billing\n- Test parse invoice\n"


def test_what_nobody_can_see_is_told_as_a_guess() -> None:
    changed = [Deed("change", "total", "code", "a.py")]
    message = write(changed, Habits("conventional", is_capital=False))
    assert (message.subject, message.doubt != "") == ("refactor: update total in a", True)
    assert write([ADDED], Habits("conventional")).doubt == ""


def change(path: str, old: str | None, new: str | None, **more: str) -> FileChange:
    was = Source(path, old.encode()) if old is not None else None
    now = Source(path, new.encode()) if new is not None else None
    status = "added" if old is None else "deleted" if new is None else "modified"
    return FileChange(path, status, was, now, **more)  # type: ignore[arg-type]


ONE = "def one():\n    return 1\n"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (change("shop/a.py", ONE, f"{ONE}\n\ndef two():\n    return 2\n"), [("add", "two", "code")]),
        (change("shop/a.py", ONE, ONE.replace("one", "uno")), [("rename", "one", "code")]),
        (change("shop/a.py", ONE, ONE.replace("return 1", "return 3")), [("change", "one", "code")]),
        (change("shop/a.py", f"{ONE}x = 1\n", f"{ONE}x = 2\n"), [("change", "a.py", "code")]),
        (change("shop/a.py", ONE, None), [("remove", "a.py", "code")]),
        (change("shop/a.py", None, ONE), [("add", "one", "code")]),
        (change("tests/test_a.py", None, ONE), [("test", "a", "tests")]),
        (
            change("tests/test_a.py", ONE, f"{ONE}\n\ndef test_it_works():\n    one()\n"),
            [("test", "it works", "tests")],
        ),
        (change("prices.json", "1\n", "2\n"), [("change", "prices.json", "data")]),
        (change("dist/app.js", None, "function a() {}\n"), [("add", "app.js", "data")]),
        (change("README.md", "a\n", "b\n"), [("change", "README.md", "docs")]),
        (change(".github/workflows/ci.yml", "a: 1\n", "a: 2\n"), [("change", "ci.yml", "ci")]),
        (
            change(
                "pyproject.toml",
                '[project]\ndependencies = ["a>=1", "b"]\n',
                '[project]\ndependencies = ["a>=2", "c"]\n',
            ),
            [("bump", "a", "build"), ("add", "c", "build"), ("remove", "b", "build")],
        ),
        (
            change("package.json", '{\n  "version": "1.0.0"\n}\n', '{\n  "version": "1.1.0"\n}\n'),
            [("bump", "the version", "build")],
        ),
    ],
)  # fmt: skip
def test_what_happened_is_told_by_names(given: FileChange, told: list[tuple[str, str, str]]) -> None:
    assert [(deed.verb, deed.name, deed.area) for deed in tell(given)] == told


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def test_the_staged_change_counts_and_else_every_change(open_tree: Callable[..., Opened], tmp_path: Path) -> None:
    root = tmp_path / "tree"
    engine, workspace = open_tree({"shop/a.py": ONE, "b.txt": "x\r\n"})
    with pytest.raises(UsageError, match="no git repository"):
        list(write_message(workspace, engine))
    git(root, "init", "-q")
    git(root, "add", "-A")
    first = [event for event in write_message(workspace, engine) if isinstance(event, TurnEnded)]
    assert first[0].answer == "Add one to a\n"
    git(root, "commit", "-qm", "shop: begin")
    with pytest.raises(UsageError, match="nothing changed"):
        list(write_message(*open_tree({})[::-1]))
    (root / "shop/a.py").write_text(f"{ONE}\n\ndef two():\n    return 2\n")
    (root / "c.py").write_text("def three():\n    pass\n")
    told = list(write_message(*open_tree({})[::-1]))
    assert told[0] == Noted("nothing is staged, so this speaks of every change")
    assert [event.answer for event in told if isinstance(event, TurnEnded)] == ["add three and two\n"]
    git(root, "add", "shop/a.py")
    staged = list(write_message(*open_tree({})[::-1]))
    assert [event.answer for event in staged if isinstance(event, TurnEnded)] == ["shop: add two to a\n"]
