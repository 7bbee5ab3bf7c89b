"""Directories of running processes: theirs while they run, gone afterwards, whatever ended the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.guard.sandbox.scratch import Scratch
from tests.conftest import SOURCE_ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")
KILLED = """
import os, sys
from aiex.guard.sandbox.scratch import Scratch
made = Scratch(sys.argv[1])
os.makedirs(os.path.join(made.path, "tmp", "deep"))
os.kill(os.getpid(), 9)
"""
ON_WINDOWS = """
import os, sys
for name in [name for name in vars(os) if name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH")]:
    delattr(os, name)
sys.modules |= dict.fromkeys(["fcntl", "pwd", "resource"])
import aiex.guard.sandbox.runner
"""


def leave_one(base: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT}
    done = subprocess.run([sys.executable, "-c", KILLED, str(base)], env=environ, check=False)
    assert done.returncode == -9


def test_it_is_there_until_it_is_closed(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path / "base"))
    assert Path(scratch.path).stat().st_mode & 0o777 == 0o700
    Path(scratch.path, "file").touch()
    scratch.close()
    scratch.close()
    assert list((tmp_path / "base").iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    leave_one(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    Scratch(str(tmp_path)).close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    used = Scratch(str(tmp_path))
    (tmp_path / "placeholders").mkdir()
    (tmp_path / "run-file").touch()
    (tmp_path / "run-link").symlink_to(tmp_path / "placeholders")
    Scratch(str(tmp_path)).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [os.path.basename(used.path), "placeholders", "run-file", "run-link"]
    )
    used.close()


def test_commands_can_be_named_where_the_system_has_no_such_flags() -> None:
    environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT}
    subprocess.run([sys.executable, "-c", ON_WINDOWS], env=environ, check=True)
