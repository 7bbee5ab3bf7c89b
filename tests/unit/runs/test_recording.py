"""What keeps a run, when it cannot."""

from __future__ import annotations

from pathlib import Path

from aiex.cli.work import Work
from aiex.events import Event, TurnEnded, UserSpoke, Warned
from aiex.guard.owners import OwnerLock
from aiex.guard.private import write_private
from aiex.messages import Text
from aiex.runs.recording import Kept, open_recording
from aiex.sessions.archive import archive
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.wiring import Services

SESSION = "5e55105e55105e55"
ENDED = TurnEnded("success", "answered", 0)


def test_a_run_is_kept_where_nobody_can_tell_which_sessions_were_cut_off(tmp_path: Path) -> None:
    first = Services(str(tmp_path), overrides=("sessions.encrypt=on",))
    Recorder(first.sessions.log, SESSION).record(UserSpoke((Text("Anybody?"),)))
    archive(first.sessions.log, first.sessions.store, SESSION, at_ms=1)
    folder = Path(first.sessions.folder)
    first.close()
    (folder / "locks").mkdir(mode=0o700)
    write_private(str(folder / "locks" / f"{SESSION}.owner"), b'[1073741824, "1", "elsewhere", 1]')
    (folder / "sessions.keys").chmod(0o644)
    services = Services(str(tmp_path))
    work = Work("ask", lambda _: lambda: (), waits=True, keeps=True)
    recording, (warned,) = open_recording(work, services, lambda _: ENDED)
    assert isinstance(recording, Kept)
    assert warned.message.startswith("which sessions were cut off here cannot be told: cannot use")
    with recording:
        assert services.sessions.owner(services.session) is not None
    services.close()


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
