"""Whatever is changed, cut, swapped or put back in log, head or keys is found, and what was lost is said for good."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.events import SecurityNoticed
from aiex.guard.actions import Action
from aiex.guard.audit.frames import HEADER_BYTES, ROW
from aiex.guard.audit.heads import read_lines
from aiex.guard.audit.log import find_places, keep_in_file, open_keys
from aiex.guard.audit.verify import Checked, verify_log
from tests.unit.guard.audit.conftest import ALLOWED, STATUS, Records

FILES = ["log", "head", "keys"]


def is_found(records: Records) -> bool:
    try:
        checked = records.check()
    except StoreError:
        return True
    return not (checked.is_intact and checked.is_complete)


def places_of_records(log: bytes) -> list[int]:
    """Where each record begins, and the end."""
    found = [HEADER_BYTES]
    while found[-1] < len(log):
        found.append(found[-1] + ROW.unpack_from(log, found[-1])[0])
    return found


def unseen(records: Records, name: str, damages: Callable[[bytes], Iterator[tuple[int, bytes]]]) -> list[int]:
    """The places of the damages to a file of a good log that no check finds."""
    records.fill(3)
    path = Path(getattr(records.places, name))
    assert not is_found(records)
    places = []
    for at, damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        if not is_found(records):
            places.append(at)
    return places


@pytest.mark.parametrize("name", FILES)
def test_each_changed_byte_is_found(records: Records, name: str) -> None:
    def change(whole: bytes) -> Iterator[tuple[int, bytes]]:
        for at, byte in enumerate(whole):
            yield at, whole[:at] + bytes([byte ^ 1 << at % 8]) + whole[at + 1 :]

    assert unseen(records, name, change) == []


@pytest.mark.parametrize("name", FILES)
def test_cuts_anywhere_are_found(records: Records, name: str) -> None:
    def cut(whole: bytes) -> Iterator[tuple[int, bytes]]:
        for length in {*range(0, len(whole), 5), *range(0, len(whole), 64), len(whole) - 1}:
            yield length, whole[:length]

    assert unseen(records, name, cut) == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_missed(records: Records, name: str) -> None:
    records.fill(3)
    os.remove(getattr(records.places, name))
    assert is_found(records)


def test_a_cut_after_a_whole_record_is_no_damage_but_something_is_missing(records: Records) -> None:
    records.fill(5)
    path = Path(records.places.log)
    whole = path.read_bytes()
    for kept, end in enumerate(places_of_records(whole)[:-1]):
        path.write_bytes(whole[:end])
        checked = records.check()
        assert (checked.is_intact, checked.records) == (True, kept)
        assert checked.missing == (f"the head knows record 5, and the log ends with {kept}",)


def test_swapped_doubled_and_left_out_records_are_found_where_it_begins(records: Records) -> None:
    records.fill(4)
    path = Path(records.places.log)
    whole = path.read_bytes()
    head, *rows = [whole[:HEADER_BYTES], *(whole[a:b] for a, b in pairwise(places_of_records(whole)))]
    for order, bad in (((0, 2, 1, 3), 2), ((1, 2, 3), 1), ((0, 1, 1, 2, 3), 3), ((0, 1, 3), 3), ((0, 1, 2, 3, 0), 5)):
        path.write_bytes(head + b"".join(rows[number] for number in order))
        checked = records.check()
        assert (checked.first_bad, checked.is_intact) == (bad, False)
        assert checked.broken[0].startswith(f"record {bad}: ")


def test_what_stands_after_the_end_is_found(records: Records) -> None:
    log = records.open()
    log.append("one", STATUS, ALLOWED)  # not closed: room for more stands behind it
    path = Path(records.places.log)
    whole = path.read_bytes()
    assert whole.endswith(bytes(100_000))
    assert not is_found(records)
    for at in (len(whole.rstrip(b"\0")) + 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + b"\1" + whole[at + 1 :])
        assert records.check().first_bad == 2
    log.close()


def test_an_old_log_that_is_put_back_is_found(records: Records) -> None:
    records.fill(3)
    records.save()
    records.fill(3)
    records.put_back("audit.log")
    assert records.check().missing == ("the head knows record 6, and the log ends with 3",)


def test_an_old_head_that_is_put_back_is_told_and_harms_nothing(records: Records) -> None:
    records.fill(3)
    records.save()
    records.fill(3)
    records.put_back("audit.head")
    checked = records.check()
    assert (checked.is_complete, checked.records) == (True, 6)
    assert "the head is at record 3" in checked.remarks[0]
    records.fill(1)
    assert [found.seq for found in records.read()] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert "the head was older than the log" in records.check().remarks[0]


def test_everything_put_back_is_found_by_a_head_that_was_kept_elsewhere(records: Records, tmp_path: Path) -> None:
    records.fill(3)
    records.save()
    log = records.open(copies=[keep_in_file(str(tmp_path / "heads"))])
    log.append("one", STATUS, ALLOWED)
    log.close()
    records.put_back()
    assert not is_found(records)
    chain = open_keys(records.places).open_chain()
    kept = tuple(read_lines(chain, (tmp_path / "heads").read_text()))
    assert records.check(kept=kept).missing == (
        "a head that was kept elsewhere knows record 4, and the log ends with 3",
    )
    records.fill(2)
    assert records.check(kept=kept).missing == ("a head that was kept elsewhere knows another record 4 than the log",)


def test_a_log_of_other_keys_is_found(records: Records, tmp_path: Path) -> None:
    records.fill(3)
    environ = {"AIEX_DATA_DIR": str(tmp_path / "other"), "AIEX_STATE_DIR": str(tmp_path / "other")}
    other = Records(tmp_path / "other", find_places(environ))
    other.fill(3)
    Path(records.places.log).write_bytes(Path(other.places.log).read_bytes())
    assert records.check().broken == ("the log does not begin as a log of these keys does",)


def test_a_copy_of_the_log_is_checked_without_its_head(records: Records, tmp_path: Path) -> None:
    records.fill(3)
    copy = tmp_path / "copy"
    copy.write_bytes(Path(records.places.log).read_bytes())
    checked = verify_log(str(copy), open_keys(records.places), head=None, deep=True)
    assert (checked.records, checked.is_intact, checked.heads) == (3, True, 0)


def test_a_key_that_was_taken_away_is_no_erasure(records: Records) -> None:
    records.fill(1, "one")
    records.fill(1, "two")
    path = Path(records.places.keys)
    path.write_bytes(path.read_bytes()[:-128])
    assert "its key is gone, and nobody erased it" in records.check().missing[0]


def test_an_erased_key_that_is_put_back_is_found(records: Records) -> None:
    records.fill(2)
    records.save()
    log = records.open()
    log.erase("one")
    log.close()
    assert not is_found(records)
    records.put_back("audit.keys")
    (broken,) = records.check().broken
    assert broken.startswith("record 3 erased session ")
    assert broken.endswith(" and its key is back")


def test_a_head_that_is_far_behind_hides_nothing(records: Records) -> None:
    records.fill(1)
    records.save()
    log = records.open()
    for _ in range(12):
        log.append("one", Action("command", "x" * 450_000), ALLOWED)
    log.close()
    records.put_back("audit.head")
    checked = records.check()
    assert (checked.records, checked.is_intact, checked.is_complete) == (13, True, True)


def test_log_and_head_that_were_both_taken_away_are_missed(records: Records) -> None:
    records.fill(5)
    Path(records.places.log).unlink()
    Path(records.places.head).unlink()
    expected = "1 sessions have keys and no record, and their keys are older than the log: another log was here"
    assert records.check().missing == (expected,)
    records.fill(1, "another")
    assert records.check().missing == (expected,)


def test_log_and_head_that_were_put_back_without_the_keys_are_told(records: Records) -> None:
    records.fill(5)
    records.save()
    records.fill(5, "later")
    records.put_back(Path(records.places.log).name, Path(records.places.head).name)
    assert "1 sessions have keys and no record" in records.check().remarks[0]


def test_an_empty_place_is_well(records: Records) -> None:
    records.fill(0)
    log = records.open()
    log.append("one", STATUS, ALLOWED)
    log.close()
    assert not is_found(records)


# --- what the next writer does --------------------------------------------------------------------------------------


def told(records: Records) -> tuple[list[SecurityNoticed], Checked]:
    """Write one more record; what was told meanwhile, and what a check says then."""
    events: list[SecurityNoticed] = []
    log = records.open(tell=events.append)
    log.append("later", STATUS, ALLOWED)
    log.close()
    return events, records.check(deep=True)


def test_a_cut_log_goes_on_and_says_for_good_what_was_lost(records: Records) -> None:
    records.fill(5)
    path = Path(records.places.log)
    whole = path.read_bytes()
    path.write_bytes(whole[: places_of_records(whole)[3]])
    events, checked = told(records)
    assert [(event.kind, event.message) for event in events] == [("tampering", "records 4 to 5 are not in the log")]
    assert checked.is_intact
    assert checked.missing == ("records 4 to 5 are not in the log",)
    assert [found.seq for found in records.read()] == [1, 2, 3, 6, 7]
    events, checked = told(records)
    assert events == []
    assert checked.missing == ("records 4 to 5 are not in the log",)


def test_a_log_with_a_changed_end_goes_on_and_keeps_the_evidence(records: Records) -> None:
    records.fill(5)
    path = Path(records.places.log)
    whole = path.read_bytes()
    at = places_of_records(whole)[3]
    changed = whole[: at + 80] + bytes([whole[at + 80] ^ 1]) + whole[at + 81 : -1] + bytes([whole[-1] ^ 1])
    path.write_bytes(changed)
    events, checked = told(records)
    assert [event.kind for event in events] == ["tampering"]
    assert (checked.is_intact, checked.missing) == (True, ("records 4 to 5 are not in the log",))
    (aside,) = path.parent.glob("audit.log.damaged-*")
    assert aside.read_bytes() == changed[at:]
    assert aside.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_a_log_that_was_taken_away_begins_anew_with_the_next_number(records: Records, content: bytes | None) -> None:
    records.fill(5)
    path = Path(records.places.log)
    path.unlink() if content is None else path.write_bytes(content)
    events, checked = told(records)
    assert [event.kind for event in events] == ["tampering"]
    assert (checked.is_intact, checked.missing) == (True, ("records 1 to 5 are not in the log",))
    assert [found.seq for found in records.read()] == [6, 7]


@pytest.mark.parametrize("content", [None, b"", bytes(120), b"x" * 120])
def test_a_head_that_was_taken_away_is_made_again_and_said(records: Records, content: bytes | None) -> None:
    records.fill(5)
    path = Path(records.places.head)
    path.unlink() if content is None else path.write_bytes(content)
    events, checked = told(records)
    assert [event.kind for event in events] == ["tampering"]
    assert checked.missing == ("before record 6 it cannot be told: the head was missing or another",)


@pytest.mark.parametrize("name", ["log", "head"])
def test_a_running_writer_notices_that_a_file_was_taken_away(records: Records, name: str) -> None:
    events: list[SecurityNoticed] = []
    log = records.open(tell=events.append)
    log.append("one", STATUS, ALLOWED)
    os.remove(getattr(records.places, name))
    log.append("one", STATUS, ALLOWED)
    log.close()
    assert [event.kind for event in events] == ["tampering"]
    checked = records.check()
    assert checked.is_intact
    assert not checked.is_complete


def test_what_a_killed_process_left_half_written_is_set_aside(records: Records) -> None:
    records.fill(2)
    path = Path(records.places.log)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[HEADER_BYTES : HEADER_BYTES + 100] + bytes(1000))
    assert records.check().first_bad == 3
    events, checked = told(records)
    assert events == []
    assert (checked.is_intact, checked.is_complete) == (True, True)
    assert checked.remarks == ("before record 3 a write was cut off and set aside",)


def test_a_record_that_is_not_in_the_head_yet_is_kept(records: Records) -> None:
    records.fill(2)
    records.save()
    records.fill(1)
    records.put_back("audit.head")
    events, checked = told(records)
    assert events == []
    assert (checked.records, checked.is_complete, checked.remarks) == (4, True, ())
