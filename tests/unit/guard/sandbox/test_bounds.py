"""Where the person's programs lie among temporary files, which are hidden from commands otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiex.guard.sandbox.bounds import make_policy, program_places


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A directory among temporary files."""
    if not os.path.realpath(tmp_path).startswith(("/tmp/", "/var/tmp/")):
        pytest.skip("temporary files lie elsewhere here")
    return tmp_path


def _path(*entries: Path | str) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, entries))}


def test_a_folder_of_programs_is_shown(temporary: Path) -> None:
    programs = temporary / "tools" / "bin"
    programs.mkdir(parents=True)
    assert program_places(_path("/usr/bin", programs)) == (os.path.realpath(programs),)


def test_a_virtual_environment_is_shown_as_a_whole(temporary: Path) -> None:
    programs = temporary / "venv" / "bin"
    programs.mkdir(parents=True)
    (temporary / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert program_places(_path(programs)) == (os.path.realpath(temporary / "venv"),)


def test_the_folder_of_all_temporary_files_is_not(temporary: Path) -> None:
    assert program_places(_path("/tmp", "relative/bin", temporary / "missing")) == ()


def test_commands_may_read_them_and_not_write(temporary: Path) -> None:
    programs, root = temporary / "bin", temporary / "work"
    programs.mkdir()
    root.mkdir()
    policy = make_policy(str(root), environ={**_path(programs), "HOME": str(temporary / "home")})
    assert policy.programs == (os.path.realpath(programs),)
    assert policy.writable == (os.path.realpath(root),)
