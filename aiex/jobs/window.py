"""What fills the window of the model: every piece with what it takes, and a summary in the place of old ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aiex.agent.answering import failed
from aiex.agent.compaction import CHARS_PER_TOKEN, UNKNOWN_WINDOW_TOKENS, size_of
from aiex.agent.kit import Kit
from aiex.errors import AiexError, UsageError
from aiex.events import Compacted, Noted, TurnEnded
from aiex.jobs.working import find_window, hire, require_model
from aiex.messages import Document, Image, Refusal, Text, ToolCall, ToolResult
from aiex.sessions.requests import conversation, message_of

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.jobs.working import Hirer
    from aiex.messages import Message
    from aiex.sessions.state import SessionState

Source = Literal["instructions", "tools", "files", "you", "model", "results", "summary"]
Agree = Callable[[Compacted], Awaitable[bool]]


class Piece(NamedTuple):
    """Something that every request carries."""

    seq: int
    """Of the event that recorded it; 0 for what is no message of the talk."""
    source: Source
    name: str
    """What it is, on one line."""
    tokens: int
    """About so many."""
    text: str
    is_pinned: bool = False
    is_left_out: bool = False


class Window(NamedTuple):
    """What the next request carries before anything new is said."""

    pieces: tuple[Piece, ...]
    window_tokens: int
    is_known: bool
    """Whether the catalogue knows the window; else it is taken to be `UNKNOWN_WINDOW_TOKENS`."""

    @property
    def tokens(self) -> int:
        """Of all pieces."""
        return sum(piece.tokens for piece in self.pieces)


def survey(hirer: Hirer) -> Window:
    """What fills the window now. Raises AiexError as `hire` does.

    Tokens are estimated from characters. Cost: that of making a request.
    """
    crew, _ = hire(Kit(hirer), hirer, hirer.budget)
    first = crew.composer.compose(_empty_state())
    pieces = [
        Piece(0, "instructions", "what is said first", size_of(message), _words_of(message))
        for message in first.messages
        if message.role == "system"
    ]
    for tool in first.tools:
        text = f"{tool.description}\n{json.dumps(tool.parameters)}"
        pieces.append(Piece(0, "tools", tool.name, int(len(text) / CHARS_PER_TOKEN), text))
    if hirer.recorder is not None:
        pieces += _said(hirer.recorder.state)
    known = find_window(hirer)
    return Window(tuple(pieces), known or UNKNOWN_WINDOW_TOKENS, known is not None)


def _empty_state() -> SessionState:
    from aiex.sessions.state import SessionState

    return SessionState()


def _said(state: SessionState) -> list[Piece]:
    names = _names_of_calls(state)
    said = {node.seq: node for node in state.chat.path() if node.kind not in ("pin", "drop")}
    pieces = []
    for entry in conversation(state):
        message = message_of(said[entry.seq]) if entry.is_left_out else entry.message
        source: Source
        if entry.is_summary:
            source, name = "summary", "summary of what was said before"
        elif message.role == "tool":
            calls = [part.call_id for part in message.parts if isinstance(part, ToolResult)]
            source, name = "results", ", ".join(names.get(call, "a call") for call in calls)
        elif any(isinstance(part, Document) for part in message.parts):
            source = "files"
            name = ", ".join(part.title for part in message.parts if isinstance(part, Document))
        else:
            source, name = ("you" if message.role == "user" else "model"), _first_words(message)
        pieces.append(
            Piece(entry.seq, source, name, size_of(entry.message), _words_of(message), entry.pinned, entry.is_left_out)
        )
    return pieces


def _names_of_calls(state: SessionState) -> dict[str, str]:
    found = {}
    for entry in conversation(state):
        for part in entry.message.parts:
            if isinstance(part, ToolCall):
                about = next((value for value in part.arguments.values() if isinstance(value, str)), "")
                found[part.id] = " ".join(f"{part.name} {about}".split())[:120]
    return found


def _first_words(message: Message) -> str:
    words = " ".join(_words_of(message).split())
    return words[:120] or "a call"


def _words_of(message: Message) -> str:
    return "\n\n".join(filter(None, map(_words, message.parts)))


def _words(part: Any) -> str:
    match part:
        case Text(text) | Refusal(text) | Document(_, _, text) | ToolResult(_, text):
            return str(text)
        case ToolCall(_, name, arguments):
            return f"{name} {json.dumps(dict(arguments), ensure_ascii=False, default=str)}"
        case Image(media_type):
            return f"(a picture, {media_type})"
        case _:
            return ""


async def compact(hirer: Hirer, agree: Agree) -> AsyncIterator[Event]:
    """Put a summary, written by the model, in the place of all but the last of the talk.

    Args:
        hirer: The services; their recorder has the talk.
        agree: Shown the summary before it counts; whether it may.
    """
    try:
        require_model(hirer)
        if hirer.recorder is None:
            raise UsageError("nothing was said yet that could be shortened")
        crew, _ = hire(Kit(hirer), hirer, hirer.budget)
    except AiexError as error:
        yield failed(error)
        return
    outcome: TurnEnded | None = None
    async with aclosing(crew.compaction.shorten(crew.conversation)) as events:
        async for event in events:
            if not isinstance(event, Compacted):
                yield event
            elif await agree(event):
                yield event
                outcome = TurnEnded("success", "compacted", 0, answer="The talk was shortened.")
            else:
                outcome = _leave("the talk stays as it is")
    outcome = outcome or _leave("there is too little to shorten")
    if outcome.subtype == "left":
        yield Noted(outcome.answer)
    yield outcome


def _leave(why: str) -> TurnEnded:
    return TurnEnded("success", "left", 0, answer=why)
