"""Listens to a model's answer: passes its events on and adds up what the whole of it was and cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple, cast

from aiex.errors import AiexError
from aiex.events import (
    AssistantSpoke,
    Event,
    Failed,
    FailedOver,
    PartEnded,
    Started,
    Stopped,
    TextDelta,
    TurnEnded,
    UsageUpdated,
    Warned,
)
from aiex.messages import Part, Request, StopReason, Text, Usage

Stream = Callable[[Request], AsyncIterator[Event]]
_GOOD_ENDS = ("end_turn", "stop_sequence", "max_tokens")


class Heard(NamedTuple):
    """What came of one model call."""

    parts: tuple[Part, ...]
    answer: str
    """Its words alone."""
    end: Stopped | Failed
    usage: Usage
    """As in `Outcome`."""
    cost_usd: float | None
    failovers: tuple[Mapping[str, Any], ...]
    error: AiexError | None
    """What was raised, where nothing of the answer was shown before."""

    @property
    def reason(self) -> StopReason:
        """Why it stopped; `error` for a failure."""
        return self.end.reason if isinstance(self.end, Stopped) else "error"


class Outcome(NamedTuple):
    """What came of a request, when all events were told."""

    answer: str
    failure: Failed | None
    usage: Usage
    """Of all calls that were made for it; a count is None when one of them did not tell it."""
    cost_usd: float | None
    failovers: tuple[Mapping[str, Any], ...]

    def to_end(self, data: Mapping[str, Any]) -> TurnEnded:
        """The last event: `data`, the answer as far as it came, and the failure if there was one."""
        if self.failure is None:
            return self._end("success", "answered", 0, self.answer, data)
        kept = f"{self.answer.rstrip()}\n\n*The answer is incomplete: {self.failure.message}.*\n"
        kept = kept if self.answer.strip() else ""
        return self._end("error", self.failure.error, self.failure.exit_code, kept, data)

    def _end(self, status: Any, subtype: str, exit_code: int, answer: str, data: Mapping[str, Any]) -> TurnEnded:
        failure = self.failure
        return TurnEnded(
            status,
            subtype,
            exit_code,
            answer,
            {**data, "answer": self.answer, "complete": failure is None},
            failure.message if failure else "",
            failure.hint if failure else "",
            self.usage,
            total_cost_usd=self.cost_usd,
            failovers=self.failovers,
        )


async def listen(stream: Stream, request: Request, *, advice: str) -> AsyncGenerator[Event | Outcome, None]:
    """The events of an answer as they come; the last item is the `Outcome`.

    Args:
        advice: What a person can do when the answer was cut at the model's limit.
    """
    async with aclosing(hear(stream, request)) as events:
        async for told in events:
            if not isinstance(told, Heard):
                yield told
                continue
            failure = _judge(told.end, told.answer, request)
            if failure is None and told.reason == "max_tokens":
                yield Warned("the answer was cut at the model's limit for output", advice)
            yield Outcome(told.answer, failure, told.usage, told.cost_usd, told.failovers)


async def hear(stream: Stream, request: Request) -> AsyncGenerator[Event | Heard, None]:
    """The events of one model call as they come, with what was said as a whole; the last item says what it was.

    A failure is never raised: it is how the call ended.
    """
    tally = Tally()
    raised: AiexError | None = None
    try:
        async with aclosing(cast("Any", stream(request))) as events:
            async for event in events:
                tally.note(event)
                yield event
    except AiexError as error:
        raised, tally.end = error, to_failed(error)
    spoken = tally.to_spoken()
    if spoken:
        yield spoken
    end = tally.end or Failed("Transient", "the answer ended without its end mark", "try again", 75)
    yield Heard(spoken.parts if spoken else (), tally.answer, end, *tally.sums(), tuple(tally.failovers), raised)


def not_asked(error: AiexError) -> Outcome:
    """What came of a request that was not sent."""
    return Outcome("", to_failed(error), Usage(), None, ())


def to_failed(error: AiexError) -> Failed:
    """An error as the end of a stream."""
    return Failed(name_of(error), error.message, error.hint, error.exit_code)


def name_of(error: AiexError) -> str:
    """The branch of the tree of errors that an error belongs to, or its own name where it is on none."""
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == AiexError.__module__)
    return (type(error) if known is AiexError else known).__name__


def failed(error: AiexError) -> TurnEnded:
    """The last event when nothing could be asked."""
    return TurnEnded("error", type(error).__name__, error.exit_code, error=error.message, hint=error.hint)


def _judge(end: Stopped | Failed, answer: str, request: Request) -> Failed | None:
    if isinstance(end, Failed):
        return end
    if end.reason not in _GOOD_ENDS:
        return Failed(
            "Rejected", f"{request.model} stopped with {end.reason}", "ask in other words, or another model", 1
        )
    if not answer.strip():
        return Failed("Rejected", f"{request.model} gave an empty answer", "try again, or another model", 1)
    return None


class Tally:
    """What was said, by whom, and the counts of each call."""

    def __init__(self) -> None:
        self.provider = self.model = ""
        self._parts: list[Part] = []
        self.failovers: list[Mapping[str, Any]] = []
        self.end: Stopped | Failed | None = None
        self._pieces: list[str] = []
        self._calls: list[UsageUpdated] = []

    @property
    def answer(self) -> str:
        """What was said until now, also of an answer that is not whole."""
        return "".join(self._pieces)

    def note(self, event: Event) -> None:
        """Take in an event of the stream."""
        match event:
            case Started(provider, model):
                self.provider, self.model = provider, model
                self._calls.append(UsageUpdated(Usage()))
            case TextDelta(text):
                self._pieces.append(text)
            case PartEnded(Text(text)) if self._parts and isinstance(self._parts[-1], Text):
                self._parts[-1] = Text(self._parts[-1].text + text)
            case PartEnded(part):
                self._parts.append(part)
            case UsageUpdated() if self._calls:
                self._calls[-1] = event
            case FailedOver():
                self.failovers.append(describe_failover(event))
            case Stopped() | Failed():
                self.end = event
            case _:
                pass

    def to_spoken(self) -> AssistantSpoke | None:
        """What was said as a whole, be the answer whole or not; None for nothing."""
        parts = self.spoken()
        return AssistantSpoke(parts, self.provider, self.model) if parts else None

    def spoken(self) -> tuple[Part, ...]:
        """The parts, the last of them as far as it came."""
        ended = sum(len(part.text) for part in self._parts if isinstance(part, Text))
        rest = self.answer[ended:]
        return (*self._parts, Text(rest)) if rest else tuple(self._parts)

    def sums(self) -> tuple[Usage, float | None]:
        """Tokens and money of all calls."""
        usage = Usage()
        for number, call in enumerate(self._calls):
            usage = call.usage if number == 0 else add_usage(usage, call.usage)
        costs = [call.cost_usd for call in self._calls]
        known = [cost for cost in costs if cost is not None]
        return usage, sum(known) if costs and len(known) == len(costs) else None


def describe_failover(event: FailedOver) -> Mapping[str, Any]:
    """A failover as a result tells it."""
    return {
        "from": event.from_provider, "to": event.to_provider, "reason": event.reason, "mid_answer": event.mid_answer,
    }  # fmt: skip


def add_usage(one: Usage, other: Usage) -> Usage:
    """The tokens of both; what one of them does not know, the sum does not either."""

    def total(first: int | None, second: int | None) -> int | None:
        return None if first is None or second is None else first + second

    return Usage(
        total(one.input_tokens, other.input_tokens),
        total(one.output_tokens, other.output_tokens),
        total(one.cache_read_tokens, other.cache_read_tokens),
        total(one.cache_write_tokens, other.cache_write_tokens),
        total(one.reasoning_tokens, other.reasoning_tokens),
    )
