"""A model whose answers stand in a test, and a workspace in which it works: everything but the vendor is real.

bench = Bench(root, says("I look.", ("read", {"path": "a.py"})), says("Done."))
ran = await bench.work("do it")
assert ran.end.exit_code == 0
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aiex.agent.kit import Person
from aiex.budget import Budget
from aiex.errors import AiexError
from aiex.events import (
    Event,
    Failed,
    PartEnded,
    SessionStarted,
    Started,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolFinished,
    TurnEnded,
    UsageUpdated,
)
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.entries import Outcome, Verdict
from aiex.guard.gate import Gate
from aiex.jobs.stepping import Step
from aiex.jobs.working import Wish, work
from aiex.messages import Message, Request, StopReason, Text, ToolCall, ToolResult, Usage
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.state import SessionState
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.guard.audit.log import AuditLog

Wanted = tuple[str, Mapping[str, Any]]
"""A call: name and arguments."""
USAGE = Usage(20, 7)
LEAST_TOKENS = 20
"""Of each request, as it is estimated."""


@dataclass(frozen=True)
class Said:
    """One answer of the model."""

    text: str
    calls: tuple[Wanted, ...] = ()
    reason: StopReason | None = None
    """None for what fits the answer."""
    usage: Usage | None = USAGE
    cost_usd: float | None = 0.01
    error: AiexError | None = None
    """Raised instead of an answer."""
    failed: Failed | None = None
    """Ends the answer in place of a reason."""
    before: Callable[[], object] | None = None
    """Happens before the answer begins."""


def says(text: str = "", *calls: Wanted, **how: Any) -> Said:
    """An answer with words and calls."""
    return Said(text, calls, **how)


class Script:
    """The answers of a model in their order; asked once more, the test fails."""

    def __init__(self, *answers: Said) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self._ids = 0

    async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        """The next answer."""
        self.requests.append(request)
        assert self.answers, "the model was asked more often than its story goes"
        said = self.answers.pop(0)
        if said.before:
            said.before()
        if said.error:
            raise said.error
        yield Started("one", "fake-1")
        step = max(8, len(said.text) // 100)
        for start in range(0, len(said.text), step):
            yield TextDelta(said.text[start : start + step])
        if said.text:
            yield PartEnded(Text(said.text))
        for name, arguments in said.calls:
            self._ids += 1
            yield PartEnded(ToolCall(f"c{self._ids}", name, arguments))
        if said.usage is not None:
            yield UsageUpdated(said.usage, said.cost_usd)
        yield said.failed or Stopped(said.reason or ("tool_use" if said.calls else "end_turn"))


class Staff(Services):
    """The services of a run that ask a script."""

    def __init__(self, root: str, script: Script, **how: Any) -> None:
        super().__init__(root, **how)
        self.script = script

    def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        """The next answer of the script."""
        return self.script.stream(request)

    def stream_within(self, budget: Budget) -> Callable[[Request], AsyncIterator[StreamEvent]]:
        """The answers of the script, counted on a budget as those of a vendor are."""

        async def ask(request: Request) -> AsyncIterator[StreamEvent]:
            hold = await budget.hold(LEAST_TOKENS, 0.0)
            last = UsageUpdated(Usage(0, 0), 0.0)
            try:
                async with aclosing(cast("AsyncGenerator[StreamEvent, None]", self.stream(request))) as events:
                    async for event in events:
                        last = event if isinstance(event, UsageUpdated) else last
                        yield event
            finally:
                budget.settle(hold, (last.usage.input_tokens or 0) + (last.usage.output_tokens or 0), last.cost_usd)

        return ask


class Ledger:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[Action, Verdict]] = []

    def append(self, session: str, action: Action, verdict: Verdict, *, may_wait: bool = False) -> int:
        """Keep a record; its number."""
        self.rows.append((action, verdict))
        return len(self.rows)

    def close(self) -> None:
        """Nothing to do."""

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Kind and subject of what was refused, by a rule or because nobody agreed."""
        refused: list[tuple[str, str]] = []
        for action, verdict in self.rows:
            effect = verdict.status if isinstance(verdict, Outcome) else getattr(verdict, "effect", "")
            if effect in ("deny", "refused"):
                refused.append((action.kind, action.subject))
        return refused

    @property
    def left_open(self) -> list[tuple[str, str]]:
        """What may happen and has no outcome, not even that it was broken off; exactly one is right."""
        said = [verdict for _, verdict in self.rows if isinstance(verdict, Outcome)]
        ends = [verdict.of for verdict in said if verdict.text != "in the background"]
        return [
            (action.kind, action.subject)
            for number, (action, verdict) in enumerate(self.rows, 1)
            if isinstance(verdict, Decision) and verdict.effect == "allow" and ends.count(number) != 1
        ]


@dataclass
class Ran:
    """What a run told."""

    events: list[Event] = field(default_factory=list)

    @property
    def end(self) -> TurnEnded:
        """The outcome, which is the last thing told, and told once."""
        last = self.events[-1]
        assert isinstance(last, TurnEnded)
        assert len(self.of(TurnEnded)) == 1
        return last

    @property
    def data(self) -> Mapping[str, Any]:
        """The outcome for a program."""
        return self.end.data or {}

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def results(self) -> list[str]:
        """What the model heard of its calls."""
        return [event.text for event in self.of(ToolFinished)]


class Bench:
    """A model, a workspace and a session in memory.

    Args:
        root: The workspace.
        answers: Of the model.
        overrides: Settings.
        person: Whoever can be asked.
        mode: The permission mode.
        steps: Whether checkpoints are taken.
    """

    def __init__(
        self,
        root: Path,
        *answers: Said,
        overrides: tuple[str, ...] = (),
        person: Person | None = None,
        mode: str = "bypass",
        steps: bool = False,
    ) -> None:
        self.root = root
        self.script = Script(*answers)
        self.person = person
        self._steps = steps
        given = ("providers.one.base_url=http://127.0.0.1:1/v1", "model=one/fake-1", f"policy.mode={mode}", *overrides)
        self.services = Staff(str(root), self.script, overrides=given)
        self.ledger = Ledger()
        judge = self.services.make_judge(
            mode=self.services.settings.get("policy.mode"), role=self.services.settings.get("policy.role")
        )
        self.services.gate = Gate(judge, session=self.services.session, audit=lambda: cast("AuditLog", self.ledger))
        self.services.recorder = self.recorder = Recorder(EventLog(SqliteStore(":memory:")), self.services.session)
        self.recorder.record(SessionStarted("0", str(root), "run", "one", "fake-1", root=str(root)))

    async def work(self, text: str = "do it", **how: Any) -> Ran:
        """A turn to its end; each event is in the log before it is seen, as a door does it."""
        ran = Ran()
        async with aclosing(self.begin(text, **how)) as events:
            async for event in events:
                ran.events.append(event)
        return ran

    async def begin(self, text: str = "do it", **how: Any) -> AsyncGenerator[Event, None]:
        """A turn as it goes on."""
        wish = Wish((Text(text),) if text else (), **how)
        told = cast("AsyncGenerator[Event, None]", work(wish, self.services, person=self.person, step=self._step))
        async with aclosing(told) as events:
            async for event in events:
                self.recorder.record(event)
                yield event

    def _step(self, reason: str) -> Step | None:
        return Step(self.services.checkpoints, reason, session=self.services.session) if self._steps else None

    @property
    def requests(self) -> list[Request]:
        """What the model was asked."""
        return self.script.requests

    @property
    def state(self) -> SessionState:
        """The session."""
        return self.recorder.state

    def close(self) -> None:
        """Close what was opened."""
        self.services.close()


def results_in(request: Request) -> list[ToolResult]:
    """What a request says came of calls."""
    return [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]


def words_of(message: Message) -> str:
    """The words of a message."""
    return "".join(part.text for part in message.parts if isinstance(part, Text))
