"""An answer of generateContent as events.

Each event of the stream is a full response whose parts are increments; the last one has a `finishReason`, and nothing
says that the stream is over but its end. A part with a signature, and one that has no words of ours, is kept verbatim
as `Opaque`: it says `parts` where several pieces of the wire make up what it covers.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from aiex.errors import Transient
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
from aiex.llm import failures
from aiex.llm.calls import parse_arguments
from aiex.llm.protocols.gemini.errors import explain
from aiex.llm.protocols.gemini.names import from_wire_name
from aiex.llm.wire import Profile, heal
from aiex.messages import Image, Opaque, Reasoning, StopReason, Text, ToolCall, Usage

HINT_CUT = "what was shown is incomplete; try again"

_STOPS: dict[str, StopReason] = {
    "STOP": "end_turn",
    "MAX_TOKENS": "max_tokens",
    "CONTINUATION": "pause",
    "SAFETY": "content_filter", "RECITATION": "content_filter", "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter", "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter", "PUP_LIMITED_DISABLED": "content_filter",
    "MALFORMED_FUNCTION_CALL": "malformed_tool_call", "UNEXPECTED_TOOL_CALL": "malformed_tool_call",
    "TOO_MANY_TOOL_CALLS": "malformed_tool_call", "MISSING_THOUGHT_SIGNATURE": "malformed_tool_call",
    "MALFORMED_RESPONSE": "malformed_tool_call",
}  # fmt: skip
"""Source: FinishReason of the Python SDK google-genai 3.4; every IMAGE_ reason is a filter's, any other is `other`."""

_NO_REASON = ("", "FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED")
_KEPT = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse", "fileData")
"""Parts that have no words of ours and belong into the history all the same."""

_RESPONSE = ("candidates", "promptFeedback", "usageMetadata", "responseId")
"""By these fields a response is known."""

Json = dict[str, Any]


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: Json | None
    """None: they are not whole."""
    block: Opaque | None


@dataclass(slots=True)
class _Run:
    """Increments of one part of ours: words or thinking."""

    kind: Literal["text", "reasoning"]
    raw: list[str] = field(default_factory=list)
    """As the vendor cut it."""
    pieces: list[str] = field(default_factory=list)
    half: str = ""
    """The first half of a character that was escaped in two pieces."""

    def say(self, text: str, events: list[StreamEvent]) -> None:
        """Add words that are whole."""
        self.pieces.append(text)
        events.append(TextDelta(text) if self.kind == "text" else ReasoningDelta(text))


class GeminiDecoder:
    """One answer while it arrives."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._run: _Run | None = None
        self._late: list[_Call | Opaque] = []
        """Calls, and the blocks behind the first of them, in the order of the wire."""
        self._ids: set[str] = set()
        self._id_base = "call"
        self._reason = ""
        self._blocked = ""
        self._token = ""
        self._spoke = False
        self._told: Json = {}
        self._counts: Json = {}
        self._usage: Usage | None = None

    @property
    def ended(self) -> bool:
        """Never: the protocol has no word for it."""
        return False

    @property
    def answered(self) -> bool:
        """True after a reason to finish, or to refuse."""
        return bool(self._reason or self._blocked)

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode the data of one event.

        Raises:
            AiexError: what the server reports; `Transient` when the event is not JSON, which a cut stream brings.
        """
        data = data.strip()
        if not data or data == "[DONE]":
            return []
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            if self.answered:
                return []
            said = f"{self._who} sent an event that is not valid JSON"
            raise Transient(said, hint=HINT_CUT, kind="malformed") from error
        if self.answered and not isinstance(value, dict | list):
            return []
        return self._take(value, is_failure=name == "error")

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object, or as a list of what would have been the events."""
        try:
            value = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            said = f"{self._who} sent an answer that is not valid JSON"
            raise Transient(said, hint=HINT_CUT, kind="malformed") from error
        if isinstance(value, dict) and not any(name in value for name in _RESPONSE):
            raise explain(failures.read_value(0, value), self._profile)
        return self._take(value) + self.end()

    def end(self) -> list[StreamEvent]:
        """The last parts and `Stopped`.

        Raises:
            Transient: if there was no reason to finish.
        """
        if not self.answered:
            place = "in the middle of the answer" if self._spoke else "without an answer"
            hint = HINT_CUT if self._spoke else "try again"
            raise Transient(f"{self._who} ended the stream {place}", hint=hint, kind="transport")
        stop, gives_calls = self._conclude()
        events: list[StreamEvent] = []
        for item in self._late:
            if isinstance(item, Opaque):
                events.append(PartEnded(item))
            elif gives_calls and item.arguments is not None:
                events.append(PartEnded(ToolCall(item.id, item.name, item.arguments)))
                events += [PartEnded(item.block)] if item.block else []
        self._close(events)
        if self._token:
            events.append(PartEnded(self._opaque({"continuationToken": self._token}, 0)))
        return [*events, Stopped(stop)]

    @property
    def _who(self) -> str:
        return f"{self._profile.provider} ({self._profile.base_url})"

    def _conclude(self) -> tuple[StopReason, bool]:
        """Why it stopped, and whether the calls in it may be given away."""
        if not self._reason:
            return "content_filter", False
        stop = "content_filter" if self._reason.startswith("IMAGE_") else _STOPS.get(self._reason, "other")
        calls = [item for item in self._late if isinstance(item, _Call)]
        if not calls or stop not in ("end_turn", "other"):
            return stop, False
        return ("tool_use" if all(call.arguments is not None for call in calls) else "malformed_tool_call"), True

    # --- responses --------------------------------------------------------------------------------------------------

    def _take(self, value: Any, *, is_failure: bool = False) -> list[StreamEvent]:
        """One response, or a list of them. Raises what it reports."""
        if isinstance(value, list) and value and not is_failure:
            return [event for item in value for event in self._take(item)]
        if is_failure or not isinstance(value, dict) or value.get("error"):
            raise explain(failures.read_value(0, value), self._profile)
        events: list[StreamEvent] = []
        if self._id_base == "call" and isinstance(value.get("responseId"), str):
            self._id_base = _to_id_base(value["responseId"])
        candidates = value.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            if isinstance(candidate, dict) and candidate.get("index") in (0, None):
                self._take_candidate(candidate, events)
        if "promptFeedback" in value:
            self._blocked = _word(_dict(value["promptFeedback"]).get("blockReason")) or self._blocked
        self._count(_dict(value.get("usageMetadata")), events)
        return events

    def _take_candidate(self, candidate: Json, events: list[StreamEvent]) -> None:
        parts = _dict(candidate.get("content")).get("parts")
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                self._take_part(part, events)
        if "finishReason" in candidate:
            self._reason = _word(candidate["finishReason"]) or self._reason
        if isinstance(candidate.get("continuationToken"), str):
            self._token = candidate["continuationToken"]

    def _take_part(self, part: Json, events: list[StreamEvent]) -> None:
        text = part.get("text")
        signature = part.get("thoughtSignature")
        is_signed = isinstance(signature, str) and signature != "" and _write(part) is not None
        if isinstance(part.get("functionCall"), dict):
            self._take_call(part, is_signed, events)
        elif isinstance(text, str) and text:
            self._say("reasoning" if part.get("thought") is True else "text", text, events)
            if is_signed:
                self._close(events, part)
        else:
            self._take_other(part, is_signed, events)

    def _take_other(self, part: Json, is_signed: bool, events: list[StreamEvent]) -> None:
        """A picture, or what has no words of ours."""
        image = _dict(part.get("inlineData"))
        if isinstance(image.get("data"), str) and isinstance(image.get("mimeType"), str):
            self._spoke = True
            self._close(events)
            events.append(PartEnded(Image(heal(image["mimeType"]), heal(image["data"]))))
            events += [PartEnded(self._opaque(part, 1))] if is_signed else []
        elif is_signed or (any(isinstance(part.get(kind), dict) for kind in _KEPT) and _write(part) is not None):
            self._spoke = True
            self._close(events)
            block = self._opaque(part, 0)
            if self._late:
                self._late.append(block)
            else:
                events.append(PartEnded(block))

    def _take_call(self, part: Json, is_signed: bool, events: list[StreamEvent]) -> None:
        """Note a call and show that it comes; it is given away at the end."""
        self._spoke = True
        self._close(events)
        call = part["functionCall"]
        name = call.get("name")
        name = from_wire_name(heal(name)) if isinstance(name, str) else ""
        args = call.get("args")
        written = _write({} if args is None else args)
        is_partial = bool(call.get("willContinue") or call.get("partialArgs"))
        arguments = parse_arguments(written) if name and written and not is_partial else None
        own_id = self._unique_id(call.get("id"))
        self._late.append(_Call(own_id, name, arguments, self._opaque(part, 1) if is_signed else None))
        if name:
            events.append(ToolCallStarted(own_id, name))
            events += [ToolCallDelta(own_id, written)] if written else []

    def _unique_id(self, wish: Any) -> str:
        """The vendor's id where it is new, else one that differs between answers."""
        own = heal(wish) if isinstance(wish, str) else ""
        if not own or own in self._ids:
            own = f"{self._id_base}_{len(self._ids)}"
        while own in self._ids:
            own += "_"
        self._ids.add(own)
        return own

    # --- words ------------------------------------------------------------------------------------------------------

    def _say(self, kind: Literal["text", "reasoning"], text: str, events: list[StreamEvent]) -> None:
        """Add words to the part of this kind, joining characters that were escaped in two halves."""
        self._spoke = True
        if self._run is None or self._run.kind != kind:
            self._close(events)
            self._run = _Run(kind)
        run = self._run
        run.raw.append(text)
        text, run.half = run.half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, run.half = text[:-1], text[-1]
        if text:
            run.say(heal(text), events)

    def _close(self, events: list[StreamEvent], signed: Json | None = None) -> None:
        """End the part that is open; `signed` is its last piece, which has a signature."""
        run = self._run
        if run is None:
            return
        if run.half:
            run.say("\ufffd", events)
        self._run = None
        text = "".join(run.pieces)
        events.append(PartEnded(Text(text) if run.kind == "text" else Reasoning(text)))
        if signed is not None:
            before = heal("".join(run.raw[:-1]))
            mark = {"thought": True} if run.kind == "reasoning" else {}
            data = {"parts": [{"text": before, **mark}, signed]} if before else signed
            events.append(PartEnded(self._opaque(data, 1)))

    def _opaque(self, data: Json, covers: int) -> Opaque:
        return Opaque(*self._profile.tag, data=data, covers=covers)

    # --- counts -----------------------------------------------------------------------------------------------------

    def _count(self, counts: Json, events: list[StreamEvent]) -> None:
        """Take counts, which are totals so far; one that is left out later stays as it was."""
        if not counts or counts == self._told:
            return
        self._told = counts
        self._counts |= {name: value for name, value in counts.items() if type(value) is int and value >= 0}
        usage = to_usage(self._counts)
        if self._counts and usage != self._usage:
            self._usage = usage
            events.append(UsageUpdated(usage))


def to_usage(counts: Json) -> Usage:
    """Counts as ours: the prompt includes what was cached, the answer does not include thoughts."""
    return Usage(
        input_tokens=_sum(counts, "promptTokenCount", "toolUsePromptTokenCount"),
        output_tokens=_sum(counts, "candidatesTokenCount", "thoughtsTokenCount"),
        cache_read_tokens=_sum(counts, "cachedContentTokenCount"),
        reasoning_tokens=_sum(counts, "thoughtsTokenCount"),
    )


def _sum(counts: Json, *names: str) -> int | None:
    known = [counts[name] for name in names if type(counts.get(name)) is int and counts[name] >= 0]
    return sum(known) if known else None


def _write(value: Any) -> str | None:
    """Strict JSON; None when the value cannot be written so, as with NaN, which is read but is not JSON."""
    try:
        return heal(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (ValueError, RecursionError):
        return None


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _word(value: Any) -> str:
    """A reason in capitals; empty when it is none."""
    word = value.upper() if isinstance(value, str) else ""
    return "" if word in _NO_REASON else word


def _to_id_base(answer_id: str) -> str:
    """A short start for invented call ids that differs from answer to answer."""
    from hashlib import blake2b

    return "call_" + blake2b(answer_id.encode("utf-8", "replace"), digest_size=6).hexdigest()
