"""The one JSON form of events, and of events in their place in a session."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from aiex.events import Envelope, Event, UnknownEvent

FORM_VERSION: Final = 1
"""The `v` of every line and record; goes up when a reader of the old form could misunderstand the new one."""


def to_json(event: Event | UnknownEvent) -> dict[str, Any]:
    """The event as an object with its `type` in snake case; `jsonform.dump` makes it text that is always UTF-8."""
    from aiex.jsonform import form_of

    if isinstance(event, UnknownEvent):
        return {"type": event.type, **event.data}
    written: dict[str, Any] = form_of(Event).write(event)
    return written


def from_json(data: object) -> Event | UnknownEvent:
    """Read what `to_json` wrote, by this version or another.

    A type, part or word that this version does not know makes an `UnknownEvent`; unknown fields are ignored.

    Raises:
        Malformed: if a field is missing or of the wrong type.
    """
    from aiex.jsonform import UnknownKind, form_of

    try:
        event: Event = form_of(Event).read(data, "event")
    except UnknownKind:
        fields = dict(data) if isinstance(data, Mapping) else {}
        return UnknownEvent(str(fields.pop("type", "")), fields)
    return event


def heading_of(envelope: Envelope) -> dict[str, Any]:
    """The fields of an envelope beside its event."""
    return {
        "v": envelope.v,
        "seq": envelope.seq,
        "ts": envelope.ts,
        "session_id": envelope.session_id,
        "turn": envelope.turn,
    }


def to_timestamp(seconds: float) -> str:
    """Seconds since 1970 as `2026-01-31T08:05:09.123Z`."""
    thousandths = int(seconds * 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(thousandths // 1000))}.{thousandths % 1000:03d}Z"
