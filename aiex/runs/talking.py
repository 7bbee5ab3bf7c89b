"""A session over many wishes: it begins with the first that belongs to it, and each wish is recorded by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.record import record
from aiex.runs.recording import Kept, open_recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.events import Event, TurnEnded, Warned
    from aiex.runs.opening import Opening
    from aiex.runs.recording import Recording
    from aiex.wiring import Services

    ToEnd = Callable[[BaseException], TurnEnded]


@record
class Talking:
    """The session as a run has it."""

    name: str = "chat"
    sturdy: bool = False
    waits: bool = True
    keeps: bool = True
    converses: bool = True
    resumes: str | None = None
    forks: bool = False


def open_session(opening: Opening, services: Services, to_end: ToEnd) -> tuple[Recording, tuple[Warned, ...]]:
    """What keeps the session that all wishes share, and what to say about it. Raises as `open_recording` does."""
    run = Talking(resumes=opening.resumes, forks=opening.forks)
    recording, warnings = open_recording(run, services, to_end)
    if "gate" in services.__dict__:
        services.gate.session = services.session
    return recording, warnings


def record_wish(session: Recording, services: Services, to_end: ToEnd, *, tell: Callable[[Event], None]) -> Recording:
    """What keeps the events of one wish that belongs to the session.

    Args:
        session: As `open_session` gave it.
        tell: Shows a person what could not be kept.

    Raises:
        StoreError: if the session cannot be written now.
    """
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
