"""Changes a session in the name of a person: each takes its lock, asks what may be, writes, and lets go."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.errors import Conflict, StoreError
from aiex.events import Warned
from aiex.guard.actions import Action, Decision
from aiex.guard.neutral import printable_path
from aiex.guard.roles import require
from aiex.jobs.sessions.showing import name_of
from aiex.sessions import archive, recorder
from aiex.sessions.decisions import Archive, Erase, Interrupt, Rename, Restore, decide
from aiex.sessions.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.guard.actions import Role
    from aiex.guard.gate import Gate
    from aiex.guard.owners import Owner
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.state import CallInFlight, OpenApproval, SessionState


class TakenUp(NamedTuple):
    """What was going on in a session that is taken up again."""

    was_open: bool
    """A turn had no end; it is closed now."""
    died: Owner | None
    """The process that had it open when it died."""
    in_flight: dict[str, CallInFlight]
    """Calls without an outcome, by their ids; none is repeated."""
    approvals: dict[str, OpenApproval]
    """Questions that nobody answered, which fall with the turn."""
    state: SessionState
    """As it is now."""


@contextmanager
def holding(sessions: Sessions, session: str) -> Iterator[Owner | None]:
    """The block that may write to a session; gives the process that died with it open, if there is one.

    Raises:
        Conflict: naming the process that has it open.
        StoreError: if nothing can be written.
    """
    lock = sessions.lock(session)
    died = lock.acquire()
    try:
        yield died
    finally:
        lock.release()


def rename(sessions: Sessions, session: str, title: str, role: Role) -> str:
    """Give a session a title; an empty one takes it away. The title as it is kept, without secrets.

    Raises as `holding` and `decisions.decide` do.
    """
    with holding(sessions, session):
        writer = Recorder(sessions.log, session)
        writer.do(Rename(title), role)
        return writer.state.title


def take_up(sessions: Sessions, session: str, role: Role) -> TakenUp:
    """Close the turn of a session that has no end, so that it can go on; no call of it is repeated.

    Raises as `rename` does, and Conflict when the session is archived.
    """
    with holding(sessions, session) as died:
        writer = Recorder(sessions.log, session)
        state = writer.state
        if state.archived:
            raise Conflict(f"session {session} is archived", hint=f"first: aiex restore session {session}")
        was_open, in_flight, approvals = state.interrupted, dict(state.in_flight), dict(state.approvals)
        if was_open:
            reason = f"process {died.pid} died" if died else "it was never ended"
            writer.do(Interrupt(reason), role)
            writer.close()
        return TakenUp(was_open, died, in_flight, approvals, writer.state)


def tidy(checkpoints: Checkpoints, found: TakenUp) -> Iterator[Warned]:
    """Remove what a process that died left in the workspace of its session; warnings where that cannot be."""
    if not (found.was_open or found.died):
        return
    try:
        checkpoints.tidy()
    except (Conflict, StoreError) as error:
        yield Warned(f"what the process left in the workspace stays: {error.message}", error.hint)


def fork(sessions: Sessions, session: str, at_seq: int, role: Role) -> str:
    """Begin another session with the events of this one up to a number; its id. Raises as `recorder.fork` does."""
    return recorder.fork(sessions.log, session, at_seq, sessions.new_id(), role).session


def put_aside(sessions: Sessions, session: str, role: Role) -> str:
    """Move a session to the archive, or finish that where it was cut off; the file of the archive.

    That file is on this machine, also where sessions are kept on a server. Raises as `archive` and `decide` do.
    """
    with holding(sessions, session):
        state = sessions.state(session)
        if state.archived and not sessions.store.is_archived(session):
            require(role, Action("write", f"session {session}"))
        else:
            decide(state, Archive(), role)
        archive.archive(sessions.log, sessions.store, session, at_ms=sessions.now_ms())
    return sessions.store.cold.path


def fetch_back(sessions: Sessions, session: str, role: Role) -> None:
    """Bring a session back from the archive, or finish that. Raises as `archive.restore` and `decide` do."""
    with holding(sessions, session):
        decide(sessions.state(session), Restore(), role)
        archive.restore(sessions.log, sessions.store, session, at_ms=sessions.now_ms())


def remove(sessions: Sessions, session: str, gate: Gate) -> None:
    """Take a session out for good, its key first; the audit log says that it happened.

    One that cannot be read any more can be removed as well.

    Raises as `rename` does, and Denied when it has to be on record and cannot be.
    """
    from aiex.guard.passage import Admitted

    role = gate.judge.role
    with holding(sessions, session):
        action = Action("delete", f"session {session}")
        try:
            decide(sessions.state(session), Erase(), role)
        except StoreError:
            require(role, action)
        allowed = Decision("allow", f"role {role}", "built-in", "a person asked for it by its command")
        with gate.passing(Admitted(gate.note(action, allowed), action, allowed)):
            sessions.log.remove(session)
        _ = sessions.views


# --- for a person ---------------------------------------------------------------------------------------------------


def render(found: TakenUp) -> str:
    """What was found in a session that is taken up, and how to go on with it."""
    return "\n".join(_lines(found))


def _lines(found: TakenUp) -> Iterator[str]:
    state = found.state
    yield f"session {state.id}: {printable_path(name_of(state))}"
    if found.died:
        yield f"process {found.died.pid} of {found.died.host} died with it open"
    yield "its last turn did not end; it is closed as interrupted" if found.was_open else "nothing was in flight"
    for id, call in found.in_flight.items():
        words = f"{printable_path(call.name)} ({printable_path(id)}), begun at event {call.seq}"
        yield f"in flight: {words}; it may have had effects and is not repeated"
    for asked in found.approvals.values():
        yield f"not to be answered any more: {printable_path(asked.action)}"
    yield f'\nto go on: aiex run --resume {state.id} "...", or aiex ask --resume {state.id} "..."'


def to_data(found: TakenUp) -> dict[str, Any]:
    """The same for a program."""
    return {
        "session": found.state.id,
        "was_interrupted": found.was_open,
        "process": found.died.pid if found.died else None,
        "in_flight": [{"call_id": id, "name": one.name, "seq": one.seq} for id, one in found.in_flight.items()],
        "approvals": [{"id": id, "action": one.action} for id, one in found.approvals.items()],
    }
