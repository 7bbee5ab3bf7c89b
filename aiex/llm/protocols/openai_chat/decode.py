"""Answers of Chat Completions as stream events, in every form the servers of the field give them; pure."""

import json
from typing import Any

from aiex.errors import FailureKind, Transient
from aiex.events import PartEnded, ReasoningDelta, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm import failures, quickjson
from aiex.llm.calls import Assembly
from aiex.llm.protocols.openai_chat.details import Details, join_details, read_details, words_of
from aiex.llm.protocols.openai_chat.quirks import quirks_of
from aiex.llm.refrain import Refrain
from aiex.llm.thoughts import Splitter
from aiex.llm.wire import Profile, heal
from aiex.messages import Opaque, Reasoning, Refusal, StopReason, Text, ToolCall, Usage

_STOPS: dict[str, StopReason] = {
    "stop": "end_turn", "eos": "end_turn", "eos_token": "end_turn", "end_turn": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens", "max_tokens": "max_tokens", "model_length": "max_tokens",
    "tool_calls": "tool_use", "tool_call": "tool_use", "tool_use": "tool_use", "function_call": "tool_use",
    "content_filter": "content_filter", "safety": "content_filter",
    "refusal": "refusal",
}  # fmt: skip
"""Reasons seen in the field; any other is `other`."""

_GAVE_UP: dict[str, FailureKind] = {
    "error": "server_error",
    "abort": "server_error",
    "insufficient_system_resource": "overloaded",
}
"""Reasons that mean the server broke off: OpenRouter, vLLM and SGLang, DeepSeek."""

HINT_CUT = "what was shown is incomplete; try again"


class ChatDecoder:
    """One answer while it arrives."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._thought_field = quirks_of(profile).reasoning_field
        self._splitter = Splitter()
        self._refrain = Refrain()
        self._calls = Assembly()
        self._kind = ""
        self._pieces: list[str] = []
        self._half: dict[str, str] = {}
        self._details: list[Details] = []
        self._refusal = ""
        self._reason = ""
        self._usage: Usage | None = None
        self._spoke = False
        self._ended = False

    @property
    def ended(self) -> bool:
        """True after `[DONE]`."""
        return self._ended

    @property
    def answered(self) -> bool:
        """True after a reason to finish."""
        return bool(self._reason)

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode the data of one event.

        Raises:
            AiexError: what the server reports; `Transient` when the event is not JSON, which a cut stream brings.
        """
        if not name and not self._ended:
            text = self._refrain.read(data)
            if text is not None:
                return self._take_words(text)
        data = data.strip()
        if self._ended or not data:
            return []
        if data == "[DONE]":
            self._ended = True
            return []
        try:
            chunk = quickjson.parse(data)
        except (ValueError, RecursionError) as error:
            if self.answered:
                return []
            raise self._malformed("an event") from error
        goes_on = self._kind == "text" and not name
        words = _read_plain(chunk) if goes_on and not self._half else ""
        if words and self._splitter.is_past:
            self._pieces.append(words)
            self._refrain.learn(data, "content")
            return [TextDelta(words)]
        if name == "error" or not isinstance(chunk, dict) or _reports_failure(chunk):
            raise failures.explain(failures.read_value(0, chunk), self._profile)
        events = self._take_chunk(chunk)
        if goes_on and len(events) == 1 and isinstance(events[0], TextDelta) and _is_only_words(chunk):
            self._refrain.learn(data, "content")
        return events

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object, though a stream was asked for."""
        try:
            value = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise self._malformed("an answer") from error
        if not isinstance(value, dict) or _reports_failure(value) or not isinstance(value.get("choices"), list):
            raise failures.explain(failures.read_value(0, value), self._profile)
        events = self._take_chunk(value)
        self._ended = True
        return events + self.end()

    def end(self) -> list[StreamEvent]:
        """The last parts and `Stopped`.

        Raises:
            Transient: if there was neither a reason to finish nor `[DONE]` after some words.
        """
        if not self.answered and not (self._ended and self._spoke):
            if not self._spoke:
                raise Transient(f"{self._who} ended the stream without an answer", hint="try again")
            raise Transient(f"{self._who} ended the stream in the middle of the answer", hint=HINT_CUT)
        events: list[StreamEvent] = []
        for kind, text in self._splitter.end():
            self._say(kind, text, events)
        for unfinished in list(self._half):
            self._say(unfinished, "\ufffd", events, whole=True)
        self._close(events)
        if self._refusal:
            events.append(PartEnded(Refusal(self._refusal)))
        stop, calls = self._conclude()
        events += [PartEnded(call) for call in calls]
        return [*events, Stopped(stop)]

    @property
    def _who(self) -> str:
        return f"{self._profile.provider} ({self._profile.base_url})"

    def _malformed(self, what: str) -> Transient:
        return Transient(f"{self._who} sent {what} that is not valid JSON", hint=HINT_CUT, kind="malformed")

    def _conclude(self) -> tuple[StopReason, list[ToolCall]]:
        """Why it stopped and the calls that may be given away: the presence of calls outweighs the stated reason."""
        stop = _STOPS.get(self._reason.lower(), "other") if self._reason else "end_turn"
        if stop in ("max_tokens", "content_filter"):
            return stop, []
        if self._calls:
            calls, all_whole = self._calls.finish()
            return ("tool_use" if all_whole else "malformed_tool_call"), calls
        if stop == "tool_use":
            return "malformed_tool_call", []
        return ("refusal" if self._refusal and stop == "end_turn" else stop), []

    # --- one event --------------------------------------------------------------------------------------------------

    def _take_chunk(self, chunk: dict[str, Any]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if self._calls.answer_id is None and isinstance(chunk.get("id"), str):
            self._calls.answer_id = chunk["id"]
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                self._take_choice(choice, events)
        usage = chunk.get("usage") or (_dict(chunk["x_groq"]).get("usage") if "x_groq" in chunk else None)
        if isinstance(usage, dict):
            counts = _to_usage(usage)
            if counts != self._usage:
                self._usage = counts
                events.append(UsageUpdated(counts))
        return events

    def _take_choice(self, choice: dict[str, Any], events: list[StreamEvent]) -> None:
        if "error" in choice and isinstance(choice["error"], dict):
            raise failures.explain(failures.read_value(0, choice), self._profile)
        delta = choice.get("delta")
        if not delta or not isinstance(delta, dict):
            delta = _dict(choice.get("message"))
        if not _THOUGHTS.isdisjoint(delta):
            details = read_details(delta.get("reasoning_details"))
            if details:
                self._details.append(details)
            self._say("reasoning", _read_reasoning(delta, details), events)
        for kind, text in _read_content(delta.get("content")):
            self._spoke = True
            if kind == "reasoning":
                self._say(kind, text, events)
                continue
            events += self._take_words(text)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._spoke = True
            self._refusal += heal(refusal)
        for fragment in _read_fragments(delta) if not _CALLS.isdisjoint(delta) else ():
            self._spoke = True
            if self._kind or self._details:
                self._close(events)
            events += self._calls.feed(fragment)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            if reason.lower() in _GAVE_UP:
                kind = _GAVE_UP[reason.lower()]
                raise Transient(f"{self._who} broke the answer off ({reason})", hint=HINT_CUT, kind=kind)
            self._reason = reason

    def _take_words(self, text: str) -> list[StreamEvent]:
        """Take the next words of the answer, thinking in tags among them."""
        if self._kind == "text" and self._splitter.is_past and not self._half and text.isascii():
            if not text:
                return []
            self._pieces.append(text)
            return [TextDelta(text)]
        events: list[StreamEvent] = []
        for found, piece in self._splitter.feed(text):
            self._say(found, piece, events)
        return events

    def _say(self, kind: str, text: str, events: list[StreamEvent], *, whole: bool = False) -> None:
        """Add words to the part of this kind, joining characters that were escaped in two halves."""
        if self._half and not whole:
            text = self._half.get(kind, "") + text
        if not text:
            return
        self._half.pop(kind, None)
        self._spoke = True
        if "\ud800" <= text[-1] <= "\udbff":
            self._half[kind], text = text[-1], text[:-1]
        text = heal(text)
        if not text:
            return
        if kind != self._kind:
            self._close(events, opening=kind)
            self._kind = kind
        self._pieces.append(text)
        events.append(TextDelta(text) if kind == "text" else ReasoningDelta(text))

    def _close(self, events: list[StreamEvent], *, opening: str = "") -> None:
        """End the part that is open, and give the block that stands for its thinking."""
        text, kind = "".join(self._pieces), self._kind
        self._kind, self._pieces = "", []
        if text:
            events.append(PartEnded(Text(text) if kind == "text" else Reasoning(text)))
        thought = text if kind == "reasoning" else ""
        if self._details and opening != "reasoning":
            data: dict[str, Any] = {"reasoning_details": join_details(self._details)}
            self._details = []
        elif thought and self._thought_field:
            data = {self._thought_field: thought}
        else:
            return
        events.append(PartEnded(Opaque(*self._profile.tag, data=data, covers=1 if thought else 0)))


def _is_only_words(chunk: dict[str, Any]) -> bool:
    """Whether a chunk that gave words has nothing else to tell, so that one like it has neither."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or chunk.get("usage") or chunk.get("x_groq"):
        return False
    delta = _dict(choices[0].get("delta"))
    return (
        isinstance(delta.get("content"), str)
        and not choices[0].get("finish_reason")
        and not any(delta.get(name) for name in (*_CALLS, *_THOUGHTS, "refusal"))
    )


def _read_plain(chunk: Any) -> str:
    """The words of an event that does nothing but add some; empty for any other, which is read with care.

    Nearly every event of an answer is one, so this is its quick way.
    """
    try:
        (choice,) = chunk["choices"]
        delta = choice["delta"]
        words = delta["content"]
        if len(delta) > 1 or choice["finish_reason"] or choice["index"] or "error" in choice or not words.isascii():
            return ""
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""
    if not chunk.keys().isdisjoint(_NEWS) and any(chunk.get(name) for name in _NEWS):
        return ""
    return words if type(words) is str and chunk.get("object") != "error" else ""


_NEWS = frozenset({"usage", "x_groq", "error", "type"})
"""Fields beside the words that may tell something."""
_THOUGHTS = frozenset({"reasoning", "reasoning_content", "reasoning_details"})
_CALLS = frozenset({"tool_calls", "function_call"})
"""Fields of a delta that tell of one thing, and that most events lack."""


def _reports_failure(chunk: dict[str, Any]) -> bool:
    return bool(chunk.get("error")) or "error" in (chunk.get("object"), chunk.get("type"))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_reasoning(delta: dict[str, Any], details: Details) -> str:
    """Thinking, once, from whichever field the server uses."""
    for name in ("reasoning_content", "reasoning"):
        words = delta.get(name)
        if words and isinstance(words, str):
            return words
    return words_of(details) if details else ""


def _read_content(content: Any) -> list[tuple[str, str]]:
    """Words of `content`, a string or (Mistral) a list of text and thinking parts."""
    if not content or isinstance(content, str):
        return [("text", content)] if content else []
    pieces: list[tuple[str, str]] = []
    for part in content if isinstance(content, list) else ():
        inner = _dict(part)
        if isinstance(inner.get("thinking"), list):
            pieces += [("reasoning", text) for _, text in _read_content(inner["thinking"])]
        elif isinstance(inner.get("text"), str) and inner["text"]:
            pieces.append(("text", inner["text"]))
    return pieces


def _read_fragments(delta: dict[str, Any]) -> list[dict[str, Any]]:
    """Fragments of calls, the one of the legacy `function_call` among them."""
    fragments = delta.get("tool_calls")
    if isinstance(fragments, dict):
        fragments = [fragments]
    found = [item for item in fragments if isinstance(item, dict)] if isinstance(fragments, list) else []
    if not found and isinstance(delta.get("function_call"), dict):
        return [{"index": 0, "function": delta["function_call"]}]
    return found


def _to_usage(usage: dict[str, Any]) -> Usage:
    """Counts as ours; `prompt_cache_hit_tokens` is DeepSeek's name for reads."""
    prompt, completion = _dict(usage.get("prompt_tokens_details")), _dict(usage.get("completion_tokens_details"))
    read = _count(prompt.get("cached_tokens"))
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cache_read_tokens=_count(usage.get("prompt_cache_hit_tokens")) if read is None else read,
        cache_write_tokens=_count(prompt.get("cache_write_tokens")),
        reasoning_tokens=_count(completion.get("reasoning_tokens")),
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
