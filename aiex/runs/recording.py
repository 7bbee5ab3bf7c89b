"""Keeps what a run tells in a session: each event is in the log before it is shown.

Where an event loop runs, events that no effect follows are written together, before it waits for anything again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from aiex.errors import Conflict, StoreError, UsageError
from aiex.events import AssistantSpoke, SessionStarted, Started, ToolStarted, TurnEnded, UserSpoke, Warned
from aiex.looping import running_loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from aiex.agent.answering import Tally
    from aiex.agent.report import Report
    from aiex.events import Event
    from aiex.guard.owners import OwnerLock
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.recorder import Recorder
    from aiex.wiring import Services

    Show = Callable[[Event], object]


class Run(Protocol):
    """The work of a run, as far as its session goes; `aiex.cli.work.Work` is one."""

    @property
    def name(self) -> str: ...
    @property
    def sturdy(self) -> bool: ...
    @property
    def waits(self) -> bool: ...
    @property
    def keeps(self) -> bool: ...
    @property
    def converses(self) -> bool: ...
    @property
    def resumes(self) -> str | None: ...
    @property
    def forks(self) -> bool: ...


class Recording(Protocol):
    """Where the events of one run go beside the printer."""

    last_seq: int
    """Of the session, before this run tells anything."""
    turn: int
    cut_short: TurnEnded | None
    """The outcome of a run that was broken off, as it was kept."""

    def tell(self, event: Event, show: Show) -> None:
        """Keep an event, and show it once it is kept; where it cannot be, that is shown behind it, once."""

    def keep(self, event: Event) -> Warned | None:
        """Keep an event that is about to be shown, at once; a warning where it cannot be kept, given once."""

    def end(self, ended: TurnEnded) -> TurnEnded:
        """Keep the outcome; the outcome that says how to go on."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Keep how it ended when it failed, and close the session."""


class Unrecorded:
    """Of a run that is no conversation and no step, or that nobody wants to be kept."""

    last_seq = turn = 0
    cut_short: TurnEnded | None = None

    def tell(self, event: Event, show: Show) -> None:
        """Show it."""
        show(event)

    def keep(self, event: Event) -> None:
        """Nothing to do."""

    def end(self, ended: TurnEnded) -> TurnEnded:
        """The outcome as it is."""
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Nothing to do."""


class Kept:
    """Of a run that is kept. Where it cannot be, the work goes on, and the person is told once.

    Args:
        recorder: Writes to the session.
        lock: Held as long as the run lasts; None where nobody else can have it.
        to_end: The outcome that an error means.
        tell: Shows a person that the outcome could not be kept.
        is_required: What cannot be kept is an error, because what comes is made of what was kept.
        lasts: One can go on with it later.
    """

    def __init__(
        self,
        recorder: Recorder,
        lock: OwnerLock | None,
        to_end: Callable[[BaseException], TurnEnded],
        *,
        tell: Callable[[Event], None],
        is_required: bool,
        lasts: bool = True,
    ) -> None:
        self.lasts = lasts
        """One can go on with it later."""
        self._recorder: Recorder | None = recorder
        self._session = recorder.session
        self._lock = lock
        self._to_end = to_end
        self._tell = tell
        self._has_ended = False
        self._is_required = is_required
        self.last_seq, self.turn = recorder.seq, recorder.state.turn
        self.cut_short: TurnEnded | None = None
        self._report: Report | None = None
        self._begun: Tally | None = None
        self._unshown: list[tuple[Event, Show]] = []
        """What waits to be written, and then to be shown."""
        self._failure: Exception | None = None
        """What went wrong between two events; whoever tells the next one hears of it."""

    def tell(self, event: Event, show: Show) -> None:
        """Put an event into the log, now or before the event loop waits again, and show it then."""
        self._raise_failure()
        self._follow(event)
        self._unshown.append((event, show))
        loop, warned = running_loop(), None
        try:
            if self._recorder and not self._recorder.keep(event, may_wait=loop is not None):
                if loop is not None and len(self._unshown) == 1:
                    loop.call_soon(self._settle)
                return
        except StoreError as error:
            warned = self._give_up(error)
        self._show_all(warned)

    def keep(self, event: Event) -> Warned | None:
        """Put an event into the log, behind all that waits."""
        self._raise_failure()
        self._follow(event)
        warned = None
        try:
            if self._recorder:
                self._recorder.keep(event)
        except StoreError as error:
            warned = self._give_up(error)
        self._show_all(None)
        return warned

    def _settle(self) -> None:
        """Write and show what waits. A failure is for whoever tells the next event: here nobody would hear of it."""
        warned = None
        try:
            try:
                if self._recorder:
                    self._recorder.flush()
            except StoreError as error:
                warned = self._give_up(error)
            self._show_all(warned)
        except Exception as error:  # noqa: BLE001  (raised where it is heard)
            self._failure = error

    def _give_up(self, error: StoreError) -> Warned:
        """Keep nothing any more; what to say about that. Raises the error where nothing goes on without."""
        self._recorder = None
        if self._is_required:
            self._unshown.clear()
            raise error
        return Warned(f"from here on this run is not kept: {error.message}", error.hint)

    def _show_all(self, warned: Warned | None) -> None:
        unshown, self._unshown = self._unshown, []
        for event, show in unshown:
            show(event)
        if warned is not None and unshown:
            unshown[-1][1](warned)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def end(self, ended: TurnEnded) -> TurnEnded:
        """Put the outcome into the log; it names the session to go on with."""
        if self._recorder and self.lasts:
            ended = replace(ended, resume=ended.resume or self._session)
        self._has_ended = True
        if warned := self.keep(ended):
            self._tell(warned)
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if error is not None and not self._has_ended:
                try:
                    self._break_off(error)
                except StoreError as problem:
                    if isinstance(error, Exception):
                        raise
                    self._tell(Warned(problem.message, problem.hint))  # that it was interrupted is what counts
            if self._recorder is not None:
                self._recorder.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def _follow(self, event: Event) -> None:
        """Take in what was done and said until now, in case that it ends here."""
        match event:
            case UserSpoke() | ToolStarted() if self._is_required:
                from aiex.agent.report import Report

                self._report = self._report or Report()
            case Started():
                from aiex.agent.answering import Tally

                self._begun = Tally()
            case AssistantSpoke():
                self._begun = None
            case _:
                pass
        if self._begun:
            self._begun.note(event)
        if self._report:
            self._report.note(event)

    def _break_off(self, error: BaseException) -> None:
        """Keep what was said of an answer, and the outcome with what was done."""
        self._unshown.clear()
        ended = self._to_end(error)
        if self._begun and (spoken := self._begun.to_spoken()):
            is_shown = ended.subtype == "interrupted"  # otherwise showing things may be what failed
            self._tell(spoken) if is_shown else self.keep(spoken)
        if self._report:
            ended = self._report.fill(ended, {"answer": "", "complete": False})
        self.cut_short = self.end(ended)


def open_recording(
    work: Run, services: Services, to_end: Callable[[BaseException], TurnEnded]
) -> tuple[Recording, tuple[Warned, ...]]:
    """What keeps the events of this work, and what to say about that.

    A session that is gone on with gives its id to the run (`Services.session`).

    Args:
        to_end: The outcome that an error means.

    Raises:
        UsageError: if the session to go on with is not there.
        Conflict: if another process has it open, or it has a turn that did not end.
        StoreError: if that session cannot be read.
    """
    is_off = work.keeps and services.settings.get("sessions.record") == "off"
    if is_off and work.resumes is not None:
        raise UsageError(
            "no session is gone on with while sessions.record is off", hint="aiex set config sessions.record on"
        )
    if work.converses and (is_off or not work.keeps):
        return _open_in_memory(services, to_end), ()
    if is_off or not work.keeps or (services.is_offline and not work.waits):
        return Unrecorded(), ()
    if work.resumes is not None:
        session = _resume(work.resumes, services, forks=work.forks)
        return _open(services, session, to_end, converses=work.converses), tell_dead(services)
    try:
        return _open(services, services.session, to_end, converses=work.converses), tell_dead(services)
    except StoreError as error:
        warned = Warned(f"this run is not kept: {error.message}", error.hint)
        return _open_in_memory(services, to_end) if work.converses else Unrecorded(), (warned,)


def _open(
    services: Services, session: str, to_end: Callable[[BaseException], TurnEnded], *, converses: bool = False
) -> Kept:
    from aiex.sessions.recorder import Recorder

    def tell(event: Event) -> None:
        services.tell(event)  # as it is by then

    sessions = services.sessions
    lock = sessions.lock(session)
    died = lock.acquire()
    try:
        if died and converses:
            services.checkpoints.tidy()
        services.recorder = recorder = Recorder(sessions.log, session)
        return Kept(recorder, lock, to_end, tell=tell, is_required=converses or recorder.seq > 0)
    except BaseException:
        lock.release()
        raise


def _open_in_memory(services: Services, to_end: Callable[[BaseException], TurnEnded]) -> Kept:
    """What keeps a run only as long as it lasts."""
    from aiex.sessions.log import EventLog
    from aiex.sessions.recorder import Recorder
    from aiex.sessions.stores.sqlite import SqliteStore

    services.recorder = recorder = Recorder(EventLog(SqliteStore(":memory:")), services.session)
    return Kept(recorder, None, to_end, tell=lambda event: services.tell(event), is_required=True, lasts=False)  # noqa: PLW0108  (as it is by then)


def _resume(wanted: str, services: Services, *, forks: bool) -> str:
    """The session to go on with: the one that is wanted, or a new one that begins with it."""
    sessions = services.sessions
    session = sessions.find(wanted, root=services.root, to_talk=True)
    if forks:
        from aiex.sessions.recorder import fork

        fork(sessions.log, session, sessions.state(session).seq, services.session, services.gate.judge.role)
        return services.session
    _require_whole(sessions, session)
    services.session = session
    return session


def _require_whole(sessions: Sessions, session: str) -> None:
    """Raise Conflict when the last turn did not end; while another process has the session, its lock says so."""
    if sessions.owner(session) is None and sessions.state(session).interrupted:
        hint = f"look what was going on: aiex resume session {session}"
        raise Conflict(f"session {session} was cut off in the middle of a turn", hint=hint)


def tell_dead(services: Services) -> tuple[Warned, ...]:
    """Of the sessions of this workspace, those whose process died; that nobody can tell is no reason not to go on."""
    sessions = services.sessions
    dead = sessions.dead()
    if not dead:
        return ()
    try:
        here = {one.id for one in sessions.views.listed(root=services.root) if one.id in dead}
    except StoreError as error:
        return (Warned(f"which sessions were cut off here cannot be told: {error.message}", error.hint),)
    return tuple(
        Warned(f"session {session} was cut off: its process died", f"aiex resume session {session}")
        for session in sorted(here)
    )


def start_of(work: Run, services: Services, version: str) -> SessionStarted:
    """The first event of a run."""
    provider, _, model = ("", "", "") if work.sturdy else services.model.partition("/")
    root = services.root if work.keeps else ""
    return SessionStarted(version, services.cwd, work.name, provider, model or provider, root=root)
