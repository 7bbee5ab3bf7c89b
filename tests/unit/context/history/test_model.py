"""What a history answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import aiex
from aiex.context.history.columns import to_columns, to_commits
from aiex.context.history.log import Commit
from aiex.context.history.model import RECENT_COMMITS, History, no_history
from aiex.context.history.reading import read_history
from aiex.context.search.words import count_terms
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.history.conftest import Repository


def history(*commits: tuple[str, str]) -> History:
    """A history of subjects and paths, newest first."""
    return History(to_columns(Commit(0, subject, tuple(sorted(paths.split()))) for subject, paths in commits))


def names(scored: list[tuple[str, float]]) -> list[str]:
    return [path for path, _ in scored]


def commits_of(known: History, path: str) -> list[Commit]:
    """Commits that changed a file, newest first."""
    return [commit for commit in to_commits(known.columns) if path in commit.paths]


def test_what_changed_together_is_found(repository: Repository) -> None:
    repository.commit("Add the basket", "shop/basket.py", "tests/test_basket.py")
    repository.commit("Add prices", "shop/prices.py")
    repository.commit("Count the basket", "shop/basket.py", "tests/test_basket.py", "docs/basket.md")
    found = repository.history().changed_with(["shop/basket.py"])
    assert names(found) == ["tests/test_basket.py", "docs/basket.md"]
    assert all(0 < weight <= 1 for _, weight in found)


def test_a_file_that_goes_with_everything_does_not_lead() -> None:
    commits = [(f"Fix {n}", f"CHANGES.md src/{n}.py") for n in range(30)]
    pair = [("Pair", "a.py test_a.py CHANGES.md")] * 2
    assert names(history(*commits, *pair).changed_with(["a.py"])) == ["test_a.py", "CHANGES.md"]


def test_a_small_commit_binds_more_than_a_large_one() -> None:
    large = ("Large", "a.py " + " ".join(f"other/{n}.py" for n in range(20)))
    found = dict(history(large, ("Small", "a.py b.py")).changed_with(["a.py"]))
    assert found["b.py"] > found["other/0.py"]


def test_several_files_add_up_and_are_not_named_themselves() -> None:
    known = history(("One", "a.py x.py"), ("Two", "b.py x.py"), ("Three", "a.py b.py y.py"))
    assert names(known.changed_with(["a.py", "b.py", "a.py", "unknown.py"])) == ["x.py", "y.py"]


def test_only_files_that_are_asked_for_are_named() -> None:
    known = history(("Shop", "a.py gone.py here.py"))
    assert names(known.changed_with(["a.py"], among={"here.py"})) == ["here.py"]
    assert names(known.commits_like(["shop"], among={"here.py"})) == ["here.py"]
    assert len(known.changed_with(["a.py"], limit=1)) == 1


def test_recency_halves_and_ends_at_what_is_not_known() -> None:
    commits = [("New", "new.py")] + [("Between", "x.py")] * (RECENT_COMMITS - 1) + [("Old", "old.py")]
    known = history(*commits)
    assert [known.recency(path) for path in ("new.py", "old.py", "never.py")] == [1.0, 0.5, 0.0]


def test_commits_that_speak_of_a_matter_name_their_files() -> None:
    known = history(
        ("Retry when the stream stalls", "stream.py"),
        ("Paint the window", "window.py"),
        ("Stall less", "clock.py window.py"),
    )
    assert names(known.commits_like(count_terms(b"a stalled stream"))) == ["stream.py", "clock.py", "window.py"]


def test_a_weight_makes_a_term_count_more() -> None:
    known = history(("Open the door", "door.py"), ("Open the window", "window.py"))
    assert names(known.commits_like({"door": 1.0, "window": 3.0})) == ["window.py", "door.py"]


def test_nothing_is_known_of_nothing() -> None:
    known = no_history("this is no git repository")
    assert (len(known), known.reason) == (0, "this is no git repository")
    assert (known.changed_with(["a"]), known.commits_like(["a"])) == ([], [])
    assert known.recency("a") == 0.0


def test_the_commits_of_a_file_are_known(repository: Repository) -> None:
    repository.commit("Add a", "a.py", "b.py")
    repository.commit("Add c", "c.py")
    repository.commit("Change a", "a.py")
    assert commits_of(repository.history(), "a.py") == [
        Commit(1_700_000_240, "Change a", ("a.py",)),
        Commit(1_700_000_120, "Add a", ("a.py", "b.py")),
    ]


def test_files_have_the_names_of_today(repository: Repository) -> None:
    repository.commit("Add", "old.py", "test_old.py")
    repository.commit("Rename", "old.py > lib/new.py")
    repository.commit("Rename again", "lib/new.py > lib/newest.py")
    known = repository.history()
    assert names(known.changed_with(["test_old.py"])) == ["lib/newest.py"]
    assert [commit.subject for commit in commits_of(known, "lib/newest.py")] == ["Rename again", "Rename", "Add"]
    assert commits_of(known, "old.py") == []


def test_a_name_that_another_file_took_over_is_kept_apart(repository: Repository) -> None:
    repository.commit("Add", "a.py", "with_a.py")
    repository.commit("More", "b.py", "with_b.py")
    repository.commit("Make room", "a.py > c.py")
    repository.commit("Take over", "b.py > a.py")
    known = repository.history()
    assert names(known.changed_with(["a.py"])) == ["with_b.py"]
    assert names(known.changed_with(["c.py"])) == ["with_a.py"]


def test_a_file_that_moved_and_changed_at_once_is_followed(repository: Repository) -> None:
    repository.commit("Add", "old/prices.py", "test_prices.py")
    repository.commit("Move", "-old/prices.py", "new/prices.py")
    assert names(repository.history().changed_with(["test_prices.py"])) == ["new/prices.py"]


def test_a_wide_commit_binds_nothing_but_its_renames_count(repository: Repository) -> None:
    many = [f"old/{n}.py" for n in range(60)]
    repository.commit("Add a pair", "old/a.py", "test_a.py")
    repository.commit("Add many", *many)
    repository.commit("Move all", "old/a.py > new/a.py", *(f"{path} > new/{path[4:]}" for path in many))
    known = repository.history()
    assert len(known) == 1
    assert names(known.changed_with(["test_a.py"])) == ["new/a.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take names in UTF-8 only")
def test_names_and_subjects_that_are_not_text_pass(repository: Repository) -> None:
    name = "caf\udce9.py"
    repository.commit("caf\udce9 opens", name, "a.py")
    known = repository.history()
    assert names(known.changed_with(["a.py"])) == [name]
    assert commits_of(known, name)[0].subject == "caf\u00e9 opens"


@pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
@pytest.mark.parametrize("name", ["> 1 lies", "A", "R100", "\n", "\n< 1 x", " ", "\x1e", "a\tb", '"quoted"', "-O"])
def test_a_name_that_looks_like_something_else_is_a_name(repository: Repository, name: str) -> None:
    repository.root.joinpath(name).write_text("x")
    repository.commit("> 1 Add\x1e it", "a.py")
    known = repository.history()
    assert names(known.changed_with(["a.py"])) == [name]
    assert commits_of(known, "a.py")[0].subject == "> 1 Add\x1e it"


def test_files_of_a_commit_of_this_project_lead_to_each_other() -> None:
    root = Path(aiex.__file__).parent.parent
    known = read_history(Workspace(str(root)))
    if not len(known):
        pytest.skip(f"not run in a clone: {known.reason}")
    commits = [commit for commit in commits_of(known, "aiex/__init__.py")[:20] if 1 < len(commit.paths) < 10]
    for commit in commits:
        others = {path for path in commit.paths if path != "aiex/__init__.py"}
        assert others <= set(names(known.changed_with(["aiex/__init__.py"], limit=10_000)))
