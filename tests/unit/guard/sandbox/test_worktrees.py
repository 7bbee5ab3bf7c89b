"""Worktrees: made once, found again, and nothing that a repository configures runs for them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aiex.errors import Conflict, UsageError
from aiex.guard.sandbox.worktrees import open_worktree


def _git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    _git(root, "init", "-q")
    (root / "a.txt").write_text("one\n")
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "Begin")
    return root


def test_a_worktree_has_the_files_and_a_branch_of_its_own(repository: Path, tmp_path: Path) -> None:
    path = Path(open_worktree(str(repository), str(tmp_path / "trees"), "feature"))
    assert (path / "a.txt").read_text() == "one\n"
    assert _git(path, "branch", "--show-current") == "aiex/feature"
    assert _git(repository, "status", "--porcelain") == ""


def test_it_is_found_again_with_what_was_done_in_it(repository: Path, tmp_path: Path) -> None:
    path = Path(open_worktree(str(repository), str(tmp_path / "trees"), "feature"))
    (path / "b.txt").write_text("two\n")
    assert open_worktree(str(repository), str(tmp_path / "trees"), "feature") == str(path)
    assert (path / "b.txt").exists()


def test_a_branch_that_is_there_is_gone_on_with(repository: Path, tmp_path: Path) -> None:
    path = open_worktree(str(repository), str(tmp_path / "trees"), "feature")
    _git(repository, "worktree", "remove", path)
    assert _git(Path(open_worktree(str(repository), str(tmp_path / "more"), "feature")), "branch", "--show-current")


def test_no_filter_or_hook_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    marks = tmp_path / "ran"
    (repository / ".gitattributes").write_text("*.txt filter=a=b\n")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "Attributes")
    with open(repository / ".git" / "config", "a", encoding="utf-8") as config:
        config.write(f'[filter "a=b"]\n\tsmudge = "touch {marks}; cat"\n\trequired = true\n')
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marks}\n")
    os.chmod(hook, 0o755)
    open_worktree(str(repository), str(tmp_path / "trees"), "feature")
    assert not marks.exists()


@pytest.mark.parametrize("name", ["", "../up", "-x", "a b", "a..b", "x.lock", "/abs"])
def test_names_that_are_none_are_refused(repository: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        open_worktree(str(repository), str(tmp_path / "trees"), name)


def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    _git(root, "init", "-q")
    with pytest.raises(UsageError, match="no commit"):
        open_worktree(str(root), str(tmp_path / "trees"), "feature")


def test_what_is_in_the_way_stays(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "trees" / "feature").mkdir(parents=True)
    with pytest.raises(Conflict, match="in the way"):
        open_worktree(str(repository), str(tmp_path / "trees"), "feature")
