"""The file of sessions among many processes, on a bad disk, and when it is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.sessions.stores import Draft, Moved
from aiex.sessions.stores import sqlite as module
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.sqlite import DamagedStore, LockedStore, NewerStore, ReadOnlyStore
from tests.fakes.damages import AS_NOBODY, SMALL_FILES, make_directory, make_newer, write_text
from tests.fakes.deaths import kill_in_turn
from tests.fakes.source import SOURCE_ROOT

ONE, SHARED = "0123456789abcdef", "f" * 16
DRAFT = Draft(1, 1, "text_delta", 1, b'{"text":"a"}', b"a" * 16)
TURNS = int(os.environ.get("AIEX_TEST_TURNS", "30"))
POSIX = pytest.mark.skipif(os.name == "nt", reason="rights and limits of POSIX")


def start(code: str, folder: Path, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
    )


WRITER = """
import json, sys
from aiex.events import SessionRenamed, TextDelta
from aiex.sessions.log import EventLog
from aiex.sessions.stores import Moved
from aiex.sessions.stores.sqlite import SqliteStore

own, shared, turns = f"{int(sys.argv[1]):016x}", "f" * 16, int(sys.argv[2])
sys.stdin.readline()
log = EventLog(SqliteStore(sys.argv[3]))
mine = []
for turn in range(turns):
    log.append(own, [TextDelta("a")] * 2, after_seq=turn * 3, turn=turn, at_ms=turn)
    log.append(own, [SessionRenamed(f"{turn}")], after_seq=turn * 3 + 2, turn=turn, at_ms=turn)
    while True:
        head = log.head(shared)
        try:
            mine.append(
                log.append(shared, [SessionRenamed(own)], after_seq=head.seq if head else 0, turn=0, at_ms=0)
            )
            break
        except Moved:
            continue
print(json.dumps(mine))
"""


@pytest.mark.parametrize("count", [2, 8])
def test_many_processes_lose_nothing_and_hear_of_no_lock(tmp_path: Path, count: int):
    path = str(tmp_path / "new" / "sessions.db")
    writers = [start(WRITER, tmp_path, number, TURNS, path) for number in range(count)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    outcomes = [writer.communicate(timeout=300) for writer in writers]
    assert [said for _, said in outcomes] == [""] * count
    store = SqliteStore(path)
    for number in range(count):
        assert [row.seq for row in store.read(f"{number:016x}")] == list(range(1, 3 * TURNS + 1))
    shared = sorted(seq for out, _ in outcomes for seq in json.loads(out))
    assert shared == [row.seq for row in store.read(SHARED)] == list(range(1, count * TURNS + 1))
    assert len(store.follow(0, limit=10**6)) == 4 * TURNS * count


DYING = """
from aiex.events import SessionRenamed, TextDelta
from aiex.sessions.log import EventLog
from aiex.sessions.stores.sqlite import SqliteStore

def work(say):
    log = EventLog(SqliteStore("sessions.db"))
    for turn in range(4):
        log.append("0123456789abcdef", [TextDelta("a"), SessionRenamed("b")], after_seq=turn * 2, turn=turn, at_ms=turn)
        say(str(turn * 2 + 2))
    log.store.remove("0" * 16)
    log.close()
"""


@POSIX
def test_killed_before_any_statement_what_was_acknowledged_is_there(tmp_path: Path):
    for end in kill_in_turn(DYING, tmp_path, range(1, 41, 2)):
        store = SqliteStore(str(end.folder / "sessions.db"))
        seqs = [row.seq for row in store.read(ONE)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert int(end.said[-1] if end.said else 0) <= len(seqs) <= int(end.said[-1] if end.said else 0) + 2
        assert len(seqs) % 2 == 0
        store.append(ONE, [DRAFT], after_seq=len(seqs), synced=True)
        store.close()


FULL = (
    SMALL_FILES
    + """
from aiex.errors import StoreError
from aiex.sessions.stores import Draft
from aiex.sessions.stores.sqlite import SqliteStore
store, kept = SqliteStore("sessions.db"), 0
try:
    while True:
        store.append("0123456789abcdef", [Draft(1, 1, "noted", 1, bytes(5000), bytes(16))], after_seq=kept, synced=True)
        kept += 1
except StoreError as error:
    print(kept, type(error).__name__, [row.seq for row in store.read("0123456789abcdef")][-1])
store.close()
"""
)


@POSIX
def test_when_the_disk_is_full_what_was_acknowledged_stays_and_can_be_read(tmp_path: Path):
    said, errors = start(FULL, tmp_path).communicate(timeout=60)
    kept, kind, last = said.split()
    assert (errors, kind in ("FullStore", "StoreError"), int(kept) > 1, kept) == ("", True, True, last)
    store = SqliteStore(str(tmp_path / "sessions.db"))
    assert [row.seq for row in store.read(ONE)] == list(range(1, int(kept) + 1))
    store.append(ONE, [DRAFT], after_seq=int(kept), synced=True)


READING = (
    """
import errno, fcntl, sqlite3, urllib.parse  # which nobody may read where Python is root's
from aiex.errors import StoreError
from aiex.sessions.stores import Draft
from aiex.sessions.stores.sqlite import SqliteStore
"""
    + AS_NOBODY
    + """
store = SqliteStore("sessions.db")
print(store.sessions())
try:
    store.append("0123456789abcdef", [Draft(1, 1, "noted", 1, b"{}", bytes(16))], after_seq=1, synced=True)
except StoreError as error:
    print(type(error).__name__)
"""
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that other users can reach."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        os.chmod(name, 0o700)


@POSIX
def test_a_file_that_may_only_be_read_is_read(open_folder: Path):
    store = SqliteStore(str(open_folder / "sessions.db"))
    store.append(ONE, [DRAFT], after_seq=0, synced=True)
    store.close()
    (open_folder / "sessions.db.open").unlink()
    (open_folder / "sessions.db").chmod(0o444)
    open_folder.chmod(0o555)
    assert start(READING, open_folder).communicate(timeout=60) == (f"['{ONE}']\nReadOnlyStore\n", "")


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadOnlyStore):
        SqliteStore(str(tmp_path / "file" / "sessions.db"))


@pytest.mark.parametrize(
    ("harm", "kind"), [(make_newer, NewerStore), (write_text, DamagedStore), (make_directory, DamagedStore)]
)
def test_what_is_wrong_with_the_file_is_told_apart(
    tmp_path: Path, harm: Callable[[Path], None], kind: type[StoreError]
):
    path = tmp_path / "sessions.db"
    SqliteStore(str(path)).close()
    harm(path)
    with pytest.raises(kind):
        SqliteStore(str(path))


def test_who_holds_the_file_for_too_long_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    holder, store = SqliteStore(str(tmp_path / "sessions.db")), SqliteStore(str(tmp_path / "sessions.db"))
    store._connection.execute("pragma busy_timeout = 1")
    holder._connection.execute("begin immediate")
    with pytest.raises(LockedStore, match="another process holds it"):
        store.append(ONE, [DRAFT], after_seq=0, synced=False)
    holder._connection.rollback()
    store.append(ONE, [DRAFT], after_seq=0, synced=False)


def test_what_lasts_soon_is_synced_beside_the_work(tmp_path: Path):
    script = f"""
import os, sys, threading
from aiex.sessions.stores import Draft
from aiex.sessions.stores.sqlite import SqliteStore
synced = threading.Event()
store = SqliteStore({str(tmp_path / "sessions.db")!r})
store.append("0123456789abcdef", [Draft(1, 1, "noted", 1, b"{{}}", bytes(16))], after_seq=0, synced=False)
sys.addaudithook(lambda what, about: what == "open" and str(about[0]).endswith("-wal") and synced.set())
store.sync_soon()
assert synced.wait(60)
store.close()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(60)
        assert not thread.is_alive()
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_is_in_memory_is_not_synced():
    store = SqliteStore(":memory:")
    store.sync_soon()
    store.close()


def test_only_a_synced_append_waits_for_the_disk(tmp_path: Path):
    """SQLite says what the level was in which it committed."""
    store = SqliteStore(str(tmp_path / "sessions.db"))
    levels = []
    for seq, synced in enumerate((False, True, True, False)):
        store.append(ONE, [DRAFT], after_seq=seq, synced=synced)
        levels.append(store._connection.execute("pragma synchronous").fetchone()[0])
    assert levels == [1, 2, 2, 1]


def test_a_removed_session_leaves_no_bytes(tmp_path: Path):
    store = SqliteStore(str(tmp_path / "sessions.db"))
    store.append(ONE, [DRAFT._replace(data=b"rhododendron " * 900)] * 9, after_seq=0, synced=True)
    store.append(SHARED, [DRAFT], after_seq=0, synced=True)
    store.remove(ONE)
    assert b"rhododendron" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_file_in_memory_serves_a_run_that_keeps_nothing():
    store = SqliteStore(":memory:")
    store.append(ONE, [DRAFT], after_seq=0, synced=True)
    with pytest.raises(Moved):
        store.append(ONE, [DRAFT], after_seq=0, synced=True)
    store.close()
