"""What the doctor says of checkpoints and sessions that cannot be read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aiex import dirs
from aiex.cli.checkup import Check, check_checkpoints, run_checks
from aiex.sessions.checkpoints.opening import FILE
from aiex.wiring import Services


@pytest.fixture
def services(home: Path, workspace: Path) -> Iterator[Services]:
    services = Services(str(workspace))
    yield services
    services.close()


def look(workspace: Path) -> Check:
    with closing(Services(str(workspace))) as services:
        return check_checkpoints(services)


def test_checkpoints_that_are_whole_are_counted(services: Services, workspace: Path) -> None:
    assert (look(workspace).state, look(workspace).detail) == ("ok", "none of this workspace yet")
    services.checkpoints.take("test")
    assert (look(workspace).state, look(workspace).detail) == ("ok", "1 of this workspace")


def test_a_file_of_checkpoints_that_is_none_is_told_with_what_helps(services: Services, workspace: Path) -> None:
    services.checkpoints.take("test")
    services.checkpoints.close()
    path = Path(services.checkpoints.folder, FILE)
    path.write_bytes(b"no database" * 5000)
    check = look(workspace)
    assert (check.state, str(path) in check.detail) == ("fail", True)
    assert "moved away" in check.hint
    path.rename(path.with_suffix(".old"))
    with closing(Services(str(workspace))) as after:
        assert after.checkpoints.take("new").checkpoint.number == 1
    assert look(workspace).state == "ok"


def test_an_entry_that_was_changed_and_a_broken_page_are_told(services: Services, workspace: Path) -> None:
    taken = services.checkpoints.take("test").checkpoint
    services.checkpoints.close()
    path = Path(services.checkpoints.folder, FILE)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update checkpoints set reason = 'another'")
    check = look(workspace)
    assert (check.state, f"{taken.id}: its entry was changed" in check.detail) == ("fail", True)
    assert "aiex verify checkpoint" in check.hint
    with path.open("r+b") as file:
        file.seek(16 << 10)
        file.write(b"\xff" * (os.path.getsize(path) - (16 << 10)))
    assert look(workspace).state == "fail"


def test_a_file_in_the_place_of_the_sessions_fails(services: Services) -> None:
    folder = Path(dirs.data_dir(os.environ), "sessions")
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("")
    (check,) = [one for one in run_checks(services) if one.name == "sessions"]
    assert (check.state, check.hint) == ("fail", f"move {folder} away")
