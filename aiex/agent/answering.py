"""Listens to a model's answer: passes its events on and adds up what the whole of it was and cost."""

from collections.abc import AsyncIterator, Callable, Mapping
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
from aiex.messages import Part, Request, Text, Usage

Stream = Callable[[Request], AsyncIterator[Event]]
_GOOD_ENDS = ("end_turn", "stop_sequence", "max_tokens")


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


async def listen(stream: Stream, request: Request, *, advice: str) -> AsyncIterator[Event | Outcome]:
    """The events of an answer as they come; the last item is the `Outcome`.

    Args:
        advice: What a person can do when the answer was cut at the model's limit.
    """
    tally = _Tally()
    end: Stopped | Failed | None = None
    try:
        async with aclosing(cast("Any", stream(request))) as events:
            async for event in events:
                tally.note(event)
                if isinstance(event, Stopped | Failed):
                    end = event
                yield event
    except AiexError as error:
        end = _to_failed(error)
    if parts := tally.spoken():
        yield AssistantSpoke(parts, tally.provider, tally.model)
    failure = _judge(end, tally.answer, request)
    if isinstance(end, Stopped) and failure is None and end.reason == "max_tokens":
        yield Warned("the answer was cut at the model's limit for output", advice)
    yield Outcome(tally.answer, failure, *tally.sums(), tuple(tally.failovers))


def not_asked(error: AiexError) -> Outcome:
    """What came of a request that was not sent."""
    return Outcome("", _to_failed(error), Usage(), None, ())


def _to_failed(error: AiexError) -> Failed:
    return Failed(type(error).__name__, error.message, error.hint, error.exit_code)


def failed(error: AiexError) -> TurnEnded:
    """The last event when nothing could be asked."""
    return TurnEnded("error", type(error).__name__, error.exit_code, error=error.message, hint=error.hint)


def _judge(end: Stopped | Failed | None, answer: str, request: Request) -> Failed | None:
    if isinstance(end, Failed):
        return end
    if end is None:
        return Failed("Transient", "the answer ended without its end mark", "try again", 75)
    if end.reason not in _GOOD_ENDS:
        return Failed(
            "Rejected", f"{request.model} stopped with {end.reason}", "ask in other words, or another model", 1
        )
    if not answer.strip():
        return Failed("Rejected", f"{request.model} gave an empty answer", "try again, or another model", 1)
    return None


class _Tally:
    """What was said, by whom, and the counts of each call."""

    def __init__(self) -> None:
        self.provider = self.model = ""
        self._parts: list[Part] = []
        self.failovers: list[Mapping[str, Any]] = []
        self._pieces: list[str] = []
        self._calls: list[UsageUpdated] = []

    @property
    def answer(self) -> str:
        return "".join(self._pieces)

    def note(self, event: Event) -> None:
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
                self.failovers.append(
                    {
                        "from": event.from_provider,
                        "to": event.to_provider,
                        "reason": event.reason,
                        "mid_answer": event.mid_answer,
                    }
                )
            case _:
                pass

    def spoken(self) -> tuple[Part, ...]:
        """The parts, the last of them as far as it came."""
        ended = sum(len(part.text) for part in self._parts if isinstance(part, Text))
        rest = self.answer[ended:]
        return (*self._parts, Text(rest)) if rest else tuple(self._parts)

    def sums(self) -> tuple[Usage, float | None]:
        """Tokens and money of all calls."""
        usage = Usage()
        for number, call in enumerate(self._calls):
            usage = call.usage if number == 0 else _add(usage, call.usage)
        costs = [call.cost_usd for call in self._calls]
        known = [cost for cost in costs if cost is not None]
        return usage, sum(known) if costs and len(known) == len(costs) else None


def _add(one: Usage, other: Usage) -> Usage:
    def total(first: int | None, second: int | None) -> int | None:
        return None if first is None or second is None else first + second

    return Usage(
        total(one.input_tokens, other.input_tokens),
        total(one.output_tokens, other.output_tokens),
        total(one.cache_read_tokens, other.cache_read_tokens),
        total(one.cache_write_tokens, other.cache_write_tokens),
        total(one.reasoning_tokens, other.reasoning_tokens),
    )
