"""Answers of the Responses protocol as the one stream of events.

What the server repeats when an item is complete (`response.output_item.done`) is authoritative: words missing from the
deltas are shown then, arguments of a call are read from there, and what has to be sent back word for word is kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiex.errors import AiexError, FailureKind, Transient
from aiex.events import Stopped, StreamEvent, UsageUpdated
from aiex.llm import failures, quickjson
from aiex.llm.protocols.openai_responses.build import KINDS, Answer
from aiex.llm.protocols.openai_responses.failing import explain
from aiex.llm.protocols.openai_responses.items import Words, to_text
from aiex.llm.wire import Profile
from aiex.messages import StopReason, Usage

HINT_CUT = "what was shown is incomplete; try again"

_DELTAS = {
    "response.output_text.delta": ("message", "content", "text", "content_index"),
    "response.refusal.delta": ("message", "content", "refusal", "content_index"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary", "thought", "summary_index"),
    "response.reasoning_text.delta": ("reasoning", "content", "thought", "content_index"),
}
_WHOLES = {
    "response.output_text.done": ("message", "content", "text", "text"),
    "response.refusal.done": ("message", "content", "refusal", "refusal"),
    "response.reasoning_summary_text.done": ("reasoning", "summary", "thought", "text"),
    "response.reasoning_text.done": ("reasoning", "content", "thought", "text"),
}
_ENDS = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
_INCOMPLETE: dict[str, StopReason] = {
    "max_output_tokens": "max_tokens", "max_tokens": "max_tokens", "content_filter": "content_filter",
}  # fmt: skip
"""Why an answer is incomplete; `max_messages`, `steered` and those that nobody knows yet are `other`."""


@dataclass(slots=True)
class _End:
    """The server's last word."""

    status: str
    reason: str = ""
    failure: AiexError | None = None


class ResponsesDecoder:
    """One answer while it arrives."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._answer = Answer(profile)
        self._end: _End | None = None
        self._done = False
        self._last: tuple[Any, ...] = ()
        """What the delta before spoke of, and its words."""
        self._last_words: Words | None = None

    @property
    def ended(self) -> bool:
        """True after the terminal event, which brings the counts as well, or `[DONE]`."""
        return self._done or self._end is not None

    @property
    def answered(self) -> bool:
        """True when the answer is whole."""
        return self._end is not None and self._end.failure is None

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode the data of one event.

        Raises:
            AiexError: what the server reports; `Transient` when the event is not JSON, which a cut stream brings.
        """
        if self._done or self._end is not None:
            return []
        try:
            event = quickjson.parse(data)
        except (ValueError, RecursionError) as error:
            return self._take_no_json(data, error)
        if not isinstance(event, dict):
            if name == "error":
                raise explain(failures.read_value(0, event), self._profile)
            if name.startswith("response."):  # words may be missing; without a name it is a kind nobody knows yet
                raise self._broken("sent an event that is no JSON object", kind="malformed")
            return []
        kind = event.get("type")
        kind = kind if isinstance(kind, str) and kind else name
        if kind in _DELTAS:
            return self._take_delta(event, *_DELTAS[kind])
        events: list[StreamEvent] = []
        self._last_words = None
        self._take_event(kind, event, events)
        return events

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object, though a stream was asked for."""
        try:
            value = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise self._broken("sent an answer that is not valid JSON", kind="malformed") from error
        status = to_text(value.get("status")) if isinstance(value, dict) else ""
        if not isinstance(value, dict) or value.get("error") or not isinstance(value.get("output"), list):
            raise explain(failures.read_value(0, value), self._profile)
        if status in ("in_progress", "queued"):
            raise self._broken(f"gave an answer that is still {status}")
        events: list[StreamEvent] = []
        self._take_end(status or "completed", {"response": value}, events)
        return events + self.end()

    def end(self) -> list[StreamEvent]:
        """The last parts and `Stopped`.

        Raises:
            Transient: if the terminal event did not come, or said that the answer was given up.
        """
        if self._end is None:
            began = "in the middle of the answer" if self._answer.register.all else "without an answer"
            raise self._broken(f"ended the stream {began}", hint=HINT_CUT if self._answer.register.all else "try again")
        if self._end.failure is not None:
            raise self._end.failure
        events: list[StreamEvent] = []
        self._answer.flush(events)
        stop = self._conclude(self._end, events)
        return [*events, Stopped(stop)]

    def _conclude(self, end: _End, events: list[StreamEvent]) -> StopReason:
        """Give what is given last; why the answer stopped."""
        is_whole = end.status != "incomplete"
        called, whole = self._answer.conclude(events, is_whole=is_whole)
        if not is_whole:
            return _INCOMPLETE.get(end.reason, "other")
        if called:
            return "tool_use" if whole == called else "malformed_tool_call"
        return "refusal" if self._answer.is_refused else "end_turn"

    # --- events -----------------------------------------------------------------------------------------------------

    def _take_no_json(self, data: str, error: Exception) -> list[StreamEvent]:
        if data.strip() == "[DONE]":
            self._done = True
        elif data.strip():
            raise self._broken("sent an event that is not valid JSON", kind="malformed") from error
        return []

    def _take_event(self, kind: str, event: dict[str, Any], events: list[StreamEvent]) -> None:
        if kind == "error" or event.get("error"):
            raise explain(failures.read_value(0, _without_type(event)), self._profile)
        if kind in _ENDS:
            self._take_end(_ENDS[kind], event, events)
        elif kind in _WHOLES:
            self._take_whole_words(event, *_WHOLES[kind], events)
        elif kind.startswith("response.function_call_arguments."):
            item = self._answer.register.find(_to_index(event), to_text(event.get("item_id")), "function_call")
            self._answer.take_arguments(item, event, kind.endswith(".done"), events)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._take_item(event, kind.endswith(".done"), events)
        elif kind in ("response.content_part.done", "response.reasoning_summary_part.done"):
            self._take_whole_part(event, kind, events)
        elif kind == "response.created":
            self._answer.name_base(_read_dict(event, "response").get("id"))
        elif event.get("object") == "response" and isinstance(event.get("output"), list):
            self._take_end(to_text(event.get("status")) or "completed", {"response": event}, events)

    def _take_item(self, event: dict[str, Any], is_done: bool, events: list[StreamEvent]) -> None:
        data = event.get("item")
        if not isinstance(data, dict):
            return
        index, id = _to_index(event), to_text(data.get("id"))
        if is_done:
            self._answer.finish(self._answer.register.finish(index, id, data), data, events)
        else:
            self._answer.begin(self._answer.register.announce(index, id, data), data, events)

    def _take_delta(
        self, event: dict[str, Any], item_kind: str, channel: str, kind: str, key: str
    ) -> list[StreamEvent]:
        delta = event.get("delta")
        if not isinstance(delta, str) or not delta:
            return []
        subject = kind, event.get("output_index"), event.get("item_id"), event.get(key)
        if self._last_words is not None and subject == self._last:
            more = self._answer.go_on(self._last_words, delta)
            if more is not None:
                return more
        item = self._answer.register.find(_to_index(event), to_text(event.get("item_id")), item_kind)
        if item.done:
            return []
        words = item.part(channel, _to_number(event.get(key)), kind)
        self._last, self._last_words = subject, words
        events: list[StreamEvent] = []
        self._answer.say(item, words, words.add(delta), events)
        return events

    def _take_whole_words(
        self, event: dict[str, Any], item_kind: str, channel: str, kind: str, key: str, events: list[StreamEvent]
    ) -> None:
        item = self._answer.register.find(_to_index(event), to_text(event.get("item_id")), item_kind)
        self._answer.complete(item, channel, _to_number(event.get(f"{channel}_index")), kind, event.get(key), events)

    def _take_whole_part(self, event: dict[str, Any], event_kind: str, events: list[StreamEvent]) -> None:
        part = event.get("part")
        if not isinstance(part, dict):
            return
        if event_kind == "response.reasoning_summary_part.done":
            event = {**event, "text": part.get("text")}
            self._take_whole_words(event, "reasoning", "summary", "thought", "text", events)
        elif part.get("type") == "reasoning_text":
            event = {**event, "text": part.get("text")}
            self._take_whole_words(event, "reasoning", "content", "thought", "text", events)
        elif kind := KINDS.get(to_text(part.get("type"))):
            event = {**event, "text": part.get(kind)}
            self._take_whole_words(event, "message", "content", kind, "text", events)

    def _take_end(self, status: str, event: dict[str, Any], events: list[StreamEvent]) -> None:
        """The terminal event: what was never said before, the counts, and how it went."""
        response = _read_dict(event, "response")
        self._answer.name_base(response.get("id"))
        said = to_text(response.get("status"))
        status = said if said in _ENDS.values() else status
        if status in ("failed", "cancelled"):
            self._end = _End(status, failure=self._to_failure(status, response))
        else:
            self._take_output(response.get("output"), events)
            self._end = _End(status, to_text(_read_dict(response, "incomplete_details").get("reason")))
        usage = response.get("usage")
        if isinstance(usage, dict):
            events.append(UsageUpdated(to_usage(usage)))

    def _take_output(self, output: Any, events: list[StreamEvent]) -> None:
        """The items of the final list that the stream left out."""
        places: dict[str, int] = {}
        for data in output if isinstance(output, list) else ():
            if not isinstance(data, dict):
                continue
            kind = to_text(data.get("type"))
            item = self._answer.register.match_output(places.get(kind, 0), data)
            places[kind] = places.get(kind, 0) + 1
            if item is None:
                item = self._answer.register.announce(None, to_text(data.get("id")), data)
            self._answer.finish(item, data, events)

    def _to_failure(self, status: str, response: dict[str, Any]) -> AiexError:
        error = response.get("error")
        if status == "failed" and isinstance(error, dict | str) and error:
            return explain(failures.read_value(0, {"error": error}), self._profile)
        return self._broken(f"broke the answer off ({status})", kind="server_error")

    def _broken(self, what: str, *, kind: FailureKind = "transport", hint: str = HINT_CUT) -> Transient:
        return Transient(f"{self._profile.provider} ({self._profile.base_url}) {what}", hint=hint, kind=kind)


def to_usage(usage: Mapping[str, Any]) -> Usage:
    """Counts as ours; the totals of this protocol include the sub-counts."""
    asked, answered = _read_dict(usage, "input_tokens_details"), _read_dict(usage, "output_tokens_details")
    return Usage(
        input_tokens=_to_count(usage.get("input_tokens")),
        output_tokens=_to_count(usage.get("output_tokens")),
        cache_read_tokens=_to_count(asked.get("cached_tokens")),
        cache_write_tokens=_to_count(asked.get("cache_write_tokens")),
        reasoning_tokens=_to_count(answered.get("reasoning_tokens")),
    )


def _read_dict(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _to_count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _to_index(event: Mapping[str, Any]) -> int | None:
    index = event.get("output_index")
    return index if type(index) is int else None


def _to_number(value: Any) -> int:
    return value if type(value) is int else 0


def _without_type(event: dict[str, Any]) -> dict[str, Any]:
    """A complaint whose `type` is only that of the event, so that it does not hide the code."""
    return {key: value for key, value in event.items() if key != "type" or value != "error"}
