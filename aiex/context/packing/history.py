"""The shape of a conversation: its steps, what must stay, and what each tool result is worth."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from aiex.context.packing.counting import Counts
from aiex.context.packing.talkparts import Place, match_calls, subject_of, weigh_part
from aiex.messages import Document, Image, Message, Text, ToolCall, ToolResult

RECENT_STEPS = 3
"""The last steps, which stay as they are as long as anything else can go."""
LATEST_WORTH = 2.0
ERROR_WORTH = 2.0
MENTION_WORTH = 0.5
MOST_MENTIONS = 4
"""Added to the worth of 1 that every result has."""
LEAST_NAME_CHARS = 4
"""A shorter name is spoken of by chance."""


class Result(NamedTuple):
    """The answer to a call and what it is worth."""

    place: Place
    call: ToolCall
    tokens: int
    worth: float


def is_words(message: Message) -> bool:
    """Whether a message holds words or material of a user."""
    return message.role == "user" and any(isinstance(part, Text | Document | Image) for part in message.parts)


class History:
    """A conversation taken apart."""

    def __init__(self, messages: Sequence[Message], pinned: Callable[[Message], bool]) -> None:
        self.messages = messages
        self.pairs = match_calls(messages)
        self.pinned = frozenset(
            at for at, message in enumerate(messages) if message.role == "system" or pinned(message)
        )

    @cached_property
    def turn_from(self) -> int:
        """Where the last words of a user stand."""
        return max((at for at, message in enumerate(self.messages) if is_words(message)), default=len(self.messages))

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Answers of the model each with the results it asked for, and what stands between; the last not included."""
        ends: dict[int, int] = {}
        for pair in self.pairs:
            answer = pair.result.message if pair.result else pair.call.message
            low, high = sorted((pair.call.message, answer))
            ends[low] = max(ends.get(low, 0), high + 1)
        spans: list[tuple[int, int]] = []
        at = 0
        while at < len(self.messages):
            end, place = at + 1, at
            while place < end:
                end = max(end, ends.get(place, 0))
                place += 1
            spans.append((at, end))
            at = end
        return spans

    @cached_property
    def steps(self) -> list[tuple[int, int]]:
        """Those that may go: nothing in them is pinned or said by a user."""
        return [
            (first, last)
            for first, last in self.spans
            if not any(at in self.pinned or is_words(self.messages[at]) for at in range(first, last))
        ]

    @cached_property
    def recent_from(self) -> int:
        """Where the last few steps begin."""
        steps = self.steps[-RECENT_STEPS:]
        return steps[0][0] if steps else len(self.messages)

    @cached_property
    def last_from(self) -> int:
        """Where the last step begins."""
        return self.steps[-1][0] if self.steps else len(self.messages)

    def results(self, counts: Counts) -> list[Result]:
        """All results that may go, least worth per token first, the older first among equals."""
        rated = [self._rate(place, call, counts) for place, call in self._answered()]
        return sorted(rated, key=lambda result: (result.worth / max(result.tokens, 1), result.place))

    def _answered(self) -> Iterator[tuple[Place, ToolCall]]:
        for pair in self.pairs:
            call = self.messages[pair.call.message].parts[pair.call.part]
            stays = pair.call.message in self.pinned or (pair.result and pair.result.message in self.pinned)
            if pair.result and isinstance(call, ToolCall) and not stays:
                yield pair.result, call

    def _rate(self, place: Place, call: ToolCall, counts: Counts) -> Result:
        part = self.messages[place.message].parts[place.part]
        worth = 1.0
        subject = subject_of(call)
        if subject:
            if self._latest.get(subject) == place:
                worth += LATEST_WORTH
            worth += MENTION_WORTH * min(self._mentions_after(place.message, subject), MOST_MENTIONS)
        if isinstance(part, ToolResult) and part.is_error:
            worth += ERROR_WORTH
        return Result(place, call, weigh_part(part, counts), worth)

    @cached_property
    def _latest(self) -> dict[str, Place]:
        """The last result about each subject."""
        return {subject_of(call): place for place, call in self._answered()}

    def _mentions_after(self, at: int, subject: str) -> int:
        """In how many later messages the model speaks of something, by its last name."""
        name = subject.rstrip("/").rsplit("/", 1)[-1]
        if len(name) < LEAST_NAME_CHARS:
            return 0
        if name not in self._spoken:
            self._spoken[name] = [place for place, text in self._words if name in text]
        return sum(1 for place in self._spoken[name] if place > at)

    @cached_property
    def _spoken(self) -> dict[str, list[int]]:
        return {}

    @cached_property
    def _words(self) -> list[tuple[int, str]]:
        """What the model and the users wrote, by message."""
        return [
            (at, "\n".join(part.text for part in message.parts if isinstance(part, Text)))
            for at, message in enumerate(self.messages)
            if message.role != "system"
        ]
