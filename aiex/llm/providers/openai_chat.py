"""OpenAI Chat Completions, the protocol of OpenAI and of nearly every compatible server; pure, no input or output.

Sources: the API reference of OpenAI, the types of its Python SDK 3.52, and the departures of vLLM, llama.cpp, LM
Studio, Ollama, OpenRouter, DeepSeek, Mistral, Groq and Azure, November 2026.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiex.errors import AiexError, Transient
from aiex.events import PartEnded, ReasoningDelta, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm import failures
from aiex.llm.calls import Assembly
from aiex.llm.protocols.openai_chat.quirks import Quirks, find_quirks, quirks_of
from aiex.llm.thoughts import Splitter
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile, heal
from aiex.messages import (
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)


class OpenAIChat:
    """The codec; stateless."""

    name = "openai-chat"
    stream_form: Literal["sse", "ndjson"] = "sse"
    models_path = "/models"

    def path(self, profile: Profile) -> str:
        """The same for every model."""
        return "/chat/completions"

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key as a bearer token."""
        signed = {"authorization": f"Bearer {credential.secret}"} if credential.secret else {}
        return {**signed, **credential.extra}

    def quirks(self, host: str, model: str) -> Quirks:
        """How this server, and this model there, wants to be asked."""
        return find_quirks(host, model)

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a streaming request; `profile.model` is asked, whatever the request calls it."""
        quirks = quirks_of(profile)
        body: dict[str, Any] = {
            "model": profile.model,
            "messages": [shape for message in request.messages for shape in _encode_message(message, profile)],
            "stream": True,
        }
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
                }
                for tool in request.tools
            ]
        if request.max_output_tokens is not None:
            body[quirks.max_tokens_field] = request.max_output_tokens
        if request.temperature is not None and quirks.temperature:
            body["temperature"] = request.temperature
        if request.response_schema is not None:
            body["response_format"] = _encode_schema(request.response_schema, quirks.json_schema)
        return body

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return ChatDecoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return failures.explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The ids in `{data: [{id}, …]}`; `{models: [{name}]}` and a bare list are understood as well."""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return ()
        rows = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
        rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        ids = (row.get("id") or row.get("name") for row in rows)
        return tuple(ModelCard(model) for model in ids if isinstance(model, str))


PROVIDER = OpenAIChat()

# --- encoding -------------------------------------------------------------------------------------------------------


def _encode_message(message: Message, profile: Profile) -> list[dict[str, Any]]:
    """The messages that one of ours becomes: results first, each its own message; an empty one becomes none."""
    results = [
        {"role": "tool", "tool_call_id": part.call_id, "content": _encode_result(part)}
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    match message.role:
        case "assistant":
            return results + _encode_answer(message.parts, profile)
        case "system":
            return results + _encode_words(quirks_of(profile).system_role, message.parts)
        case "user" | "tool":
            return results + _encode_words("user", message.parts)


def _encode_result(result: ToolResult) -> str:
    """A result's text; the protocol has no mark for failures, so the word stands in front."""
    return f"error: {result.text}" if result.is_error else result.text


def _encode_words(role: str, parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    """Plain text where possible, because many servers take nothing else; a list of parts only around pictures."""
    pictures = any(isinstance(part, Image) for part in parts) and role == "user"
    if not pictures:
        text = "\n\n".join(filter(None, map(to_text, parts)))
        return [{"role": role, "content": text}] if text else []
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Image):
            url = f"data:{part.media_type};base64,{part.data}"
            content.append({"type": "image_url", "image_url": {"url": url}})
        elif text := to_text(part):
            content.append({"type": "text", "text": text})
    return [{"role": role, "content": content}]


def _encode_answer(parts: tuple[Part, ...], profile: Profile) -> list[dict[str, Any]]:
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": _encode_arguments(part)}}
        for part in parts
        if isinstance(part, ToolCall)
    ]
    if not text and not calls:
        return []
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
    field = quirks_of(profile).reasoning_field
    if calls and thought and field:
        message[field] = thought
    if calls:
        message["tool_calls"] = calls
    return [message]


def _encode_arguments(call: ToolCall) -> str:
    return json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))


def to_text(part: Part) -> str:
    """A part as words for the model: a document has its title above; what the protocol cannot carry is empty."""
    match part:
        case Text(text) | Refusal(text):
            return text
        case Document(title, media_type, text):
            return f"[Document: {title} ({media_type})]\n\n{text}\n\n[End of document: {title}]"
        case _:
            return ""


def _encode_schema(schema: Mapping[str, Any], known: bool) -> dict[str, Any]:
    if not known:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


# --- decoding -------------------------------------------------------------------------------------------------------

_STOPS: dict[str, StopReason] = {
    "stop": "end_turn", "eos": "end_turn", "eos_token": "end_turn", "end_turn": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens", "max_tokens": "max_tokens", "model_length": "max_tokens",
    "tool_calls": "tool_use", "tool_call": "tool_use", "tool_use": "tool_use", "function_call": "tool_use",
    "content_filter": "content_filter", "safety": "content_filter",
    "refusal": "refusal",
}  # fmt: skip
"""Reasons seen in the field; any other is `other`."""

_GAVE_UP = ("error", "abort", "insufficient_system_resource")
"""Reasons that mean the server broke off: OpenRouter, vLLM and SGLang, DeepSeek."""

HINT_CUT = "what was shown is incomplete; try again"


class ChatDecoder:
    """One answer while it arrives."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._splitter = Splitter()
        self._calls = Assembly()
        self._kind = ""
        self._pieces: list[str] = []
        self._half: dict[str, str] = {}
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
        data = data.strip()
        if self._ended or not data:
            return []
        if data == "[DONE]":
            self._ended = True
            return []
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            if self.answered:
                return []
            raise Transient(f"{self._who} sent an event that is not valid JSON", hint=HINT_CUT) from error
        if name == "error" or not isinstance(chunk, dict) or _reports_failure(chunk):
            raise failures.explain(failures.read_value(0, chunk), self._profile)
        return self._take_chunk(chunk)

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object, though a stream was asked for."""
        try:
            value = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise Transient(f"{self._who} sent an answer that is not valid JSON", hint=HINT_CUT) from error
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

    def _take_chunk(self, chunk: dict[str, Any]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if isinstance(chunk.get("id"), str) and self._calls.id_base == "call":
            self._calls.id_base = _to_id_base(chunk["id"])
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                self._take_choice(choice, events)
        usage = chunk.get("usage") or _dict(chunk.get("x_groq")).get("usage")
        if isinstance(usage, dict):
            counts = _to_usage(usage)
            if counts != self._usage:
                self._usage = counts
                events.append(UsageUpdated(counts))
        return events

    def _take_choice(self, choice: dict[str, Any], events: list[StreamEvent]) -> None:
        delta = _dict(choice.get("delta")) or _dict(choice.get("message"))
        self._say("reasoning", _read_reasoning(delta), events)
        for kind, text in _read_content(delta.get("content")):
            self._spoke = True
            if kind == "reasoning":
                self._say(kind, text, events)
                continue
            for found, piece in self._splitter.feed(text):
                self._say(found, piece, events)
        if isinstance(delta.get("refusal"), str) and delta["refusal"]:
            self._spoke = True
            self._refusal += heal(delta["refusal"])
        fragments = delta.get("tool_calls")
        fragments = [item for item in fragments if isinstance(item, dict)] if isinstance(fragments, list) else []
        if not fragments and isinstance(delta.get("function_call"), dict):
            fragments = [{"index": 0, "function": delta["function_call"]}]
        for fragment in fragments:
            self._spoke = True
            self._close(events)
            events += self._calls.feed(fragment)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            if reason.lower() in _GAVE_UP:
                raise Transient(f"{self._who} broke the answer off ({reason})", hint=HINT_CUT)
            self._reason = reason

    def _say(self, kind: str, text: str, events: list[StreamEvent], *, whole: bool = False) -> None:
        """Add words to the part of this kind, joining characters that were escaped in two halves."""
        text = ("" if whole else self._half.get(kind, "")) + text
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
            self._close(events)
            self._kind = kind
        self._pieces.append(text)
        events.append(TextDelta(text) if kind == "text" else ReasoningDelta(text))

    def _close(self, events: list[StreamEvent]) -> None:
        """End the part that is open."""
        if self._pieces:
            text = "".join(self._pieces)
            events.append(PartEnded(Text(text) if self._kind == "text" else Reasoning(text)))
        self._kind, self._pieces = "", []


def _reports_failure(chunk: dict[str, Any]) -> bool:
    return bool(chunk.get("error")) or chunk.get("object") == "error" or chunk.get("type") == "error"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_reasoning(delta: dict[str, Any]) -> str:
    """Thinking, once, from whichever field the server uses."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(delta.get(name), str) and delta[name]:
            return str(delta[name])
    details = delta.get("reasoning_details")
    rows = [row for row in details if isinstance(row, dict)] if isinstance(details, list) else []
    texts = (row.get("text") or row.get("summary") for row in rows)
    return "".join(text for text in texts if isinstance(text, str))


def _read_content(content: Any) -> list[tuple[str, str]]:
    """Words of `content`, a string or (Mistral) a list of text and thinking parts."""
    if isinstance(content, str):
        return [("text", content)] if content else []
    pieces: list[tuple[str, str]] = []
    for part in content if isinstance(content, list) else ():
        inner = _dict(part)
        if isinstance(inner.get("thinking"), list):
            pieces += [("reasoning", text) for _, text in _read_content(inner["thinking"])]
        elif isinstance(inner.get("text"), str) and inner["text"]:
            pieces.append(("text", inner["text"]))
    return pieces


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


def _to_id_base(answer_id: str) -> str:
    """A short start for invented call ids that differs from answer to answer."""
    from hashlib import blake2b

    return "call_" + blake2b(answer_id.encode("utf-8", "replace"), digest_size=6).hexdigest()
