"""Calls and their results brought together, as every vendor wants them; pure."""

from collections.abc import Sequence

from aiex.messages import CachePoint, Message, Part, ToolCall, ToolResult

NO_RESULT = "no result was recorded"
"""What the model reads for a call whose result is missing; an error result."""


def balanced(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with exactly one result for each call, in a `tool` message right after it.

    A result may have come late, or in a message of any role: it is moved behind its call, in the order of the calls.
    A missing one is invented as the error `NO_RESULT`; one without a call, or a second one, is dropped. What else stood
    in a message of results becomes a `user` message behind them, but for cache points, which stay with the results.
    Messages without parts are dropped. A call and its result share their id, which may occur again later.

    Cost: O(parts).
    """
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
