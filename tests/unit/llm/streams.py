"""Answers of the field as bytes, with what they mean; read by the tests of this folder."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiex.errors import (
    AiexError,
    ContextOverflow,
    NotSignedIn,
    Rejected,
    Transient,
    Unavailable,
)
from aiex.llm.failures import UnknownModel

Calls = list[tuple[str, str, dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    body: bytes
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: Calls = field(default_factory=list)
    stop: str = ""
    usage: tuple[int | None, ...] | None = None
    blocks: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    """Data of the opaque blocks and how many parts each covers."""
    error: type[AiexError] | None = None
    match: str = ""


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": choices, **extra}


def words(*texts: str) -> list[dict[str, Any]]:
    return [chunk({"content": text}) for text in texts]


def call(index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    fragment: dict[str, Any] = {} if index is None else {"index": index}
    if id is not None:
        fragment["id"] = id
    fragment["function"] = {}
    if name is not None:
        fragment["function"]["name"] = name
    if arguments is not None:
        fragment["function"]["arguments"] = arguments
    return chunk({"tool_calls": [fragment]})


def sse(*events: Any, done: bool = True, end: str = "\n\n") -> bytes:
    lines = [event if isinstance(event, str) else "data: " + json.dumps(event, ensure_ascii=False) for event in events]
    return "".join(line + end for line in [*lines, *(["data: [DONE]"] if done else [])]).encode()


STOP = chunk({}, "stop")
TOOLS = chunk({}, "tool_calls")
WHOLE = {
    "id": "chatcmpl-2",
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "Let me look.",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path": "x"}'}}
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}
READ_X: Calls = [("a", "read", {"path": "x"})]
TWO: Calls = [("a", "read", {"path": "x"}), ("b", "find", {"n": 1})]

DETAIL: dict[str, Any] = {"type": "reasoning.text", "format": "f", "index": 0}
SECRET: dict[str, Any] = {"type": "reasoning.encrypted", "data": "x==", "index": 0}

CASES: dict[str, Case] = {
    # --- text -------------------------------------------------------------------------------------------------------
    "plain": Case(sse(*words("Hel", "lo"), STOP), text="Hello", stop="end_turn"),
    "characters of many bytes": Case(sse(*words("é漢", "😀é"), STOP), text="é漢😀é", stop="end_turn"),
    "CRLF line ends": Case(sse(*words("a", "b"), STOP, end="\r\n\r\n"), text="ab", stop="end_turn"),
    "bare CR line ends": Case(sse(*words("a", "b"), STOP, end="\r\r"), text="ab", stop="end_turn"),
    "U+2028, U+2029 and U+0085 in text": Case(
        sse(*words("a\u2028b\u2029", "c\u0085d"), STOP), text="a\u2028b\u2029c\u0085d", stop="end_turn"
    ),
    "comments between events": Case(
        sse(": OPENROUTER PROCESSING", *words("a"), ":", *words("b"), STOP), text="ab", stop="end_turn"
    ),
    "no blank line after the last event": Case(
        sse(*words("a"), STOP, done=False).rstrip(b"\n"), text="a", stop="end_turn"
    ),
    "byte order mark": Case(b"\xef\xbb\xbf" + sse(*words("a"), STOP), text="a", stop="end_turn"),
    "blank lines first": Case(b"\n\r\n" + sse(*words("a"), STOP), text="a", stop="end_turn"),
    "a surrogate pair escaped in two events": Case(
        rb'data: {"choices":[{"delta":{"content":"x\ud83d"}}]}' + b"\n\n"
        rb'data: {"choices":[{"delta":{"content":"\ude00y"}}]}' + b"\n\n" + sse(STOP),
        text="x😀y",
        stop="end_turn",
    ),
    "half a surrogate pair": Case(
        rb'data: {"choices":[{"delta":{"content":"x\ud83d"},"finish_reason":"stop"}]}' + b"\n\n" + sse(),
        text="x\ufffd",
        stop="end_turn",
    ),
    "prompt filter results of Azure first": Case(
        sse(chunk(None, prompt_filter_results=[{"prompt_index": 0}]), *words("a"), STOP), text="a", stop="end_turn"
    ),
    "unknown events and fields": Case(
        sse({"object": "new.kind", "obfuscation": "xx"}, *words("a"), chunk({"weather": 1}), STOP),
        text="a",
        stop="end_turn",
    ),
    "null deltas and contents": Case(
        sse(
            {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
            chunk({"role": "assistant", "content": None, "tool_calls": None, "refusal": None}),
            *words("a"),
            STOP,
        ),
        text="a",
        stop="end_turn",
    ),
    "content as a list of parts": Case(
        sse(
            chunk(
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
            ),
            chunk({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            STOP,
        ),
        text="ab",
        reasoning="hm",
        stop="end_turn",
    ),
    "a second choice is ignored": Case(
        sse(*words("a"), {"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "stop"}]}, STOP),
        text="a",
        stop="end_turn",
    ),
    "an empty answer that ends properly": Case(sse(STOP), stop="end_turn"),
    "refusal": Case(
        sse(chunk({"refusal": "I can"}), chunk({"refusal": "not."}), STOP), refusal="I cannot.", stop="refusal"
    ),
    # --- how it ends ------------------------------------------------------------------------------------------------
    "finish_reason empty on every chunk": Case(
        sse(chunk({"content": "a"}, ""), chunk({"content": "b"}, ""), STOP), text="ab", stop="end_turn"
    ),
    "null to the end, then [DONE]": Case(sse(*words("a", "b")), text="ab", stop="end_turn"),
    "a reason and no [DONE]": Case(sse(*words("a"), STOP, done=False), text="a", stop="end_turn"),
    "cut after the reason, within the counts": Case(
        sse(*words("a"), STOP, done=False) + b'data: {"choices": [], "usa', text="a", stop="end_turn"
    ),
    "reason eos": Case(sse(*words("a"), chunk({}, "eos")), text="a", stop="end_turn"),
    "reason length": Case(sse(*words("a"), chunk({}, "length")), text="a", stop="max_tokens"),
    "reason content_filter": Case(sse(*words("a"), chunk({}, "content_filter")), text="a", stop="content_filter"),
    "an unheard-of reason": Case(sse(*words("a"), chunk({}, "tired")), text="a", stop="other"),
    "neither reason nor [DONE]": Case(sse(*words("a"), done=False), text="a", error=Transient, match="in the middle"),
    "[DONE] with nothing": Case(sse(), error=Transient, match="without an answer"),
    "nothing at all": Case(b"", error=Transient, match="without an answer"),
    "comments and nothing else": Case(b": hello\n\n: hello\n\n", error=Transient, match="without an answer"),
    "cut within an event": Case(
        sse(*words("a"), done=False) + b'data: {"choices": [{"ind', text="a", error=Transient, match="not valid JSON"
    ),
    "words after [DONE] do not count": Case(sse(*words("a"), STOP) + sse(*words("b")), text="a", stop="end_turn"),
    # --- usage ------------------------------------------------------------------------------------------------------
    "counts only at the end": Case(
        sse(
            *words("a"),
            STOP,
            chunk(
                None,
                usage={
                    "prompt_tokens": 9,
                    "completion_tokens": 4,
                    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
                    "completion_tokens_details": {"reasoning_tokens": 1},
                },
            ),
        ),
        text="a",
        stop="end_turn",
        usage=(9, 4, 3, 2, 1),
    ),
    "counts on every chunk replace each other": Case(
        sse(
            chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1}),
            chunk({"content": "b"}, "stop", usage={"prompt_tokens": 9, "completion_tokens": 2}),
        ),
        text="ab",
        stop="end_turn",
        usage=(9, 2, None, None, None),
    ),
    "cache counters of DeepSeek": Case(
        sse(
            chunk(
                {"content": "a"},
                "stop",
                usage={"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8},
            )
        ),
        text="a",
        stop="end_turn",
        usage=(9, 1, 8, None, None),
    ),
    "counts that are not numbers are unknown": Case(
        sse(chunk({"content": "a"}, "stop", usage={"prompt_tokens": None, "completion_tokens": "many"})),
        text="a",
        stop="end_turn",
        usage=(None, None, None, None, None),
    ),
    # --- reasoning --------------------------------------------------------------------------------------------------
    "reasoning_content": Case(
        sse(chunk({"reasoning_content": "h"}), chunk({"reasoning_content": "m", "content": ""}), *words("a"), STOP),
        text="a",
        reasoning="hm",
        stop="end_turn",
    ),
    "the same thought in two fields counts once": Case(
        sse(
            chunk({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}),
            *words("a"),
            STOP,
        ),
        text="a",
        reasoning="hm",
        stop="end_turn",
        blocks=[({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, 1)],
    ),
    "reasoning_details alone": Case(
        sse(chunk({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}), *words("a"), STOP),
        text="a",
        reasoning="hm",
        stop="end_turn",
        blocks=[({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}, 1)],
    ),
    "think tags in the answer": Case(
        sse(*words("\n<thi", "nk>h", "m</th", "ink>\n", "\n", "a <think> b"), STOP),
        text="a <think> b",
        reasoning="hm",
        stop="end_turn",
    ),
    "a beginning that only looks like a think tag": Case(
        sse(*words("<thi", "s> is text"), STOP), text="<this> is text", stop="end_turn"
    ),
    "an answer that is the beginning of a think tag": Case(sse(*words("<thi"), STOP), text="<thi", stop="end_turn"),
    "thinking in pieces with its signature last": Case(
        sse(
            chunk({"reasoning": "h", "reasoning_details": [DETAIL | {"text": "h"}]}),
            chunk({"reasoning": "m", "reasoning_details": [DETAIL | {"text": "m"}]}),
            chunk({"content": "", "reasoning_details": [DETAIL | {"signature": "sig"}]}),
            *words("a"),
            STOP,
        ),
        text="a",
        reasoning="hm",
        stop="end_turn",
        blocks=[({"reasoning_details": [DETAIL | {"text": "hm", "signature": "sig"}]}, 1)],
    ),
    "a signature that comes after the words": Case(
        sse(
            chunk({"reasoning_details": [DETAIL | {"text": "hm"}]}),
            *words("a"),
            chunk({"reasoning_details": [DETAIL | {"signature": "sig"}]}, "stop"),
        ),
        text="a",
        reasoning="hm",
        stop="end_turn",
        blocks=[
            ({"reasoning_details": [DETAIL | {"text": "hm"}]}, 1),
            ({"reasoning_details": [DETAIL | {"signature": "sig"}]}, 0),
        ],
    ),
    "encrypted thinking beside a call": Case(
        sse(
            chunk({"reasoning_details": [SECRET], "content": ""}),
            call(0, "a", "read", '{"path": "x"}'),
            chunk({"reasoning_details": [SECRET | {"index": 1, "id": "a"}]}, "tool_calls"),
        ),
        calls=READ_X,
        stop="tool_use",
        blocks=[({"reasoning_details": [SECRET]}, 0), ({"reasoning_details": [SECRET | {"index": 1, "id": "a"}]}, 0)],
    ),
    "two thoughts of one event stay two": Case(
        sse(
            chunk({"reasoning_details": [{"type": "reasoning.text", "text": "h"}, SECRET]}),
            chunk({"reasoning_details": [SECRET | {"index": 1}]}),
            *words("a"),
            STOP,
        ),
        text="a",
        reasoning="h",
        stop="end_turn",
        blocks=[
            ({"reasoning_details": [{"type": "reasoning.text", "text": "h"}, SECRET, SECRET | {"index": 1}]}, 1),
        ],
    ),
    "thoughts that are none": Case(
        sse(
            chunk({"reasoning_details": [None, 1, "x"]}), chunk({"reasoning_details": {"text": "x"}}), *words("a"), STOP
        ),
        text="a",
        stop="end_turn",
    ),
    "thinking between the words": Case(
        sse(
            *words("a"),
            chunk({"reasoning": "hm", "reasoning_details": [DETAIL | {"text": "hm"}]}),
            *words("b"),
            STOP,
        ),
        text="ab",
        reasoning="hm",
        stop="end_turn",
        blocks=[({"reasoning_details": [DETAIL | {"text": "hm"}]}, 1)],
    ),
    # --- repetition -------------------------------------------------------------------------------------------------
    "alike events, then one with a reason": Case(
        sse(*words("a", "b", "", 'c\n"d"', "é", "\\"), chunk({"content": "e"}, "stop")),
        text='abc\n"d"é\\e',
        stop="end_turn",
    ),
    "alike events around a call": Case(
        sse(*words("a", "b"), call(0, "a", "read", '{"path": "x"}'), *words("c", "d"), TOOLS),
        text="abcd",
        calls=READ_X,
        stop="tool_use",
    ),
    "alike events around thinking": Case(
        sse(*words("a", "b"), chunk({"reasoning": "hm"}), *words("c", "d"), STOP),
        text="abcd",
        reasoning="hm",
        stop="end_turn",
    ),
    "alike events that say they are an error": Case(
        sse(*words("a", "b"), "event: error\ndata: " + json.dumps(words("boom")[0])),
        text="ab",
        error=Transient,
        match="reported an error",
    ),
    "alike events with counts on each": Case(
        sse(*(chunk({"content": w}, usage={"prompt_tokens": n}) for n, w in enumerate("abc", 7)), STOP),
        text="abc",
        stop="end_turn",
        usage=(9, None, None, None, None),
    ),
    "padding against eavesdroppers": Case(
        sse(*(chunk({"content": w}, obfuscation="x" * n) for n, w in enumerate("abcdefg")), STOP),
        text="abcdefg",
        stop="end_turn",
    ),
    "half a pair escaped in alike events": Case(
        b"".join(
            rb'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}' % text + b"\n\n"
            for text in (b"x", b"y", rb"\ud83d", rb"\ude00", b"z")
        )
        + sse(STOP),
        text="xy😀z",
        stop="end_turn",
    ),
    "a cut within an alike event": Case(
        sse(*words("a", "b"), done=False) + sse(*words("c"), done=False)[:-9],
        text="ab",
        error=Transient,
        match="not valid JSON",
    ),
    # --- tool calls -------------------------------------------------------------------------------------------------
    "one call in fragments": Case(
        sse(call(0, "a", "read", ""), call(0, arguments='{"pa'), call(0, arguments='th": "x"}'), TOOLS),
        calls=READ_X,
        stop="tool_use",
    ),
    "text, then a call": Case(
        sse(*words("Wait."), call(0, "a", "read", '{"path": "x"}'), TOOLS), text="Wait.", calls=READ_X, stop="tool_use"
    ),
    "parallel calls, interleaved by index": Case(
        sse(
            call(0, "a", "read", ""),
            call(1, "b", "find", ""),
            call(0, arguments='{"path"'),
            call(1, arguments='{"n":'),
            call(0, arguments=': "x"}'),
            call(1, arguments=" 1}"),
            TOOLS,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls without indexes": Case(
        sse(
            call(None, "a", "read", ""),
            call(None, arguments='{"path": "x"}'),
            call(None, "b", "find", '{"n"'),
            call(None, arguments=": 1}"),
            TOOLS,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls that all have index 0": Case(
        sse(call(0, "a", "read", '{"path": "x"}'), call(0, "b", "find", '{"n": 1}'), TOOLS), calls=TWO, stop="tool_use"
    ),
    "the id repeated on every fragment": Case(
        sse(call(0, "a", "read", '{"pat'), call(0, "a", "", 'h": "x"}'), TOOLS), calls=READ_X, stop="tool_use"
    ),
    "id and name repeated on every fragment": Case(
        sse(call(0, "a", "read", '{"pat'), call(0, "a", "read", 'h": "x"}'), TOOLS), calls=READ_X, stop="tool_use"
    ),
    "empty ids on later fragments": Case(
        sse(call(0, "a", "read", '{"pat'), call(0, "", "", 'h": "x"}'), TOOLS), calls=READ_X, stop="tool_use"
    ),
    "interleaved by id without indexes": Case(
        sse(
            call(None, "a", "read", '{"path"'),
            call(None, "b", "find", '{"n"'),
            call(None, "a", None, ': "x"}'),
            call(None, "b", None, ": 1}"),
            TOOLS,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "null fragments": Case(
        sse(
            chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "read", "arguments": None}}]}),
            chunk({"tool_calls": [{"index": 0, "id": None, "function": {"name": None, "arguments": None}}]}),
            chunk({"tool_calls": [{"index": 0, "id": None, "function": None}]}),
            chunk({"tool_calls": [None]}),
            call(0, arguments='{"path": "x"}'),
            TOOLS,
        ),
        calls=READ_X,
        stop="tool_use",
    ),
    "empty arguments": Case(sse(call(0, "a", "now", ""), TOOLS), calls=[("a", "now", {})], stop="tool_use"),
    "no arguments key": Case(sse(call(0, "a", "now"), TOOLS), calls=[("a", "now", {})], stop="tool_use"),
    "arguments as an object": Case(sse(call(0, "a", "read", {"path": "x"}), TOOLS), calls=READ_X, stop="tool_use"),
    "an empty object first, then fragments": Case(
        sse(call(0, "a", "read", {}), call(0, arguments='{"path": "x"}'), TOOLS), calls=READ_X, stop="tool_use"
    ),
    "an empty object as text first, then fragments": Case(
        sse(call(0, "a", "read", "{}"), call(0, arguments='{"path": '), call(0, arguments='"x"}'), TOOLS),
        calls=READ_X,
        stop="tool_use",
    ),
    "arguments given twice are not run": Case(
        sse(call(0, "a", "read", '{"path": "x"}'), call(0, arguments='{"path": "x"}'), TOOLS),
        stop="malformed_tool_call",
    ),
    "calls as one object instead of a list": Case(
        sse(chunk({"tool_calls": {"id": "a", "function": {"name": "read", "arguments": '{"path": "x"}'}}}), TOOLS),
        calls=READ_X,
        stop="tool_use",
    ),
    "arguments encoded twice": Case(
        sse(call(0, "a", "read", json.dumps('{"path": "x"}')), TOOLS), calls=READ_X, stop="tool_use"
    ),
    "reason stop despite a call": Case(sse(call(0, "a", "read", '{"path": "x"}'), STOP), calls=READ_X, stop="tool_use"),
    "no reason despite a call": Case(sse(call(0, "a", "read", '{"path": "x"}')), calls=READ_X, stop="tool_use"),
    "reason tool_calls without a call": Case(sse(*words("a"), TOOLS), text="a", stop="malformed_tool_call"),
    "a call cut by max tokens": Case(
        sse(call(0, "a", "write", '{"path": "x", "text": "half'), chunk({}, "length")), stop="max_tokens"
    ),
    "a call without arguments yet, cut by max tokens": Case(
        sse(call(0, "a", "delete", ""), chunk({}, "length")), stop="max_tokens"
    ),
    "a call cut by the connection": Case(
        sse(call(0, "a", "write", '{"path": "x"}'), done=False), error=Transient, match="in the middle"
    ),
    "invalid arguments": Case(sse(call(0, "a", "read", '{"path": '), TOOLS), stop="malformed_tool_call"),
    "arguments that are no object": Case(sse(call(0, "a", "read", "[1]"), TOOLS), stop="malformed_tool_call"),
    "arguments with NaN": Case(sse(call(0, "a", "read", '{"n": NaN}'), TOOLS), stop="malformed_tool_call"),
    "a call without a name": Case(sse(call(0, "a", None, "{}"), TOOLS), stop="malformed_tool_call"),
    "one whole call beside an invalid one": Case(
        sse(call(0, "a", "read", '{"path": "x"}'), call(1, "b", "find", "{"), TOOLS),
        calls=READ_X,
        stop="malformed_tool_call",
    ),
    "the name after the arguments": Case(
        sse(call(0, "a", None, '{"path": '), call(0, None, "read", '"x"}'), TOOLS), calls=READ_X, stop="tool_use"
    ),
    # --- failures ---------------------------------------------------------------------------------------------------
    "an error object mid-stream": Case(
        sse(*words("a"), {"error": {"message": "boom", "type": "server_error", "code": None}}),
        text="a",
        error=Transient,
        match="boom",
    ),
    "an error of OpenRouter with a numeric code": Case(
        sse(
            *words("a"),
            {
                "error": {"code": 429, "message": "slow down"},
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            },
        ),
        text="a",
        error=Transient,
        match="rate limit.*slow down",
    ),
    "an error within the choice": Case(
        sse(
            *words("a"),
            {
                "choices": [
                    {"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "down"}}
                ]
            },
        ),
        text="a",
        error=Transient,
        match="answered 502: down",
    ),
    "what the vendor behind a router said": Case(
        sse({"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "try again in 2s"}}}),
        error=Transient,
        match="Provider returned error: try again in 2s",
    ),
    "no credits, said within the stream": Case(
        sse(*words("a"), {"error": {"code": 402, "message": "Insufficient credits"}}),
        text="a",
        error=Rejected,
        match="quota",
    ),
    "filtered, said within the stream": Case(
        sse({"error": {"code": "content_filter", "message": "no"}}), error=Rejected, match="filter"
    ),
    "an error of vLLM": Case(
        sse(*words("a"), {"error": {"message": "engine died", "type": "InternalServerError", "code": 500}}),
        text="a",
        error=Transient,
        match="engine died",
    ),
    "a bare string as the error": Case(sse({"error": "context deadline exceeded"}), error=Transient, match="deadline"),
    "a named error event": Case(
        sse('event: error\ndata: {"message": "no such thing"}'), error=Transient, match="no such thing"
    ),
    "reason error without a word": Case(
        sse(*words("a"), chunk({}, "error"), done=False), text="a", error=Transient, match="broke the answer off"
    ),
    "a key rejected within the stream": Case(
        sse({"error": {"message": "bad key", "code": "invalid_api_key"}}), error=NotSignedIn, match="bad key"
    ),
    "too long, said within the stream": Case(
        sse({"error": {"message": "This model's maximum context length is 100 tokens.", "code": 400}}),
        error=ContextOverflow,
        match="larger than the window",
    ),
    "an event that is not JSON": Case(
        sse(*words("a"), "data: oops"), text="a", error=Transient, match="not valid JSON"
    ),
    "JSON nested beyond reason": Case(b"data: " + b"[" * 100_000 + b"\n\n", error=Transient, match="not valid JSON"),
    # --- other forms ------------------------------------------------------------------------------------------------
    "one JSON object instead of a stream": Case(
        json.dumps(WHOLE).encode(),
        text="Let me look.",
        reasoning="hm",
        calls=READ_X,
        stop="tool_use",
        usage=(5, 3, None, None, None),
    ),
    "pretty JSON after blank lines": Case(
        b"\n " + json.dumps(WHOLE, indent=2).encode(),
        text="Let me look.",
        reasoning="hm",
        calls=READ_X,
        stop="tool_use",
        usage=(5, 3, None, None, None),
    ),
    "half a JSON object": Case(json.dumps(WHOLE).encode()[:-20], error=Transient, match="not valid JSON"),
    "200 with an error body": Case(
        b'{"error": {"message": "overdue", "code": "insufficient_quota"}}', error=Rejected, match="quota.*overdue"
    ),
    "200 with an unknown model": Case(
        b'{"error": {"message": "no", "code": "model_not_found"}}', error=UnknownModel, match="'m' unknown"
    ),
    "200 with an error in a list": Case(
        b'[{"error": {"message": "bad field", "code": 400}}]', error=Rejected, match="bad field"
    ),
    "200 with a page": Case(
        b"<!DOCTYPE html><html><head><title>Log in</title></head></html>", error=Unavailable, match=r"page \(Log in\)"
    ),
    "200 with words": Case(b"Internal Server Error", error=Transient, match="without an answer"),
}
