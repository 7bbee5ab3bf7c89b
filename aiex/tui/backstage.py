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
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiex import __version__
from aiex.errors import AiexError
from aiex.events import TurnEnded
from aiex.record import record
from aiex.runs.changing import carry_over
from aiex.runs.opening import Opening, Shown
from aiex.runs.outcomes import to_crash, to_failure, to_interruption, to_outcome
from aiex.runs.recording import Kept, Unrecorded, open_recording, start_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence

    from aiex.agent.edits.applying import FileChange
    from aiex.agent.kit import Verdict
    from aiex.events import Event
    from aiex.guard.actions import Action, Decision
    from aiex.guard.policy.offers import Offer
    from aiex.runs.recording import Recording
    from aiex.sessions.log import Recorded
    from aiex.tui.bus import Bus
    from aiex.tui.host import Host, Task
    from aiex.wiring import Services

T = TypeVar("T")


@record
class Ready:
    """Services and session are there; `session` is empty until something is kept."""

    root: str
    model: str
    mode: str
    session: str
    theme: str


@record
class History:
    """What happened in the session before, in its order; it replaces what is shown."""

    recorded: tuple[Recorded, ...]


@record
class Began:
    """A wish runs now."""

    name: str


@record
class Idle:
    """Nothing runs, and `waiting` wishes are in line."""

    waiting: int = 0


@record
class Queued:
    """A wish waits in line."""

    text: str
    waiting: int


@record
class ApprovalWanted:
    """A person has to say which of the offers counts; answered with `Backstage.reply`."""

    number: int
    action: Action
    decision: Decision
    offers: tuple[Offer, ...]
    title: str
    preview: str
    changes: tuple[FileChange, ...] = ()
    """Of an edit, what would become of each file."""


@record
class AnswerWanted:
    """A person is asked something; answered with `Backstage.reply`."""

    number: int
    question: str
    options: tuple[str, ...]


@record
class Withdrawn:
    """What was wanted is not wanted any more."""

    number: int


@record
class Printed:
    """The answer of a command that is no part of the talk."""

    name: str
    ended: TurnEnded
    markup: str


@record
class Unable:
    """Something could not be done: a wish was not understood, a session not opened."""

    message: str
    hint: str
    exit_code: int


Told = (
    Ready | History | Began | Idle | Queued | ApprovalWanted | AnswerWanted | Withdrawn | Printed | Unable
)  # fmt: skip


@record
class Sent:
    """One wish in line."""

    text: str
    """As it was typed."""
    make: Callable[[Services], Task]
    """Understands it, once its turn has come. Raises AiexError."""


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


class AtScreen:
    """The person in front of the screen, as tools see them."""

    def __init__(self, post: Callable[[Told], None]) -> None:
        self._post = post
        self._count = 0
        self._open: dict[int, asyncio.Future[Any]] = {}

    async def approve(
        self,
        action: Action,
        decision: Decision,
        offers: tuple[Offer, ...],
        *,
        title: str,
        preview: str,
        changes: tuple[FileChange, ...] = (),
    ) -> Verdict | None:
        """Which of the offers counts, of how much of an edit, or why none does; None for no."""
        number = self._number()
        wanted = ApprovalWanted(number, action, decision, offers, title, preview, changes)
        return cast("Verdict | None", await self._ask(wanted, number))

    async def answer(self, question: str, options: Sequence[str]) -> str | None:
        """What they say; None when they say nothing."""
        number = self._number()
        return cast("str | None", await self._ask(AnswerWanted(number, question, tuple(options)), number))

    def reply(self, number: int, value: object) -> None:
        """What the person said; in the thread of the work."""
        if (waiting := self._open.get(number)) is not None and not waiting.done():
            waiting.set_result(value)

    def _number(self) -> int:
        self._count += 1
        return self._count

    async def _ask(self, wanted: ApprovalWanted | AnswerWanted, number: int) -> object:
        waiting = self._open[number] = asyncio.get_running_loop().create_future()
        self._post(wanted)
        try:
            return await waiting
        finally:
            del self._open[number]
            self._post(Withdrawn(number))


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_up = threading.Event()
        self._closing: asyncio.Event | None = None
        self._line: deque[Sent] = deque()
        self._turn: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._services = services
        self._recording: Recording | None = None
        self._changes: dict[str, object] = {}
        self.person = AtScreen(bus.post)

    # --- for the screen: any thread, never waiting ------------------------------------------------------------------

    def start(self) -> None:
        """Begin; `Ready` or `Unable` comes over the bus."""
        self._thread.start()

    def send(self, sent: Sent) -> None:
        """Put a wish in line."""
        self._soon(lambda: self._enqueue(sent))

    def interrupt(self) -> None:
        """Stop what runs, keeping what was said and done; nothing happens where nothing runs."""
        self._soon(lambda: self._turn.cancel() if self._turn else None)

    def drop_line(self) -> None:
        """Forget what waits in line."""
        self._soon(self._forget_line)

    def reply(self, number: int, value: object) -> None:
        """Answer what was wanted under a number."""
        self._soon(lambda: self.person.reply(number, value))

    def ask(self, work: Callable[[Services], T]) -> Future[T]:
        """What a function of the services gives, called in the thread of the work between two steps of it.

        It must not take long: what may, hops to a thread itself.
        """
        answer: Future[T] = Future()

        def do() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(work(self._services))
            except BaseException as error:  # noqa: BLE001  (whoever asked gets it)
                answer.set_exception(error)

        self._soon(do)
        return answer

    def change(self, changes: Mapping[str, object]) -> Future[None]:
        """Go on with other settings, such as another model, from the next request of the next wish on."""
        answer: Future[None] = Future()

        def do() -> None:
            try:
                self._change(changes)
                answer.set_result(None)
            except AiexError as error:
                answer.set_exception(error)

        self._soon(do)
        return answer

    def switch(self, opening: Opening) -> None:
        """Leave the session and go on with another, or a new one; refused while something runs."""
        self._soon(lambda: self._switch(opening))

    def close(self, timeout_s: float = 10.0) -> bool:
        """Stop what runs, close everything, and wait for that; whether it came to its end in time."""
        if not self._thread.is_alive():
            return True
        self._soon(self._leave)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _soon(self, call: Callable[[], object]) -> None:
        self._is_up.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody is there to hear it
            cast("asyncio.AbstractEventLoop", self._loop).call_soon_threadsafe(call)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001  (the outermost door of this thread)
            self._tell_crash(error)

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._is_up.set()
        try:
            self._open(self._opening)
            if self._opening.prompt:
                self._enqueue(wish(self._host, self._opening.prompt))
            await self._closing.wait()
            if self._pump:
                self._line.clear()
                if self._turn:
                    self._turn.cancel()
                with suppress(asyncio.CancelledError):
                    await self._pump
        finally:
            self._close_session()
            self._services.close()

    def _leave(self) -> None:
        if self._closing is not None:
            self._closing.set()

    def _open(self, opening: Opening) -> None:
        """The session to go on with; of a new one nothing is kept before the first wish."""
        services = self._services
        services.tell, services.person = self._tell, self.person
        try:
            if opening.resumes is not None:
                self._open_session(opening)
            for warning in services.settings.warnings:
                self._bus.post(warning)
        except AiexError as error:
            self._bus.post(Unable(error.message, error.hint, error.exit_code))
        self._bus.post(self._ready())

    def _ready(self) -> Ready:
        services = self._services
        mode, theme = services.settings.get("policy.mode"), services.settings.get("screen.theme")
        return Ready(services.root, services.model, mode, services.session if self._recording else "", theme)

    def _open_session(self, opening: Opening) -> Recording:
        services = self._services
        run = _Talking(resumes=opening.resumes, forks=opening.forks)
        recording, warnings = open_recording(run, services, _to_end)
        self._recording = recording
        if "gate" in services.__dict__:
            services.gate.session = services.session
        if services.recorder is not None and services.recorder.seq:
            log = services.sessions.log
            self._bus.post(History(tuple(log.read(services.session))))
        self._show(recording, start_of(run, services, __version__))
        for warning in warnings:
            self._show(recording, warning)
        return recording

    def _close_session(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.__exit__(None, None, None)
        self._services.recorder = None

    def _switch(self, opening: Opening) -> None:
        if self._turn is not None:
            self._bus.post(Unable("the session is left when nothing runs", "Esc stops what runs", 6))
            return
        self._close_session()
        self._services.session = os.urandom(8).hex()
        self._bus.post(History(()))
        self._open(opening)

    def _change(self, changes: Mapping[str, object]) -> None:
        merged = {**self._changes, **changes}
        services = self._host.open(merged)
        services.settings.get("model")  # what is wrong is found before anything is given up
        services.tell, services.person = self._tell, self.person
        carry_over(self._services, services)
        self._services, self._changes = services, merged
        self._bus.post(self._ready())

    def _enqueue(self, sent: Sent) -> None:
        self._line.append(sent)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._serve())
        else:
            self._bus.post(Queued(sent.text, len(self._line)))

    def _forget_line(self) -> None:
        self._line.clear()

    async def _serve(self) -> None:
        """Run the wishes in line, one after another."""
        while self._line:
            sent = self._line.popleft()
            self._turn = asyncio.ensure_future(self._do(sent))
            try:
                await self._turn
            except asyncio.CancelledError:
                if self._closing is not None and self._closing.is_set():
                    raise
            except BaseException as error:  # noqa: BLE001  (one wish must not end the screen)
                self._tell_crash(error)
            finally:
                self._turn = None
                self._bus.post(Idle(len(self._line)))

    async def _do(self, sent: Sent) -> None:
        try:
            services = self._services
            task = sent.make(services)
            self._bus.post(Began(task.name))
            job = task.prepare(services)
            recording = self._record(task)
        except Shown as shown:
            self._bus.post(Printed("help", TurnEnded("success", "answered", 0, answer=shown.text), "text"))
            return
        except AiexError as error:
            self._bus.post(Unable(error.message, error.hint, error.exit_code))
            return
        try:
            with recording:
                ended = await self._draw(job(), recording)
                self._end(task, recording.end(ended))
        except AiexError as error:
            self._end(task, recording.cut_short or to_failure(error))
        except asyncio.CancelledError:
            self._end(task, recording.cut_short or to_interruption(KeyboardInterrupt()))
            raise

    def _record(self, task: Task) -> Recording:
        """What keeps the events of one wish; the session begins with the first that belongs to it."""
        if not task.keeps:
            return Unrecorded()
        session = self._recording or self._open_session(Opening())
        services = self._services
        if not isinstance(session, Kept) or services.recorder is None:
            return session
        return Kept(services.recorder, None, _to_end, tell=self._tell, is_required=True)

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
        self._show(recording, event)
        return None

    def _show(self, recording: Recording, event: Event) -> None:
        warned = recording.keep(event)
        self._bus.post(event)
        if warned is not None:
            self._bus.post(warned)

    def _end(self, task: Task, ended: TurnEnded) -> None:
        if task.converses:
            self._bus.post(ended)
        else:
            self._bus.post(Printed(task.name, ended, task.markup))

    def _tell(self, event: Event) -> None:
        """What is noticed beside a job's own events."""
        if self._recording is not None:
            self._show(self._recording, event)
        else:
            self._bus.post(event)

    def _tell_crash(self, error: BaseException) -> None:
        ended = to_crash(error, ["screen"])
        self._bus.post(Unable(ended.error, ended.hint, ended.exit_code))


def _to_end(error: BaseException) -> TurnEnded:
    is_stopped = isinstance(error, asyncio.CancelledError)
    return to_interruption(KeyboardInterrupt()) if is_stopped else to_outcome(error)


def wish(host: Host, text: str) -> Sent:
    """A wish in words, for the model."""
    return Sent(text, lambda _: host.understand(["run", "--", text]))


def command(host: Host, text: str, words: Sequence[str]) -> Sent:
    """A command of the command line, typed as `text`."""
    return Sent(text, lambda _: host.understand(words))
