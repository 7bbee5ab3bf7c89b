"""Requests projected from the log: whatever happened in a session, what goes to a model is a legal conversation.

A log may end anywhere: in the middle of an answer, between a call and its result, before anybody spoke. The request
that is made of it begins with the user, ends with the user or a result, and has exactly one result for each call; a
result that was never recorded says so, and whether the call had begun. Blocks of vendors keep the names of those whom
they may go to; the protocols see to that.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex.jsonform import Malformed, form_of
from aiex.memo import Memo
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from aiex.pairing import balanced, settled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from aiex.messages import ToolDefinition
    from aiex.sessions.chat import Node
    from aiex.sessions.state import SessionState

NOT_RUN: Final = "The call was not run."
CUT_OFF: Final = (
    "The call was cut off before its result was recorded. It may have had effects: look before you repeat it."
)
FIRST: Final = "(The conversation begins with an answer.)"
GO_ON: Final = "Go on."
"""Stands behind an answer after which nobody asked anything."""
LEFT_OUT: Final = "[The person left out what was said here.]"
SUMMARY_TITLE: Final = "Summary of the conversation so far"

_ROLES: Final[Mapping[str, Role]] = {
    "user": "user", "summary": "user", "assistant": "assistant", "words": "assistant",
    "tool": "tool", "interrupted": "tool",
}  # fmt: skip
_SAID_BY: Final[Mapping[Role, tuple[type, ...]]] = {
    "user": (Text, Image, Document, Refusal, CachePoint),
    "assistant": (Text, Reasoning, ToolCall, Image, Document, Refusal, Opaque, CachePoint),
}


class Entry(NamedTuple):
    """A message of a conversation, with the event that recorded it."""

    seq: int
    message: Message
    pinned: bool = False
    is_summary: bool = False
    is_left_out: bool = False
    """A person left out what it says; the message is what a model sees in its place."""


def conversation(state: SessionState, *, at_seq: int | None = None) -> list[Entry]:
    """What was said as a model would see it, behind an event or now: behind rewinds, and as compaction left it.

    A result that no call waits for is among it, and a call may have no result yet. Cost: O(nodes), and parsing what
    was not parsed before.
    """
    path = state.chat.path(None if at_seq is None else state.chat.head_at(at_seq))
    return _entries(path)


def project_request(
    state: SessionState,
    *,
    model: str,
    system: Sequence[Part] = (),
    tools: Sequence[ToolDefinition] = (),
    at_seq: int | None = None,
    cache_key: str = "",
) -> Request:
    """The request that goes on with a session, legal for every vendor whatever its log holds.

    Args:
        model: Whom to ask.
        system: The first message; none when it is empty.
        at_seq: The conversation as it was behind this event; as it is when None.
        cache_key: As in `Request`. What else a request can say, `replace` adds.

    Cost: as `conversation`. While a session grows its requests begin alike, but for calls that get their results.
    """
    path = state.chat.path(None if at_seq is None else state.chat.head_at(at_seq))
    said, takes_turns = _project(path)
    if said and said[0].role != "user":
        said = (_user(FIRST), *said)
    if not takes_turns or not said or said[-1].role == "assistant":
        said = tuple(_taking_turns(said))
    first = (_SYSTEMS.get(parts, (), lambda: Message("system", parts)),) if (parts := tuple(system)) else ()
    return Request(model=model, messages=(*first, *said), tools=tuple(tools), cache_key=cache_key)


def _takes_turns(said: Sequence[Message]) -> bool:
    """Whether nobody answered twice."""
    return all(one.role != "assistant" or next_one.role != "assistant" for one, next_one in pairwise(said))


def _taking_turns(said: Sequence[Message]) -> Iterator[Message]:
    """The conversation with what was asked where nobody had said anything: between two answers, and at the end."""
    last: Role = "assistant"
    for at, message in enumerate(said):
        if at and message.role == last == "assistant":
            yield _user(GO_ON)
        yield message
        last = message.role
    if last == "assistant":
        yield _user(GO_ON)


@cache
def _user(words: str) -> Message:
    """The same for the same words: what goes on with a conversation is told by its very messages."""
    return Message("user", (Text(words),))


_SYSTEMS: Final[Memo[Message]] = Memo(most=16)


class _Grown(NamedTuple):
    """The last conversation whose calls all had their results, which mostly goes on in the next request."""

    nodes: int
    last: Node | None
    """Tells all that are before it."""
    said: tuple[Message, ...]
    takes_turns: bool


_EMPTY: Final = _Grown(0, None, (), True)
_GROWN: list[_Grown] = [_EMPTY]
_PLAIN: Final = frozenset({"user", "assistant", "words", "begun", "tool", "interrupted"})
"""Nodes that change nothing about those before them."""


def _project(path: list[Node]) -> tuple[tuple[Message, ...], bool]:
    """What was said, with one result for each call, and whether nobody answered twice.

    What was so in the last conversation is taken from there.
    """
    known = _GROWN[0]
    new = path[known.nodes :]
    goes_on = known.last is None or (known.nodes <= len(path) and path[known.nodes - 1] is known.last)
    if goes_on and _PLAIN.issuperset([node.kind for node in new]):
        right = settled([message for node in new if node.kind in _ROLES and (message := message_of(node)).parts])
    else:
        known = _EMPTY
        right = settled([entry.message for entry in _entries(path)])
    if right is None:
        said = _answered(_entries(path), _begun(path))
        return said, _takes_turns(said)
    said = (*known.said, *right)
    takes_turns = known.takes_turns and _takes_turns([*known.said[-1:], *right])
    _GROWN[0] = _Grown(len(path), path[-1] if path else None, said, takes_turns)
    return said, takes_turns


def message_of(node: Node) -> Message:
    """What a node says to a model; without parts where it says nothing. Parsed once, unless it is packed."""
    if node.message is not None:
        return node.message
    message = Message(_ROLES.get(node.kind, "user"), tuple(_read(node.kind, _fields_of(node))))
    if not node.is_packed:
        node.message = message
    return message


# --- what is in the conversation ------------------------------------------------------------------------------------


def _entries(path: Iterable[Node]) -> list[Entry]:
    path = list(path)
    pins, drops = _marked(path, "pin", "pinned"), _marked(path, "drop", "left_out")
    entries: list[Entry] = []
    for node in _needed(path, pins):
        if node.kind == "summary":
            entries = _compacted(entries, node)
        elif node.kind in _ROLES and (message := message_of(node)).parts:
            is_left_out = node.seq in drops
            said = _emptied(message) if is_left_out else message
            entries.append(Entry(node.seq, said, node.seq in pins, is_left_out=is_left_out))
    return entries


def _needed(path: list[Node], pins: Collection[int]) -> list[Node]:
    """The nodes without those that the last summary stands for; all of them where it may not stand for all before it.

    So what is packed is not read again with each summary.
    """
    summaries = [node for node in path if node.kind == "summary"]
    if not summaries:
        return path
    last, limit = summaries[-1], _limit_of(summaries[-1])
    if any(seq <= limit for seq in pins) or any(_limit_of(node) > limit for node in summaries):
        return path
    left = [node for node in path if node is last or (node.seq > limit and node.kind != "summary")]
    called: set[str] = set()
    for part in (part for node in left if node.kind in _ROLES for part in message_of(node).parts):
        if isinstance(part, ToolCall):
            called.add(part.id)
        elif isinstance(part, ToolResult) and part.call_id not in called:  # its call stays for it
            return path
    return left


def _limit_of(summary: Node) -> int:
    """The event up to which a summary stands for what was said."""
    upto = _fields_of(summary).get("upto_seq")
    return upto if type(upto) is int and 0 < upto < summary.seq else summary.seq


def _marked(path: Iterable[Node], kind: str, field: str) -> set[int]:
    """The events of the messages that nodes of a kind mark; the last one of each counts."""
    marked: set[int] = set()
    for node in path:
        if node.kind == kind:
            found = _fields_of(node)
            if type(seq := found.get("at_seq")) is int:
                (marked.add if found.get(field, True) else marked.discard)(seq)
    return marked


def _emptied(message: Message) -> Message:
    """The same message, as legal as before, without what it says; calls stay, what a vendor signed over words goes."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            parts.append(ToolResult(part.call_id, LEFT_OUT, part.is_error))
        elif isinstance(part, ToolCall):
            parts.append(part)
        elif isinstance(part, Opaque | Reasoning | CachePoint):
            continue
        elif not parts or parts[-1] != Text(LEFT_OUT):
            parts.append(Text(LEFT_OUT))
    return Message(message.role, tuple(parts))


def _compacted(entries: Sequence[Entry], node: Node) -> list[Entry]:
    """A summary in the place of what it stands for; pinned messages and calls whose results come later stay whole."""
    limit = _limit_of(node)
    groups = _groups(entries)
    kept = {group for group, entry in zip(groups, entries, strict=True) if entry.pinned or entry.seq > limit}
    left = [entry for group, entry in zip(groups, entries, strict=True) if group in kept]
    summary = [Entry(limit, message, is_summary=True)] if (message := message_of(node)).parts else []
    return [*summary, *left]


def _groups(entries: Sequence[Entry]) -> list[int]:
    """For each entry the number of its group: an answer and the results of its calls are one, any other its own."""
    owner: dict[str, int] = {}
    groups: list[int] = []
    for at, (_, message, *_) in enumerate(entries):
        group = at
        for part in message.parts:
            if isinstance(part, ToolCall):
                owner[part.id] = at
            elif isinstance(part, ToolResult):
                group = owner.get(part.call_id, at)
        groups.append(group)
    return groups


# --- one result for each call ---------------------------------------------------------------------------------------


def _begun(path: Iterable[Node]) -> Mapping[int, set[str]]:
    """The calls that began to run behind each answer, by the event of the answer."""
    begun: dict[int, set[str]] = {}
    answer = 0
    for node in path:
        if node.kind == "assistant":
            answer = node.seq
        elif node.kind == "begun":
            begun.setdefault(answer, set()).add(str(_fields_of(node).get("call_id")))
    return begun


def _answered(entries: Sequence[Entry], begun: Mapping[int, set[str]]) -> tuple[Message, ...]:
    """The conversation with one result for each call; one that was not recorded says whether the call had begun."""
    recorded = {id(part) for entry in entries for part in entry.message.parts if isinstance(part, ToolResult)}
    seq_of = {id(entry.message): entry.seq for entry in entries}
    said: list[Message] = []
    ran: set[str] = set()
    for message in balanced([entry.message for entry in entries]):
        if message.role != "tool":
            ran = begun.get(seq_of.get(id(message), 0), set())
            said.append(message)
        elif all(id(part) in recorded for part in message.parts):
            said.append(message)
        else:
            said.append(Message("tool", tuple(_told(part, recorded, ran) for part in message.parts)))
    return tuple(said)


def _told(part: Part, recorded: set[int], ran: set[str]) -> Part:
    if id(part) in recorded or not isinstance(part, ToolResult):
        return part
    return ToolResult(part.call_id, CUT_OFF if part.call_id in ran else NOT_RUN, is_error=True)


# --- parts of a node ------------------------------------------------------------------------------------------------


def _fields_of(node: Node) -> Mapping[str, Any]:
    try:
        found = json.loads(node.data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(kind: str, data: Mapping[str, Any]) -> Iterator[Part]:
    """The parts that the speaker of a node may have; none where they say nothing."""
    match kind:
        case "user" | "assistant":
            parts = [part for part in _read_parts(data.get("parts")) if isinstance(part, _SAID_BY[_ROLES[kind]])]
            yield from parts if any(map(_says_something, parts)) else ()
        case "words" if words := _text(data, "text"):
            yield Text(words)
        case "summary" if summary := _text(data, "summary"):
            yield Document(SUMMARY_TITLE, "text/markdown", summary)
        case "tool":
            images = tuple(_read_images(data.get("images")))
            yield ToolResult(_text(data, "call_id"), _text(data, "text"), data.get("is_error") is True, images)
        case "interrupted":
            calls = data.get("in_flight")
            for call in calls if isinstance(calls, list) else ():
                yield ToolResult(str(call), CUT_OFF, is_error=True)
        case _:
            return


def _read_parts(found: Any) -> Iterator[Part]:
    """Parts as they were recorded; an empty text for one of a later version, because blocks of vendors count parts."""
    form = form_of(Part)
    for data in found if isinstance(found, list) else ():
        try:
            yield form.read(data, "part")
        except Malformed:
            yield Text("")


def _read_images(found: Any) -> Iterator[Image]:
    form = form_of(Image)
    for data in found if isinstance(found, list) else ():
        with suppress(Malformed):
            yield form.read(data, "image")


def _says_something(part: Part) -> bool:
    match part:
        case Text(text) | Refusal(text) | Document(_, _, text):
            return bool(text.strip())
        case Reasoning() | CachePoint():
            return False
        case _:
            return True


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    return found if isinstance(found, str) else ""
