"""Tool calls put together from fragments, by a rule that survives the servers of the field.

A fragment with a new id starts a call, even at an index already in use; the same id, or none, continues the last call
of that index, or the last call where there is no index. A call is given away only when it is whole: it has a name and
its arguments are one valid JSON object. A first fragment `{}` says nothing, for it may be a placeholder. Servers that
made each clause necessary: ollama/ollama#15457, #7881; openai/openai-python#3246; vercel/ai#14277, #6687, #10283;
huggingface/smolagents#1958; QwenLM/qwen-code#6249; vllm-project/vllm#28806; sigoden/aichat#1217.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiex.events import StreamEvent, ToolCallDelta, ToolCallStarted
from aiex.llm.wire import heal
from aiex.messages import ToolCall


@dataclass(slots=True)
class _Call:
    id: str
    index: int | None
    vendor_ids: set[str]
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    is_empty: bool = False
    """The first fragment was an empty object: all there is, or a placeholder for what follows."""
    unsent: str = ""
    """Arguments that came before the name."""

    def whole(self) -> dict[str, Any] | None:
        return parse_arguments("".join(self.pieces)) if self.name else None


class Assembly:
    """The calls of one answer; `answer_id` makes invented ids differ between answers."""

    def __init__(self) -> None:
        self.answer_id: str | None = None
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, fragment: Mapping[str, Any]) -> list[StreamEvent]:
        """Take one entry of `tool_calls`; what it adds, as events."""
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        name, vendor_id, index = function.get("name"), fragment.get("id"), fragment.get("index")
        name = heal(name) if name and isinstance(name, str) else ""
        arguments = _to_text(function.get("arguments"))
        vendor_id = "" if vendor_id is None else _to_id(vendor_id)
        call = self._place(vendor_id, index if type(index) is int else None, name, arguments)
        if arguments == "{}" and (function["arguments"] == {} or not (call.pieces or call.is_empty)):
            call.is_empty, arguments = True, ""
        events: list[StreamEvent] = []
        if arguments:
            call.pieces.append(arguments)
        if name and not call.name:
            call.name = name
            events.append(ToolCallStarted(call.id, name))
            arguments, call.unsent = call.unsent + arguments, ""
        elif not call.name:
            call.unsent += arguments
        if arguments and call.name:
            events.append(ToolCallDelta(call.id, arguments))
        return events

    def finish(self) -> tuple[list[ToolCall], bool]:
        """The whole calls in the order they began, and whether all of them were whole."""
        parsed = [(call, call.whole()) for call in self._calls]
        whole = [ToolCall(call.id, call.name, arguments) for call, arguments in parsed if arguments is not None]
        return whole, len(whole) == len(self._calls)

    def _place(self, vendor_id: str, index: int | None, name: str, arguments: str) -> _Call:
        if vendor_id:
            return self._place_by_id(vendor_id, index, name)
        last = self._last(index)
        if last is None or (
            name and arguments and last.name and (last.pieces or last.is_empty) and last.whole() is not None
        ):
            return self._begin("", index)
        return last

    def _place_by_id(self, vendor_id: str, index: int | None, name: str) -> _Call:
        known = next((call for call in reversed(self._calls) if vendor_id in call.vendor_ids), None)
        at_index = self._last(index) if index is not None else None
        if known is None:
            if at_index is not None and not at_index.vendor_ids and not name:
                at_index.vendor_ids.add(vendor_id)
                return at_index
            return self._begin(vendor_id, index)
        if index is None or known.index in (index, None):
            return known
        if at_index is not None:
            return at_index if vendor_id in at_index.vendor_ids or not name else known
        return self._begin(vendor_id, index) if name else known

    def _last(self, index: int | None) -> _Call | None:
        """The call that a fragment without an id continues."""
        if index is None:
            return self._calls[-1] if self._calls else None
        for call in reversed(self._calls):
            if call.index == index:
                return call
        return None

    def _begin(self, vendor_id: str, index: int | None) -> _Call:
        taken = {call.id for call in self._calls}
        own_id = vendor_id
        if not own_id or own_id in taken:
            own_id = f"{_to_id_base(self.answer_id)}_{len(self._calls)}"
        while own_id in taken:
            own_id += "_"
        call = _Call(own_id, index, {vendor_id} if vendor_id else set())
        self._calls.append(call)
        return call


def parse_arguments(text: str) -> dict[str, Any] | None:
    """Complete arguments, strictly read: nothing means `{}`, a string is decoded once more; None when invalid."""
    if not text.strip():
        return {}
    try:
        value = _strict.decode(text)
        if isinstance(value, str):
            value = _strict.decode(value) if value.strip() else {}
    except (ValueError, RecursionError):
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_strict = json.JSONDecoder(parse_constant=_refuse)


def _to_text(arguments: Any) -> str:
    """A fragment of arguments as JSON text."""
    if isinstance(arguments, str):
        return heal(arguments)
    if isinstance(arguments, dict):
        return heal(json.dumps(arguments, ensure_ascii=False))
    return ""


def _to_id(value: Any) -> str:
    if isinstance(value, str):
        return heal(value)
    return str(value) if type(value) is int else ""


def _to_id_base(answer_id: str | None) -> str:
    """A short start for invented call ids that differs from answer to answer."""
    if answer_id is None:
        return "call"
    from hashlib import blake2b

    return "call_" + blake2b(answer_id.encode("utf-8", "replace"), digest_size=6).hexdigest()
