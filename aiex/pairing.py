"""Calls and their results brought together, as every vendor wants them; pure."""

from collections.abc import Sequence
from typing import Final

from aiex.memo import Memo
from aiex.messages import CachePoint, Message, Part, ToolCall, ToolResult

NO_RESULT = "no result was recorded"
"""What the model reads for a call whose result is missing; an error result."""


def balanced(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with exactly one result for each call, in a `tool` message right after it.

    A result may have come late, or in a message of any role: it is moved behind its call, in the order of the calls.
    A missing one is invented as the error `NO_RESULT`; one without a call, or a second one, is dropped. What else stood
    in a message of results becomes a `user` message behind them, but for cache points, which stay with the results.
    Messages without parts are dropped. A call and its result share their id, which may occur again later.

    Messages that are right already come back as they are, and so does what is made of the same results.

    Cost: O(parts), 1 µs a message where calls have their results behind them already.
    """
    right = settled(messages)
    return _balance(messages) if right is None else tuple(right)


def settled(messages: Sequence[Message]) -> list[Message] | None:
    """What `balanced` gives, where all results of each call stand right behind it; None where it has more to do."""
    right: list[Message] = []
    at, end = 0, len(messages)
    while at < end:
        message = messages[at]
        if message.role == "tool" or not message.parts:
            return None
        calls: list[ToolCall] = []
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(part)
            elif isinstance(part, ToolResult):
                return None
        right.append(message)
        at += 1
        if not calls:
            continue
        first = at
        while at < end and messages[at].role == "tool":
            at += 1
        results = _join(calls, messages[first:at])
        if results is None:
            return None
        right.append(results)
    return right


def _join(calls: Sequence[ToolCall], messages: Sequence[Message]) -> Message | None:
    """The results of some calls in their order; None where there is anything else, too much or too little."""
    parts = messages[0].parts if len(messages) == 1 else tuple(part for one in messages for part in one.parts)
    found = {part.call_id: part for part in parts if isinstance(part, ToolResult)}
    ids = [call.id for call in calls]
    if not len(found) == len(parts) == len(ids) or found.keys() != set(ids):
        return None
    if len(messages) == 1 and list(found) == ids:
        return messages[0]
    ordered = tuple(map(found.__getitem__, ids))
    return _JOINED.get(ordered[0], ordered, lambda: Message("tool", ordered))


_JOINED: Final[Memo[Message]] = Memo()


def _balance(messages: Sequence[Message]) -> tuple[Message, ...]:
    results = _match(messages)
    balanced_messages: list[Message] = []
    for at, message in enumerate(messages):
        rest: tuple[Part, ...] = tuple(part for part in message.parts if not isinstance(part, ToolResult))
        if len(rest) < len(message.parts):
            rest = _leave_points(rest, balanced_messages)
        if rest:
            role = "user" if message.role == "tool" else message.role
            balanced_messages.append(message if rest == message.parts and role == message.role else Message(role, rest))
        calls = [part for part in rest if isinstance(part, ToolCall)]
        if calls:
            found = (results.get((at, n), ToolResult(call.id, NO_RESULT, True)) for n, call in enumerate(calls))
            balanced_messages.append(Message("tool", tuple(found)))
    return tuple(balanced_messages)


def _match(messages: Sequence[Message]) -> dict[tuple[int, int], ToolResult]:
    """The result of each call, by the call's message and its number there; the latest open call of an id gets it."""
    open_calls: dict[str, list[tuple[int, int]]] = {}
    results: dict[tuple[int, int], ToolResult] = {}
    for at, message in enumerate(messages):
        number = 0
        for part in message.parts:
            if isinstance(part, ToolCall):
                open_calls.setdefault(part.id, []).append((at, number))
                number += 1
            elif isinstance(part, ToolResult) and open_calls.get(part.call_id):
                waiting = open_calls[part.call_id]
                latest = next(place for place in waiting if place[0] == waiting[-1][0])
                waiting.remove(latest)
                results[latest] = part
    return results


def _leave_points(rest: tuple[Part, ...], before: list[Message]) -> tuple[Part, ...]:
    """Put the cache points that stood directly behind results to the results; what is left."""
    count = next((n for n, part in enumerate(rest) if not isinstance(part, CachePoint)), len(rest))
    if count and before and before[-1].role == "tool":
        before[-1] = Message("tool", (*before[-1].parts, *rest[:count]))
        return rest[count:]
    return rest
