"""Sessions put aside and brought back, whatever happens in between."""

from __future__ import annotations

import os
import signal
import sqlite3

import pytest

from aiex.errors import Conflict, StoreError, UsageError
from aiex.events import SessionArchived, SessionRestored
from aiex.guard.protectors import KeyFileProtector
from aiex.sessions.archive import ArchivingStore, archive, restore
from aiex.sessions.log import EventLog
from aiex.sessions.sealing import Sealing, open_keys_with
from aiex.sessions.stores.cold import ColdStore
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.sessions.transfer import export_lines
from tests.fakes.histories import START_MS, Histories, said, started

ONE = "00000000000000d1"


def open_both(folder, seal=None):
    store = ArchivingStore(SqliteStore(str(folder / "sessions.db")), ColdStore(str(folder / "cold.db")))
    return EventLog(store, seal=seal), store


@pytest.fixture
def both(tmp_path):
    log, store = open_both(tmp_path)
    yield log, store
    log.close()


def fill(log, session=ONE, count=700):
    log.append(session, [started(), *[said(f"word {number} " * 200) for number in range(count)]],
               after_seq=0, turn=1, at_ms=START_MS)  # fmt: skip


def rows(source):
    """Rows without their positions."""
    return [row._replace(position=0, sealed=bool(row.sealed), copied=bool(row.copied)) for row in source]


class Shared(SqliteStore):
    """A store in which somebody else goes on with a session just before it is removed."""

    def remove(self, session, **how):
        head = self.head(session)
        EventLog(SqliteStore(self.path)).append(session, [said("wait")], after_seq=head.seq, turn=1, at_ms=START_MS)
        return super().remove(session, **how)


def test_what_somebody_adds_at_the_last_moment_is_not_removed(tmp_path):
    live, cold = Shared(str(tmp_path / "sessions.db")), ColdStore(str(tmp_path / "cold.db"))
    store = ArchivingStore(live, cold)
    log = EventLog(store)
    fill(log, count=1)
    with pytest.raises(Conflict, match="went on while it was archived; nothing was moved"):
        archive(log, store, ONE, at_ms=START_MS + 1)
    assert [one.event() for one in log.read(ONE)][-1] == said("wait")
    log.close()


def test_a_session_goes_to_the_archive_and_comes_back_bit_for_bit(both):
    log, store = both
    fill(log)
    before = rows(store.live.read(ONE))
    archive(log, store, ONE, at_ms=START_MS + 1)
    assert (store.live.sessions(), store.is_archived(ONE)) == ([], True)
    size = store.cold.size_of(ONE)
    assert size.packed_bytes * 20 < size.plain_bytes
    assert rows(store.read(ONE))[:-1] == before
    restore(log, store, ONE, at_ms=START_MS + 2)
    assert (store.cold.seqs(), store.is_archived(ONE)) == ({}, False)
    assert rows(store.live.read(ONE))[:-2] == before
    assert [one.event() for one in log.read(ONE)][-2:] == [SessionArchived(), SessionRestored()]


def test_doing_it_twice_changes_nothing(both):
    log, store = both
    fill(log, count=3)
    archive(log, store, ONE, at_ms=START_MS + 1)
    kept = rows(store.read(ONE))
    archive(log, store, ONE, at_ms=START_MS + 5)
    assert rows(store.read(ONE)) == kept
    restore(log, store, ONE, at_ms=START_MS + 6)
    back = rows(store.read(ONE))
    restore(log, store, ONE, at_ms=START_MS + 7)
    assert rows(store.read(ONE)) == back
    archive(log, store, ONE, at_ms=START_MS + 8)
    assert len(rows(store.read(ONE))) == len(back) + 1


def test_an_archived_session_is_read_in_parts_exported_and_listed_without_restoring(both):
    log, store = both
    fill(log)
    lines = list(export_lines(log, ONE))
    archive(log, store, ONE, at_ms=START_MS + 1)
    assert list(export_lines(log, ONE))[1:-2] == lines[1:-1]
    assert log.sessions() == [ONE]
    assert log.head(ONE).seq == 702
    assert [one.seq for one in log.read(ONE, after_seq=400, upto_seq=403)] == [401, 402, 403]
    assert [one.seq for one in log.read(ONE, after_seq=702)] == []


def test_nothing_is_appended_to_an_archived_session(both):
    log, store = both
    fill(log, count=2)
    archive(log, store, ONE, at_ms=START_MS + 1)
    for after_seq in (0, 3, 4):
        with pytest.raises(Conflict):
            log.append(ONE, [said("more")], after_seq=after_seq, turn=2, at_ms=START_MS)
    with pytest.raises(Conflict, match="archived"):
        log.append(ONE, [said("more")], after_seq=4, turn=2, at_ms=START_MS)
    restore(log, store, ONE, at_ms=START_MS + 2)
    log.append(ONE, [said("more")], after_seq=5, turn=2, at_ms=START_MS)


def test_a_session_that_is_not_there_is_neither_archived_nor_restored(both):
    log, store = both
    for act in (archive, restore):
        with pytest.raises(UsageError, match="there is no session"):
            act(log, store, "0" * 16, at_ms=START_MS)


def test_a_removed_session_leaves_the_archive_too(both):
    log, store = both
    fill(log, count=2)
    archive(log, store, ONE, at_ms=START_MS + 1)
    assert log.remove(ONE) is True
    assert (log.sessions(), list(log.read(ONE)), log.remove(ONE)) == ([], [], False)


def test_a_sealed_session_stays_sealed_in_the_archive(tmp_path):
    keys = open_keys_with(str(tmp_path), KeyFileProtector(str(tmp_path / "kek"), "the keys of the test"))
    log, store = open_both(tmp_path, Sealing(keys, new_sessions=True))
    fill(log, count=2)
    before = rows(store.live.read(ONE))
    archive(log, store, ONE, at_ms=START_MS + 1)
    assert rows(store.cold.read(ONE))[:-1] == before
    assert next(one.event() for one in log.read(ONE)) == started()
    restore(log, store, ONE, at_ms=START_MS + 1)
    assert rows(store.live.read(ONE))[:-2] == before
    log.close()
    assert b"word 1" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_damaged_archive_is_an_error_and_never_other_rows(both, tmp_path):
    log, store = both
    fill(log)
    archive(log, store, ONE, at_ms=START_MS + 1)
    with sqlite3.connect(tmp_path / "cold.db") as connection:
        ((data,),) = connection.execute("SELECT data FROM pieces WHERE first_seq = 1").fetchall()
        connection.execute("UPDATE pieces SET data = ? WHERE first_seq = 1", (data[:-9] + b"\0" + data[-8:],))
    with pytest.raises(StoreError, match="damaged"):
        list(log.read(ONE))
    with pytest.raises(StoreError, match="damaged"):
        restore(log, store, ONE, at_ms=START_MS)
    assert store.live.sessions() == []
    with sqlite3.connect(tmp_path / "cold.db") as connection:
        connection.execute("UPDATE pieces SET data = ? WHERE first_seq = 1", (data,))
        connection.execute("DELETE FROM pieces WHERE first_seq = (SELECT max(first_seq) FROM pieces)")
    connection.close()
    with pytest.raises(StoreError, match="missing"):
        list(log.read(ONE))


def test_a_session_that_goes_on_while_it_is_archived_is_not_moved(both):
    log, store = both
    fill(log, count=2)

    class Busy:
        """Somebody else appends as soon as the copy is made."""

        def __init__(self, cold):
            self._cold = cold

        def put(self, session, source):
            self._cold.put(session, source)
            head = store.live.head(session)
            EventLog(store.live).append(session, [said("wait")], after_seq=head.seq, turn=2, at_ms=START_MS)

        def __getattr__(self, name):
            return getattr(self._cold, name)

    cold, store.cold = store.cold, Busy(store.cold)
    with pytest.raises(Conflict, match="went on"):
        archive(log, store, ONE, at_ms=START_MS + 1)
    store.cold = cold
    assert [row.type for row in store.live.read(ONE)][-2:] == ["session_archived", "user_spoke"]
    assert rows(store.read(ONE)) == rows(store.live.read(ONE))
    archive(EventLog(store), store, ONE, at_ms=START_MS + 2)
    assert store.is_archived(ONE)
    assert [row.type for row in store.read(ONE)][-3:] == ["session_archived", "user_spoke", "session_archived"]


def dies_before(number, folder, act):
    """Archive or restore in a child that is killed before the statement with this number that changes something."""
    child = os.fork()
    if child:
        return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    left = number

    def count(statement):
        nonlocal left
        if statement.split(None, 1)[0].upper() in {"BEGIN", "INSERT", "DELETE", "COMMIT"}:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        log, store = open_both(folder)
        store.live._connection.set_trace_callback(count)
        store.cold._connection.set_trace_callback(count)
        act(log, store, ONE, at_ms=START_MS + 9)
    finally:
        os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
@pytest.mark.parametrize("act", ["archive", "restore"])
def test_a_kill_before_any_statement_loses_nothing_and_the_next_try_finishes(tmp_path, act):
    """Killed before the first, second, third ... statement that changes something, until it comes through."""
    number, died = 0, True
    do, undo = (archive, restore) if act == "archive" else (restore, archive)
    while died:
        folder = tmp_path / str(number)
        log, store = open_both(folder)
        fill(log, count=4)
        words = [row.data for row in store.read(ONE)]
        if act == "restore":
            archive(log, store, ONE, at_ms=START_MS + 1)
        log.close()
        died = dies_before(number, folder, do)
        log, store = open_both(folder)
        assert [row.data for row in log.read(ONE)][:5] == words
        for again, is_archived in ((do, act == "archive"), (undo, act != "archive"), (do, act == "archive")):
            again(log, store, ONE, at_ms=START_MS + 9)
            assert store.is_archived(ONE) is is_archived
            assert (store.live.head(ONE) is None) is is_archived
            assert [row.data for row in log.read(ONE)][:5] == words
        log.close()
        number += 1
    assert number > 8


def test_random_sessions_survive_the_way_there_and_back(tmp_path):
    log, store = open_both(tmp_path)
    histories = Histories(log, 3)
    for _ in range(4):
        histories.begin()
    for _ in range(150):
        histories.live(histories.random.choice(histories.ids))
    before = {session: rows(store.read(session)) for session in histories.ids}
    for session in histories.ids:
        archive(log, store, session, at_ms=START_MS)
    assert os.path.getsize(tmp_path / "cold.db") > 0
    assert {session: rows(store.read(session))[:-1] for session in histories.ids} == before
    for session in histories.ids:
        restore(log, store, session, at_ms=START_MS)
    assert {session: rows(store.read(session))[:-2] for session in histories.ids} == before
    log.close()
