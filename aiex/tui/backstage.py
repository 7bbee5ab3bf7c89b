"""Does the work behind the screen: one thread with an event loop of its own, which alone touches services and session.

The screen never waits for it. What happens comes over the bus: events, each kept in the session before it is shown, and
`Told`, which is about the work itself. Wishes run one after another; what is typed meanwhile waits in line.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import aclosing
from contextvars import Context, copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar, cast

from aiex import sqlite
from aiex.errors import AiexError, Conflict
from aiex.events import ToolFinished, ToolStarted, TurnEnded
from aiex.runs.changing import carry_over
from aiex.runs.opening import Opening
from aiex.runs.outcomes import to_crash, to_failure, to_interruption, to_outcome
from aiex.tui.holding import Holding
from aiex.tui.person import AtScreen
from aiex.tui.telling import tell_behind, tell_history, tell_standing
from aiex.tui.told import Began, History, Idle, Printed, Queued, Ready, Unable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence

    from aiex.events import Event, Warned
    from aiex.runs.recording import Recording
    from aiex.sessions.decisions import Command
    from aiex.tui.bus import Bus
    from aiex.tui.host import Host, Task
    from aiex.tui.sent import Sent
    from aiex.tui.told import Told
    from aiex.wiring import Services

T = TypeVar("T")
_NUDGE_S: Final = 3.0
"""What does not stop is told again so often."""


class Backstage:
    """The thread of the work.

    Args:
        host: Opens services and understands commands.
        services: To begin with; nobody else uses them.
        opening: What to begin with.
        bus: Where everything goes that the screen should know.
    """

    def __init__(self, host: Host, services: Services, opening: Opening, bus: Bus[Event | Told]) -> None:
        self._host = host
        self._opening = opening
        self._bus = bus
        self._thread = threading.Thread(target=self._run, name="aiex-work", daemon=True)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._early: list[Callable[[], object]] | None = []
        """What was asked for before the loop began; None once that is under way."""
        self._context: Context | None = None
        """Of the work, not of who asks for it."""
        self._closing: asyncio.Event | None = None
        self._line: deque[Sent] = deque()
        self._entering: asyncio.Task[None] | None = None
        self._turn: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._services = services
        self._next: Services | None = None
        """With settings that count from the next wish on."""
        self._recording: Recording | None = None
        self._of_turn: Recording | None = None
        self._seen_seq = 0
        """The last event of the session before the wish that runs."""
        self._changes: dict[str, object] = {}
        self._warned: set[Warned] = set()
        self.person = AtScreen(bus.post)
        self._holding = Holding(bus.post)
        self.doing = ""
        """The wish or the call that runs, in words; empty for none."""
        self.kept_session = ""
        """The last session that one can go on with; empty while nothing is kept."""
        self.fallen: TurnEnded | None = None
        """What became of the work where a bug ended it as a whole."""

    @property
    def held_up(self) -> str:
        """What the work has been waiting for, and can do nothing meanwhile; empty for nothing."""
        return self._holding.words

    # --- for the screen: any thread, never waiting ------------------------------------------------------------------

    def start(self) -> None:
        """Begin; `Ready` or `Unable` comes over the bus."""
        self._thread.start()

    def send(self, sent: Sent) -> None:
        """Put a wish in line."""
        self._soon(lambda: self._enqueue(sent))

    def interrupt(self) -> None:
        """Stop what runs, keeping what was said and done; nothing happens where nothing runs."""
        self._holding.give_up()
        self._soon(lambda: self._turn.cancel() if self._turn else self.person.give_up())

    def reply(self, number: int, value: object) -> None:
        """Answer what was wanted under a number."""
        self._soon(lambda: self.person.reply(number, value))

    def ask(self, work: Callable[[Services], T]) -> Future[T]:
        """What a function of the services gives, called in the thread of the work between two steps of it.

        It must not take long: what may, hops to a thread itself. Cancelled where the work has ended.
        """
        answer: Future[T] = Future()

        def do() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(work(self._services))
            except BaseException as error:  # noqa: BLE001  (whoever asked gets it)
                answer.set_exception(error)

        if not self._soon(do):
            answer.cancel()
        return answer

    def decide(self, command: Command) -> Future[None]:
        """Decide something about the session and show what came of it; the future raises AiexError."""

        def do(services: Services) -> None:
            if services.recorder is None:
                raise Conflict("nothing was said yet")
            for envelope in services.recorder.do(command, services.gate.judge.role):
                self._bus.post(cast("Event", envelope.event))

        return self.ask(do)

    def change(self, changes: Mapping[str, object]) -> Future[None]:
        """Go on with other settings, such as another model, from the next wish on. Raises AiexError in the future."""
        return self.ask(lambda _: self._change(changes))

    def switch(self, opening: Opening) -> None:
        """Leave the session and go on with another, or a new one; refused while something runs."""
        self._soon(lambda: self._switch(opening))

    def close(self, timeout_s: float = 10.0) -> bool:
        """Stop what runs, close everything, and wait for that; whether it came to its end in time."""
        if self._thread.ident is None:
            self._services.close()
            return True
        self._holding.end()
        self._soon(self._leave)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _soon(self, call: Callable[[], object]) -> bool:
        """Call something in the thread of the work; False where that has ended, and nobody will."""
        with self._lock:
            if self._early is not None:
                self._early.append(call)
                return True
            loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(call, context=self._context)
        except RuntimeError:  # closed meanwhile
            return False
        return True

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001  (the outermost door of this thread)
            self._fall(error)
        finally:
            with self._lock:
                self._early, self._loop = None, None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: self._tell_crash(told.get("exception")))
        self._closing = asyncio.Event()
        sqlite.HEED.set(self._holding.heed)
        self._context = copy_context()
        try:
            self._enter(self._opening)
            with self._lock:
                early, self._early, self._loop = self._early or [], None, loop
            for call in early:
                loop.call_soon(call)
            await self._closing.wait()
            self._line.clear()
            for task in (self._entering, self._turn, self._pump):
                await _end(task)
        finally:
            self._close_session()
            self._services.close()

    def _leave(self) -> None:
        if self._closing is not None:
            self._closing.set()

    # --- sessions -----------------------------------------------------------------------------------------------------

    def _enter(self, opening: Opening) -> None:
        self._entering = asyncio.ensure_future(self._open(opening))

    async def _open(self, opening: Opening) -> None:
        """The session to go on with; of a new one nothing is kept before the first wish."""
        from aiex.tui.wishes import to_sent

        services = self._services
        self._join(services)
        try:
            self._greet()
            chosen = await self._make_whole(opening)
            if chosen.resumes is not None:
                self._open_session(chosen)
            if chosen.prompt:
                self._enqueue(to_sent(chosen.prompt, {}))
        except AiexError as error:
            self._close_session()
            services.session = os.urandom(8).hex()  # the next wish begins another
            self._tell_unable(error)
            if opening.prompt:
                self._bus.post(Unable(f"not asked: {opening.prompt}", "", error.exit_code))
        except Exception as error:  # noqa: BLE001  (without a session nothing can be done)
            self._fall(error)
        try:
            self._bus.post(self._ready())
        except AiexError as error:
            self._tell_unable(error)

    def _join(self, services: Services) -> None:
        """Let services speak to the person at the screen."""
        services.tell, services.person, services.type_unseen = self._tell, self.person, self.person.type_unseen

    def _greet(self) -> None:
        """Tell what is odd about the settings, and which sessions were cut off here; each once."""
        from aiex.runs.recovery import find_dead

        self._warn(self._services.settings.warnings)
        self._warn(find_dead(self._services))

    def _warn(self, warnings: Sequence[Warned]) -> None:
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self._bus.post(warning)

    async def _make_whole(self, opening: Opening) -> Opening:
        """What to begin with: a session that was cut off is taken up, or left for a new one, as the person says."""
        from aiex.runs.recovery import CHOICES, find_cut_off, take_up

        cut_off = find_cut_off(opening, self._services)
        if cut_off is None:
            return opening
        if not cut_off.is_wanted(await self.person.answer(cut_off.question, CHOICES)):
            return Opening(opening.prompt)
        for told in take_up(cut_off.session, self._services):
            self._bus.post(told)
        return opening

    def _ready(self) -> Ready:
        services = self._next or self._services
        mode, theme = services.settings.get("policy.mode"), services.settings.get("screen.theme")
        session = self._services.session if self._recording else ""
        notify_after_s = float(services.settings.get("screen.notify_after_s"))
        return Ready(services.root, services.model, mode, session, theme, notify_after_s)

    def _open_session(self, opening: Opening) -> Recording:
        from aiex.runs.talking import lasts, open_session

        services = self._services
        begun = open_session(opening, services, _to_end)
        self._recording = recording = begun.recording
        if services.recorder is not None and services.recorder.seq:
            tell_history(self._bus, services.sessions.log, services.session, services.recorder.seq)
        recording.tell(begun.started, self._bus.post)
        if lasts(recording):
            self.kept_session = services.session
            tell_standing(self._bus, services)
        self._bus.post(self._ready())
        self._warn(begun.warnings)
        return recording

    def _close_session(self) -> None:
        from aiex.runs.talking import close_session

        recording, self._recording = self._recording, None
        close_session(recording, self._services)

    def _switch(self, opening: Opening) -> None:
        if self._turn is not None or (self._entering is not None and not self._entering.done()):
            self._bus.post(Unable("the session is left when nothing runs", "Esc stops what runs", 6))
            return
        self._close_session()
        self._bus.post(History(()))
        try:
            services = self._host.open(self._changes)
            carry_over(self._services, services, keeps_session=False)
            self._services, self._next = services, None
        except AiexError as error:
            self._tell_unable(error)
            self._services.session = os.urandom(8).hex()
        self._enter(opening)

    # --- settings -----------------------------------------------------------------------------------------------------

    def _change(self, changes: Mapping[str, object]) -> None:
        merged = {**self._changes, **changes}
        services = self._host.open(merged)
        _ = services.model  # what is wrong is found before anything is given up
        self._changes, self._next = merged, services
        if self._turn is None:
            self._adopt()
        self._bus.post(self._ready())

    def _adopt(self) -> None:
        """From here on the settings count that were changed meanwhile."""
        services, self._next = self._next, None
        if services is not None:
            self._join(services)
            carry_over(self._services, services)
            self._services = services

    # --- wishes -------------------------------------------------------------------------------------------------------

    def _enqueue(self, sent: Sent) -> None:
        if self._closing is not None and self._closing.is_set():
            return
        self._line.append(sent)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._serve())
        else:
            self._bus.post(Queued(sent.text, len(self._line)))

    async def _serve(self) -> None:
        """Run the wishes in line, one after another."""
        if self._entering is not None:
            await asyncio.wait({self._entering})
        while self._line:
            sent = self._line.popleft()
            self._adopt()
            self._turn = asyncio.ensure_future(self._do(sent))
            try:
                await self._turn
            except asyncio.CancelledError:
                if self._closing is not None and self._closing.is_set():
                    raise
            except BaseException as error:  # noqa: BLE001  (one wish must not end the screen)
                self._tell_crash(error)
            finally:
                self._turn, self._of_turn, self.doing = None, None, ""
                self._bus.post(Idle(len(self._line)))

    async def _do(self, sent: Sent) -> None:
        from aiex.runs.talking import is_unkept

        try:
            services = self._services
            task = sent.make(services)
            self.doing = task.name
            self._seen_seq = services.recorder.seq if services.recorder else 0
            self._bus.post(Began(task.name))
            services.budget.begin_wish()
            job = task.prepare(services)
            self._of_turn = recording = self._record(task)
        except AiexError as error:
            self._tell_unable(error)
            sent.give_back(sent.text)
            return
        try:
            with recording:
                ended = await self._draw(job(), recording)
                self._end(task, recording.end(ended))
        except AiexError as error:
            self._end(task, recording.cut_short or to_failure(error))
            if is_unkept(recording, self._services):
                sent.give_back(sent.text)
        except asyncio.CancelledError:
            self._end(task, recording.cut_short or to_interruption(KeyboardInterrupt()))
            raise
        except Exception as error:  # noqa: BLE001  (one wish must not end the screen)
            crash = to_crash(error, [task.name])
            self._end(task, replace(recording.cut_short or crash, error=crash.error, hint=crash.hint))

    def _record(self, task: Task) -> Recording:
        from aiex.runs.talking import record_wish

        return record_wish(self._begin, self._services, _to_end, keeps=task.keeps, tell=self._tell)

    def _begin(self) -> Recording:
        return self._recording or self._open_session(Opening())

    async def _draw(self, events: Iterator[Event] | AsyncIterator[Event], recording: Recording) -> TurnEnded:
        ended: TurnEnded | None = None
        if hasattr(events, "__aiter__"):
            async with aclosing(cast("AsyncGenerator[Event, None]", events)) as stream:
                async for event in stream:
                    ended = self._note(event, recording)
        else:
            for event in events:
                ended = self._note(event, recording)
                await asyncio.sleep(0)
        if ended is None:
            raise RuntimeError("a job ended without an outcome")
        return ended

    def _note(self, event: Event, recording: Recording) -> TurnEnded | None:
        if isinstance(event, TurnEnded):
            return event
        if isinstance(event, ToolStarted):
            self.doing = event.name
        elif isinstance(event, ToolFinished):
            self.doing = ""
        recording.tell(event, self._bus.post)
        return None

    def _end(self, task: Task, ended: TurnEnded) -> None:
        if task.converses:
            self._bus.post(ended)
        else:
            self._bus.post(Printed(task.name, ended, task.markup))
            self._tell_behind()

    def _tell_behind(self) -> None:
        try:
            if self.kept_session:
                tell_behind(self._bus, self._services, self._seen_seq)
        except AiexError as error:
            self._tell_unable(error)

    def _tell(self, event: Event) -> None:
        """What is noticed beside a job's own events; where it cannot be kept, it is shown all the same."""
        if threading.get_ident() != self._thread.ident:
            self._soon(lambda: self._tell(event))
            return
        try:
            if (recording := self._of_turn or self._recording) is not None:
                recording.keep(event)
        except AiexError as error:
            self._tell_unable(error)
        self._bus.post(event)

    def _tell_unable(self, error: AiexError) -> None:
        self._bus.post(Unable(error.message, error.hint, error.exit_code))

    def _fall(self, error: BaseException) -> None:
        """A bug that leaves nothing to go on with: the screen ends."""
        self.fallen = self.fallen or to_crash(error, ["screen"])
        self._bus.post(Unable(self.fallen.error, self.fallen.hint, self.fallen.exit_code))

    def _tell_crash(self, error: BaseException | None) -> None:
        if error is not None:
            ended = to_crash(error, ["screen"])
            self._bus.post(Unable(ended.error, ended.hint, ended.exit_code))


async def _end(task: asyncio.Task[None] | None) -> None:
    """Cancel a task until it is over."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_NUDGE_S)


def _to_end(error: BaseException) -> TurnEnded:
    is_stopped = isinstance(error, asyncio.CancelledError)
    return to_interruption(KeyboardInterrupt()) if is_stopped else to_outcome(error)
