"""The parts of a conversation that belong together, what they weigh, and short words for what is taken out of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiex.context.packing.counting import Counts
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

MESSAGE_TOKENS = 8
"""What a vendor adds for a message, leaning upwards. Source: as for briefings, OpenAI cookbook, 3 to 4."""
IMAGE_TOKENS = 1_600
"""Of a picture of any size. Source: Anthropic's guide to vision, about 1,568 at most."""
ARGUMENT_CHARS = 80
PLACES = ("path", "file", "file_path", "filename", "target", "directory", "url")
"""Arguments of a tool call that say what it is about."""


class Place(NamedTuple):
    """Where a part stands: message and part, from 0."""

    message: int
    part: int


class Pair(NamedTuple):
    """A tool call and its result."""

    call: Place
    result: Place | None


def match_calls(messages: Sequence[Message]) -> list[Pair]:
    """Each call with its result, in the order of the calls; a result answers the latest open call with its id."""
    waiting: dict[str, list[Place]] = {}
    answers: dict[Place, Place] = {}
    calls: list[Place] = []
    for at, message in enumerate(messages):
        for number, part in enumerate(message.parts):
            if isinstance(part, ToolCall):
                calls.append(Place(at, number))
                waiting.setdefault(part.id, []).append(Place(at, number))
            elif isinstance(part, ToolResult) and waiting.get(part.call_id):
                open_calls = waiting[part.call_id]
                first = next(place for place in open_calls if place.message == open_calls[-1].message)
                open_calls.remove(first)
                answers[first] = Place(at, number)
    return [Pair(call, answers.get(call)) for call in calls]


def weigh(message: Message, counts: Counts, *, keep: bool = False) -> int:
    """Tokens of a message, leaning upwards.

    Args:
        keep: Remember them for the message itself, which comes again with the next request.
    """
    known = counts.weights.get(id(message))
    if known is not None and known[0] is message:
        return known[1]
    tokens = MESSAGE_TOKENS + sum(weigh_part(part, counts) for part in message.parts)
    if keep:
        counts.keep(message, tokens)
    return tokens


def weigh_part(part: Part, counts: Counts) -> int:
    """Tokens of one part with what stands around it."""
    match part:
        case Text(text) | Reasoning(text) | Refusal(text):
            return counts(text) + 2
        case ToolCall(_, name, arguments):
            return counts(f"{name} {_as_json(arguments)}") + 12
        case ToolResult(_, text, _, images):
            return counts(text) + 12 + IMAGE_TOKENS * len(images)
        case Document(title, media_type, text):
            return counts(text) + counts(f"{title} {media_type} {title}") + 16
        case Image():
            return IMAGE_TOKENS
        case Opaque(_, _, _, data):
            return counts(_as_json(data))
        case CachePoint():
            return 0


def subject_of(call: ToolCall) -> str:
    """What a call is about, such as the path of a file; empty when its arguments do not say."""
    for name in PLACES:
        value = call.arguments.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def describe_call(call: ToolCall) -> str:
    """A call on one short line: `read path=src/a.py`."""
    words = [call.name]
    for name, value in call.arguments.items():
        text = value if isinstance(value, str) else _as_json(value)
        line = " ".join(text.split())
        words.append(f"{name}={line[:ARGUMENT_CHARS]}…" if len(line) > ARGUMENT_CHARS else f"{name}={line}")
    line = " ".join(words)
    return line if len(line) <= 2 * ARGUMENT_CHARS else line[: 2 * ARGUMENT_CHARS] + "…"


def left_out_result(call: ToolCall, result: ToolResult) -> ToolResult:
    """The same result without its text: what it was, so that the model can ask again."""
    lines = result.text.count("\n") + 1
    images = f" and {len(result.images)} pictures" if result.images else ""
    text = f"[{lines} lines{images} left out to save room: {describe_call(call)}]"
    return ToolResult(result.call_id, text, result.is_error)


def left_out_document(document: Document) -> Document:
    """The same document without its text."""
    lines = document.text.count("\n") + 1
    return Document(document.title, document.media_type, f"[{lines} lines left out to save room]")


def extract_work(messages: Sequence[Message], most_lines: int) -> str:
    """What was done in messages, from their tool calls alone: what was read and changed, run, and what failed."""
    errors = {
        pair.call
        for pair in match_calls(messages)
        if pair.result and _is_error(messages[pair.result.message].parts[pair.result.part])
    }
    lines: dict[str, int] = {}
    for at, message in enumerate(messages):
        for number, part in enumerate(message.parts):
            if isinstance(part, ToolCall):
                line = describe_call(part) + (" (failed)" if Place(at, number) in errors else "")
                lines[line] = lines.pop(line, 0) + 1
    said = [text.strip() for text in _said(messages) if text.strip()]
    rows = [f"- {line}" + (f" ({times} times)" if times > 1 else "") for line, times in lines.items()]
    if len(rows) > most_lines:
        rows = [f"- {len(rows) - most_lines} earlier calls", *rows[-most_lines:]]
    if said:
        rows.append(f"Last words: {_clipped(said[-1])}")
    return "\n".join(rows) or "nothing but words"


def _said(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        if message.role == "assistant":
            yield from (part.text for part in message.parts if isinstance(part, Text))


def _clipped(text: str, chars: int = 240) -> str:
    return text if len(text) <= chars else text[:chars].rstrip() + "…"


def _is_error(part: Part) -> bool:
    return isinstance(part, ToolResult) and part.is_error


def _as_json(value: Mapping[str, Any] | Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)
