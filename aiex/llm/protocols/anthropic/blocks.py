"""One block of an answer while it arrives: what it says in our words, and itself as the vendor wants it back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiex.llm.calls import parse_arguments
from aiex.llm.wire import heal

Kind = Literal["text", "reasoning", "call", "other"]

_KINDS: Final[Mapping[str, Kind]] = {"text": "text", "thinking": "reasoning", "tool_use": "call"}
_FIELDS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Where a delta has its words."""
DELTAS: Final[Mapping[Kind, tuple[str, str]]] = {
    "text": ("text_delta", "text"), "reasoning": ("thinking_delta", "thinking")
}  # fmt: skip
"""Type and field of the deltas that bring the words of a block."""
_BLOCKS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "tool_use"}
"""What a delta belongs to when the start of its block was lost."""


@dataclass(slots=True)
class Block:
    """A block; `start` is what the vendor began it with."""

    start: dict[str, Any]
    index: int | None = None
    type: str = ""
    """The vendor's word for what it is."""
    kind: Kind = "other"
    """What it is to us."""
    id: str = ""
    """Of a call: ours, unique in the answer."""
    pieces: list[str] = field(default_factory=list)
    """Words that were given, or the arguments of a call."""
    unsaid: list[str] = field(default_factory=list)
    """Words whose turn has not come, because a block before this one is still open."""
    half: str = ""
    """The first half of a character that was escaped in two deltas."""
    signature: str | None = None
    citations: list[Any] = field(default_factory=list)
    closed: bool = False
    is_whole: bool = True
    """False when something of it was not understood; then it is not sent back."""

    @property
    def name(self) -> str:
        """The tool of a call; empty when it was not told."""
        name = self.start.get("name")
        return heal(name) if isinstance(name, str) else ""

    def is_begun_by(self, start: Mapping[str, Any]) -> bool:
        """Whether a call is told to begin once more; it is one call all the same."""
        return self.kind == "call" and bool(self.start.get("id")) and self.start.get("id") == start.get("id")

    def suits(self, delta_type: str) -> bool:
        """Whether such a delta can belong to it."""
        match delta_type:
            case "input_json_delta":
                return self.kind in ("call", "other")
            case "text_delta" | "citations_delta":
                return self.kind in ("text", "other")
            case "thinking_delta" | "signature_delta":
                return self.kind in ("reasoning", "other")
        return True

    def add(self, text: str, *, whole: bool = False) -> str:
        """Words fit to be shown; half a character at their end waits for the other half unless they are `whole`."""
        if self.half:
            text, self.half = self.half + text, ""
        if text and not whole and "\ud800" <= text[-1] <= "\udbff":
            text, self.half = text[:-1], text[-1]
        return heal(text)

    def arguments(self) -> dict[str, Any] | None:
        """The arguments of a call, strictly read; None when it is not whole."""
        return parse_arguments("".join(self.pieces) + self.half) if self.name else None

    def given_input(self) -> str:
        """The arguments that a call began with, as some servers do; empty for none."""
        given = self.start.get("input")
        if isinstance(given, dict):
            return json.dumps(given, ensure_ascii=False) if given else ""
        return given if isinstance(given, str) else ""

    def verbatim(self) -> dict[str, Any] | None:
        """The block as it is sent back; None when that cannot be."""
        if not self.is_whole or not self.type:
            return None
        words = "".join(self.pieces)
        match self.type:
            case "thinking":
                return {**self.start, "thinking": words, "signature": self._signature()}
            case "text":
                cited = {"citations": self.citations} if self.citations else {}
                return {**self.start, "text": words, **cited}
        return {**self.start, "input": self._input(words)} if self._has_input(words) else dict(self.start)

    def needs_replay(self, signs_thinking: bool) -> bool:
        """Whether words alone do not say what it says."""
        match self.type:
            case "text":
                return bool(self.citations)
            case "thinking":
                return bool(self._signature()) or not signs_thinking
            case "tool_use":
                caller = self.start.get("caller")
                direct = not isinstance(caller, dict) or caller.get("type") == "direct"
                return not direct or bool(self.start.get("toolset_name"))
        return True

    def _signature(self) -> str:
        given = self.start.get("signature")
        return self.signature if self.signature is not None else (given if isinstance(given, str) else "")

    def _has_input(self, words: str) -> bool:
        return bool(words) or "input" in self.start

    def _input(self, words: str) -> Any:
        return parse_arguments(words) if words.strip() else self.start.get("input") or {}

    def check(self) -> None:
        """Note whether the input of a block that runs at the vendor came whole."""
        if self.kind == "other" and self.pieces and parse_arguments("".join(self.pieces)) is None:
            self.is_whole = False


def begin_block(start: Mapping[str, Any], index: int | None) -> tuple[Block, str]:
    """A new block, and the words that it began with."""
    given = start.get("type")
    name = given if isinstance(given, str) else ""
    block = Block(dict(start), index, name, _KINDS.get(name, "other"))
    first = start.get({"text": "text", "reasoning": "thinking"}.get(block.kind, ""))
    cited = start.get("citations")
    if isinstance(cited, list):
        block.citations += cited
    return block, first if isinstance(first, str) else ""


def implied_start(delta_type: str) -> dict[str, Any] | None:
    """How the block of a delta would have begun, when its beginning was lost."""
    kind = _BLOCKS.get(delta_type)
    return None if kind is None else {"type": kind}


def words_of(delta: Mapping[str, Any]) -> str:
    """The words of a delta; JSON that is not text yet becomes text."""
    value = delta.get(_FIELDS.get(str(delta.get("type")), ""))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return value if isinstance(value, str) else ""
