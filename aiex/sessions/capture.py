"""Events without their secrets, before they get into a log."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import lru_cache
from operator import attrgetter, is_
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, cast

from aiex import events as told
from aiex.eventforms import from_json, to_json
from aiex.messages import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiex.events import Event, UnknownEvent
    from aiex.guard.redact import Redactor

_SPOKEN: Final = ("user_spoke", "assistant_spoke")
_NO_WORDS: Final = (
    told.UsageUpdated, told.SessionArchived, told.SessionRestored, told.Pinned, told.LeftOut, told.BudgetHit,
)  # fmt: skip


class Capture:
    """Takes the secrets out of the events of one session, in their order; of this process are those it looks for.

    A stream of pieces is looked at as one text, because a secret may be cut in two: a piece is empty while its line is
    not whole. What is held back when a stream ends is not lost, since the event that ends it says everything.
    """

    def __init__(self) -> None:
        self._streams: dict[str, Redactor] = {}

    def clean(self, event: Event | UnknownEvent) -> Event | UnknownEvent:
        """The event without secrets; the same object when there are none.

        A vendor's signed block that holds one is left out: with a word changed it could not be replayed.
        """
        match event:
            case told.TextDelta(text=text):
                return told.TextDelta(self._feed("text", text))
            case told.ReasoningDelta(text=text):
                return told.ReasoningDelta(self._feed("reasoning", text))
            case told.ToolWrote(call_id=call, stream=stream, text=text):
                return told.ToolWrote(call, stream, self._feed(f"{stream} {call}", text))
            case told.ToolFinished(call_id=call):
                self._end(f"stdout {call}", f"stderr {call}")
            case told.AssistantSpoke() | told.UserSpoke() | told.TurnEnded():
                self._end("text", "reasoning")
            case _:
                pass
        return event if isinstance(event, _NO_WORDS) else _clean(event)

    def _feed(self, name: str, text: str) -> str:
        if name not in self._streams:
            from aiex.guard.redact import Redactor

            self._streams[name] = Redactor()
        return self._streams[name].feed(text)

    def _end(self, *names: str) -> None:
        for name in names:
            self._streams.pop(name, None)


def _clean(event: Event | UnknownEvent) -> Event | UnknownEvent:
    from aiex.guard.redact import redact_texts

    texts: list[str] = []
    if _gather(event, texts) and redact_texts(texts) is texts:  # no need to make JSON of it, as nearly always
        return event
    data = to_json(event)
    cleaned = without_secrets(data["type"], data)
    return event if cleaned is data else from_json(cleaned)


_PLAIN: Final = frozenset({int, float, bool, NoneType, Image})
"""Pictures are not looked into."""
_FIELDS: Final[dict[type, Callable[[Any], Iterable[object]] | None]] = {}
"""What gives the values of the fields of a class; None where there are none, or a name says that one is secret."""


def _gather(value: object, found: list[str]) -> bool:
    """Collect every text; False where that is not enough to tell whether there are secrets."""
    kind = type(value)
    if kind is str:
        found.append(cast("str", value))
        return True
    if kind in _PLAIN:
        return True
    if kind is tuple or kind is list:
        return all(_gather(one, found) for one in cast("Iterable[object]", value))
    if kind is dict:
        named = cast("dict[object, object]", value)
        return not any(map(_may_name_secret, named)) and all(_gather(one, found) for one in named.values())
    fields_of = _FIELDS[kind] if kind in _FIELDS else _find_fields(kind)
    return fields_of is not None and all(_gather(one, found) for one in fields_of(value))


def _find_fields(kind: type) -> Callable[[Any], Iterable[object]] | None:
    names = [field.name for field in fields(kind)] if is_dataclass(kind) and kind is not told.UnknownEvent else []
    found: Callable[[Any], Iterable[object]] | None = None
    if names and not any(map(_is_secret, names)):
        get = attrgetter(*names)
        found = get if len(names) > 1 else lambda value: (get(value),)
    _FIELDS[kind] = found
    return found


def _may_name_secret(name: object) -> bool:
    return not isinstance(name, str) or _is_secret(name)


def without_secrets(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event of a type without secrets, one by one; the same object when there are none.

    A vendor's signed block that holds one is left out, and pictures are not looked into.
    """
    if kind == "tool_finished" and fields.get("images"):
        images, rest = fields["images"], {name: value for name, value in fields.items() if name != "images"}
        without = _clean_json(rest)
        return fields if without is rest else {**without, "images": images}
    parts = fields.get("parts")
    if kind not in _SPOKEN or not isinstance(parts, list):
        cleaned: dict[str, Any] = _clean_json(fields)
        return cleaned
    has_images = any(isinstance(part, dict) and part.get("type") == "image" for part in parts)
    if not has_images and not may_hold_secrets([fields]):
        return fields
    kept = [cleaned for part in parts if (cleaned := _clean_part(part)) is not None]
    same = len(kept) == len(parts) and all(one is other for one, other in zip(kept, parts, strict=True))
    return fields if same else {**fields, "parts": kept}


def may_hold_secrets(fields: list[dict[str, Any]]) -> bool:
    """Whether `without_secrets` would take something out of one of these, or may; one look at many is quicker."""
    return _clean_json(fields) is not fields


def _clean_part(part: Any) -> Any:
    match part:
        case {"type": "image"}:
            return part
        case {"type": "opaque"}:
            return part if _clean_json(part) is part else None
        case _:
            return _clean_json(part)


def _clean_json(data: Any) -> Any:
    """The same object when nothing had to go."""
    from aiex.guard.redact import redact_within

    return redact_within(_without_named(data))


def _without_named(data: Any) -> Any:
    """Mappings without the values whose name says that they are secret; the same object when there are none."""
    if isinstance(data, dict):
        cleaned = {name: _clean_named(name, value) for name, value in data.items()}
        return cleaned if any(cleaned[name] is not value for name, value in data.items()) else data
    if isinstance(data, list):
        values = [_without_named(value) for value in data]
        return data if all(map(is_, values, data)) else values
    return data


def _clean_named(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return _without_named(value) if isinstance(value, dict | list) else value
    if not _is_secret(name):
        return value
    from aiex.guard.redact import REMOVED, redact

    field = f"{json.dumps(name)}: {json.dumps(value)}"
    return value if redact(field) == field else REMOVED


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    from aiex.guard.redact import is_secret_word

    return is_secret_word(name)
