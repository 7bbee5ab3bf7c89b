"""Events as lines for other programs (`stream-json`): numbered, and flat where `aiex/events.py` nests."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiex.eventforms import FORM_VERSION, heading_of, to_timestamp
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    BudgetHit,
    CheckpointTaken,
    CheckRan,
    Compacted,
    Envelope,
    Event,
    Failed,
    FailedOver,
    FileEdited,
    Imported,
    LeftOut,
    Noted,
    Pinned,
    ReasoningDelta,
    Retrying,
    Rewound,
    SecurityNoticed,
    SessionArchived,
    SessionForked,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    TextDelta,
    ToolFinished,
    ToolStarted,
    ToolWrote,
    TurnEnded,
    TurnInterrupted,
    UnknownEvent,
    UsageUpdated,
    UserSpoke,
    Waiting,
    Warned,
)
from aiex.messages import Part, Text


class Sequencer:
    """Puts the events of one session into envelopes and counts them.

    Only an event that makes a line takes a number, so the lines of a stream have no gap. One sequencer is used by one
    thread.
    """

    def __init__(
        self, session_id: str, *, last_seq: int = 0, turn: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        """Counts on behind the last event and turn of the session."""
        self.session_id = session_id
        self.last_seq = last_seq
        self.turn = turn
        self._clock = clock

    def wrap(self, event: Event | UnknownEvent) -> Envelope:
        """The event in its envelope; one without a line shares the number of the line before it.

        A turn begins with what the person says; before that, `turn` is 0.
        """
        if isinstance(event, UserSpoke):
            self.turn += 1
        if has_line(event):
            self.last_seq += 1
        return Envelope(FORM_VERSION, self.last_seq, to_timestamp(self._clock()), self.session_id, self.turn, event)


def to_line(envelope: Envelope) -> dict[str, Any] | None:
    """The line of `stream-json` for an event; None for one that has none, such as `Progressed`.

    Where one type of line tells several events, `subtype` says which.
    """
    body = to_body(envelope.event)
    return None if body is None else {**heading_of(envelope), **body}


def has_line(event: Event | UnknownEvent) -> bool:
    """Whether an event makes a line, and with it takes a number in the session's log."""
    kind = type(event)
    return kind in _HEADINGS or kind in _OTHERS


def to_body(event: Event | UnknownEvent) -> dict[str, Any] | None:
    """What a line says beside its heading: `type` and the fields of that type."""
    match event:
        case UserSpoke(parts=parts):
            return _message("user", parts)
        case AssistantSpoke(parts=parts, provider=provider, model=model):
            return {**_message("assistant", parts), "provider": provider, "model": model}
        case TextDelta(text=text):
            return {"type": "message", "role": "assistant", "delta": True, "text": text}
        case ReasoningDelta(text=text):
            return {"type": "message", "role": "assistant", "delta": True, "reasoning": text}
        case UsageUpdated(usage=usage, cost_usd=cost_usd, model=model, call_id=call_id):
            whose = {"model": model, "call_id": call_id} if model else {}
            return {"type": "usage", **_fields(usage), "cost_usd": _write(cost_usd, float | None), **whose}
        case TurnEnded():
            return _result(event)
    heading = _HEADINGS.get(type(event))
    return None if heading is None else {**heading, **_fields(event)}


_HEADINGS: Final[Mapping[type, Mapping[str, str]]] = {
    SessionStarted: {"type": "init"},
    ToolStarted: {"type": "tool_use"},
    ToolWrote: {"type": "tool_result", "subtype": "output"},
    ToolFinished: {"type": "tool_result", "subtype": "finished"},
    FileEdited: {"type": "tool_result", "subtype": "file_edited"},
    ApprovalAsked: {"type": "permission", "subtype": "asked"},
    ApprovalGiven: {"type": "permission", "subtype": "given"},
    CheckpointTaken: {"type": "checkpoint", "subtype": "taken"},
    Rewound: {"type": "checkpoint", "subtype": "rewound"},
    Compacted: {"type": "compaction"},
    Pinned: {"type": "session", "subtype": "pinned"},
    LeftOut: {"type": "session", "subtype": "left_out"},
    SessionRenamed: {"type": "session", "subtype": "renamed"},
    SessionForked: {"type": "session", "subtype": "forked"},
    SessionArchived: {"type": "session", "subtype": "archived"},
    SessionRestored: {"type": "session", "subtype": "restored"},
    Imported: {"type": "session", "subtype": "imported"},
    TurnInterrupted: {"type": "session", "subtype": "interrupted"},
    FailedOver: {"type": "failover", "subtype": "provider"},
    Retrying: {"type": "failover", "subtype": "retry"},
    Waiting: {"type": "failover", "subtype": "waiting"},
    BudgetHit: {"type": "budget"},
    CheckRan: {"type": "check"},
    Noted: {"type": "progress"},
    Failed: {"type": "error", "severity": "error"},
    Warned: {"type": "error", "severity": "warning"},
    SecurityNoticed: {"type": "error", "severity": "warning", "subtype": "security"},
}


_OTHERS: Final = (UserSpoke, AssistantSpoke, TextDelta, ReasoningDelta, UsageUpdated, TurnEnded)
"""What `to_body` writes in a way of its own."""


def _result(ended: TurnEnded) -> dict[str, Any]:
    fields = _fields(ended)
    answer, data = fields.pop("answer"), fields.pop("data")
    first = {name: fields.pop(name) for name in ("status", "subtype", "exit_code")}
    is_error = ended.status == "error"
    return {"type": "result", **first, "is_error": is_error, "result": answer, "structured_output": data, **fields}


def _message(role: str, parts: tuple[Part, ...]) -> dict[str, Any]:
    text = "".join(part.text for part in parts if isinstance(part, Text))
    written = _write(parts, tuple[Part, ...])
    return {"type": "message", "role": role, "delta": False, "text": text, "parts": written}


def _fields(value: object) -> dict[str, Any]:
    written: dict[str, Any] = _write(value, type(value))
    return written


def _write(value: object, kind: Any) -> Any:
    from aiex.jsonform import form_of

    return form_of(kind).write(value)
