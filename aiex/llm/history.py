"""A conversation made acceptable to vendors before it is encoded; pure, and the same for every protocol.

A session that was cut, edited, resumed or begun with another vendor breaks rules that all vendors have: each call has
exactly one result right after it, ids are unique and of a certain shape, and a signed block goes only to where it came
from. The order of use in an encoder:

    messages = balanced(request.messages)                 # calls and results in pairs: aiex/pairing.py
    messages = with_call_ids(messages, profile.tag)       # ids the vendor takes
    messages = turns(messages)                            # only where roles must alternate
    for message in messages:
        for part in native(message.parts, profile.tag):   # blocks of this vendor, words instead of those of others

Every function depends only on what stands before a message in what it makes of it, except that the last calls of a
conversation are answered once their results are there; so a growing conversation keeps its beginning byte for byte.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b

from aiex.messages import CachePoint, Document, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from aiex.patterns import late

Tag = tuple[str, str, str]
"""Provider, model and endpoint, as `Profile.tag`."""


# --- blocks ---------------------------------------------------------------------------------------------------------


def native(parts: Sequence[Part], tag: Tag) -> tuple[Part, ...]:
    """The parts as this vendor gets them: its own blocks instead of the parts they cover, and no block of another.

    A block covers the `covers` parts directly before it, up to the block before; cache points are not counted and stay.
    Of what a foreign block covers, thinking is dropped, because it is worth nothing without its signature; words and
    calls stay. Thinking that no block covers stays: whether it is sent is for the protocol to say.

    Use it behind `balanced`, since a call that a block stands for is not seen afterwards.
    """
    kept: list[Part] = []
    fresh = 0  # where the parts begin that no block before could cover
    for part in parts:
        if not isinstance(part, Opaque):
            kept.append(part)
            continue
        covered = _covered(kept, fresh, part.covers)
        own = (part.provider, part.model, part.endpoint) == tag
        gone = {at for at in covered if own or isinstance(kept[at], Reasoning)}
        kept = [old for at, old in enumerate(kept) if at not in gone]
        if own:
            kept.append(part)
        fresh = len(kept)
    return tuple(kept)


def _covered(kept: Sequence[Part], fresh: int, count: int) -> list[int]:
    """Where the last `count` parts are that a block at the end covers."""
    places = [at for at in range(fresh, len(kept)) if not isinstance(kept[at], CachePoint)]
    return places[len(places) - count :] if 0 < count < len(places) else (places if count > 0 else [])


# --- ids ------------------------------------------------------------------------------------------------------------

COMMON_IDS = late(r"[A-Za-z0-9_-]{1,64}")
"""Ids that every vendor but Mistral takes. Source: the API references of Anthropic and OpenAI, November 2026."""


def to_common_id(seed: str) -> str:
    """An id that fits `COMMON_IDS`, always the same for the same seed."""
    return f"call_{blake2b(seed.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"


def with_call_ids(
    messages: Sequence[Message],
    tag: Tag,
    *,
    fits: re.Pattern[str] = COMMON_IDS,
    make: Callable[[str], str] = to_common_id,
    taken: set[str] | None = None,
) -> tuple[Message, ...]:
    """A balanced conversation whose call ids fit, and are all different; a result has the id of its call.

    An id that fits and is new stays, as does one that a native block holds; any other becomes what `make` gives for it,
    a pure function whose ids fit. The same conversation always gets the same ids, and a longer one begins alike.

    Args:
        taken: The ids of what stands before these messages; those of the messages are added.
    """
    taken = set() if taken is None else taken
    renamed: list[Message] = []
    own: list[str] = []
    is_new = False
    for message in messages:
        if message.role == "tool":
            renamed.append(Message("tool", _rename_results(message.parts, own)) if is_new else message)
            continue
        ids = [part.id for part in message.parts if isinstance(part, ToolCall)]
        held = _held_ids(message.parts, tag) if ids else ()
        own = []
        for id in ids:
            own.append(id if id in held else _pick_id(id, taken, fits, make))
            taken.add(own[-1])
        is_new = own != ids
        renamed.append(Message(message.role, _rename_calls(message.parts, own)) if is_new else message)
    return tuple(renamed)


def _rename_calls(parts: Sequence[Part], ids: Sequence[str]) -> tuple[Part, ...]:
    fresh = iter(ids)
    return tuple(replace(part, id=next(fresh)) if isinstance(part, ToolCall) else part for part in parts)


def _rename_results(parts: Sequence[Part], ids: Sequence[str]) -> tuple[Part, ...]:
    fresh = iter(ids)
    return tuple(
        replace(part, call_id=own)
        if isinstance(part, ToolResult) and (own := next(fresh, part.call_id)) != part.call_id
        else part
        for part in parts
    )


def _held_ids(parts: Sequence[Part], tag: Tag) -> frozenset[str]:
    """Ids of calls that go to the vendor inside a block of its own."""
    if not any(isinstance(part, Opaque) for part in parts):
        return frozenset()
    left = {part.id for part in native(parts, tag) if isinstance(part, ToolCall)}
    return frozenset(part.id for part in parts if isinstance(part, ToolCall) and part.id not in left)


def _pick_id(wish: str, taken: set[str], fits: re.Pattern[str], make: Callable[[str], str]) -> str:
    if wish not in taken and fits.fullmatch(wish):
        return wish
    own, again = make(wish), 0
    while own in taken:
        again += 1
        own = make(f"{wish}\n{again}")
    return own


# --- roles ----------------------------------------------------------------------------------------------------------


def turns(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with neighbours of one role joined; results count as the user's, and become a `user` message."""
    joined: list[Message] = []
    for message in messages:
        role = "user" if message.role == "tool" else message.role
        if joined and joined[-1].role == role:
            joined[-1] = Message(role, (*joined[-1].parts, *message.parts))
        elif message.parts:
            joined.append(Message(role, message.parts))
    return tuple(joined)


def words_of(part: Part) -> str:
    """A part as words for the model: a document has its title around it; what is no words is empty."""
    match part:
        case Text(text) | Refusal(text):
            return text
        case Document(title, media_type, text):
            return f"[Document: {title} ({media_type})]\n\n{text}\n\n[End of document: {title}]"
        case _:
            return ""
