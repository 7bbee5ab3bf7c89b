"""A session over many wishes: it begins with the first that belongs to it, and each wish is recorded by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex import __version__
from aiex.record import record
from aiex.runs.recording import Kept, Unrecorded, open_recording, start_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.events import Event, SessionStarted, TurnEnded, Warned
    from aiex.runs.opening import Opening
    from aiex.runs.recording import Recording
    from aiex.wiring import Services

    ToEnd = Callable[[BaseException], TurnEnded]


@record
class _Talking:
    """The session as a run has it."""

    name: str = "chat"
    sturdy: bool = False
    waits: bool = True
    keeps: bool = True
    converses: bool = True
    resumes: str | None = None
    forks: bool = False


@record
class Begun:
    """The session that all wishes share, as it was opened."""

    recording: Recording
    """What keeps it."""
    started: SessionStarted
    """Its next event; whoever opened it keeps and shows it."""
    warnings: tuple[Warned, ...]
    """What to say about it."""


def open_session(opening: Opening, services: Services, to_end: ToEnd) -> Begun:
    """Open the session to go on with, or a new one. Raises as `open_recording` does."""
    run = _Talking(resumes=opening.resumes, forks=opening.forks)
    started = start_of(run, services, __version__)
    recording, warnings = open_recording(run, services, to_end)
    if "gate" in services.__dict__:
        services.gate.session = services.session
    return Begun(recording, started, warnings)


def close_session(session: Recording | None, services: Services) -> None:
    """Close the session, if there is one; the next wish begins another."""
    if session is not None:
        session.__exit__(None, None, None)
    services.recorder = None


def record_wish(
    begin: Callable[[], Recording], services: Services, to_end: ToEnd, *, keeps: bool, tell: Callable[[Event], None]
) -> Recording:
    """What keeps the events of one wish.

    Args:
        begin: Gives what keeps the session, which begins with the first wish that belongs to it.
        keeps: Whether this one does.
        tell: Shows a person what could not be kept.

    Raises:
        AiexError: as `begin` does.
        StoreError: if the session cannot be written now.
    """
    if not keeps:
        return Unrecorded()
    session = begin()
    recorder = services.recorder
    if not isinstance(session, Kept) or recorder is None:
        return session
    if recorder.state.interrupted:  # the end of the turn before could not be kept
        from aiex.sessions.decisions import Interrupt

        recorder.do(Interrupt("its end could not be kept"), services.gate.judge.role)
    return Kept(recorder, None, to_end, tell=tell, is_required=True, lasts=session.lasts)


def is_unkept(wish: Recording, services: Services) -> bool:
    """Whether no event of a wish that belongs to the session could be kept, so that nothing of it was done."""
    recorder = services.recorder
    return isinstance(wish, Kept) and recorder is not None and recorder.seq <= wish.last_seq


def lasts(session: Recording | None) -> bool:
    """Whether one can go on with it later."""
    return isinstance(session, Kept) and session.lasts
