"""Shortens a conversation before it outgrows the model's window: a summary stands for what is older.

What a person pinned stays word for word, nothing is removed from the log, and going back before the event `Compacted`
brings the whole conversation back.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aiex.agent.answering import Heard, hear
from aiex.agent.bills import Bills
from aiex.agent.composer import load_words
from aiex.events import (
    AssistantSpoke,
    Compacted,
    PartEnded,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    UsageUpdated,
    Warned,
)
from aiex.messages import Document, Message, Text, ToolCall, ToolResult
from aiex.sessions.requests import Entry, conversation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from aiex.agent.answering import Stream
    from aiex.agent.composer import Composer
    from aiex.events import Event
    from aiex.messages import Request, Usage
    from aiex.sessions.state import SessionState

LEAST_WINDOW_TOKENS: Final = 24_000
"""No conversation below this is shortened before a vendor says that it is too long, so the window is not looked up."""
UNKNOWN_WINDOW_TOKENS: Final = 128_000
FULL_AT: Final = 0.8
"""Of the window: the rest is for the answer and the next results."""
KEPT: Final = 0.25
"""Of the window: what was said last stays word for word."""
MOST_OVERFLOWS: Final = 2
CHARS_PER_TOKEN: Final = 3.5
"""For code; that it is no more exact costs nothing but an early or late summary."""
_UNHEARD: Final = (
    AssistantSpoke, TextDelta, ReasoningDelta, ToolCallStarted, ToolCallDelta, PartEnded, Started, UsageUpdated,
    Stopped,
)  # fmt: skip


class Compaction:
    """Of one loop.

    Args:
        composer: Makes the request for the summary, which begins as all others.
        stream: Asks the model.
        window: The model's window in tokens; None where it is not known.
    """

    def __init__(self, composer: Composer, stream: Stream, window: Callable[[], int | None]) -> None:
        self._composer = composer
        self._stream = stream
        self._find_window = window
        self._window: int | None = None
        self._used_tokens: int | None = None
        self._overflows = 0

    @property
    def window_tokens(self) -> int:
        """How much the model takes."""
        if self._window is None:
            self._window = self._find_window() or UNKNOWN_WINDOW_TOKENS
        return self._window

    def note(self, usage: Usage) -> None:
        """What the last answer took, as the vendor counted it."""
        if usage.input_tokens is not None:
            self._used_tokens = usage.input_tokens + (usage.output_tokens or 0)

    def may_try(self) -> bool:
        """Whether a conversation that was too long may be shortened once more."""
        self._overflows += 1
        return self._overflows <= MOST_OVERFLOWS

    def is_due(self, state_of: Callable[[], SessionState]) -> bool:
        """Whether the conversation is nearly as long as the window."""
        used = self._used_tokens
        if used is None:  # nobody has counted: the conversation was begun by others
            used = sum(map(size_of, self._composer.compose(state_of()).messages))
        return used >= LEAST_WINDOW_TOKENS and used >= FULL_AT * self.window_tokens

    async def shorten(self, state_of: Callable[[], SessionState]) -> AsyncGenerator[Event, None]:
        """Put a summary in the place of all but the last; where there is nothing to shorten, nothing happens."""
        state = state_of()
        entries = conversation(state)
        upto = choose_cut(entries, int(KEPT * self.window_tokens))
        if upto is None:
            return
        before = sum(size_of(entry.message) for entry in entries)
        kept = sum(size_of(entry.message) for entry in entries if entry.seq > upto or entry.pinned)
        summary, bills = "", Bills()
        async with aclosing(hear(self._stream, self._request(state, upto))) as events:
            async for told in events:
                if isinstance(told, Heard):
                    summary = told.answer.strip() if told.reason == "end_turn" else ""
                    continue
                if used := bills.note(told):
                    yield used
                if not isinstance(told, _UNHEARD):
                    yield told
        if used := bills.close():
            yield used
        if not summary:
            yield Warned("the model wrote no summary, so a list of what was said and done takes its place")
            summary = list_what_happened([entry for entry in entries if entry.seq <= upto])
        self._used_tokens = kept + len(summary) // 4
        yield Compacted(before, self._used_tokens, summary, upto)

    def _request(self, state: SessionState, upto: int) -> Request:
        request = self._composer.compose(state, at_seq=upto)
        wish = Message("user", (Text(load_words("summary")),))
        return replace(request, messages=(*request.messages, wish), tool_choice="none")


def choose_cut(entries: Sequence[Entry], kept_tokens: int) -> int | None:
    """The event up to which a summary stands for what was said; None where there is too little before the end.

    The cut is in front of an answer of the model or words of the person, never between a call and its result.
    """
    tokens = 0
    at = len(entries)
    while at > 0 and tokens + size_of(entries[at - 1].message) <= kept_tokens:
        at -= 1
        tokens += size_of(entries[at].message)
    while at < len(entries) and entries[at].message.role == "tool":
        at += 1
    if at == 0:
        at = len(entries) // 2
        while 0 < at < len(entries) and entries[at].message.role == "tool":
            at += 1
    if at < 2:
        return None
    return entries[at - 1].seq


def size_of(message: Message) -> int:
    """About how many tokens a message takes."""
    chars = 0
    for part in message.parts:
        match part:
            case ToolCall(_, name, arguments):
                chars += len(name) + len(str(arguments))
            case ToolResult(_, text) | Document(_, _, text):
                chars += len(text)
            case _:
                chars += len(getattr(part, "text", ""))
    return int(chars / CHARS_PER_TOKEN) + 4


def list_what_happened(entries: Sequence[Entry]) -> str:
    """A summary without a model: what people and the model said, shortened, and which calls ran."""
    rows: list[str] = []
    for entry in entries:
        for part in entry.message.parts:
            match part:
                case Text(text) if text.strip():
                    who = "person" if entry.message.role == "user" else "assistant"
                    rows.append(f"- {who}: {_shorten(text, 600)}")
                case Document(title, _, text):
                    rows.append(f"- {title}: {_shorten(text, 2_000)}")
                case ToolCall(_, name, arguments):
                    rows.append(f"- call {name} {_shorten(str(dict(arguments)), 160)}")
                case _:
                    pass
    head = rows[:10]
    tail = rows[10:][-60:]
    left_out = len(rows) - len(head) - len(tail)
    return "\n".join([*head, *([f"- … {left_out} more"] if left_out else []), *tail])


def _shorten(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"
