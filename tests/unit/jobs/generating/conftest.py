"""Small projects, and what is made in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.jobs.generating.making import Wish, make
from aiex.jobs.generating.model import Brief
from tests.unit.jobs.conftest import Files, Opened, write_files

Make = Callable[..., Brief]


class Project:
    """A tree of files in which briefs are made; `write` puts their drafts in place."""

    def __init__(self, root: Path, opened: Callable[[], Opened]) -> None:
        self.root = root
        self._open = opened

    def make(self, kind: str, name: str, *, at: str = "", **said: str) -> Brief:
        """The brief of a wish of somebody who stands in the folder `at`."""
        engine, workspace = self._open()
        base = os.path.join(workspace.root, at) if at else workspace.root
        return make(Wish(kind, name, base=base, **said), engine, workspace)  # type: ignore[arg-type]

    def write(self, brief: Brief) -> Brief:
        """Put the drafts in place."""
        for draft in brief.drafts:
            path = self.root / draft.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(draft.after)
        return brief

    def text(self, path: str) -> str:
        """A file as it is."""
        return (self.root / path).read_bytes().decode()

    def run(self, *words: str, at: str = ".") -> subprocess.CompletedProcess[str]:
        """Run a program there; pytest without the plugins of this repository, of which loading alone takes seconds."""
        environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(words, cwd=self.root / at, env=environ, capture_output=True, text=True, check=False)

    def pytest(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run pytest there."""
        return self.run(sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *words)


@pytest.fixture
def project(tmp_path: Path, open_tree: Callable[..., Opened]) -> Callable[[Files], Project]:
    """Write files, and make things in them: `project({"a.py": "…"}).make("module", "b")`."""

    def begin(files: Files) -> Project:
        write_files(tmp_path / "tree", files)
        return Project(tmp_path / "tree", lambda: open_tree({}))

    return begin


def drafts_of(brief: Brief) -> dict[str, str]:
    """The texts of a brief by their paths."""
    return {draft.path: draft.after.decode() for draft in brief.drafts}


def convention(brief: Brief, name: str) -> str:
    """The value of a convention of a brief; empty where it is not noted."""
    return next((one.value for one in brief.conventions if one.name == name), "")
