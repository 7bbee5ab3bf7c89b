"""Real processes: killed while they write, several at once, and what they were told is written stays written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from aiex.guard.actions import Action
from aiex.guard.audit.log import AuditLog
from tests.conftest import SOURCE_ROOT
from tests.unit.guard.audit.conftest import ALLOWED, Records

ROUNDS = 12
WRITER = """
import sys
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places
name, synced, count = sys.argv[1], sys.argv[2] == "synced", int(sys.argv[3])
log = AuditLog(find_places(), mode="required")
for number in range(count):
    seq = log.append(name, Action("read", f"{name}/{number}"), Decision("allow", "r", "user"), synced=synced)
    print(seq, f"{name}/{number}", flush=True)
log.close()
"""


def launch(records: Records, code: str, *words: str) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        "AIEX_DATA_DIR": str(records.folder / "data"),
        "AIEX_STATE_DIR": str(records.folder / "state"),
        "PYTHONPATH": SOURCE_ROOT,
    }
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True, env=environ)


def start(records: Records, name: str, how: str, count: int) -> subprocess.Popen[str]:
    return launch(records, WRITER, name, how, str(count))


def acknowledged(text: str) -> dict[int, str]:
    """Number and subject of what the writer was told is written; a line that was cut off told nothing."""
    lines = (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return {int(seq): subject for seq, subject in lines}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("how", ["synced", "unsynced"])
def test_no_acknowledged_record_is_lost_by_a_kill(records: Records, how: str) -> None:
    expected: dict[int, str] = {}
    for number in range(ROUNDS):
        writer = start(records, f"session{number}", how, 1_000_000)
        assert writer.stdout is not None
        said = "".join(writer.stdout.readline() for _ in range(1 + 7 * number))
        writer.send_signal(signal.SIGKILL)
        expected |= acknowledged(said + writer.stdout.read())
        writer.wait()
    found = {one.seq: one.entry.action.subject for one in records.read() if one.entry}
    assert len(expected) >= ROUNDS
    assert {seq: found.get(seq) for seq in expected} == expected
    AuditLog(records.places).append("last", Action("read", "last"), ALLOWED)
    checked = records.check(deep=True)
    assert (checked.is_intact, checked.is_complete) == (True, True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_two_are_killed_while_a_third_goes_on(records: Records) -> None:
    steady = start(records, "steady", "unsynced", 600)
    expected: dict[int, str] = {}
    for number in range(4):
        pair = [start(records, f"{name}{number}", "unsynced", 1_000_000) for name in ("left", "right")]
        for writer in pair:
            assert writer.stdout is not None
            said = "".join(writer.stdout.readline() for _ in range(5))
            writer.send_signal(signal.SIGKILL)
            expected |= acknowledged(said + writer.stdout.read())
            writer.wait()
    said, _ = steady.communicate(timeout=120)
    assert steady.returncode == 0
    expected |= acknowledged(said)
    found = {one.seq: one.entry.action.subject for one in records.read() if one.entry}
    assert {seq: found.get(seq) for seq in expected} == expected
    assert records.check(deep=True).is_intact


def interrupt_at(count: int, act: Callable[[], int]) -> int | None:
    """Do something, with what Ctrl-C raises at the line of the log's file with this number; what it gives, None where
    it came to that line."""
    left = count

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith("chainfile.py"):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    tracing = sys.gettrace()
    sys.settrace(trace)
    try:
        return act()
    except KeyboardInterrupt:
        return None
    finally:
        sys.settrace(tracing)


@pytest.mark.parametrize("begins", [True, False], ids=["first record", "second record"])
def test_an_interruption_at_any_line_leaves_a_whole_log(records: Records, begins: bool) -> None:
    expected: list[int] = []
    for count in range(1, 500, 4 if begins else 1):  # the first takes many syncs
        if begins:
            shutil.rmtree(records.folder, ignore_errors=True)
            expected = []
        log = AuditLog(records.places, mode="required")
        if not begins:
            expected.append(log.append("one", Action("read", "before"), ALLOWED))
        if (number := interrupt_at(count, partial(log.append, "one", Action("read", "now"), ALLOWED))) is not None:
            expected.append(number)
            break
        last = AuditLog(records.places, mode="required")
        expected.append(last.append("one", Action("read", "after"), ALLOWED))
        last.close()
        checked = records.check()
        assert (checked.broken, checked.missing) == ((), ()), count
    else:
        raise AssertionError("the record was never written to the end")
    assert count > 20
    assert set(expected) <= {found.seq for found in records.read()}


ROTATOR = """
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places
log = AuditLog(find_places(), mode="required")
for number in range(1_000_000):
    log.rotate()
    print(log.append(f"session{number}", Action("read", "x"), Decision("allow", "r", "user")), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_while_keys_rotate_loses_no_key(records: Records) -> None:
    expected: set[int] = set()
    records.fill(1)
    for number in range(6):
        writer = launch(records, ROTATOR)
        assert writer.stdout is not None
        said = "".join(writer.stdout.readline() for _ in range(1 + number))
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read()
        expected |= {int(line) for line in said.splitlines(keepends=True) if line.endswith("\n")}
        writer.wait()
    found = {one.seq for one in records.read() if one.entry and one.entry.action.subject == "x"}
    assert expected <= found
    checked = records.check(deep=True)
    assert (checked.is_intact, checked.is_complete) == (True, True)


def test_processes_that_begin_a_log_together_share_it(records: Records) -> None:
    writers = [start(records, f"session{number}", "unsynced", 150) for number in range(4)]
    told = [acknowledged(writer.communicate(timeout=120)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert sorted(seq for one in told for seq in one) == list(range(1, 601))
    found = {one.seq: one.entry.action.subject for one in records.read() if one.entry}
    assert found == {seq: subject for one in told for seq, subject in one.items()}
    checked = records.check(deep=True)
    assert (checked.is_intact, checked.is_complete, checked.sessions) == (True, True, 4)


def test_a_check_while_others_write_finds_no_fault(records: Records) -> None:
    records.fill(1)
    writer = start(records, "busy", "unsynced", 3000)
    faults = []
    while writer.poll() is None:
        checked = records.check()
        if not (checked.is_intact and checked.is_complete):
            faults.append(checked)
        assert writer.stdout is not None
        os.read(writer.stdout.fileno(), 65536)
    assert faults == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_into_the_same_log(records: Records) -> None:
    log = AuditLog(records.places)
    log.append("one", Action("read", "before"), ALLOWED)
    child = os.fork()
    if child == 0:
        for number in range(100):
            log.append("child", Action("read", f"child{number}"), ALLOWED)
        os._exit(0)
    for number in range(100):
        log.append("one", Action("read", f"parent{number}"), ALLOWED)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.close()
    checked = records.check(deep=True)
    assert (checked.records, checked.is_intact, checked.is_complete) == (201, True, True)


def test_no_lock_or_temporary_file_stops_the_next_run(records: Records) -> None:
    records.fill(1)
    for name in ("audit.lock", "audit.keys.lock", "audit.keys.123-00.tmp"):
        Path(records.places.log).with_name(name).touch(0o600)
    records.fill(1)
    assert records.check().records == 2
