"""What may be read and written here is the same for file tools and for commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.errors import AiexError
from aiex.guard.sandbox.probing import choose
from aiex.guard.sandbox.runner import Runner
from aiex.wiring import Services

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")
CONFIG = """
[paths]
allow_read = ["../given", ".env"]
allow_write = ["../more"]
[policy]
rules = ['deny read "plans"', 'ask read "drafts/next.txt"']
"""
READABLE = {
    "ws/app.py": True, "ws/.env": True, "ws/part/.env": False, "ws/plans/next.txt": False, "ws/drafts/next.txt": False,
    "ws/drafts/old.txt": True, "given/a.txt": True, "given/.env": False, "more/b.txt": True, "home/.ssh/id_rsa": False,
}  # fmt: skip
WRITABLE = {"ws/new": True, "ws/.git/config": False, "given/new": False, "more/new": True, "ws/.vscode/new": False}


@pytest.fixture
def tmp_path(on_disk: Path) -> Path:
    """A folder of the test's own, where a command in a sandbox would see it."""
    return on_disk


@pytest.fixture
def services(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    if choose().requires_approval:
        pytest.skip("nothing on this machine confines commands")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (*READABLE, "ws/.git/config"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config/config.toml").write_text(CONFIG)
    return Services(str(tmp_path / "ws"))


async def can(services: Services, *words: str) -> bool:
    """Whether a command can do it."""
    async with Runner(services.bounds().sandbox) as runner:
        ended, output = await runner.run(words, cwd=services.root)
        return ended.code == 0 and (words[0] != "cat" or output == b"text")


def succeeds(work: Callable[..., object], *arguments: object) -> bool:
    try:
        work(*arguments)
    except AiexError:
        return False
    return True


@pytest.mark.parametrize(("path", "expected"), READABLE.items())
async def test_what_may_be_read(services: Services, tmp_path: Path, path: str, expected: bool) -> None:
    place = str(tmp_path / path)
    assert succeeds(services.workspace.read, place) is expected
    assert await can(services, "cat", place) is expected


@pytest.mark.parametrize(("path", "expected"), WRITABLE.items())
async def test_what_may_be_written(services: Services, tmp_path: Path, path: str, expected: bool) -> None:
    place = str(tmp_path / path)
    assert await can(services, "tee", place) is expected
    assert succeeds(services.workspace.write, place, b"text") is expected
