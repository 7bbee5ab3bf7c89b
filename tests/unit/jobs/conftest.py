"""A repository made small, and the real engine on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiex.context.engine import Engine, open_engine
from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.guard.sandbox.files import Workspace
from aiex.sessions.checkpoints.opening import Checkpoints

Opened = tuple[Engine, Workspace]
Files = dict[str, str | bytes]


def write_files(root: Path, files: Files) -> None:
    """Write files beneath a directory, which is made."""
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def open_tree(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Write files and open an engine on them: `open_tree({"a.py": "…"})`."""
    engines: list[Engine] = []

    def open_(files: Files) -> Opened:
        root = tmp_path / "tree"
        write_files(root, files)
        workspace = Workspace(str(root))
        engines.append(open_engine(workspace, cache_path=None, workers=1))
        return engines[-1], workspace

    yield open_
    for engine in engines:
        engine.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty directory."""
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


@pytest.fixture
def checkpoints(tmp_path: Path, tree: Path) -> Iterator[Checkpoints]:
    """The checkpoints of `tree`."""
    opened = Checkpoints(str(tmp_path / "kept"), str(tree))
    yield opened
    opened.close()


@pytest.fixture
def open_retrieval(tmp_path: Path) -> Iterator[Callable[[Files], Retrieval]]:
    """Write files and open what finds code in them; nothing is indexed yet."""
    opened: list[Retrieval] = []

    def open_(files: Files) -> Retrieval:
        root = tmp_path / "tree"
        write_files(root, files)
        index = Index(Workspace(str(root)), None, version="v", workers=1, limit_bytes=1_000_000)
        opened.append(Retrieval(index))
        return opened[-1]

    yield open_
    for retrieval in opened:
        retrieval.close()
