"""Files of ours: whole or not at all, and nothing left of a process that was killed while it wrote one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aiex.guard.private import try_lock, write_private

LEFT = "key.12-0f0f0f0f.tmp"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="known by locks that Windows does not have")


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_text("a secret")
    write_private(str(tmp_path / "key"), b"new")
    assert os.listdir(tmp_path) == ["key"]


def test_what_another_process_writes_stays(tmp_path: Path) -> None:
    with open(tmp_path / LEFT, "w", encoding="utf-8") as being_written:
        assert try_lock(being_written.fileno())
        write_private(str(tmp_path / "key"), b"new")
        assert sorted(os.listdir(tmp_path)) == ["key", LEFT]


def test_nothing_else_goes(tmp_path: Path) -> None:
    names = ["key.old.tmp", "key.12-0f0f0f0f", "key.a-0f0f0f0f.tmp", "12-0f0f0f0f.tmp"]
    for name in names:
        (tmp_path / name).touch()
    write_private(str(tmp_path / "key"), b"new")
    assert sorted(os.listdir(tmp_path)) == sorted(["key", *names])
