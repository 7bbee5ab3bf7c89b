"""What keeps a run, when it cannot."""

from __future__ import annotations

from pathlib import Path

from aiex.cli.recording import Kept
from aiex.events import Event, TurnEnded, UserSpoke, Warned
from aiex.guard.owners import OwnerLock
from aiex.messages import Text
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores.sqlite import SqliteStore

SESSION = "5e55105e55105e55"
ENDED = TurnEnded("success", "answered", 0)


def test_an_outcome_that_cannot_be_kept_is_told_of(tmp_path: Path) -> None:
    keys = open_session_keys(str(tmp_path), str(tmp_path / "kek"))
    log = EventLog(SqliteStore(str(tmp_path / "sessions.db")), seal=Sealing(keys, new_sessions=True))
    recorder = Recorder(log, SESSION)
    recorder.record(UserSpoke((Text("Anybody?"),)))
    told: list[Event] = []
    lock = OwnerLock(str(tmp_path / "locks"), SESSION)
    with Kept(recorder, lock, lambda _: ENDED, tell=told.append, is_required=False) as kept:
        log.erase(SESSION)
        assert kept.end(ENDED).status == "success"
    (warned,) = told
    assert isinstance(warned, Warned)
    assert warned.message.startswith("from here on this run is not kept")
    log.close()
