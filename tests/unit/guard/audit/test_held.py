"""A held file knows whether it is still the one at its path, also when only its folder is looked at."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aiex.guard.audit.held import SETTLED_NS, HeldFile

LONG_AGO_NS = 1_700_000_000_123_456_789


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "audit"
    made.mkdir()
    return made


def hold(folder: Path, changed_ns: int) -> HeldFile:
    """A file that was seen in its place, in a folder that was last changed at this time."""
    held = HeldFile(str(folder / "log"))
    os.utime(folder, ns=(changed_ns, changed_ns))
    assert held.is_in_place()
    assert held.is_in_place()
    return held


def test_a_file_that_is_moved_away_is_missed(folder: Path) -> None:
    held = hold(folder, LONG_AGO_NS)
    (folder / "log").rename(folder / "old")
    assert not held.is_in_place()
    (folder / "old").rename(folder / "log")
    assert held.is_in_place()


def test_a_file_in_its_place_is_another(folder: Path) -> None:
    held = hold(folder, LONG_AGO_NS)
    (folder / "new").touch()
    (folder / "new").rename(folder / "log")
    assert not held.is_in_place()
    assert HeldFile(str(folder / "log")).is_in_place()


def test_a_folder_in_the_place_of_its_own_is_another(folder: Path) -> None:
    held = hold(folder, LONG_AGO_NS)
    folder.rename(folder.with_name("moved"))
    assert not held.is_in_place()
    folder.mkdir()
    (folder / "log").touch()
    os.utime(folder, ns=(LONG_AGO_NS, LONG_AGO_NS))
    assert not held.is_in_place()


def test_what_is_made_beside_it_changes_nothing(folder: Path) -> None:
    held = hold(folder, LONG_AGO_NS)
    (folder / "keys").touch()
    assert held.is_in_place()


@pytest.mark.parametrize("whole_seconds", [True, False])
def test_a_time_that_a_later_change_could_have_too_is_not_trusted(folder: Path, *, whole_seconds: bool) -> None:
    """On a disk that counts in seconds, or right after a change."""
    changed_ns = LONG_AGO_NS // 10**9 * 10**9 if whole_seconds else time.time_ns() + 1000 * SETTLED_NS
    held = hold(folder, changed_ns)
    (folder / "log").rename(folder / "old")
    os.utime(folder, ns=(changed_ns, changed_ns))
    assert not held.is_in_place()
