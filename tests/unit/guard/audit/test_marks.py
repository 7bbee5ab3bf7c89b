"""Reading from a time or a number on gives the records that reading everything gives, without what lies before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aiex.guard.actions import Action
from aiex.guard.audit.frames import HEADER_BYTES
from aiex.guard.audit.heads import HEAD_BYTES
from aiex.guard.audit.log import open_keys
from aiex.guard.audit.reading import Reading, Wanted
from tests.unit.guard.audit.conftest import ALLOWED, Records

TIMES_S = [100, 200, 300, 400, 150, 250, 500, 600, 5, 700, 800, 2_000, 900, 950, 960]
"""A clock that was put back twice, once stood at the beginning, and once ran ahead."""
LONG = "x" * 100_000


@pytest.fixture
def marked(records: Records) -> Records:
    """A log so long that there are marks between its records."""
    times = iter(TIMES_S)
    log = records.open(clock=lambda: next(times))
    for number in range(len(TIMES_S)):
        log.append("one", Action("command", f"{number} {LONG}"), ALLOWED)
    log.close()
    assert marks(records).stat().st_size > 3 * HEAD_BYTES
    return records


def marks(records: Records) -> Path:
    return Path(f"{records.places.log}.marks")


def assert_read(records: Records) -> None:
    """From every time and number on, what is read is what there is."""
    for since_s in range(0, 2_100, 50):
        expected = [number for number, at_s in enumerate(TIMES_S, 1) if at_s >= since_s]
        assert [found.seq for found in records.read(Wanted(since_ms=since_s * 1000))] == expected, since_s
    for seq in range(1, len(TIMES_S) + 1):
        assert [found.seq for found in records.read(Wanted(seq=seq))] == [seq]
    assert records.read(Wanted(seq=len(TIMES_S) + 1)) == []


def test_a_clock_that_was_put_back_hides_no_record(marked: Records) -> None:
    assert_read(marked)


def test_marks_that_are_gone_or_not_ours_change_nothing(marked: Records) -> None:
    path, lot = marks(marked), random.Random(7)
    whole = path.read_bytes()
    pieces = [whole[at : at + HEAD_BYTES] for at in range(0, len(whole), HEAD_BYTES)]
    shuffled = lot.sample(pieces, len(pieces))
    changed = bytes(byte ^ (lot.random() < 0.01) for byte in whole)
    for content in (b"", whole[:-7], whole[9:], b"".join(shuffled), whole * 2, changed, bytes(len(whole))):
        path.write_bytes(content)
        assert_read(marked)
    path.unlink()
    assert_read(marked)


def test_what_lies_before_is_not_looked_at(marked: Records) -> None:
    log = Path(marked.places.log)
    whole = bytearray(log.read_bytes())
    whole[HEADER_BYTES + 200] ^= 1
    log.write_bytes(whole)
    last = len(TIMES_S)
    assert [found.seq for found in marked.read(Wanted(seq=last))] == [last]
    reading = Reading(marked.places.log, open_keys(marked.places), Wanted(since_ms=1))
    assert ([found.seq for found in reading], reading.problem) == ([], "its sealed content was changed")
    assert marked.check().first_bad == 1


def test_no_mark_passes_for_a_head(marked: Records) -> None:
    whole, log = marks(marked).read_bytes(), Path(marked.places.log)
    mark = whole[-HEAD_BYTES:]
    Path(marked.places.head).write_bytes(mark)
    log.write_bytes(log.read_bytes()[: int.from_bytes(mark[40:48], "big")])  # where the mark says that the log ended
    assert marked.check().missing == ("it cannot be told whether the end is missing: the head is damaged",)


def test_a_log_that_begins_anew_has_marks_of_its_own(marked: Records) -> None:
    Path(marked.places.log).unlink()
    log = marked.open(clock=lambda: 3_000)
    for _ in range(8):
        log.append("one", Action("command", LONG), ALLOWED)
    log.close()
    assert [found.seq for found in marked.read(Wanted(since_ms=2_999_000))][1:] == list(range(17, 25))
    assert [found.seq for found in marked.read(Wanted(seq=24))] == [24]
