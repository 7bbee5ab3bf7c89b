"""A repository made small, and the real engine on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiex.context.engine import Engine, open_engine
from aiex.guard.sandbox.files import Workspace

Opened = tuple[Engine, Workspace]


@pytest.fixture
def open_tree(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Write files and open an engine on them: `open_tree({"a.py": "…"})`."""
    engines: list[Engine] = []

    def open_(files: dict[str, str | bytes]) -> Opened:
        root = tmp_path / "tree"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        root.mkdir(exist_ok=True)
        workspace = Workspace(str(root))
        engines.append(open_engine(workspace, cache_path=None, workers=1))
        return engines[-1], workspace

    yield open_
    for engine in engines:
        engine.close()
