"""The items of one answer while they arrive, and which of them an event speaks of.

An event names its item by `output_index` and `item_id`. Servers of the field leave either out, give one index or one id
to several items, or change the ids from event to event; so both are asked first, then the id, then the index, then the
order of arrival.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiex.llm.calls import parse_arguments
from aiex.llm.wire import heal


@dataclass(slots=True)
class Words:
    """Text that comes in pieces; characters that were escaped in two halves are joined."""

    kind: str
    """text, thought, refusal or arguments."""
    shown: list[str] = field(default_factory=list)
    half: str = ""

    def add(self, text: str) -> str:
        """What can be shown now that this piece came."""
        if self.half:
            text, self.half = self.half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self.half, text = text[-1], text[:-1]
        text = heal(text)
        if text:
            self.shown.append(text)
        return text

    def complete(self, whole: str) -> str:
        """What is missing of the whole; nothing when the whole says something else than was shown."""
        whole, shown = heal(whole), "".join(self.shown)
        if not whole.startswith(shown):
            return self.finish()
        self.half = ""
        return self.add(whole[len(shown) :])

    def finish(self) -> str:
        """What was held back in case more would follow."""
        if not self.half:
            return ""
        self.half = ""
        self.shown.append("\ufffd")
        return "\ufffd"


@dataclass(slots=True)
class Call:
    """A call of a tool; `id` is unique in the answer."""

    id: str
    vendor_id: str = ""
    name: str = ""
    words: Words = field(default_factory=lambda: Words("arguments"))
    unsent: str = ""
    """Arguments that came before the name."""
    early: str = ""
    """Arguments that came with the first word of the call, which some servers repeat later."""
    sealed: str | None = None
    """The arguments as the server repeated them when the call was complete."""
    spoiled: bool = False
    """It was cut, or two events contradict each other: it is never given away."""

    def whole(self, *, is_custom: bool) -> dict[str, Any] | None:
        """The arguments, or None when the call is not whole."""
        text = "".join(self.words.shown) if self.sealed is None else self.sealed
        if not self.name or self.spoiled:
            return None
        if is_custom:
            return {"input": text} if self.sealed is not None else None
        text = text or self.early
        if self.sealed is None and not text.strip():
            return None
        return parse_arguments(text)


@dataclass(slots=True)
class Item:
    """One item of the output."""

    kind: str
    """The vendor's word, such as message, reasoning or function_call."""
    index: int | None
    id: str
    announced: bool = False
    done: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    """The item word for word, once it is done."""
    words: dict[tuple[str, int], Words] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    """The numbers of its parts among the parts of the answer."""
    call: Call | None = None
    kept: bool = False
    """It was given as a block that goes back."""

    def part(self, channel: str, index: int, kind: str) -> Words:
        """The words of one part of the content."""
        key = channel, index
        if key not in self.words:
            self.words[key] = Words(kind)
        return self.words[key]


class Register:
    """All items of an answer in the order of their arrival."""

    def __init__(self) -> None:
        self.all: list[Item] = []
        self._known: dict[tuple[int | None, str, str], Item] = {}

    def find(self, index: int | None, id: str, kind: str) -> Item:
        """The item of this kind that an event speaks of; a new one if there is none."""
        key = index, id, kind
        item = self._known.get(key)
        if item is None:
            item = self._seek(index, id, kind) or self._add(kind, index, id)
            self._known[key] = item
        return item

    def announce(self, index: int | None, id: str, data: Mapping[str, Any]) -> Item:
        """The item that begins with this event; a repeated announcement of the same begins nothing."""
        kind, call_id = to_text(data.get("type")), to_text(data.get("call_id"))
        self._known.clear()
        for item in self.all:
            if item.kind != kind or item.done:
                continue
            if item.announced:
                if item.index == index and item.id == id and (id or index is not None) and not _began(item, call_id):
                    return item
            elif (id and item.id == id) or (index is not None and item.index == index and not (id and item.id)):
                item.id = item.id or id
                return item
        return self._add(kind, index, id)

    def finish(self, index: int | None, id: str, data: Mapping[str, Any]) -> Item:
        """The item that is complete with this event."""
        kind, call_id = to_text(data.get("type")), to_text(data.get("call_id"))
        alike = [item for item in self.all if item.kind == kind]
        if call_id:
            called = [item for item in alike if item.call is not None and item.call.vendor_id == call_id]
            if called:
                return _choose(called, index, id) or _open_or_last(called)
            alike = [item for item in alike if item.call is None or not item.call.vendor_id]
        return _choose(alike, index, id) or self._add(kind, index, id)

    def match_output(self, place: int, data: Mapping[str, Any]) -> Item | None:
        """The item that an entry of the final list repeats; `place` counts the entries of its kind before it."""
        kind, id, call_id = to_text(data.get("type")), to_text(data.get("id")), to_text(data.get("call_id"))
        alike = [item for item in self.all if item.kind == kind]
        called = [item for item in alike if call_id and item.call is not None and item.call.vendor_id == call_id]
        if len(called) == 1:
            return called[0]
        named = [item for item in alike if id and item.id == id]
        if len(named) == 1:
            return named[0]
        return alike[place] if place < len(alike) else None

    def _seek(self, index: int | None, id: str, kind: str) -> Item | None:
        return _choose([item for item in self.all if item.kind == kind], index, id)

    def _add(self, kind: str, index: int | None, id: str) -> Item:
        item = Item(kind, index, id)
        self.all.append(item)
        self._known.clear()
        return item


def _began(item: Item, call_id: str) -> bool:
    """Whether an announced item is another one than the announcement that came now under the same index and id."""
    if item.call is None:
        return bool(item.words)
    return bool(item.call.words.shown) or call_id != item.call.vendor_id


def _choose(alike: list[Item], index: int | None, id: str) -> Item | None:
    """Of items of one kind, the one with this index and id."""
    if id:
        named = [item for item in alike if item.id == id]
        both = [item for item in named if index is None or item.index == index]
        if both or named:
            return _open_or_last(both or named)
    placed = [item for item in alike if index is not None and item.index == index]
    placed = [item for item in placed if not (id and item.id and item.done)]
    loose = [item for item in alike if not (id and item.id) and (index is None or item.index is None)]
    return _open_or_last(placed or loose, newest=True) if placed or loose else None


def _open_or_last(items: list[Item], *, newest: bool = False) -> Item:
    """The item that is not done yet: the newest, or the oldest; the last one where all are done."""
    unfinished = [item for item in items if not item.done]
    if not unfinished:
        return items[-1]
    return unfinished[-1] if newest else unfinished[0]


def to_text(value: Any) -> str:
    """A name or id as text; a number becomes its digits, anything else is empty."""
    if isinstance(value, str):
        return heal(value)
    return str(value) if type(value) is int else ""


def to_arguments(value: Any) -> str:
    """Arguments as JSON text, whichever way the server gives them."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else ""
