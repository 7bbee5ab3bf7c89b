"""Answers in Anthropic's protocol as bytes, with what they mean; read by the tests of this folder."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient, Unavailable
from tests.fakes.anthropic_server import to_error, to_event

Calls = list[tuple[str, str, dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    body: bytes
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    refusal: str = ""
    calls: Calls = field(default_factory=list)
    opaque: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """`covers` and data of the vendor's own blocks."""
    stop: str = ""
    usage: tuple[int | None, ...] | None = None
    error: type[AiexError] | None = None
    kind: str = ""
    match: str = ""


# --- pieces of streams ----------------------------------------------------------------------------------------------


def start(index: int | None, block: dict[str, Any]) -> bytes:
    where = {} if index is None else {"index": index}
    return to_event("content_block_start", **where, content_block=block)


def delta(index: int | None, kind: str, **fields: Any) -> bytes:
    where = {} if index is None else {"index": index}
    return to_event("content_block_delta", **where, delta={"type": kind, **fields})


def said(index: int | None, *pieces: str) -> bytes:
    return b"".join(delta(index, "text_delta", text=piece) for piece in pieces)


def thought(index: int | None, *pieces: str) -> bytes:
    return b"".join(delta(index, "thinking_delta", thinking=piece) for piece in pieces)


def given(index: int | None, *pieces: Any) -> bytes:
    return b"".join(delta(index, "input_json_delta", partial_json=piece) for piece in pieces)


def stop(index: int | None) -> bytes:
    return to_event("content_block_stop", **({} if index is None else {"index": index}))


def text(index: int, *pieces: str) -> bytes:
    return start(index, {"type": "text", "text": ""}) + said(index, *pieces) + stop(index)


def thinking(index: int, *pieces: str, signature: str = "sig") -> bytes:
    begin = start(index, {"type": "thinking", "thinking": "", "signature": ""})
    return begin + thought(index, *pieces) + delta(index, "signature_delta", signature=signature) + stop(index)


def call(index: int, id: str, name: str, *pieces: Any) -> bytes:
    return start(index, use(id, name)) + given(index, *pieces) + stop(index)


def use(id: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {}, **more}


def end(reason: str | None, usage: Any = None, **more: Any) -> bytes:
    counts = {} if usage is None else {"usage": usage}
    return to_event("message_delta", delta={"stop_reason": reason, "stop_sequence": None, **more}, **counts)


def message(**more: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], **more}


BEGIN = to_event("message_start", message=message(usage={"input_tokens": 5, "output_tokens": 1}))
PING = to_event("ping")
STOP = to_event("message_stop")
END = end("end_turn", {"output_tokens": 3}) + STOP
TOOLS = end("tool_use", {"output_tokens": 3}) + STOP
COUNTS = (5, 3, None, None, None)
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "sig"}
READ_X: Calls = [("a", "read", {"path": "x"})]
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "url": "u"}]}
CITED = {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1}

# --- whole answers --------------------------------------------------------------------------------------------------

WORDS = {
    "words": Case(BEGIN + PING + text(0, "Hel", "lo") + END, ["Hello"], stop="end_turn", usage=COUNTS),
    "thinking, words and a call": Case(
        BEGIN + thinking(0, "h", "m") + text(1, "Wait.") + call(2, "a", "read", "", '{"pa', 'th": "x"}') + TOOLS,
        ["Wait."], ["hm"], calls=READ_X, opaque=[(1, SIGNED)], stop="tool_use", usage=COUNTS,
    ),
    "lines that end in CRLF": Case(
        (BEGIN + text(0, "a\u2028b\u0085c") + END).replace(b"\n", b"\r\n"), ["a\u2028b\u0085c"], stop="end_turn",
        usage=COUNTS,
    ),
    "lines that end in CR": Case(
        (BEGIN + text(0, "ok") + END).replace(b"\n", b"\r"), ["ok"], stop="end_turn", usage=COUNTS
    ),
    "characters of two, three and four bytes": Case(
        BEGIN + text(0, "Grüße ", "€ 日本", " 😀") + END, ["Grüße € 日本 😀"], stop="end_turn", usage=COUNTS
    ),
    "a character escaped in two halves in two events": Case(
        BEGIN + start(0, {"type": "text", "text": ""})
        + rb'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}}' + b"\n\n"
        + rb'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ude00"}}' + b"\n\n"
        + stop(0) + END,
        ["a😀"], stop="end_turn", usage=COUNTS,
    ),
    "half a character that never gets its other half": Case(
        BEGIN + start(0, {"type": "text", "text": ""})
        + rb'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}}' + b"\n\n"
        + stop(0) + END,
        ["a\ufffd"], stop="end_turn", usage=COUNTS,
    ),
    "comments and pings everywhere": Case(
        b": hello\n\n" + BEGIN + b":\n" + PING + text(0, "o") + b": still here\n\n" + PING + text(1, "k") + PING + END,
        ["o", "k"], stop="end_turn", usage=COUNTS,
    ),
    "events without a name": Case(
        b"".join(line + b"\n\n" for line in (BEGIN + text(0, "ok") + END).split(b"\n") if line.startswith(b"data")),
        ["ok"], stop="end_turn", usage=COUNTS,
    ),
    "events whose JSON has no type": Case(
        b'event: content_block_start\ndata: {"index":0,"content_block":{"type":"text","text":""}}\n\n'
        b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":"ok"}}\n\n'
        b'event: content_block_stop\ndata: {"index":0}\n\n'
        b'event: message_delta\ndata: {"delta":{"stop_reason":"end_turn"}}\n\nevent: message_stop\ndata: {}\n\n',
        ["ok"], stop="end_turn",
    ),
    "data in several lines": Case(
        BEGIN + text(0, "ok") + b'event: message_delta\ndata: {"type":"message_delta",\ndata: "delta":'
        b'\ndata: {"stop_reason":"end_turn"}}\n\n' + STOP,
        ["ok"], stop="end_turn", usage=(5, None, None, None, None),
    ),
    "no blank line at the end": Case((BEGIN + text(0, "ok") + END).rstrip(), ["ok"], stop="end_turn", usage=COUNTS),
    "the end without message_stop": Case(BEGIN + text(0, "ok") + end("end_turn"), ["ok"], stop="end_turn",
                                         usage=(5, None, None, None, None)),
    "message_stop without a reason": Case(BEGIN + text(0, "ok") + end(None) + STOP, ["ok"], stop="end_turn",
                                          usage=(5, None, None, None, None)),
    "something after the end": Case(BEGIN + text(0, "ok") + END + text(1, "no") + b"data: junk\n\n", ["ok"],
                                    stop="end_turn", usage=COUNTS),
    "an ending of another protocol": Case(BEGIN + text(0, "ok") + end("end_turn") + b"data: [DONE]\n\n", ["ok"],
                                          stop="end_turn", usage=(5, None, None, None, None)),
    "nothing said": Case(BEGIN + END, stop="end_turn", usage=COUNTS),
    "empty words": Case(BEGIN + text(0, "") + END, stop="end_turn", usage=COUNTS),
    "words at the beginning of their block": Case(
        BEGIN + start(0, {"type": "text", "text": "He"}) + said(0, "y") + stop(0) + END, ["Hey"], stop="end_turn",
        usage=COUNTS,
    ),
    "unknown events, blocks, deltas and fields": Case(
        BEGIN + to_event("message_mood", mood="good") + start(0, {"type": "aura", "colour": "red"}) + stop(0)
        + start(1, {"type": "text", "text": "", "tone": 3}) + delta(1, "tone_delta", tone=4) + said(1, "ok") + stop(1)
        + end("end_turn", {"output_tokens": 3, "tokens_of_luck": 7}, mood="good") + STOP,
        ["ok"], opaque=[(0, {"type": "aura", "colour": "red"})], stop="end_turn", usage=COUNTS,
    ),
    "values of the wrong type": Case(
        BEGIN + b"data: null\n\ndata: []\n\ndata: 7\n\n" + to_event("content_block_delta", index="x", delta=7)
        + to_event("content_block_start", index=0, content_block=[]) + to_event("message_delta", delta=None, usage=[])
        + text(0, "ok") + END,
        ["ok"], stop="end_turn", usage=COUNTS,
    ),
    "the start of a block was lost": Case(BEGIN + said(0, "ok") + stop(0) + END, ["ok"], stop="end_turn", usage=COUNTS),
    "the stop of a block was lost": Case(
        BEGIN + start(0, {"type": "text", "text": ""}) + said(0, "ok") + call(1, "a", "read", '{"path": "x"}') + TOOLS,
        ["ok"], calls=READ_X, stop="tool_use", usage=COUNTS,
    ),
    "words that arrive interleaved": Case(
        BEGIN + start(0, {"type": "text", "text": ""}) + start(1, {"type": "text", "text": ""}) + said(0, "a")
        + said(1, "c") + said(0, "b") + stop(1) + stop(0) + END,
        ["ab", "c"], stop="end_turn", usage=COUNTS,
    ),
    "one JSON object instead of a stream": Case(
        json.dumps(message(
            content=[SIGNED, {"type": "text", "text": "Wait."}, use("a", "read") | {"input": {"path": "x"}}],
            stop_reason="tool_use", usage={"input_tokens": 5, "output_tokens": 3},
        )).encode(),
        ["Wait."], ["hm"], calls=READ_X, opaque=[(1, SIGNED)], stop="tool_use", usage=COUNTS,
    ),
}  # fmt: skip

CALLS = {
    "two calls whose arguments arrive interleaved": Case(
        BEGIN + start(0, use("a", "read")) + start(1, use("b", "find")) + given(1, '{"q"') + given(0, '{"pa')
        + given(1, ': "é"}') + given(0, 'th": "x"}') + stop(1) + stop(0) + TOOLS,
        calls=[*READ_X, ("b", "find", {"q": "é"})], stop="tool_use", usage=COUNTS,
    ),
    "calls without indexes": Case(
        BEGIN + start(None, use("a", "read")) + given(None, '{"path"', ': "x"}') + stop(None)
        + start(None, use("b", "now")) + given(None, "{}") + stop(None) + TOOLS,
        calls=[*READ_X, ("b", "now", {})], stop="tool_use", usage=COUNTS,
    ),
    "two calls at one index": Case(
        BEGIN + call(0, "a", "read", '{"path": "x"}') + call(0, "b", "read", '{"path": "y"}') + TOOLS,
        calls=[*READ_X, ("b", "read", {"path": "y"})], stop="tool_use", usage=COUNTS,
    ),
    "a call that begins twice": Case(
        BEGIN + start(0, use("a", "read")) + call(0, "a", "read", '{"path": "x"}') + TOOLS, calls=READ_X,
        stop="tool_use", usage=COUNTS,
    ),
    "one id for two calls": Case(
        BEGIN + call(0, "a", "read", '{"path": "x"}') + call(1, "a", "read", '{"path": "y"}') + TOOLS,
        calls=[*READ_X, ("toolu_4e94b514b8d6_2", "read", {"path": "y"})], stop="tool_use", usage=COUNTS,
    ),
    "calls without ids": Case(
        BEGIN + start(0, {"type": "tool_use", "name": "now"}) + stop(0) + TOOLS,
        calls=[("toolu_4e94b514b8d6_1", "now", {})], stop="tool_use", usage=COUNTS,
    ),
    "no arguments at all": Case(BEGIN + call(0, "a", "now") + TOOLS, calls=[("a", "now", {})], stop="tool_use",
                                usage=COUNTS),
    "empty arguments": Case(BEGIN + call(0, "a", "now", "", "") + TOOLS, calls=[("a", "now", {})], stop="tool_use",
                            usage=COUNTS),
    "arguments at the beginning of their block": Case(
        BEGIN + start(0, use("a", "read") | {"input": {"path": "x"}}) + stop(0) + TOOLS, calls=READ_X, stop="tool_use",
        usage=COUNTS,
    ),
    "arguments that are an object": Case(BEGIN + call(0, "a", "read", {"path": "x"}) + TOOLS, calls=READ_X,
                                         stop="tool_use", usage=COUNTS),
    "a call cut by max_tokens": Case(
        BEGIN + text(0, "Wait.") + call(1, "a", "write", '{"path": "x.py"') + end("max_tokens", {"output_tokens": 3})
        + STOP,
        ["Wait."], stop="max_tokens", usage=COUNTS,
    ),
    "a call that looks whole, cut by max_tokens": Case(
        BEGIN + call(0, "a", "delete", '{"path": "x"}') + end("max_tokens", {"output_tokens": 3}) + STOP,
        stop="max_tokens", usage=COUNTS,
    ),
    "arguments that are not JSON": Case(
        BEGIN + call(0, "a", "read", '{"path": "x"}') + call(1, "b", "write", "{'path': 1}") + TOOLS,
        calls=READ_X, stop="malformed_tool_call", usage=COUNTS,
    ),
    "arguments that are no object": Case(BEGIN + call(0, "a", "f", "[1]") + TOOLS, stop="malformed_tool_call",
                                         usage=COUNTS),
    "a call without a name": Case(
        BEGIN + start(0, {"type": "tool_use", "id": "a"}) + given(0, "{}") + stop(0) + TOOLS,
        stop="malformed_tool_call", usage=COUNTS,
    ),
    "arguments without a call": Case(BEGIN + given(0, '{"a": 1}') + TOOLS, stop="malformed_tool_call", usage=COUNTS),
    "a reason that speaks of calls without one": Case(BEGIN + text(0, "ok") + TOOLS, ["ok"], stop="malformed_tool_call",
                                                      usage=COUNTS),
    "a call though the turn is said to be over": Case(BEGIN + call(0, "a", "read", '{"path": "x"}') + END,
                                                      calls=READ_X, stop="tool_use", usage=COUNTS),
    "words and thinking behind a call keep their place": Case(
        BEGIN + thinking(0, "hm") + call(1, "a", "read", '{"path": "x"}') + thinking(2, "and") + text(3, "so")
        + call(4, "b", "now") + TOOLS,
        ["so"], ["hm", "and"], calls=[*READ_X, ("b", "now", {})],
        opaque=[(1, SIGNED), (4, {"blocks": [
            use("a", "read") | {"input": {"path": "x"}}, {**SIGNED, "thinking": "and"},
            {"type": "text", "text": "so"}, use("b", "now"),
        ]})],
        stop="tool_use", usage=COUNTS,
    ),
    "a call made by code at the vendor": Case(
        BEGIN + start(0, use("a", "now", caller={"type": "code_execution_20260120", "tool_id": "s1"})) + stop(0)
        + TOOLS,
        calls=[("a", "now", {})],
        opaque=[(1, {"blocks": [use("a", "now", caller={"type": "code_execution_20260120", "tool_id": "s1"})]})],
        stop="tool_use", usage=COUNTS,
    ),
}  # fmt: skip

BLOCKS = {
    "thinking that is not shown": Case(
        BEGIN + thinking(0) + text(1, "ok") + END, ["ok"], opaque=[(0, {**SIGNED, "thinking": ""})], stop="end_turn",
        usage=COUNTS,
    ),
    "thinking in a sealed block": Case(
        BEGIN + start(0, {"type": "redacted_thinking", "data": "EmwK"}) + stop(0) + text(1, "ok") + END,
        ["ok"], opaque=[(0, {"type": "redacted_thinking", "data": "EmwK"})], stop="end_turn", usage=COUNTS,
    ),
    "thinking without a signature": Case(
        BEGIN + start(0, {"type": "thinking", "thinking": ""}) + thought(0, "hm") + stop(0) + text(1, "ok") + END,
        ["ok"], ["hm"], stop="end_turn", usage=COUNTS,
    ),
    "a search that ran at the vendor": Case(
        BEGIN + start(0, SEARCH) + given(0, '{"qu', 'ery": "x"}') + stop(0) + start(1, FOUND) + stop(1) + text(2, "ok")
        + END,
        ["ok"], opaque=[(0, {**SEARCH, "input": {"query": "x"}}), (0, FOUND)], stop="end_turn", usage=COUNTS,
    ),
    "a search at the vendor that was cut": Case(
        BEGIN + text(0, "ok") + start(1, SEARCH) + given(1, '{"qu') + end("max_tokens") + STOP,
        ["ok"], stop="max_tokens", usage=(5, None, None, None, None),
    ),
    "words with sources": Case(
        BEGIN + start(0, {"type": "text", "text": "", "citations": []}) + said(0, "ok")
        + delta(0, "citations_delta", citation=CITED) + stop(0) + END,
        ["ok"], opaque=[(1, {"type": "text", "text": "ok", "citations": [CITED]})], stop="end_turn", usage=COUNTS,
    ),
}  # fmt: skip

ENDINGS = {
    f"the reason {theirs}": Case(
        BEGIN + text(0, "ok") + end(theirs, {"output_tokens": 3}) + STOP, ["ok"], stop=ours, usage=COUNTS
    )
    for theirs, ours in {
        "end_turn": "end_turn",
        "max_tokens": "max_tokens",
        "stop_sequence": "stop_sequence",
        "pause_turn": "pause",
        "refusal": "refusal",
        "model_context_window_exceeded": "context_overflow",
        "compaction": "other",
    }.items()
} | {
    "a refusal that is explained, in the middle of a call": Case(
        BEGIN + text(0, "ok") + call(1, "a", "read", '{"path": "x"}')
        + end("refusal", stop_details={"type": "refusal", "category": "cyber", "explanation": "No."}) + STOP,
        ["ok"], refusal="No.", stop="refusal", usage=(5, None, None, None, None),
    ),
    "counts only at the end": Case(
        to_event("message_start", message=message()) + text(0, "ok")
        + end("end_turn", {"input_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4,
                           "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}}) + STOP,
        ["ok"], stop="end_turn", usage=(9, 9, 3, 4, 6),
    ),
    "counts at the end replace those before": Case(
        to_event("message_start", message=message(usage={
            "input_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": None, "output_tokens": 1,
            "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 1},
        })) + text(0, "ok") + end("end_turn", {"input_tokens": 7, "output_tokens": 9}) + STOP,
        ["ok"], stop="end_turn", usage=(15, 9, 3, 5, None),
    ),
    "no counts at all": Case(to_event("message_start", message=message()) + text(0, "ok") + end("end_turn") + STOP,
                             ["ok"], stop="end_turn"),
    "an error behind a whole answer": Case(
        BEGIN + text(0, "ok") + end("end_turn", {"output_tokens": 3}) + to_event("error", error={"type": "api_error"}),
        ["ok"], stop="end_turn", usage=COUNTS,
    ),
}  # fmt: skip

# --- failures -------------------------------------------------------------------------------------------------------


def failed(kind: str, words: str, **details: Any) -> bytes:
    return b"event: error\ndata: " + json.dumps(to_error(kind, words, **details)).encode() + b"\n\n"


HALF = BEGIN + start(0, {"type": "text", "text": ""}) + said(0, "Hel")
SHOWN: dict[str, Any] = {"usage": (5, None, None, None, None)}
FAILURES = {
    "overloaded in the middle": Case(HALF + failed("overloaded_error", "Overloaded"), error=Transient,
                                     kind="overloaded", match="Overloaded", **SHOWN),
    "an error before anything else": Case(failed("api_error", "Internal server error"), error=Transient,
                                          kind="server_error", match="Internal"),
    "an error event without a type": Case(
        HALF + b'event: error\ndata: {"error": {"type": "rate_limit_error", "message": "slow down"}}\n\n',
        error=Transient, kind="rate_limit", match="slow down", **SHOWN,
    ),
    "an error without a name": Case(HALF + b'data: {"error": {"type": "timeout_error", "message": "late"}}\n\n',
                                    error=Transient, kind="timeout", match="late", **SHOWN),
    "a spent account in the middle": Case(
        HALF + failed("rate_limit_error", "Spent.", error_code="enforced_spend_limit_reached"),
        error=Rejected, kind="quota", match="Spent", **SHOWN,
    ),
    "an error in the middle of a call": Case(
        BEGIN + start(0, use("a", "delete")) + given(0, '{"path": "x"}') + stop(0) + failed("overloaded_error", "no"),
        error=Transient, kind="overloaded", **SHOWN,
    ),
    "200 with an error": Case(json.dumps(to_error("overloaded_error", "Overloaded")).encode(), error=Transient,
                              kind="overloaded"),
    "200 with a refused key": Case(json.dumps(to_error("authentication_error", "invalid x-api-key")).encode(),
                                   error=NotSignedIn, kind="auth"),
    "200 with too long a prompt": Case(
        json.dumps(to_error("invalid_request_error", "prompt is too long: 210,000 tokens > 200,000 maximum")).encode(),
        error=ContextOverflow, kind="context_overflow",
    ),
    "200 with something else": Case(b'{"object": "list", "data": []}', error=Transient),
    "200 with half an object": Case(b'{"content": [{"type": "text", "te', error=Transient, kind="malformed"),
    "a web page": Case(b"<!doctype html><title>502 Bad Gateway</title>", error=Unavailable, match="502 Bad Gateway"),
    "nothing": Case(b"", error=Transient, kind="transport", match="without an answer"),
    "only a beginning": Case(BEGIN + PING, error=Transient, kind="transport", match="without an answer", **SHOWN),
    "words without an end": Case(HALF, error=Transient, kind="transport", match="in the middle", **SHOWN),
    "a whole block without an end": Case(BEGIN + call(0, "a", "delete", '{"path": "x"}'), error=Transient,
                                         kind="transport", match="in the middle", **SHOWN),
    "the message ends before it began": Case(STOP, error=Transient, kind="transport", match="without an answer"),
    "words that are no object": Case(HALF + b"event: content_block_delta\ndata: []\n\n" + END, error=Transient,
                                     kind="malformed", match="no JSON object", **SHOWN),
    "an event that is not JSON": Case(HALF + b"event: content_block_delta\ndata: {oops\n\n" + END, error=Transient,
                                      kind="malformed", match="not valid JSON", **SHOWN),
}  # fmt: skip

CASES: dict[str, Case] = {**WORDS, **CALLS, **BLOCKS, **ENDINGS, **FAILURES}
