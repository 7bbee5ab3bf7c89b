"""An answer while it arrives.

Blocks are known by their index, and words are given in the order in which the blocks began, though they may arrive
interleaved. Calls are given last and only when all of the answer is there; where a block of the vendor came after a
call, one more block at the end keeps the vendor's own order.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiex.errors import AiexError, Transient
from aiex.events import (
    PartEnded,
    ReasoningDelta,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    UsageUpdated,
)
from aiex.llm import failures, quickjson
from aiex.llm.protocols.anthropic import complaints
from aiex.llm.protocols.anthropic.blocks import DELTAS, Block, begin_block, implied_start, words_of
from aiex.llm.protocols.anthropic.quirks import quirks_of
from aiex.llm.protocols.anthropic.usage import to_usage
from aiex.llm.wire import Profile, heal
from aiex.messages import Opaque, Reasoning, Refusal, StopReason, Text, ToolCall, Usage

_STOPS: Final[Mapping[str, StopReason]] = {
    "end_turn": "end_turn",
    "stop_sequence": "stop_sequence",
    "max_tokens": "max_tokens",
    "tool_use": "tool_use",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_overflow",
}
"""Reasons of the vendor; any other is `other`."""
_CUTTING: Final = ("max_tokens", "refusal", "context_overflow")
"""After these a call may lack its end, even where it looks whole."""

_SPEAKING: Final = ("content_block_start", "content_block_delta", "message_delta")
"""Events that may say something; others may be anything."""

HINT_CUT: Final = "what was shown is incomplete; try again"


class MessagesDecoder:
    """One answer."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._signs = quirks_of(profile).signs_thinking
        self._blocks: list[Block] = []
        self._told = 0
        """How many blocks from the first on are done with, so that the next one may speak."""
        self._live: Block | None = None
        """The block that spoke last, while it is its turn."""
        self._id_base = "toolu"
        self._reason = ""
        self._refusal = ""
        self._counts: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """True after `message_stop`."""
        return self._ended

    @property
    def answered(self) -> bool:
        """True after a reason to stop, or the end of a message that said something."""
        return bool(self._reason) or (self._ended and bool(self._blocks))

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode the data of one event.

        Raises:
            AiexError: what the server reports; `Transient` when the event is not JSON, which a cut stream brings.
        """
        data = data.strip()
        if self._ended or not data:
            return []
        if data == "[DONE]":
            self._ended = True
            return []
        try:
            event = quickjson.parse(data)
        except (ValueError, RecursionError) as error:
            if self._reason or name == "ping":
                return []
            said = f"{self._who} sent an event that is not valid JSON"
            raise Transient(said, hint=HINT_CUT, kind="malformed") from error
        if not isinstance(event, dict):
            if name in _SPEAKING:
                raise Transient(f"{self._who} sent an event that is no JSON object", hint=HINT_CUT, kind="malformed")
            return []
        if self._live is not None and (spoken := self._go_on(self._live, event)) is not None:
            return spoken
        events: list[StreamEvent] = []
        self._take(_kind_of(name, event), event, events)
        return events

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object, though a stream was asked for."""
        try:
            value = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            said = f"{self._who} sent an answer that is not valid JSON"
            raise Transient(said, hint=HINT_CUT, kind="malformed") from error
        if not isinstance(value, dict) or not isinstance(value.get("content"), list):
            raise self._complain(value)
        events: list[StreamEvent] = []
        self._begin_answer(value)
        for at, start in enumerate(value["content"]):
            self._begin(at, start, events)
            self._close_at(at, events)
        self._take("message_delta", {"delta": value, "usage": value.get("usage")}, events)
        self._ended = True
        return events + self.end()

    def end(self) -> list[StreamEvent]:
        """The last parts and `Stopped`.

        Raises:
            Transient: if there was no reason to stop.
        """
        if not self.answered:
            if not self._blocks:
                raise Transient(f"{self._who} ended the stream without an answer", hint="try again")
            raise Transient(f"{self._who} ended the stream in the middle of the answer", hint=HINT_CUT)
        events: list[StreamEvent] = []
        for block in self._blocks:
            self._close(block, events)
        stop, given = self._conclude()
        events += self._finish(given)
        if self._refusal:
            events.append(PartEnded(Refusal(self._refusal)))
        return [*events, Stopped(stop)]

    @property
    def _who(self) -> str:
        return f"{self._profile.provider} ({self._profile.base_url})"

    def _complain(self, value: Any) -> AiexError:
        return complaints.explain(failures.read_value(0, value), self._profile)

    # --- events -----------------------------------------------------------------------------------------------------

    def _take(self, kind: str, event: dict[str, Any], events: list[StreamEvent]) -> None:
        match kind:
            case "content_block_delta":
                self._add(_index(event), _dict(event.get("delta")), events)
            case "content_block_start":
                self._begin(_index(event), event.get("content_block"), events)
            case "content_block_stop":
                self._close_at(_index(event), events)
            case "message_start":
                self._begin_answer(_dict(event.get("message")))
                self._count({**_dict(_dict(event.get("message")).get("usage")), "output_tokens": None}, events)
            case "message_delta":
                self._note_stop(_dict(event.get("delta")))
                self._count(_dict(event.get("usage")), events)
            case "message_stop":
                self._ended = True
            case "error":
                if not self._reason:
                    raise self._complain(event)

    def _begin_answer(self, message: dict[str, Any]) -> None:
        if isinstance(message.get("id"), str) and self._id_base == "toolu":
            from hashlib import blake2b

            digest = blake2b(message["id"].encode("utf-8", "replace"), digest_size=6)
            self._id_base = f"toolu_{digest.hexdigest()}"

    def _note_stop(self, delta: dict[str, Any]) -> None:
        reason, details = delta.get("stop_reason"), _dict(delta.get("stop_details"))
        if isinstance(reason, str) and reason:
            self._reason = reason
        if self._reason == "refusal":
            words = details.get("explanation") or details.get("category")
            self._refusal = heal(words) if isinstance(words, str) else ""

    def _count(self, counts: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take counts over; what is not told again stays."""
        self._counts.update({key: value for key, value in counts.items() if value is not None})
        usage = to_usage(self._counts)
        if self._counts and usage != self._usage:
            self._usage = usage
            events.append(UsageUpdated(usage))

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _begin(self, index: int | None, start: Any, events: list[StreamEvent]) -> None:
        if not isinstance(start, dict):
            return
        self._live = None
        block, first = begin_block(start, index)
        before = self._at(index) if index is not None else None
        if before is not None and not before.closed:
            if before.is_begun_by(start):
                return
            self._close(before, events)
        self._blocks.append(block)
        if block.kind == "call":
            block.id = self._own_id(block)
            if block.name:
                events.append(ToolCallStarted(block.id, block.name))
        self._say(block, first, events)

    def _add(self, index: int | None, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        kind = str(delta.get("type"))
        block = self._find(index, kind, events)
        if block is None:
            return
        match kind:
            case "text_delta" | "thinking_delta" | "input_json_delta":
                self._say(block, words_of(delta), events)
            case "signature_delta":
                signature = delta.get("signature")
                block.signature = signature if isinstance(signature, str) else block.signature
            case "citations_delta":
                block.citations += [delta["citation"]] if isinstance(delta.get("citation"), dict) else []
            case _:
                block.is_whole = False

    def _find(self, index: int | None, kind: str, events: list[StreamEvent]) -> Block | None:
        """The block of a delta: that of its index, else the last that is open, else one whose start was lost."""
        block = self._at(index)
        if block is not None and block.suits(kind) and not (block.closed and block.kind in ("text", "reasoning")):
            return block
        fallback = next((old for old in reversed(self._blocks) if not old.closed and old.suits(kind)), None)
        if fallback is not None or kind in ("signature_delta", "citations_delta"):
            return fallback
        start = implied_start(kind)
        if start is None:
            return None
        self._begin(index, start, events)
        return self._blocks[-1]

    def _at(self, index: int | None) -> Block | None:
        """The latest block with this index; the latest of all where there is none."""
        return next((block for block in reversed(self._blocks) if index is None or block.index == index), None)

    def _close_at(self, index: int | None, events: list[StreamEvent]) -> None:
        block = self._at(index)
        if block is not None:
            self._close(block, events)

    def _close(self, block: Block, events: list[StreamEvent]) -> None:
        if block.kind == "call" and not block.pieces and (given := block.given_input()):
            self._say(block, given, events)
        block.closed, self._live = True, None
        self._advance(events)

    def _go_on(self, block: Block, event: dict[str, Any]) -> list[StreamEvent] | None:
        """The next words of the block that is speaking, which nearly every event brings; None for any other event."""
        delta = event.get("delta")
        if event.get("type") != "content_block_delta" or event.get("index") != block.index or type(delta) is not dict:
            return None
        kind, field = DELTAS[block.kind]
        if delta.get("type") != kind or not isinstance(delta.get(field), str):
            return None
        text = block.add(delta[field])
        if not text:
            return []
        block.pieces.append(text)
        return [TextDelta(text) if block.kind == "text" else ReasoningDelta(text)]

    # --- words in order ---------------------------------------------------------------------------------------------

    def _say(self, block: Block, text: str, events: list[StreamEvent], *, whole: bool = False) -> None:
        """Add words to a block; they are given at once when its turn has come, which for a call is always."""
        text = block.add(text, whole=whole)
        if not text:
            return
        if block.kind == "call":
            block.pieces.append(text)
            if block.name:
                events.append(ToolCallDelta(block.id, text))
        elif block.kind == "other":
            block.pieces.append(text)
        elif self._is_next(block):
            self._live = None if whole else block
            block.pieces.append(text)
            events.append(TextDelta(text) if block.kind == "text" else ReasoningDelta(text))
        else:
            block.unsaid.append(text)

    def _is_next(self, block: Block) -> bool:
        """Whether every block before that has words is done with."""
        return next((old for old in self._blocks[self._told :] if old.kind != "call"), None) is block

    def _advance(self, events: list[StreamEvent]) -> None:
        """Give the blocks that are closed, in order, and let the first open one speak."""
        while self._told < len(self._blocks):
            block = self._blocks[self._told]
            if block.kind != "call":
                self._catch_up(block, events)
                if not block.closed:
                    return
                self._give(block, events)
            self._told += 1

    def _catch_up(self, block: Block, events: list[StreamEvent]) -> None:
        waiting, block.unsaid = "".join(block.unsaid), []
        if waiting:
            block.pieces.append(waiting)
            events.append(TextDelta(waiting) if block.kind == "text" else ReasoningDelta(waiting))
        if block.closed:
            self._say(block, "", events, whole=True)

    def _give(self, block: Block, events: list[StreamEvent]) -> None:
        """The part that a closed block is, and the block itself where it has to go back as it is."""
        block.check()
        words = "".join(block.pieces)
        covers = 0
        if words and block.kind in ("text", "reasoning"):
            events.append(PartEnded(Text(words) if block.kind == "text" else Reasoning(words)))
            covers = 1
        in_place = not self._comes_after_a_call(block) and block.needs_replay(self._signs)
        if in_place and (data := block.verbatim()) is not None:
            events.append(PartEnded(self._opaque(data, covers)))

    def _comes_after_a_call(self, block: Block) -> bool:
        first = next((at for at, old in enumerate(self._blocks) if old.kind == "call"), len(self._blocks))
        return any(old is block for old in self._blocks[first:])

    def _opaque(self, data: Mapping[str, Any], covers: int) -> Opaque:
        return Opaque(*self._profile.tag, data=data, covers=covers)

    # --- calls ------------------------------------------------------------------------------------------------------

    def _own_id(self, block: Block) -> str:
        wish = block.start.get("id")
        taken = {old.id for old in self._blocks if old is not block}
        number = sum(old.kind == "call" for old in self._blocks)
        own = heal(wish) if isinstance(wish, str) and wish else f"{self._id_base}_{number}"
        if own in taken:
            own = f"{self._id_base}_{number}"
        while own in taken:
            own += "_"
        return own

    def _conclude(self) -> tuple[StopReason, list[tuple[Block, ToolCall]]]:
        """Why it stopped and the calls that may be given away: the presence of calls outweighs the stated reason."""
        stop: StopReason = _STOPS.get(self._reason, "other") if self._reason else "end_turn"
        if stop in _CUTTING:
            return stop, []
        calls = [block for block in self._blocks if block.kind == "call"]
        parsed = [(block, block.arguments()) for block in calls if block.name]
        given = [
            (block, ToolCall(block.id, block.name, arguments)) for block, arguments in parsed if arguments is not None
        ]
        if calls:
            return ("tool_use" if len(given) == len(calls) else "malformed_tool_call"), given
        return ("malformed_tool_call" if stop == "tool_use" else stop), []

    def _finish(self, given: Sequence[tuple[Block, ToolCall]]) -> list[StreamEvent]:
        """The calls, and behind them all blocks from the first call on where calls alone would lose their order."""
        events: list[StreamEvent] = [PartEnded(call) for _, call in given]
        first = next((at for at, block in enumerate(self._blocks) if block.kind == "call"), len(self._blocks))
        tail = self._blocks[first:]
        arguments = {id(block): call for block, call in given}
        if not any(block.needs_replay(self._signs) or block.kind != "call" for block in tail):
            return events
        blocks = [
            data for block in tail if (data := _replayed(block, arguments.get(id(block)), self._signs)) is not None
        ]
        spoken = sum(block.kind in ("text", "reasoning") and bool(block.pieces) for block in tail)
        if blocks:
            events.append(PartEnded(self._opaque({"blocks": blocks}, spoken + len(given))))
        return events


def _replayed(block: Block, call: ToolCall | None, signs: bool) -> dict[str, Any] | None:
    """A block behind the first call as it goes back; None for one that does not."""
    if block.kind == "call":
        if call is None:
            return None
        return {**block.start, "id": call.id, "input": dict(call.arguments)}
    if block.kind == "text":
        return block.verbatim() if "".join(block.pieces).strip() else None
    return block.verbatim() if block.needs_replay(signs) else None


def _kind_of(name: str, event: Mapping[str, Any]) -> str:
    """What an event is: its `type`, else its name; an object with nothing but an error is one."""
    kind = event.get("type")
    if name == "error" or (not kind and not name and event.get("error")):
        return "error"
    return kind if isinstance(kind, str) and kind else name


def _index(event: dict[str, Any]) -> int | None:
    index = event.get("index")
    return index if type(index) is int else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
