"""Takes up a session whose process died in the middle of a turn, which is closed as interrupted; nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import AiexError, Conflict
from aiex.events import Noted, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.events import Event
    from aiex.runs.opening import Opening
    from aiex.wiring import Services

TAKE_UP: Final = "take it up: its last turn is closed as interrupted, and nothing is lost"
LEAVE_IT: Final = "leave it, and begin a new session"
CHOICES: Final = (TAKE_UP, LEAVE_IT)


class CutOff(NamedTuple):
    """A session that was cut off in the middle of a turn."""

    session: str
    title: str
    """By which a person knows it, harmless to a terminal."""
    calls: tuple[str, ...]
    """The names of calls without an outcome."""

    @property
    def question(self) -> str:
        """What a person is asked, with `CHOICES` to answer."""
        calls = f"; in flight: {', '.join(self.calls)}" if self.calls else ""
        return f"session {self.session} ({self.title}) was cut off in the middle of a turn{calls}"

    def is_wanted(self, said: str | None) -> bool:
        """Whether the person chose to take it up, and not to leave it. Raises Conflict where they chose nothing."""
        if said not in CHOICES:
            raise Conflict(f"session {self.session} stays as it is", hint=f"/resume session {self.session}")
        return said == TAKE_UP


def find_cut_off(opening: Opening, services: Services) -> CutOff | None:
    """The session that is to be gone on with, where its last turn has no end and nobody has it open.

    Raises:
        UsageError: if there is no such session.
        StoreError: if it cannot be read.
    """
    if opening.resumes is None or opening.forks or services.settings.get("sessions.record") == "off":
        return None
    from aiex.guard.neutral import printable_path
    from aiex.jobs.sessions.showing import name_of

    sessions = services.sessions
    session = sessions.find(opening.resumes, root=services.root, to_talk=True)
    if sessions.owner(session) is not None:
        return None
    state = sessions.state(session)
    if not state.interrupted:
        return None
    return CutOff(session, printable_path(name_of(state)), tuple(one.name for one in state.in_flight.values()))


def take_up(session: str, services: Services) -> Iterator[Event]:
    """Close the turn that has no end, as `aiex resume session` does; what there is to say about that.

    Raises:
        Conflict: if another process has the session open by now, or it is archived.
        StoreError: if it cannot be written.
    """
    from aiex.jobs.sessions.changing import take_up as close_turn
    from aiex.jobs.sessions.changing import tidy

    found = close_turn(services.sessions, session, services.gate.judge.role)
    if found.state.root == services.root:
        yield from tidy(services.checkpoints, found)
    yield Noted("the turn that was cut off is closed as interrupted; no call of it is repeated")
    for call in found.in_flight.values():
        yield Noted(f"{call.name} was in flight and has no outcome: it may have had effects")


def find_dead(services: Services) -> tuple[Warned, ...]:
    """Of the sessions of this workspace, those whose process died; that nobody can tell is no reason not to begin."""
    if services.settings.get("sessions.record") == "off":
        return ()
    from aiex.runs.recording import tell_dead

    try:
        return tell_dead(services)
    except AiexError:
        return ()
