"""What was decided about a conversation that grew too long, and the conversation as it is sent with these decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from aiex.context.packing.talkparts import Place, left_out_document, left_out_result, match_calls
from aiex.messages import Document, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult

MARK_CHARS = 48
"""Of a text, for the digest."""
NOTE_TITLE = "[Notes on the work done at this point, in place of the messages]"


class Note(NamedTuple):
    """Words in the place of messages, the last not included."""

    first: int
    last: int
    text: str


class Clip(NamedTuple):
    """A result or document of which only the beginning and the end are sent."""

    place: Place
    chars: int


class Compaction(NamedTuple):
    """The decisions so far, by places in the whole conversation; keep them with it and pass them in again."""

    left_out: tuple[Place, ...] = ()
    """Results and documents without their text."""
    thoughts_before: int = 0
    """Messages before this are sent without thinking and without vendors' blocks."""
    notes: tuple[Note, ...] = ()
    """In the order of the conversation, none overlapping."""
    clips: tuple[Clip, ...] = ()
    reach: int = 0
    """Messages that the decisions rest on."""
    digest: str = ""
    """Of those messages: decisions about another conversation are not used."""

    def to_data(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "left_out": [list(place) for place in self.left_out],
            "thoughts_before": self.thoughts_before,
            "notes": [list(note) for note in self.notes],
            "clips": [[*clip.place, clip.chars] for clip in self.clips],
            "reach": self.reach,
            "digest": self.digest,
        }


def from_data(data: dict[str, Any]) -> Compaction:
    """Decisions from what `to_data` gave.

    Raises:
        KeyError, TypeError, ValueError: if the data is damaged.
    """
    return Compaction(
        tuple(Place(*place) for place in data["left_out"]),
        int(data["thoughts_before"]),
        tuple(Note(*note) for note in data["notes"]),
        tuple(Clip(Place(message, part), chars) for message, part, chars in data["clips"]),
        int(data["reach"]),
        str(data["digest"]),
    )


def digest_of(messages: Sequence[Message]) -> str:
    """A digest that tells conversations apart, of roles, kinds of parts, ids, lengths and beginnings of texts."""
    from hashlib import blake2b

    rows = [f"{message.role}\0{_mark_of(part)}" for message in messages for part in message.parts]
    return blake2b("\n".join(rows).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _mark_of(part: Part) -> str:
    match part:
        case Text(text) | Reasoning(text):
            return f"text\0{len(text)}\0{text[:MARK_CHARS]}"
        case ToolCall(id, name):
            return f"call\0{id}\0{name}"
        case ToolResult(id, text):
            return f"result\0{id}\0{len(text)}\0{text[:MARK_CHARS]}"
        case Document(title, _, text):
            return f"document\0{title}\0{len(text)}"
        case _:
            return type(part).__name__


def is_about(decided: Compaction, messages: Sequence[Message]) -> bool:
    """Whether decisions were made about the beginning of this conversation."""
    return decided.reach <= len(messages) and (
        not decided.reach or decided.digest == digest_of(messages[: decided.reach])
    )


def calls_by_result(messages: Sequence[Message]) -> dict[Place, Place]:
    """Where the call of each result stands."""
    return {pair.result: pair.call for pair in match_calls(messages) if pair.result}


def apply(
    decided: Compaction, messages: Sequence[Message], calls: Mapping[Place, Place] | None = None
) -> list[Message]:
    """The conversation as it is sent: depends on nothing but the decisions and the messages they are about.

    Args:
        calls: What `calls_by_result` gives, when it is known already.
    """
    if decided == Compaction():
        return list(messages)
    calls = calls_by_result(messages) if calls is None else calls
    touched = {place.message for place in (*decided.left_out, *(clip.place for clip in decided.clips))}
    left_out, clips = set(decided.left_out), dict(decided.clips)
    notes = {note.first: note for note in decided.notes}
    noted = {at for note in decided.notes for at in range(note.first, note.last)}
    sent: list[Message] = []
    at = 0
    while at < len(messages):
        if at in notes:
            sent.append(to_message(notes[at]))
            at = notes[at].last
            continue
        if at >= decided.thoughts_before and at not in touched and not decided.notes:
            sent.append(messages[at])
            at += 1
            continue
        parts: list[Part] = []
        for number, part in enumerate(messages[at].parts):
            place = Place(at, number)
            if at < decided.thoughts_before and isinstance(part, Reasoning | Opaque):
                continue
            if place in calls and calls[place].message in noted:
                continue
            if place in left_out:
                parts.append(_without_text(part, messages, calls.get(place)))
            else:
                parts.append(_clipped(part, clips[place]) if place in clips else part)
        if parts or not messages[at].parts:
            same = len(parts) == len(messages[at].parts) and tuple(parts) == messages[at].parts
            sent.append(messages[at] if same else Message(messages[at].role, tuple(parts)))
        at += 1
    return sent


def to_message(note: Note) -> Message:
    """A note as it is sent; a user's message, so that an answer of the model may follow it at every vendor."""
    return Message("user", (Text(f"{NOTE_TITLE}\n{note.text}"),))


def _without_text(part: Part, messages: Sequence[Message], call: Place | None) -> Part:
    match part:
        case ToolResult():
            asked = messages[call.message].parts[call.part] if call else None
            return left_out_result(asked if isinstance(asked, ToolCall) else ToolCall("", "call", {}), part)
        case Document():
            return left_out_document(part)
        case _:
            return part


def _clipped(part: Part, chars: int) -> Part:
    match part:
        case ToolResult():
            return replace(part, text=clip_text(part.text, chars))
        case Document():
            return replace(part, text=clip_text(part.text, chars))
        case _:
            return part


def clip_text(text: str, chars: int) -> str:
    """The beginning and the end of a text, with a mark between them that says how much is missing."""
    if len(text) <= chars:
        return text
    head, tail = chars * 2 // 3, chars - chars * 2 // 3
    return f"{text[:head]}\n[… {len(text) - chars} characters left out …]\n{text[len(text) - tail :]}"
