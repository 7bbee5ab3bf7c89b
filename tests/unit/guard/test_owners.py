"""Who has a thing open, and who died with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.errors import Conflict, StoreError
from aiex.guard.owners import Owner, OwnerLock, find_dead, find_owner, is_alive

HOLD = """
import sys
from aiex.guard.owners import OwnerLock
lock = OwnerLock(sys.argv[1], "5e55")
lock.acquire()
print("held", flush=True)
sys.stdin.read()
lock.release()
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "locks")


def start_holder(folder: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_what_was_closed_leaves_nothing_behind(folder: str) -> None:
    lock = OwnerLock(folder, "5e55")
    assert lock.acquire() is None
    assert find_dead(folder) == {}
    lock.release()
    assert os.listdir(folder) == []


def test_a_second_process_is_told_of_the_first(folder: str) -> None:
    with start_holder(folder) as process:
        with pytest.raises(Conflict, match=rf"open in process {process.pid} of .*"):
            OwnerLock(folder, "5e55").acquire()
        owner = find_owner(folder, "5e55")
        assert owner is not None
        assert owner.pid == process.pid
        assert find_dead(folder) == {}
        OwnerLock(folder, "0ther").acquire()
        process.communicate()
    assert find_owner(folder, "5e55") is None


def test_what_died_is_found_and_taken_over(folder: str) -> None:
    process = start_holder(folder)
    process.kill()
    process.communicate()
    dead = find_dead(folder)
    assert [owner.pid for owner in dead.values()] == [process.pid]
    lock = OwnerLock(folder, "5e55")
    assert lock.acquire() == dead["5e55"]
    assert find_dead(folder) == {}
    lock.release()
    assert find_dead(folder) == {}


def test_what_a_process_left_that_was_killed_while_it_wrote_goes(folder: str) -> None:
    os.mkdir(folder)
    for name in ("5e55.owner.12-0f0f0f0f.tmp", "0ther.owner.12-0f0f0f0f.tmp"):
        Path(folder, name).touch()
    OwnerLock(folder, "5e55").acquire()
    assert sorted(os.listdir(folder)) == ["5e55.lock", "5e55.owner"]


def test_a_lock_is_held_within_one_process_too(folder: str) -> None:
    first = OwnerLock(folder, "5e55")
    first.acquire()
    with pytest.raises(Conflict, match=f"open in process {os.getpid()} of "):
        OwnerLock(folder, "5e55").acquire()
    first.release()
    assert OwnerLock(folder, "5e55").acquire() is None


def test_what_names_no_owner_counts_as_none(folder: str) -> None:
    os.makedirs(folder)
    for text in ("", "{}", "[1]", '["x", "", "", 0]', "\udcff"):
        Path(folder, "5e55.owner").write_bytes(text.encode("utf-8", "surrogateescape"))
        os.chmod(os.path.join(folder, "5e55.owner"), 0o600)
        assert find_dead(folder) == {}
        lock = OwnerLock(folder, "5e55")
        assert lock.acquire() is None
        lock.release()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot open .*file"):
        OwnerLock(str(tmp_path / "file"), "5e55").acquire()


def test_a_process_is_known_by_its_start_and_one_of_another_machine_counts_as_running(folder: str) -> None:
    lock = OwnerLock(folder, "5e55")
    lock.acquire()
    me = find_owner(folder, "5e55")
    assert me is not None
    assert is_alive(me)
    if me.started:
        assert not is_alive(me._replace(started="1"))
    assert is_alive(Owner(me.pid, "1", "another", 0))
    lock.release()
