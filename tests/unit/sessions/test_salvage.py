"""A damaged file of sessions: everything that is whole in it is kept, and what is not is said."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from aiex.errors import Conflict, StoreError
from aiex.events import SessionRenamed, Warned
from aiex.sessions.keeping import Sessions
from aiex.sessions.log import EventLog
from aiex.sessions.salvage import Loss, salvage
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores.sqlite import SqliteStore
from tests.fakes.damages import DAMAGES, make_newer, need_newer_sqlite

NAMES = [f"{number:016x}" for number in range(4)]
ONE = NAMES[0]


def title(session: str, seq: int) -> str:
    """Text that stands nowhere else; every tenth is too long for one page."""
    return f"<{session}:{seq}>" * (1 if seq % 10 else 400)


def fill(folder: Path, *, events: int = 60, seal: bool = False) -> EventLog:
    """Sessions in turn, the later half only in the WAL; the log is still open."""
    sealing = Sealing(open_session_keys(str(folder), str(folder / "kek")), new_sessions=True) if seal else None
    log = EventLog(SqliteStore(str(folder / "sessions.db")), seal=sealing)
    for seq in range(1, events + 1):
        for session in NAMES:
            log.append(session, [SessionRenamed(title(session, seq))], after_seq=seq - 1, turn=0, at_ms=seq)
        if seq == events // 2:
            with sqlite3.connect(folder / "sessions.db") as other:
                other.execute("pragma wal_checkpoint(truncate)")
            other.close()
    return log


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a process that was killed leaves behind; nobody has it open."""
    folder, copy = tmp_path_factory.mktemp("alive"), tmp_path_factory.mktemp("dead")
    log = fill(folder)
    for name in ("sessions.db", "sessions.db-wal"):
        shutil.copy2(folder / name, copy / name)
    log.close()
    return copy


@pytest.fixture
def folder(dead: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dead, tmp_path / "data"))


def found_titles(log: EventLog) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for session in log.sessions():
        events = {one.seq: one.event() for one in log.read(session)}
        assert list(events) == list(range(1, len(events) + 1))
        found[session] = {seq: event.title for seq, event in events.items() if isinstance(event, SessionRenamed)}
    return found


def all_titles(events: int = 60) -> dict[str, dict[int, str]]:
    return {session: {seq: title(session, seq) for seq in range(1, events + 1)} for session in NAMES}


def test_a_dead_process_leaves_nothing_to_salvage(folder: Path):
    told: list[Warned] = []
    with closing(Sessions(str(folder), tell=told.append)) as sessions:
        assert (found_titles(sessions.log), told) == (all_titles(), [])


def test_an_undamaged_file_is_salvaged_without_loss(folder: Path):
    salvaged = salvage(str(folder / "sessions.db"))
    assert (salvaged.sessions, salvaged.events, salvaged.losses) == (4, 240, ())
    assert found_titles(EventLog(SqliteStore(str(folder / "sessions.db")))) == all_titles()
    assert os.path.exists(salvaged.aside)


def test_positions_stay_and_new_ones_are_beyond_any_that_was_seen(folder: Path):
    path = str(folder / "sessions.db")
    log = EventLog(SqliteStore(path))
    before = [(one.session, one.seq, one.position) for one in log.follow(0)]
    log.close()
    salvage(path)
    log = EventLog(SqliteStore(path))
    assert [(one.session, one.seq, one.position) for one in log.follow(0)] == before
    log.append(ONE, [SessionRenamed("more")], after_seq=60, turn=0, at_ms=1)
    assert log.head(ONE).position > before[-1][2] + 1


def flip(random: Random, path: Path, count: int) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(count):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def overwrite(random: Random, path: Path) -> None:
    content = bytearray(path.read_bytes())
    start = random.randrange(len(content))
    size = random.choice((16, 512, 4096))
    content[start : start + size] = random.randbytes(len(content[start : start + size]))
    path.write_bytes(content)


def cut(random: Random, path: Path) -> None:
    os.truncate(path, random.randrange(path.stat().st_size))


def damage(folder: Path, seed: int) -> int:
    """Damage the files somehow; the most events that can have been hit without changing their text."""
    random = Random(seed)
    path = folder / random.choice(("sessions.db", "sessions.db-wal"))
    match random.randrange(3):
        case 0:
            count = random.choice((1, 1, 3, 20))
            flip(random, path, count)
            return count
        case 1:
            overwrite(random, path)
            return 3
        case _:
            cut(random, path)
            return 2


def whole_titles(folder: Path) -> set[tuple[str, int]]:
    """Short texts that still stand somewhere in the files."""
    content = b"".join((folder / name).read_bytes() for name in ("sessions.db", "sessions.db-wal"))
    return {
        (session, seq)
        for session in NAMES
        for seq in range(1, 61)
        if seq % 10 and f'"{title(session, seq)}"'.encode() in content
    }


@pytest.mark.parametrize("first", range(0, int(os.environ.get("AIEX_TEST_SEEDS", "20")), 10))
def test_no_damage_is_a_crash_and_nothing_whole_is_lost(dead: Path, tmp_path: Path, first: int):
    for seed in range(first, first + 10):
        folder = Path(shutil.copytree(dead, tmp_path / str(seed)))
        most_hit = damage(folder, seed)
        whole = whole_titles(folder)
        path = str(folder / "sessions.db")
        with suppress(StoreError), closing(Sessions(str(folder))) as sessions:
            found = found_titles(sessions.log)
            if found == all_titles():
                continue
        salvage(path)
        with closing(EventLog(SqliteStore(path))) as log:
            found = found_titles(log)
        assert all(text == title(session, seq) for session, titles in found.items() for seq, text in titles.items())
        kept = {(session, seq) for session, titles in found.items() for seq in titles}
        assert len(whole - kept) <= most_hit, seed


def test_a_lost_event_leaves_a_warning_and_what_follows_stays(folder: Path):
    path = folder / "sessions.db"
    for part in (path, folder / "sessions.db-wal"):
        part.write_bytes(part.read_bytes().replace(title(ONE, 7).encode(), b"?" * len(title(ONE, 7))))
    salvaged = salvage(str(path))
    assert salvaged.losses == (Loss(ONE, ((7, 7),), 60),)
    events = [one.event() for one in EventLog(SqliteStore(str(path))).read(ONE)]
    assert events[6] == Warned("event 7 was lost when the file of sessions was damaged")
    assert [event for event in events if event != events[6]] == [
        SessionRenamed(title(ONE, seq)) for seq in range(1, 61) if seq != 7
    ]


def test_a_damaged_log_of_changes_is_seen_before_anything_is_thrown_away(folder: Path):
    wal = folder / "sessions.db-wal"
    content = bytearray(wal.read_bytes())
    content[32 + 24 + 4096 * 3] ^= 1
    wal.write_bytes(content)
    told: list[Warned] = []
    with closing(Sessions(str(folder), tell=told.append)) as sessions:
        assert sum(map(len, found_titles(sessions.log).values())) >= 239
    assert ["the file of sessions was damaged" in warned.message for warned in told] == [True]


@pytest.mark.parametrize("harm", [harm for harm in DAMAGES if harm not in (make_newer, need_newer_sqlite)])
def test_every_kind_of_damage_ends_in_a_store_that_works(folder: Path, harm: Callable[[Path], None]):
    path = folder / "sessions.db"
    harm(path)
    try:
        with closing(Sessions(str(folder))) as sessions:
            assert sessions.log.head("f" * 16) is None
    except StoreError:
        salvage(str(path))
    log = EventLog(SqliteStore(str(path)))
    log.append("f" * 16, [SessionRenamed("a")], after_seq=0, turn=0, at_ms=1)


def test_encrypted_sessions_are_salvaged_with_their_keys_and_without(tmp_path: Path):
    log = fill(tmp_path, events=20, seal=True)
    log.close()
    path = str(tmp_path / "sessions.db")
    sealing = Sealing(open_session_keys(str(tmp_path), str(tmp_path / "kek")), new_sessions=True)
    assert (salvage(path).events, salvage(path, seal=sealing).events) == (80, 80)
    assert found_titles(EventLog(SqliteStore(path), seal=sealing)) == all_titles(20)


def test_a_removed_session_does_not_come_back(tmp_path: Path):
    log = fill(tmp_path)
    log.remove(ONE)
    log.close()
    path = str(tmp_path / "sessions.db")
    assert salvage(path).sessions == 3
    assert ONE not in EventLog(SqliteStore(path)).sessions()


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced there")
def test_a_file_that_is_open_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from aiex.sessions.stores import _presence

    monkeypatch.setattr(_presence, "WITHIN_S", 0.05)
    log = fill(tmp_path, events=2)
    with pytest.raises(Conflict, match="in use"):
        salvage(str(tmp_path / "sessions.db"))
    assert found_titles(log) == all_titles(2)


def test_a_salvage_that_was_killed_before_its_last_step_is_finished(folder: Path):
    path = folder / "sessions.db"
    salvage(str(path))
    path.rename(folder / "sessions.db.salvaged")
    assert found_titles(EventLog(SqliteStore(str(path)))) == all_titles()
