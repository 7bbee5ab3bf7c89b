"""What of a conversation is sent again, and which result answers which call.

Each call has exactly one result, under an id that the server takes.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from aiex.llm.wire import Profile
from aiex.messages import Message, Opaque, Part, ToolCall, ToolResult

Item = dict[str, Any]
_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Pairing:
    """The calls and results of one conversation; ask in the order of the conversation."""

    def __init__(self, messages: Sequence[Message], profile: Profile) -> None:
        self._profile = profile
        self._results: dict[tuple[int, str], list[ToolResult]] = {}
        self._used: set[str] = set()
        self._match(messages)

    def result(self, key: tuple[int, int], call_id: str) -> ToolResult | None:
        """The next result for a call with this id in the message `key[0]`; None if there is none."""
        waiting = self._results.get((key[0], call_id))
        return waiting.pop(0) if waiting else None

    def wire_id(self, call_id: str) -> str:
        """The id under which the next call and its result are sent: the same where it is legal and not used yet."""
        sent = call_id if _LEGAL_ID.fullmatch(call_id) else _hash(call_id)
        count = 0
        while sent in self._used:
            count += 1
            sent = _hash(f"{call_id}\0{count}")
        self._used.add(sent)
        return sent

    def _match(self, messages: Sequence[Message]) -> None:
        """Give each result to the last answer before it that called by that id and has a call open."""
        open_calls: dict[str, tuple[int, int]] = {}
        for place, message in enumerate(messages):
            if message.role == "assistant":
                for call_id, count in self._count_calls(message).items():
                    open_calls[call_id] = place, count
                continue
            for part in message.parts:
                if isinstance(part, ToolResult) and part.call_id in open_calls:
                    asked, count = open_calls[part.call_id]
                    self._results.setdefault((asked, part.call_id), []).append(part)
                    if count == 1:
                        del open_calls[part.call_id]
                    else:
                        open_calls[part.call_id] = asked, count - 1

    def _count_calls(self, message: Message) -> dict[str, int]:
        counts: dict[str, int] = {}
        for _, part in remaining(message.parts, self._profile):
            ids = [part.id] if isinstance(part, ToolCall) else []
            if isinstance(part, Opaque):
                ids = [str(item["call_id"]) for item in read_items(part.data) if "call_id" in item]
            for call_id in ids:
                counts[call_id] = counts.get(call_id, 0) + 1
        return counts


def _hash(text: str) -> str:
    return "call_" + blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()


def remaining(parts: Sequence[Part], profile: Profile) -> list[tuple[int, Part]]:
    """The parts that are sent, with their places: blocks from elsewhere go, and so does what our own blocks cover."""
    covered: set[int] = set()
    for number, part in enumerate(parts):
        if isinstance(part, Opaque):
            if _is_own(part, profile):
                covered.update(range(number - min(part.covers, number), number))
            else:
                covered.add(number)
    return [(number, part) for number, part in enumerate(parts) if number not in covered]


def _is_own(block: Opaque, profile: Profile) -> bool:
    return (block.provider, block.model, block.endpoint) == profile.tag


def read_items(data: Mapping[str, Any]) -> list[Item]:
    """The items in a kept block: one, or a whole answer of them."""
    output = data.get("output")
    if "type" not in data and isinstance(output, list | tuple):
        return [dict(item) for item in output if isinstance(item, Mapping)]
    return [dict(data)]
