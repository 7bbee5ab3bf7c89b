"""What an answer is made of: parts as they are said, calls and blocks to be sent back, each in its order.

Calls are given at the end, when the answer is known to be whole. An item that goes back word for word stands behind the
parts that say the same; when items came in an order that this cannot tell, one block holds all that follow.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Any

from aiex.events import PartEnded, ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta, ToolCallStarted
from aiex.llm.protocols.openai_responses.items import Call, Item, Register, Words, to_arguments, to_text
from aiex.llm.wire import Profile
from aiex.messages import Opaque, Part, Reasoning, Refusal, Text, ToolCall

KINDS = {"output_text": "text", "text": "text", "refusal": "refusal"}
"""What the parts of a message are; others, such as sound, are not shown."""
_CALLS = ("function_call", "custom_tool_call")
_RUN_BY_US = (
    "computer_call", "local_shell_call", "shell_call", "apply_patch_call", "mcp_approval_request",
    "function_call_output", "custom_tool_call_output",
)  # fmt: skip
"""Items that want an answer nobody here gives, because those tools are never offered; they are not sent back."""


@dataclass(slots=True)
class _Open:
    """The part whose words come now."""

    item: Item
    words: Words
    start: int
    """How many pieces of the words belong to parts before."""


class Answer:
    """One answer in the making; methods add what they bring about to `events`."""

    def __init__(self, profile: Profile) -> None:
        self.register = Register()
        self._profile = profile
        self._open: _Open | None = None
        self._given = 0
        """Parts given so far."""
        self._fresh = 0
        """Parts given when the last block was."""
        self._called = False
        self._bound = False
        """A reasoning item was kept, so what follows it goes back word for word as well."""
        self._tangled = False
        """Items came in an order that separate blocks cannot tell."""
        self._late: list[Item] = []
        """What is given at the end, in its order: calls, and blocks that follow them."""
        self._id_base = "call"

    @property
    def is_refused(self) -> bool:
        """Whether the model declined."""
        every = (words for item in self.register.all for words in item.words.values())
        return any(words.kind == "refusal" and words.shown for words in every)

    def name_base(self, answer_id: Any) -> None:
        """Let invented ids of calls differ from answer to answer."""
        if isinstance(answer_id, str) and self._id_base == "call":
            self._id_base = "call_" + blake2b(answer_id.encode("utf-8", "replace"), digest_size=6).hexdigest()

    # --- words ------------------------------------------------------------------------------------------------------

    def complete(self, item: Item, channel: str, index: int, kind: str, whole: Any, events: list[StreamEvent]) -> None:
        """Show what the deltas left out of a part."""
        if item.done or not isinstance(whole, str):
            return
        words = item.part(channel, index, kind)
        self.say(item, words, words.complete(whole), events)

    def go_on(self, words: Words, text: str) -> list[StreamEvent] | None:
        """The same as `say` for plain words of the part that is open, in fewer steps; None when it is not so simple."""
        if self._open is None or self._open.words is not words or words.half or not text.isascii():
            return None
        words.shown.append(text)
        if words.kind == "text":
            return [TextDelta(text)]
        return [ReasoningDelta(text)] if words.kind == "thought" else []

    def say(self, item: Item, words: Words, text: str, events: list[StreamEvent]) -> None:
        if not text:
            return
        if self._open is None or self._open.words is not words:
            self._close(events)
            self._open = _Open(item, words, len(words.shown) - 1)
        if words.kind == "text":
            events.append(TextDelta(text))
        elif words.kind == "thought":
            events.append(ReasoningDelta(text))

    def _close(self, events: list[StreamEvent]) -> None:
        """End the part that is open."""
        if self._open is None:
            return
        text, kind = "".join(self._open.words.shown[self._open.start :]), self._open.words.kind
        self._open.item.places.append(self._given)
        self._open = None
        self._give(Text(text) if kind == "text" else Reasoning(text) if kind == "thought" else Refusal(text), events)

    def _give(self, part: Part, events: list[StreamEvent]) -> None:
        self._given += 1
        events.append(PartEnded(part))

    def _flush(self, item: Item, events: list[StreamEvent]) -> None:
        """Show what was held back for the rest of a character."""
        for words in item.words.values():
            if words.half:
                self.say(item, words, words.finish(), events)

    # --- items ------------------------------------------------------------------------------------------------------

    def begin(self, item: Item, data: Mapping[str, Any], events: list[StreamEvent]) -> None:
        """An item was announced."""
        item.announced = True
        if item.kind in _CALLS:
            call = self._name_call(item, data, events)
            call.early = call.early or to_arguments(data.get("arguments"))

    def finish(self, item: Item, data: Mapping[str, Any], events: list[StreamEvent]) -> None:
        """An item is complete, word for word."""
        if item.done:
            return
        if item.kind in _CALLS:
            self._finish_call(item, data, events)
        elif item.kind == "message":
            self._finish_words(item, "content", data.get("content"), events)
        elif item.kind == "reasoning":
            self._finish_words(item, "summary", data.get("summary"), events)
            self._finish_words(item, "content", data.get("content"), events)
        item.done, item.data = True, data
        self._flush(item, events)
        if self._open is not None and self._open.item is item:
            self._close(events)
        if item.kind not in _CALLS:
            self._keep(item, events)

    def _finish_words(self, item: Item, channel: str, content: Any, events: list[StreamEvent]) -> None:
        for index, part in enumerate(content if isinstance(content, list) else ()):
            kind = KINDS.get(to_text(part.get("type"))) if isinstance(part, dict) else None
            if isinstance(part, dict) and item.kind == "reasoning":
                self.complete(item, channel, index, "thought", part.get("text"), events)
            elif isinstance(part, dict) and kind:
                self.complete(item, channel, index, kind, part.get(kind), events)

    def _keep(self, item: Item, events: list[StreamEvent]) -> None:
        """Give the item as a block to be sent back, behind the parts that say the same."""
        if not self._is_worth_keeping(item):
            return
        self._bound = self._bound or item.kind == "reasoning"
        count = len(item.places)
        together = item.places == list(range(self._given - count, self._given))
        if self._tangled or (self._called and (count == 0 or item.kind == "reasoning")):
            self._late.append(item)
        elif self._called or not (together or item.kind == "reasoning"):
            self._tangled = True
        else:
            self._give_block(item, count if together else 0, events)

    def _is_worth_keeping(self, item: Item) -> bool:
        data = item.data
        if item.kind in _RUN_BY_US or not item.kind or not is_sendable(data):
            return False
        if item.kind == "reasoning":
            return bool(data.get("encrypted_content") or data.get("content"))
        if item.kind != "message":
            return data.get("status") not in ("in_progress", "incomplete")
        words = _read_words(data)
        if not words or words != _shown(item) or data.get("status") not in (None, "completed"):
            return False
        return self._bound or bool(data.get("phase")) or any(part.get("annotations") for part in _parts(data))

    def _give_block(self, item: Item, covers: int, events: list[StreamEvent]) -> None:
        item.kept = True
        self._give(Opaque(*self._profile.tag, data=item.data, covers=covers), events)
        self._fresh = self._given

    # --- calls ------------------------------------------------------------------------------------------------------

    def take_arguments(self, item: Item, event: Mapping[str, Any], is_whole: bool, events: list[StreamEvent]) -> None:
        """A piece of a call's arguments, or all of them."""
        if item.done:
            return
        call = self._name_call(item, event, events)
        if is_whole:
            self._seal(call, to_arguments(event.get("arguments")), events)
        elif isinstance(event.get("delta"), str):
            self._add_arguments(call, call.words.add(event["delta"]), events)

    def _name_call(self, item: Item, data: Mapping[str, Any], events: list[StreamEvent]) -> Call:
        """Take name and id of a call from an event that has them; with its name the call begins for others."""
        vendor_id, name = to_text(data.get("call_id")), to_text(data.get("name"))
        call = item.call
        if call is None:
            self._called = True
            self._late.append(item)
            call = item.call = Call(self._new_id(vendor_id or (item.id if item.announced else "")), vendor_id)
        elif vendor_id and not call.vendor_id:
            call.vendor_id = vendor_id
            call.id = call.id if call.name else self._new_id(vendor_id)
        if name and not call.name:
            self._close(events)
            call.name = name
            events.append(ToolCallStarted(call.id, name))
            self._add_arguments(call, "", events)
        elif name and name != call.name:
            call.spoiled = True
        return call

    def _add_arguments(self, call: Call, text: str, events: list[StreamEvent]) -> None:
        if not call.name:
            call.unsent += text
            return
        text, call.unsent = call.unsent + text, ""
        if text:
            events.append(ToolCallDelta(call.id, text))

    def _seal(self, call: Call, arguments: str, events: list[StreamEvent]) -> None:
        """The arguments as a whole; empty ones say nothing where some came before."""
        if not arguments and (call.words.shown or call.sealed):
            return
        self._add_arguments(call, call.words.complete(arguments), events)
        call.sealed = arguments

    def _finish_call(self, item: Item, data: Mapping[str, Any], events: list[StreamEvent]) -> None:
        call = self._name_call(item, data, events)
        if data.get("status") == "incomplete":
            call.spoiled = True
        if item.kind == "function_call":
            self._seal(call, to_arguments(data.get("arguments")) or call.early, events)
        elif isinstance(data.get("input"), str):
            call.sealed = call.words.add(data["input"]) + call.words.finish()
            self._add_arguments(call, json.dumps({"input": call.sealed}, ensure_ascii=False), events)

    def _new_id(self, wish: str) -> str:
        """An id of its own for a call: the vendor's where it has one that is not taken."""
        taken = {item.call.id for item in self.register.all if item.call is not None}
        own = wish if wish and wish not in taken else f"{self._id_base}_{len(taken)}"
        while own in taken:
            own += "_"
        return own

    # --- the end ----------------------------------------------------------------------------------------------------

    def flush(self, events: list[StreamEvent]) -> None:
        """End the words that are still open."""
        for item in self.register.all:
            self._flush(item, events)
        self._close(events)

    def conclude(self, events: list[StreamEvent], *, is_whole: bool) -> tuple[int, int]:
        """Give the calls, if the answer is whole, and the blocks among them; the number of calls, and of whole ones."""
        calls = [(item, item.call) for item in self._late if item.call is not None]
        whole: dict[int, ToolCall] = {}
        for item, call in calls if is_whole else ():
            arguments = call.whole(is_custom=item.kind == "custom_tool_call")
            if arguments is not None:
                whole[id(item)] = ToolCall(call.id, call.name, arguments)
        for item in self._late:
            made = whole.get(id(item))
            if made is not None:
                self._give(made, events)
            if not self._tangled and (item.call is None or (made is not None and self._keeps_call(item))):
                self._give_block(item, 0 if made is None else 1, events)
        if self._tangled and all(item.done or not item.places for item in self.register.all):
            block = Opaque(
                *self._profile.tag, data={"output": self._read_output(whole)}, covers=self._given - self._fresh
            )
            self._give(block, events)
        return len(calls), len(whole)

    def _read_output(self, calls: Mapping[int, ToolCall]) -> list[Mapping[str, Any]]:
        """The items that go back and were not kept yet, in the order of their arrival."""
        output: list[Mapping[str, Any]] = []
        for item in self.register.all:
            if id(item) in calls:
                output.append(_to_item(item, calls[id(item)]))
            elif item.call is None and item.done and not item.kept and self._goes_back(item):
                output.append(item.data)
        return output

    def _goes_back(self, item: Item) -> bool:
        return self._is_worth_keeping(item) or (item.kind == "message" and is_sendable(item.data))

    def _keeps_call(self, item: Item) -> bool:
        """Whether a call goes back word for word: reasoning led to it, or it says more than our own form can."""
        data, call = item.data, item.call
        if call is None or data.get("call_id") != call.id or data.get("name") != call.name:
            return False
        if not is_sendable(data):
            return False
        return self._bound or item.kind == "custom_tool_call" or bool(data.get("namespace") or data.get("caller"))


def is_sendable(value: Any, depth: int = 64) -> bool:
    """Whether a value can go back as JSON: every number is finite, and it is not too deep to be written again."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(is_sendable(part, depth - 1) for part in inner)
    return not isinstance(value, float) or isfinite(value)


def _to_item(item: Item, call: ToolCall) -> Mapping[str, Any]:
    if item.data.get("call_id") == call.id and is_sendable(item.data):
        return item.data
    arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def _parts(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = data.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _read_words(data: Mapping[str, Any]) -> list[str]:
    words = (part.get(KINDS.get(to_text(part.get("type")), "")) for part in _parts(data))
    return [text for text in words if isinstance(text, str) and text]


def _shown(item: Item) -> list[str]:
    texts = ("".join(words.shown) for _, words in sorted(item.words.items(), key=lambda entry: entry[0]))
    return [text for text in texts if text]
