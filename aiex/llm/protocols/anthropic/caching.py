"""Where the vendor keeps the beginning of a request: at most four breakpoints.

The order at the vendor is tools, system, messages. A breakpoint finds an earlier one at most 20 blocks before it, so a
long history has marks on fixed places as well, which stay where they are while the conversation grows. Source:
platform.claude.com/docs/en/build-with-claude/prompt-caching, November 2026.
"""

from collections.abc import Sequence
from typing import Any, Final

MOST_POINTS: Final = 4
SPACING: Final = 16
"""Blocks between marks on fixed places; below the 20 that a breakpoint looks back."""
_MARKED: Final = ("text", "image", "tool_use", "tool_result")
"""Blocks that can carry a mark; thinking cannot."""
_MARK: Final = {"type": "ephemeral"}


def place_points(body: dict[str, Any], wished: Sequence[dict[str, Any]]) -> None:
    """Mark blocks of a body in place: the last one, the end of the system (or of the tools), wishes, fixed places.

    `wished` are blocks of the body, compared by identity, the latest last.
    """
    system, tools = body.get("system", []), body.get("tools", [])
    blocks = [block for message in body["messages"] for block in message["content"]]
    chosen: list[dict[str, Any]] = []
    for block in (
        *_last_marked(blocks, len(blocks)),
        *(system or tools)[-1:],
        *(block for block in reversed(wished) if block.get("type") in _MARKED),
        *_fixed(blocks),
        *tools[-1:],
    ):
        if len(chosen) < MOST_POINTS and not any(block is other for other in chosen):
            chosen.append(block)
    for block in chosen:
        block["cache_control"] = dict(_MARK)


def _fixed(blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Marks on every sixteenth block, the latest first."""
    ends = range(len(blocks) // SPACING * SPACING, 0, -SPACING)
    return [block for end in ends for block in _last_marked(blocks, end)]


def _last_marked(blocks: Sequence[dict[str, Any]], end: int) -> list[dict[str, Any]]:
    return next(([block] for block in reversed(blocks[:end]) if block["type"] in _MARKED), [])
