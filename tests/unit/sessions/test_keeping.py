"""The sessions of a person: which one is meant, what is damaged, and what is mended."""

from __future__ import annotations

import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aiex.errors import StoreError, UsageError
from aiex.events import Event, SessionRenamed, SessionStarted, TurnEnded, UserSpoke, Warned
from aiex.messages import Text
from aiex.sessions.archive import archive
from aiex.sessions.keeping import FILE, Sessions
from aiex.sessions.recorder import fork
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores.cold import ColdStore
from aiex.sessions.transfer import export_lines, import_session
from aiex.sqlite import ReadOnlyStore
from tests.fakes.ordinary import as_ordinary_user, open_folder

BEGIN: tuple[Event, ...] = (
    SessionStarted("1", "/a", "ask", "one", "small", root="/a"),
    UserSpoke((Text("Where is the moon?"),)),
    TurnEnded("success", "answered", 0),
)


@pytest.fixture
def told() -> list[Warned]:
    return []


@pytest.fixture
def sessions(tmp_path: Path, told: list[Warned]) -> Iterator[Sessions]:
    opened = Sessions(str(tmp_path / "sessions"), tell=told.append)
    yield opened
    opened.close()


def add(sessions: Sessions, session: str, *more: Event) -> None:
    for number, event in enumerate((*BEGIN, *more)):
        sessions.log.append(session, [event], after_seq=number, turn=1, at_ms=1_795_000_000_000 + number)


ONE, TWO, THREE = "aaaa111122223333", "aaaa999922223333", "bbbb111122223333"


def test_a_session_is_found_by_the_beginning_of_its_id_or_its_title(sessions: Sessions) -> None:
    add(sessions, ONE)
    add(sessions, THREE, SessionRenamed("The Moon"))
    assert sessions.find("aaaa") == sessions.find("AAAA1") == ONE
    assert sessions.find("the moon") == sessions.find(THREE) == THREE
    assert sessions.find() == sessions.find(root="/a") == THREE


def test_what_may_be_several_or_none_is_refused_with_the_nearest(sessions: Sessions) -> None:
    with pytest.raises(UsageError, match="there is no session yet"):
        sessions.find("aaaa")
    assert not sessions.exist
    add(sessions, ONE)
    add(sessions, TWO)
    with pytest.raises(UsageError, match="may be one of 2 sessions") as several:
        sessions.find("aaaa")
    assert ONE in several.value.hint
    with pytest.raises(UsageError, match="there is no session aaaa111122223330") as none:
        sessions.find("aaaa111122223330")
    assert f"did you mean {ONE} Where is the moon?" in none.value.hint
    with pytest.raises(UsageError, match="there is no session aa"):
        sessions.find("aa")
    with pytest.raises(UsageError, match="no session in this workspace"):
        sessions.find(root="/elsewhere")


def test_what_is_damaged_is_found_and_what_is_whole_is_kept(sessions: Sessions, told: list[Warned]) -> None:
    add(sessions, ONE)
    add(sessions, THREE)
    assert sessions.find_damaged() == {}
    assert sessions.repair() is None
    with closing(sqlite3.connect(Path(sessions.folder, FILE))) as connection, connection:
        session, data = connection.execute("select session, data from events where seq = 2 limit 1").fetchone()
        connection.execute("update events set data = ? where seq = 2 and session = ?", (data[:-2] + b"X}", session))
    sessions.close()
    assert len(sessions.find_damaged()) == 1
    salvaged = sessions.repair()
    assert salvaged is not None
    assert [loss.events for loss in salvaged.losses] == [1]
    assert [warned.message.partition(":")[0] for warned in told] == ["the file of sessions was damaged"]
    assert sessions.find_damaged() == {}
    assert len(sessions.views.listed()) == 2
    assert Path(salvaged.aside).exists()


def test_an_archived_session_is_not_the_last_one(sessions: Sessions) -> None:
    add(sessions, ONE)
    add(sessions, THREE)
    archive(sessions.log, sessions.store, THREE, at_ms=1_795_000_009_000)
    assert sessions.find() == ONE
    assert sessions.find(THREE[:5]) == THREE


def test_a_damaged_archive_is_set_aside_and_the_others_go_on(sessions: Sessions, told: list[Warned]) -> None:
    add(sessions, ONE)
    add(sessions, THREE)
    archive(sessions.log, sessions.store, ONE, at_ms=1_795_000_009_000)
    sessions.close()
    Path(sessions.folder, "cold.db").write_bytes(b"no database" * 1000)
    assert [one.id for one in sessions.views.listed()] == [THREE]
    assert [warned.message.partition(",")[0] for warned in told] == ["the archive of sessions is damaged"]
    (aside,) = Path(sessions.folder).glob("cold.db.damaged-*")
    assert aside.read_bytes().startswith(b"no database")
    archive(sessions.log, sessions.store, THREE, at_ms=1_795_000_009_000)
    assert sessions.store.cold.seqs() == {THREE: 4}


def test_a_damaged_piece_of_the_archive_hides_no_other_session(sessions: Sessions) -> None:
    for session in (ONE, THREE):
        add(sessions, session)
    archive(sessions.log, sessions.store, ONE, at_ms=1_795_000_009_000)
    sessions.close()
    with closing(sqlite3.connect(Path(sessions.folder, "cold.db"))) as connection, connection:
        connection.execute("update pieces set data = x'00'")
    assert [(one.id, one.seq) for one in sessions.views.listed()] == [(ONE, 4), (THREE, 3)]
    assert sessions.find_damaged() == {ONE: 1}
    assert sessions.repair() is None


def test_an_archived_session_whose_key_is_gone_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    keys = open_session_keys(str(folder), str(tmp_path / "kek"))
    with closing(Sessions(str(folder), seal=Sealing(keys, new_sessions=True))) as sessions:
        add(sessions, ONE)
        add(sessions, THREE)
        archive(sessions.log, sessions.store, ONE, at_ms=1_795_000_009_000)
        sessions.log.erase(ONE)
        assert [(one.id, one.seq, one.words) for one in sessions.views.listed()] == [
            (ONE, 4, ""),
            (THREE, 3, "Where is the moon?"),
        ]
        assert sessions.find_damaged() == {}


def test_what_lies_in_the_archive_is_read_where_nothing_can_be_written(sessions: Sessions) -> None:
    add(sessions, ONE)
    with open_folder() as folder:
        path = folder / "cold.db"
        with closing(ColdStore(str(path))) as store:
            store.put(ONE, sessions.store.live.read(ONE))
        os.chmod(path, 0o444)
        os.chmod(folder, 0o555)

        def look() -> None:
            with closing(ColdStore(str(path))) as store:
                assert [row.seq for row in store.read(ONE)] == [1, 2, 3]
                with pytest.raises(ReadOnlyStore, match="cannot open"):
                    store.remove(ONE)

        try:
            as_ordinary_user(look)
        finally:
            os.chmod(folder, 0o777)


def test_a_session_is_forked_below_its_damage(sessions: Sessions) -> None:
    add(sessions, ONE)
    with closing(sqlite3.connect(Path(sessions.folder, FILE))) as connection, connection:
        connection.execute("update events set data = ? where seq = 3", (b"{}",))
    fork(sessions.log, ONE, 2, TWO, "admin")
    assert [one.seq for one in sessions.log.read(TWO)] == [1, 2, 3]
    with pytest.raises(StoreError, match="damaged at event 3"):
        fork(sessions.log, ONE, 3, THREE, "admin")
    with pytest.raises(UsageError, match="has no event 9"):
        fork(sessions.log, TWO, 9, THREE, "admin")


def test_an_export_of_an_erased_session_comes_back_under_another_name(tmp_path: Path) -> None:
    keys = open_session_keys(str(tmp_path), str(tmp_path / "kek"))
    sessions = Sessions(str(tmp_path), seal=Sealing(keys, new_sessions=True))
    add(sessions, ONE)
    exported = io.BytesIO(b"".join(export_lines(sessions.log, ONE)))
    sessions.log.remove(ONE)
    brought = import_session(sessions.log, exported, name="it.jsonl", at_ms=1_795_000_009_000)
    assert brought.session != ONE
    assert sessions.state(brought.session).first_words == "Where is the moon?"
    sessions.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a forked process has to die")
def test_a_process_that_died_before_its_session_began_left_nothing_to_take_up(sessions: Sessions) -> None:
    add(sessions, ONE)
    for session in (ONE, TWO):
        die_after(sessions.lock(session).acquire)
    assert list(sessions.dead()) == [ONE]
    assert sorted(os.listdir(Path(sessions.folder, "locks"))) == [f"{ONE}.lock", f"{ONE}.owner"]


def die_after(work: Callable[[], object]) -> None:
    """Do it in a child that dies without clearing up."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- what a damaged place is said to be -----------------------------------------------------------------------------


def test_a_file_in_the_place_of_the_sessions_is_no_empty_list(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("")
    sessions = Sessions(str(tmp_path / "sessions"))
    assert sessions.exist
    with pytest.raises(StoreError, match="sessions is not a directory"):
        sessions.find()
    assert sessions.dead() == {}


def overwrite(sessions: Sessions) -> None:
    sessions.close()
    Path(sessions.folder, FILE).write_bytes(bytes(range(256)) * 200)


def test_sessions_that_left_no_trace_are_named_as_the_views_knew_them(sessions: Sessions, told: list[Warned]) -> None:
    add(sessions, ONE, SessionRenamed("The Moon"))
    add(sessions, TWO)
    add(sessions, THREE)
    archive(sessions.log, sessions.store, THREE, at_ms=1_795_000_000_009)
    assert len(sessions.views.listed()) == 3
    overwrite(sessions)
    assert [one.id for one in sessions.views.listed()] == [THREE]
    (warned,) = told
    assert "7 in 2 sessions are lost" in warned.message
    assert f"{ONE} The Moon" in warned.hint
    assert TWO in warned.hint
    assert THREE not in warned.hint


def test_where_nothing_knew_what_was_lost_no_number_is_made_up(sessions: Sessions, told: list[Warned]) -> None:
    add(sessions, ONE)
    overwrite(sessions)
    assert sessions.views.listed() == []
    assert ["cannot be told" in warned.message for warned in told] == [True]


def test_events_that_were_listed_count_as_lost_once(sessions: Sessions, told: list[Warned]) -> None:
    add(sessions, ONE)
    add(sessions, TWO)
    assert len(sessions.views.listed()) == 2
    with closing(sqlite3.connect(Path(sessions.folder, FILE))) as connection, connection:
        connection.execute("update events set data = ? where session = ? and seq = 3", (b"{}", ONE))
    sessions.repair()
    assert ["1 in 1 sessions are lost" in warned.message for warned in told] == [True]
    assert "gone" not in told[0].hint
