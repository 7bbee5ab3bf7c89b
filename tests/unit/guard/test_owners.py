"""Who has a thing open, and who died with it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from aiex.errors import Conflict, StoreError
from aiex.guard.owners import Owner, OwnerLock, find_dead, find_owner, is_alive
from aiex.guard.private import write_private

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


@contextmanager
def looking(folder: str) -> Iterator[list[str]]:
    """The block beside which somebody asks all the time what died; gives the names that were said."""
    is_over, found = threading.Event(), list[str]()

    def look() -> None:
        while not is_over.is_set():
            found.extend(find_dead(folder))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield found
    finally:
        is_over.set()
        looker.join()


def test_what_comes_and_goes_while_somebody_looks_never_died(folder: str) -> None:
    times = count()
    with looking(folder) as found:
        for _ in range(300):
            lock = OwnerLock(folder, "5e55", clock=lambda: next(times))
            lock.acquire()
            lock.release()
    assert found == []


def test_what_died_is_taken_over_while_somebody_looks(folder: str) -> None:
    os.mkdir(folder)
    with looking(folder):
        for number in range(100):
            Path(folder, "5e55.lock").touch()
            write_private(f"{folder}/5e55.owner", json.dumps([2**30, "1", socket.gethostname(), number]).encode())
            lock = OwnerLock(folder, "5e55")
            died = lock.acquire()
            assert died is not None
            assert died.since_ms == number
            lock.release()


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


def test_whoever_has_it_may_take_it_again_and_lets_go_as_often(tmp_path: Path) -> None:
    lock, other = OwnerLock(str(tmp_path), "one"), OwnerLock(str(tmp_path), "one")
    lock.acquire()
    lock.acquire()
    lock.release()
    with pytest.raises(Conflict):
        other.acquire()
    lock.release()
    other.acquire()
    other.release()
