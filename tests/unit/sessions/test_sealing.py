"""Encrypted sessions: nothing in the clear on disk, and gone when the key is."""

from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.events import SessionRenamed, TextDelta
from aiex.guard.audit.datakeys import Erased
from aiex.sessions.log import DamagedSession, EventLog
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores import Snapshot
from aiex.sessions.stores.sqlite import SqliteStore

SESSION, OTHER = "0123456789abcdef", "fedcba9876543210"
WORD = "rhododendron"


def open_sealing(folder: Path, *, new_sessions: bool = True) -> Sealing:
    return Sealing(open_session_keys(str(folder), str(folder / "kek")), new_sessions=new_sessions)


def open_log(folder: Path, *, new_sessions: bool = True) -> EventLog:
    return EventLog(SqliteStore(str(folder / "sessions.db")), seal=open_sealing(folder, new_sessions=new_sessions))


def say(log: EventLog, *words: str, session: str = SESSION, after_seq: int = 0) -> None:
    log.append(session, [SessionRenamed(word) for word in words], after_seq=after_seq, turn=0, at_ms=1)


def said(log: EventLog, session: str = SESSION) -> list[str]:
    return [one.event().title for one in log.read(session)]


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_sealed_session_is_read_back_by_another_process(tmp_path: Path):
    log = open_log(tmp_path)
    say(log, "one", WORD)
    log.close()
    assert said(open_log(tmp_path)) == ["one", WORD]


def test_nothing_of_a_sealed_session_lies_on_disk_in_the_clear(tmp_path: Path):
    log = open_log(tmp_path)
    say(log, WORD)
    log.keep_snapshot(SESSION, Snapshot(1, log.head(SESSION).link, 1, WORD.encode()))
    assert WORD.encode() not in bytes_in(tmp_path)
    assert log.snapshot(SESSION, version=1).data == WORD.encode()


def test_a_session_stays_sealed_when_the_setting_is_taken_back(tmp_path: Path):
    say(open_log(tmp_path), "one")
    later = open_log(tmp_path, new_sessions=False)
    say(later, WORD, after_seq=1)
    say(later, "in the clear", session=OTHER)
    found = bytes_in(tmp_path)
    assert (WORD.encode() in found, b"in the clear" in found) == (False, True)
    assert said(later) == ["one", WORD]


def test_a_fork_of_a_sealed_session_is_sealed(tmp_path: Path):
    say(open_log(tmp_path), WORD)
    later = open_log(tmp_path, new_sessions=False)
    later.copy(SESSION, 1, OTHER)
    later.remove(SESSION)
    assert (said(later, OTHER), WORD.encode() in bytes_in(tmp_path)) == ([WORD], False)


def test_an_erased_session_cannot_be_read_nor_continued_and_can_be_removed(tmp_path: Path):
    log = open_log(tmp_path)
    say(log, WORD)
    assert log.erase(SESSION)
    with pytest.raises(Erased):
        said(log)
    with pytest.raises(Erased):
        say(log, "more", after_seq=1)
    assert [one.data for one in log.follow(0)] == [b""]
    assert (log.remove(SESSION), log.sessions()) == (True, [])


def test_the_snapshot_of_an_erased_session_is_none(tmp_path: Path):
    log = open_log(tmp_path)
    say(log, WORD)
    log.keep_snapshot(SESSION, Snapshot(1, log.head(SESSION).link, 1, b"state"))
    log.erase(SESSION)
    assert log.snapshot(SESSION, version=1) is None


def test_without_keys_a_sealed_session_says_that_it_is(tmp_path: Path):
    say(open_log(tmp_path), WORD)
    with pytest.raises(StoreError, match="encrypted"):
        said(EventLog(SqliteStore(str(tmp_path / "sessions.db"))))


def test_rotated_keys_open_what_was_sealed_before(tmp_path: Path):
    say(open_log(tmp_path), WORD)
    open_sealing(tmp_path).keys.rotate()
    assert said(open_log(tmp_path)) == [WORD]


def test_a_sealed_event_in_the_place_of_another_is_seen(tmp_path: Path):
    import sqlite3

    log = open_log(tmp_path)
    say(log, "one", "two")
    log.close()
    with sqlite3.connect(tmp_path / "sessions.db") as file:
        file.execute("update events set data = (select data from events where seq = 1) where seq = 2")
    file.close()
    with pytest.raises(DamagedSession) as caught:
        said(open_log(tmp_path))
    assert caught.value.seq == 2


def test_a_damaged_file_of_keys_is_a_store_error(tmp_path: Path):
    say(open_log(tmp_path), WORD)
    keys = tmp_path / "sessions.keys"
    keys.write_bytes(b"\xff" * keys.stat().st_size)
    with pytest.raises(StoreError, match="damaged"):
        said(open_log(tmp_path))


def test_text_deltas_need_no_key_of_their_own(tmp_path: Path):
    log = open_log(tmp_path)
    log.append(SESSION, [TextDelta("a")] * 50, after_seq=0, turn=1, at_ms=1)
    assert len(open_sealing(tmp_path).keys.slots()) == 1
