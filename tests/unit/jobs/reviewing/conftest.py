"""A real repository made small, and what a review reads of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiex.context.engine import Engine, open_engine
from aiex.events import TurnEnded
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.reviewing.changes import Wanted, read_diff
from aiex.jobs.reviewing.diff import Diff
from aiex.jobs.reviewing.review import Reviewed, ReviewTask, review


class Repository:
    """A directory with git in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engines: list[Engine] = []
        root.mkdir()

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, subject: str = "change", **files: str | bytes) -> str:
        """Write files, whose names have `__` for a slash and end with `_py`, and commit everything."""
        for name, content in files.items():
            self.write(name.replace("__", "/").replace("_py", ".py"), content)
        self.git("add", "-A")
        self.git("commit", "-qm", subject)
        return self.git("rev-parse", "HEAD")

    def open(self) -> tuple[Workspace, Engine]:
        workspace = Workspace(str(self.root))
        self.engines.append(open_engine(workspace, cache_path=None, workers=1))
        return workspace, self.engines[-1]

    def diff(self, what: str = "", rev: str = "", *paths: str) -> Diff:
        return read_diff(Wanted(what, rev, paths), *self.open())  # type: ignore[arg-type]

    async def review(self, task: ReviewTask, deliver: Callable[[Reviewed], str] | None = None) -> TurnEnded:
        workspace, engine = self.open()
        told = [event async for event in review(task, workspace=workspace, engine=engine, deliver=deliver)]
        assert isinstance(told[-1], TurnEnded)
        return told[-1]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A repository with one commit: `shop/basket.py` and `notes.txt`."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    made = Repository(tmp_path / "repository")
    made.git("init", "-q", "-b", "main")
    made.commit("first", shop__basket_py="def total():\n    return 1\n", notes="one\ntwo\n")
    yield made
    for engine in made.engines:
        engine.close()


@pytest.fixture
def bare_folder(tmp_path: Path) -> Iterator[Repository]:
    """A directory without git."""
    made = Repository(tmp_path / "folder")
    yield made
    for engine in made.engines:
        engine.close()


NOT_UTF8 = os.fsdecode(b"caf\xe9.py")
