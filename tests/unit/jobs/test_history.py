"""What the output of `git log` tells."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.context.engine import Engine
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.briefing.history import Git, ask, from_json, git_of, history_of, parse_log, to_json

LOG = (
    "\x1eaa\x1f2026-02-01\x1fAda\x1fSecond\0\0" "3\t1\ta.py\0" "1\t0\tb.py\0"
    "\x1ebb\x1f2026-01-01\x1fBob\x1fFirst: \x1c odd\0\0" "10\t0\ta.py\0" "5\t0\tb.py\0" "-\t-\tp.png\0"
)  # fmt: skip


def test_commits_churn_and_company_are_counted() -> None:
    history = parse_log(LOG, "a.py", limit=60, directory=False)
    assert history is not None
    assert [commit.id for commit in history.commits] == ["aa", "bb"]
    assert (history.lines_added, history.lines_removed, history.complete) == (13, 1, True)
    assert history.authors == (("Ada", 1), ("Bob", 1))
    assert [(item.path, item.commits) for item in history.together] == [("b.py", 2)]


def test_a_log_that_was_cut_is_not_complete() -> None:
    history = parse_log(LOG, "a.py", limit=1, directory=False)
    assert history is not None
    assert (len(history.commits), history.complete) == (1, False)


def test_of_a_directory_all_files_count() -> None:
    history = parse_log(LOG, ".", limit=60, directory=True)
    assert history is not None
    assert [(item.path, item.commits) for item in history.busiest] == [("a.py", 2), ("b.py", 2)]
    assert history.lines_added == 19


def test_churn_of_a_file_whose_name_is_not_utf8_is_counted() -> None:
    rows = (b"\x1eaa\x1f2026-02-01\x1fAd\xe9le\x1fFirst", b"", b"3\t1\tcaf\xe9.py", b"1\t0\tb.py", b"")
    log = os.fsdecode(b"\x00".join(rows))
    history = parse_log(log, os.fsdecode(b"caf\xe9.py"), limit=60, directory=False)
    assert history is not None
    assert (history.lines_added, history.lines_removed) == (3, 1)
    assert history.commits[0].author == "Ad\ufffdle"


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take names in UTF-8 only")
def test_a_file_whose_name_is_not_utf8_does_not_change_together_with_itself(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    _git(str(tmp_path), "init", "-q")
    for text in ("x = 1\n", "x = 2\n"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        _git(str(tmp_path), "add", "-A")
        _git(str(tmp_path), "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "Change")
    history = ask(git_of(Workspace(str(tmp_path))), name, directory=False)
    assert history is not None
    assert (history.lines_added, history.lines_removed, history.together) == (2, 1, ())


def test_no_output_is_no_history() -> None:
    assert parse_log("", "a.py", limit=60, directory=False) is None


def test_history_survives_being_kept() -> None:
    history = parse_log(LOG, "a.py", limit=60, directory=False)
    assert from_json(to_json(history)) == history
    assert from_json(to_json(None)) is None


def _git(root: str, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, check=True, capture_output=True)


def _noting(git: Git, asked: list[tuple[str, ...]]) -> Git:
    """The same git, noting what it is asked."""

    def ask(*args: str) -> bytes | None:
        asked.append(args)
        return git(*args)

    return ask


Open = Callable[..., tuple[Engine, Workspace]]


def test_a_real_repository_is_read_and_asked_once_per_commit(open_tree: Open) -> None:
    engine, workspace = open_tree({"a.py": "x = 1\n", "b.py": "y = 1\n"})
    _git(workspace.root, "init", "-q", "-b", "main")
    _git(workspace.root, "add", ".")
    _git(workspace.root, "commit", "-q", "-m", 'Begin: it\'s "odd"')
    asked: list[tuple[str, ...]] = []
    git = _noting(git_of(workspace), asked)
    first = history_of(engine, workspace, git, "a.py")
    second = history_of(engine, workspace, git, "a.py")
    assert first is not None
    assert first == second
    assert [commit.subject for commit in first.commits] == ['Begin: it\'s "odd"']
    assert first.lines_added == 1
    assert len(asked) == 1


def test_history_is_kept_where_the_git_directory_has_another_name(open_tree: Open) -> None:
    engine, workspace = open_tree({"a.py": "x = 1\n"})
    _git(workspace.root, "init", "-q", "-b", "main", "--separate-git-dir", "store")
    _git(workspace.root, "add", "a.py")
    _git(workspace.root, "commit", "-q", "-m", "Begin")
    asked: list[tuple[str, ...]] = []
    git = _noting(git_of(workspace), asked)
    first = history_of(engine, workspace, git, "a.py")
    assert first is not None
    assert history_of(engine, workspace, git, "a.py") == first
    assert len(asked) == 1


def test_without_git_there_is_no_history(open_tree: Open) -> None:
    engine, workspace = open_tree({"a.py": "x = 1\n"})
    assert history_of(engine, workspace, git_of(workspace), "a.py") is None


def test_without_commits_there_is_no_history(open_tree: Open) -> None:
    engine, workspace = open_tree({"a.py": "x = 1\n"})
    _git(workspace.root, "init", "-q")
    assert history_of(engine, workspace, git_of(workspace), "a.py") is None


def test_only_the_files_below_the_root_are_named(open_tree: Open, tmp_path: Path) -> None:
    engine, workspace = open_tree({"a.py": "x = 1\n", "sub/b.py": "y = 1\n"})
    _git(workspace.root, "init", "-q")
    _git(workspace.root, "add", ".")
    _git(workspace.root, "commit", "-q", "-m", "Begin")
    history = history_of(engine, workspace, git_of(workspace), "sub", directory=True)
    assert history is not None
    assert history.lines_added == 1


def test_a_shallow_clone_says_that_it_does_not_know_all(open_tree: Open, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    _git(str(origin), "init", "-q", "-b", "main")
    for text in ("x = 1\n", "x = 2\n"):
        (origin / "a.py").write_text(text)
        _git(str(origin), "add", ".")
        _git(str(origin), "commit", "-q", "-m", text)
    _git(str(tmp_path), "clone", "-q", "--depth=1", origin.as_uri(), "cut")
    engine, _ = open_tree({})
    workspace = Workspace(str(tmp_path / "cut"))
    for _ in range(2):
        history = history_of(engine, workspace, git_of(workspace), "a.py")
        assert history is not None
        assert (len(history.commits), history.complete) == (1, False)
