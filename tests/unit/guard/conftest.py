"""A small workspace with something worth stealing beside it."""

import sys
from pathlib import Path

import pytest

from aiex.guard.sandbox.files import Workspace, sandbox_engine

ENGINES = ["openat2", "walk", "realpath"] if sys.platform == "linux" else [sandbox_engine()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder above the workspace `ws`; `out` and `allowed` lie beside it."""
    for name, text in {
        "ws/README.md": "readme\n",
        "ws/src/app.py": "print('hi')\n",
        "ws/.git/HEAD": "ref: refs/heads/main\n",
        "out/secret.txt": "outside\n",
        "allowed/shared.txt": "shared\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each way of opening."""
    return str(request.param)


@pytest.fixture
def workspace(place: Path, engine: str) -> Workspace:
    return Workspace(str(place / "ws"), engine=engine)
