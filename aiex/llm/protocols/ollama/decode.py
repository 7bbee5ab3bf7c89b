"""An answer of `/api/chat`, line by line.

Each line holds the next piece of words or thinking, or whole calls; the last one says `done`. Sources: ollama/ollama
docs/api.md, api/types.go and server/routes.go, November 2026.
"""

import json
from typing import Any, NoReturn

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
from aiex.llm import failures, quickjson
from aiex.llm.calls import parse_arguments
from aiex.llm.protocols.ollama.errors import explain
from aiex.llm.thoughts import Splitter
from aiex.llm.wire import Profile, heal
from aiex.messages import Reasoning, StopReason, Text, ToolCall, Usage

_STOPS: dict[str, StopReason] = {
    "": "end_turn", "stop": "end_turn", "load": "end_turn", "unload": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filter",
}  # fmt: skip
"""Reasons to be done; old servers give none, and any other is `other`."""

HINT_CUT = "what was shown is incomplete; try again"


class OllamaDecoder:
    """One answer while it arrives."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._words = _Words()
        self._splitter = Splitter()
        self._calls = _Calls()
        self._spoke = False
        self._done = False
        self._reason = ""

    @property
    def ended(self) -> bool:
        """True after the line that says `done`."""
        return self._done

    @property
    def answered(self) -> bool:
        """The same: counts stand in the last line."""
        return self._done

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode one line.

        Raises:
            AiexError: what the server reports; `Transient` when the line is not JSON, which a cut stream brings.
        """
        if self._done:
            return []
        try:
            chunk = quickjson.parse(data)
        except (ValueError, RecursionError) as error:
            raise Transient(
                f"{self._who} sent a line that is not valid JSON", hint=HINT_CUT, kind="malformed"
            ) from error
        if not isinstance(chunk, dict):
            return []
        words = _read_plain(chunk)
        if words and self._words.go_on(words):
            return [TextDelta(words)]
        if chunk.get("error"):
            raise explain(failures.read_value(0, chunk), self._profile)
        return self._take(chunk)

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object over several lines."""
        try:
            value = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            said = f"{self._who} sent an answer that is not valid JSON"
            raise Transient(said, hint=HINT_CUT, kind="malformed") from error
        if not isinstance(value, dict) or not isinstance(value.get("message"), dict) or value.get("error"):
            raise explain(failures.read_value(0, value), self._profile)
        return self._take(value) + self.end()

    def end(self) -> list[StreamEvent]:
        """The last parts and `Stopped`.

        Raises:
            Transient: if no line said `done`.
        """
        if not self._done:
            self._raise_cut()
        events: list[StreamEvent] = []
        for kind, text in self._splitter.end():
            self._words.say(kind, text, events)
        self._words.finish(events)
        stop, calls = self._conclude()
        return [*events, *(PartEnded(call) for call in calls), Stopped(stop)]

    @property
    def _who(self) -> str:
        return f"{self._profile.provider} ({self._profile.base_url})"

    def _raise_cut(self) -> NoReturn:
        if self._spoke:
            raise Transient(f"{self._who} ended the stream in the middle of the answer", hint=HINT_CUT)
        raise Transient(f"{self._who} ended the stream without an answer", hint="try again")

    def _conclude(self) -> tuple[StopReason, list[ToolCall]]:
        """Why it stopped and the calls that may be given away: the presence of calls outweighs the stated reason."""
        stop = _STOPS.get(self._reason.lower(), "other")
        if stop in ("max_tokens", "content_filter"):
            return stop, []
        if self._calls:
            calls, all_whole = self._calls.finish()
            return ("tool_use" if all_whole else "malformed_tool_call"), calls
        return ("malformed_tool_call" if stop == "tool_use" else stop), []

    def _take(self, chunk: dict[str, Any]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        message = chunk.get("message")
        if isinstance(message, dict):
            self._calls.name_after(chunk)
            self._take_message(message, events)
        if chunk.get("done") is True:
            self._done = True
            reason = chunk.get("done_reason")
            self._reason = reason if isinstance(reason, str) else ""
            usage = _to_usage(chunk)
            if usage != Usage():
                events.append(UsageUpdated(usage))
        return events

    def _take_message(self, message: dict[str, Any], events: list[StreamEvent]) -> None:
        thought, text, calls = message.get("thinking"), message.get("content"), message.get("tool_calls")
        if isinstance(thought, str) and thought:
            self._spoke = True
            self._words.say("reasoning", thought, events)
        if isinstance(text, str) and text:
            self._spoke = True
            for kind, piece in self._splitter.feed(text):
                self._words.say(kind, piece, events)
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._spoke = True
                self._words.close(events)
                events += self._calls.take(call)


def _read_plain(chunk: dict[str, Any]) -> str:
    """The words of a line that only adds some; empty for any other line, which is read with care."""
    message = chunk.get("message")
    if type(message) is not dict or len(message) > 2 or chunk.get("done") or chunk.get("error"):
        return ""
    words = message.get("content")
    return words if type(words) is str and words.isascii() and "role" in message else ""


class _Words:
    """Puts pieces together to parts of text and reasoning."""

    def __init__(self) -> None:
        self._kind = ""
        self._pieces: list[str] = []
        self._half: dict[str, str] = {}
        """The first half of a character that was escaped in two lines, for each kind."""

    def say(self, kind: str, text: str, events: list[StreamEvent]) -> None:
        """Add words to the part of this kind."""
        text = self._half.pop(kind, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._half[kind], text = text[-1], text[:-1]
        self._add(kind, heal(text), events)

    def go_on(self, text: str) -> bool:
        """Add ASCII words to the text that is open, the quick way; False when there is none or a character is open."""
        if self._kind != "text" or self._half:
            return False
        self._pieces.append(text)
        return True

    def close(self, events: list[StreamEvent]) -> None:
        """End the part that is open."""
        if self._pieces:
            text = "".join(self._pieces)
            events.append(PartEnded(Text(text) if self._kind == "text" else Reasoning(text)))
        self._kind, self._pieces = "", []

    def finish(self, events: list[StreamEvent]) -> None:
        """End everything; halves whose other half never came become U+FFFD."""
        for kind in list(self._half):
            del self._half[kind]
            self._add(kind, "\ufffd", events)
        self.close(events)

    def _add(self, kind: str, text: str, events: list[StreamEvent]) -> None:
        if not text:
            return
        if kind != self._kind:
            self.close(events)
            self._kind = kind
        self._pieces.append(text)
        events.append(TextDelta(text) if kind == "text" else ReasoningDelta(text))


class _Calls:
    """The calls of one answer. Each entry with a name is a call of its own, whatever its index and id say: this
    protocol sends calls whole, parallel ones often all at index 0 (ollama/ollama#7881, #15457)."""

    def __init__(self) -> None:
        self._base = ""
        self._calls: list[tuple[str, str, list[str]]] = []
        """Id, name and pieces of arguments."""

    def __bool__(self) -> bool:
        return bool(self._calls)

    def name_after(self, chunk: dict[str, Any]) -> None:
        """Let invented ids differ from answer to answer by the moment of its first line."""
        if not self._base:
            from hashlib import blake2b

            moment = f"{chunk.get('created_at')} {chunk.get('model')}".encode("utf-8", "replace")
            self._base = "call_" + blake2b(moment, digest_size=6).hexdigest()

    def take(self, entry: dict[str, Any]) -> list[StreamEvent]:
        """What one entry of `tool_calls` adds."""
        function = entry.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = function.get("name"), _to_text(function.get("arguments"))
        if not (isinstance(name, str) and name):
            return self._continue(arguments)
        call_id = self._pick_id(entry.get("id"))
        self._calls.append((call_id, heal(name), [arguments]))
        started = ToolCallStarted(call_id, heal(name))
        return [started, ToolCallDelta(call_id, arguments)] if arguments else [started]

    def finish(self) -> tuple[list[ToolCall], bool]:
        """The whole calls in the order they began, and whether all of them were whole."""
        whole = []
        for call_id, name, pieces in self._calls:
            arguments = parse_arguments("".join(pieces)) if name else None
            if arguments is not None:
                whole.append(ToolCall(call_id, name, arguments))
        return whole, len(whole) == len(self._calls)

    def _continue(self, arguments: str) -> list[StreamEvent]:
        """An entry without a name goes on with the last call if that is not whole yet; else it is a broken one."""
        if self._calls:
            call_id, name, pieces = self._calls[-1]
            if not name or parse_arguments("".join(pieces)) is None or not any(pieces):
                pieces.append(arguments)
                return [ToolCallDelta(call_id, arguments)] if name and arguments else []
        self._calls.append((self._pick_id(None), "", [arguments]))
        return []

    def _pick_id(self, wish: Any) -> str:
        taken = {call_id for call_id, _, _ in self._calls}
        own = heal(wish) if isinstance(wish, str) else ""
        if not own or own in taken:
            own = f"{self._base}_{len(self._calls)}"
        while own in taken:
            own += "_"
        return own


def _to_text(arguments: Any) -> str:
    """Arguments as JSON text; a server should send an object, and some send text. Empty when there are none."""
    if isinstance(arguments, str):
        return heal(arguments)
    if not arguments and (arguments is None or isinstance(arguments, dict)):
        return ""
    try:
        return heal(json.dumps(arguments, ensure_ascii=False))
    except RecursionError:
        return "?"


def _to_usage(chunk: dict[str, Any]) -> Usage:
    """Counts of the last line. The server leaves a count of 0 out, and a prompt that was cached counts 0 with old
    servers; with new ones it counts, and the cached part is named beside it."""
    prompt, cached = _count(chunk.get("prompt_eval_count")), _count(chunk.get("prompt_eval_cached_count"))
    if prompt is not None and cached is not None and cached > prompt:
        prompt += cached
    return Usage(input_tokens=prompt, output_tokens=_count(chunk.get("eval_count")), cache_read_tokens=cached)


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
