"""Real repositories, made commit by commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.context.history.model import History
from aiex.context.history.reading import read_history
from aiex.guard.sandbox.files import Workspace


class Repository:
    """A repository with a clock of its own: each commit is a minute after the one before."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.minutes = 0
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q")

    def git(self, *args: str, input: bytes = b"") -> str:
        """Git as a person uses it; gives what it prints."""
        date = f"{1_700_000_000 + 60 * self.minutes} +0000"
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", *args],
            cwd=self.root,
            env={**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
            input=input,
            check=True,
            capture_output=True,
        )
        return os.fsdecode(done.stdout).strip()

    def commit(self, subject: str, *names: str) -> None:
        """Change these files and commit; a name after a minus is removed, `old > new` is moved with its content."""
        self.minutes += 1
        for name in names:
            source, moved, target = name.partition(" > ")
            path = self.root / (target or source.removeprefix("-"))
            path.parent.mkdir(parents=True, exist_ok=True)
            if moved:
                (self.root / source).rename(path)
            elif name.startswith("-"):
                path.unlink()
            else:
                path.write_bytes(os.fsencode(f"{name} {self.minutes}\n"))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)

    def history(self) -> History:
        return read_history(Workspace(str(self.root)))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit, which brings a file."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    made = Repository(tmp_path / "repository")
    made.commit("Begin", "README.md")
    return made


@pytest.fixture
def make_repository(repository: Repository, tmp_path: Path) -> Callable[[str], Repository]:
    """Makes further ones, without a commit."""
    return lambda name: Repository(tmp_path / name)
