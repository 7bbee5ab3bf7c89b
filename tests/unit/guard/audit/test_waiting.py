"""Outcomes that wait for the next record: when they are written at the latest, in which order, what a kill takes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiex.errors import StoreError
from aiex.events import SecurityNoticed
from aiex.guard.actions import Action
from aiex.guard.audit.entries import Note, Outcome
from aiex.guard.audit.frames import HEADER_BYTES, ROW
from aiex.guard.audit.log import AuditLog
from aiex.guard.audit.recovery import MOST_AT_ONCE
from aiex.guard.gate import Gate
from aiex.guard.policy.judge import Judge
from aiex.guard.policy.policy import Policy
from tests.conftest import SOURCE_ROOT
from tests.unit.guard.audit.conftest import ALLOWED, STATUS, Records
from tests.unit.guard.audit.test_crashes import interrupt_at
from tests.unit.guard.audit.test_log import blocked

DONE = Outcome("done", 1)


def read(name: str) -> Action:
    return Action("read", name)


def hand_in(log: AuditLog, name: str, session: str = "one") -> int:
    return log.append(session, read(name), DONE, may_wait=True)


def is_whole(records: Records) -> bool:
    checked = records.check(deep=True)
    return checked.is_intact and checked.is_complete and not checked.remarks


async def test_an_outcome_waits_for_the_next_record_and_stands_before_it(records: Records) -> None:
    now = iter(range(100, 200))
    log = records.open(clock=lambda: next(now))
    assert log.append("one", read("a"), ALLOWED) == 1
    assert hand_in(log, "b") == 0
    assert hand_in(log, "c", "two") == 0
    assert records.subjects() == ["a"]
    assert log.append("one", read("d"), ALLOWED) == 4
    assert [(found.seq, found.at_ms, found.what) for found in records.read()] == [
        (1, 100_000, "decision"), (2, 101_000, "outcome"), (3, 102_000, "outcome"), (4, 103_000, "decision")
    ]  # fmt: skip
    assert records.subjects() == ["a", "b", "c", "d"]
    log.close()
    assert is_whole(records)


async def test_an_outcome_is_written_before_the_loop_waits_for_anything(records: Records) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    for number in range(3):
        hand_in(log, f"b{number}")
        await asyncio.sleep(0)
        assert records.subjects()[-1] == f"b{number}"
    assert records.check().is_complete
    log.close()


@pytest.mark.parametrize("act", ["close", "erase", "rotate"])
async def test_what_waits_is_written_before_the_end_is_read(records: Records, act: str) -> None:
    log = records.open()
    log.append("other", read("a"), ALLOWED)
    hand_in(log, "b")
    {"close": log.close, "erase": lambda: log.erase("other"), "rotate": log.rotate}[act]()
    assert [found.what for found in records.read()][:2] == ["decision", "outcome"]
    assert records.subjects()[1] == "b"
    log.close()
    assert is_whole(records)


async def test_an_outcome_of_an_erased_session_is_sealed_before(records: Records) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    hand_in(log, "b")
    assert log.erase("one")
    await asyncio.sleep(0)
    log.close()
    assert records.subjects() == ["", "", ""]
    assert is_whole(records)


def test_without_a_loop_nothing_waits(records: Records) -> None:
    log = records.open()
    assert [hand_in(log, "a"), hand_in(log, "b")] == [1, 2]
    assert records.subjects() == ["a", "b"]
    log.close()


@pytest.mark.parametrize("options", [{"mode": "required"}, {}], ids=["required", "synced"])
async def test_what_has_to_be_synced_does_not_wait(records: Records, options: dict[str, Any]) -> None:
    log = records.open(**options)
    synced = None if options else True
    assert log.append("one", read("a"), DONE, may_wait=True, synced=synced) == 1
    assert records.subjects() == ["a"]
    log.close()


async def test_a_thread_without_a_loop_writes_what_waits_first(records: Records) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    hand_in(log, "b")
    thread = threading.Thread(target=hand_in, args=(log, "c"))
    thread.start()
    thread.join()
    assert records.subjects() == ["a", "b", "c"]
    log.close()


async def test_a_loop_that_ended_keeps_nothing_back(records: Records) -> None:
    log = records.open()

    def work() -> None:
        loop = asyncio.new_event_loop()
        loop.call_soon(hand_in, log, "a")
        loop.call_soon(loop.stop)
        loop.run_forever()  # stops before it comes round
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    hand_in(log, "b")
    await asyncio.sleep(0)
    assert records.subjects() == ["a", "b"]
    log.close()


async def test_so_many_outcomes_and_no_more_wait(records: Records) -> None:
    log = records.open()
    said = [hand_in(log, str(number)) for number in range(MOST_AT_ONCE + 1)]
    assert said == [0] * (MOST_AT_ONCE - 1) + [MOST_AT_ONCE, 0]
    assert records.subjects() == [str(number) for number in range(MOST_AT_ONCE)]
    log.close()
    assert is_whole(records)


async def test_what_waited_and_cannot_be_written_is_counted_and_told(records: Records) -> None:
    records.fill(1)
    told: list[SecurityNoticed] = []
    log = records.open(tell=told.append)
    log.append("one", read("a"), ALLOWED)
    hand_in(log, "b")
    hand_in(log, "c", "two")
    with blocked(Path(records.places.log)):
        await asyncio.sleep(0)
        assert log.missed == 2
        hand_in(log, "d")
        assert log.append("one", read("e"), ALLOWED) == 0
    assert log.missed == 4
    assert [event.kind for event in told] == ["unrecorded"]
    assert log.append("one", read("f"), ALLOWED) == 4
    log.close()
    note = records.read()[2].entry
    assert note is not None
    assert note.verdict == Note("missed", "4 records could not be written", {"count": 4})
    assert records.subjects() == ["file0.py", "a", "", "f"]


async def test_an_outcome_is_watched_when_it_is_written(records: Records) -> None:
    told: list[SecurityNoticed] = []
    log = records.open(tell=told.append)
    log.append("one", Action("read", "/etc/passwd"), Outcome("refused"), may_wait=True)
    await asyncio.sleep(0)
    assert [event.kind for event in told] == ["escape-tried"]
    log.close()


async def test_an_outcome_that_cannot_be_sealed_takes_no_other_with_it(records: Records) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    hand_in(log, "b")
    endless = Action("tool", "x", {f"name{number}": "v" * 500 for number in range(2000)})
    assert log.append("one", endless, DONE, may_wait=True) == 0
    assert log.missed == 1
    await asyncio.sleep(0)
    log.close()
    assert records.subjects() == ["a", "", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("has_loop", [True, False])
async def test_a_forked_child_does_not_write_what_its_parent_holds(records: Records, has_loop: bool) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    hand_in(log, "b")

    async def work() -> None:
        hand_in(log, "c", "child")
        log.append("child", read("d"), ALLOWED)

    child = os.fork()
    if child == 0:
        try:
            if has_loop:
                asyncio.new_event_loop().run_until_complete(work())
            else:
                work().send(None)
        except StopIteration:
            pass
        finally:
            log.close()
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert records.subjects() == ["a", "c", "d"]
    log.close()
    assert records.subjects() == ["a", "c", "d", "b"]
    assert is_whole(records)


# --- the gate -------------------------------------------------------------------------------------------------------


async def test_leave_is_on_record_before_the_action_and_its_outcome_before_the_next(records: Records) -> None:
    log = records.open()
    gate = Gate(Judge(Policy, mode="auto"), session="one", audit=lambda: log)
    for name in ("a", "b"):
        async with gate.through(read(name)):
            assert records.subjects()[-1] == name
    await asyncio.sleep(0)
    found = [one.entry for one in records.read()]
    gate.close()
    assert [(entry.action.subject, type(entry.verdict).__name__) for entry in found if entry] == [
        ("a", "Decision"), ("a", "Outcome"), ("b", "Decision"), ("b", "Outcome")
    ]  # fmt: skip
    assert [entry.verdict.of for entry in found if entry and isinstance(entry.verdict, Outcome)] == [1, 3]


async def test_in_required_mode_an_outcome_that_cannot_be_written_is_an_error(records: Records) -> None:
    records.fill(1)
    log = records.open(mode="required")
    gate = Gate(Judge(Policy, mode="auto"), session="one", audit=lambda: log)
    admitted = gate.require(read("a"))
    with blocked(Path(records.places.log)), pytest.raises(StoreError, match="what came of it is not on record"):
        gate.outcome(admitted, "done")
    gate.close()


# --- killed and interrupted -----------------------------------------------------------------------------------------

KILLED = """
import asyncio, os, signal, sys
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.entries import Outcome
from aiex.guard.audit.log import AuditLog, find_places
log = AuditLog(find_places())
async def work():
    for number in range(1_000_000):
        seq = log.append("one", Action("read", f"leave{number}"), Decision("allow", "r", "user"))
        print(seq, f"leave{number}", flush=True)
        log.append("one", Action("read", f"end{number}"), Outcome("done", seq), may_wait=True)
        if number == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        if number % 3 == 0:
            await asyncio.sleep(0)
asyncio.run(work())
"""


def run_killed(records: Records, number: int) -> subprocess.Popen[str]:
    environ = {**os.environ, "AIEX_DATA_DIR": f"{records.folder}/data", "AIEX_STATE_DIR": f"{records.folder}/state"}
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, "PYTHONPATH": SOURCE_ROOT},
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_takes_the_outcome_of_the_last_moment_and_nothing_else(records: Records) -> None:
    for last in (0, 1, 4):
        shutil.rmtree(records.folder, ignore_errors=True)
        assert run_killed(records, last).wait(timeout=120) == -signal.SIGKILL
        whole = [f"{word}{number}" for number in range(last + 1) for word in ("leave", "end")]
        assert records.subjects() == whole[:-1]
        assert is_whole(records)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_at_any_time_takes_no_leave_that_was_given(records: Records) -> None:
    expected: dict[int, str] = {}
    for number in range(8):
        writer = run_killed(records, -1)
        assert writer.stdout is not None
        said = "".join(writer.stdout.readline() for _ in range(1 + 7 * number))
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read()
        lines = (line.split() for line in said.splitlines(keepends=True) if line.endswith("\n"))
        expected |= {int(seq): subject for seq, subject in lines}
        writer.wait()
    found = {one.seq: one.entry.action.subject for one in records.read() if one.entry}
    assert {seq: found.get(seq) for seq in expected} == expected
    records.fill(1)
    checked = records.check(deep=True)
    assert (checked.is_intact, checked.is_complete) == (True, True)
    assert not any("the head was older" in remark for remark in checked.remarks)


async def test_a_kill_between_records_and_head_is_no_reason_for_a_note(records: Records) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    records.save()
    for number in range(MOST_AT_ONCE):
        hand_in(log, f"b{number}")
    whole = Path(records.places.log).read_bytes()
    ends = [HEADER_BYTES]
    while any(whole[ends[-1] : ends[-1] + 4]):
        ends.append(ends[-1] + ROW.unpack_from(whole, ends[-1])[0])
    assert len(ends) == MOST_AT_ONCE + 2
    for count in range(1, MOST_AT_ONCE + 1):  # so many of them came as far as the log
        end = ends[1 + count]
        Path(records.places.log).write_bytes(whole[:end] + bytes(len(whole) - end))
        records.put_back("audit.head")
        records.fill(1)
        assert records.subjects() == ["a", *(f"b{number}" for number in range(count)), "file0.py"]
        assert is_whole(records)
    log.close()


async def test_more_than_one_process_leaves_between_them_is_noted(records: Records) -> None:
    log = records.open()
    log.append("one", read("a"), ALLOWED)
    records.save()
    log.append("one", STATUS, ALLOWED)  # a head of its own, so this and the next cannot lack it together
    hand_in(log, "b")
    log.close()
    records.put_back("audit.head")
    records.fill(1)
    assert "the head was older than the log" in records.check().remarks[0]


async def test_an_interruption_at_any_line_leaves_a_whole_log(records: Records) -> None:
    for count in range(1, 500):
        log = records.open()
        log.append("one", read("before"), ALLOWED)
        hand_in(log, "waited")
        if interrupt_at(count, partial(log.append, "one", read("now"), ALLOWED)) is not None:
            break
        records.fill(1)
        checked = records.check()
        assert (checked.broken, checked.missing, checked.remarks) == ((), (), ()), count
        subjects = records.subjects()
        assert subjects[-3:] in (["waited", "now", "file0.py"], [*subjects[-3:-2], "before", "file0.py"])
    else:
        raise AssertionError("the records were never written to the end")
    assert count > 20
