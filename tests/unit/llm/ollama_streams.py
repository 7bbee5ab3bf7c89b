"""Answers of Ollama as bytes, with what they mean; read by `test_ollama_decode`."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiex.errors import AiexError, ContextOverflow, FailureKind, NotSignedIn, Rejected, Transient, Unavailable
from aiex.llm.failures import UnknownModel

Calls = list[tuple[str | None, str, dict[str, Any]]]
"""Id, or None for an invented one; name; arguments."""


@dataclass(frozen=True)
class Case:
    body: bytes
    text: str = ""
    reasoning: str = ""
    calls: Calls = field(default_factory=list)
    stop: str = ""
    usage: tuple[int | None, ...] | None = None
    error: type[AiexError] | None = None
    kind: FailureKind = ""
    match: str = ""


HEAD = {"model": "m", "created_at": "2026-11-21T03:00:00.123456789Z"}


def said(content: str = "", **message: Any) -> dict[str, Any]:
    return {**HEAD, "message": {"role": "assistant", "content": content, **message}, "done": False}


def called(*entries: Any) -> dict[str, Any]:
    return said(tool_calls=list(entries))


def call(name: str | None, arguments: Any = None, *, id: Any = None, index: Any = 0) -> dict[str, Any]:
    function = {"index": index, "name": name, "arguments": arguments}
    entry: dict[str, Any] = {"function": {key: value for key, value in function.items() if value is not None}}
    return entry if id is None else {"id": id, **entry}


def done(reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    line = {**said(), "done": True, "total_duration": 5, **more}
    return line if reason is None else {**line, "done_reason": reason}


def lines(*values: Any, end: str = "\n") -> bytes:
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    return "".join(text + end for text in texts).encode()


def embedded(message: str, **more: Any) -> str:
    """An error of the engine below, as the server hands it on: JSON in a text."""
    return json.dumps({"error": {"code": 400, "message": message, **more}})


READ_X: Calls = [("a", "read", {"path": "x"})]
TWO: Calls = [(None, "read", {"path": "x"}), (None, "find", {"n": 1})]
READ, FIND = call("read", {"path": "x"}), call("find", {"n": 1})
OVERFLOW = "request (8889 tokens) exceeds the available context size (4096 tokens), try increasing it"

CASES: dict[str, Case] = {
    # --- lines ------------------------------------------------------------------------------------------------------
    "plain": Case(lines(said("Hel"), said("lo"), done()), text="Hello", stop="end_turn"),
    "characters of many bytes": Case(lines(said("é漢"), said("😀é"), done()), text="é漢😀é", stop="end_turn"),
    "CRLF line ends": Case(lines(said("a"), said("b"), done(), end="\r\n"), text="ab", stop="end_turn"),
    "blank lines between and around": Case(
        b"\n\r\n" + lines(said("a"), "", "  ", "\t", said("b"), done(), "", end="\n"), text="ab", stop="end_turn"
    ),
    "U+2028, U+2029, U+0085, VT and FF in text": Case(
        lines(said("a\u2028b\u2029"), said("c\u0085d"), json.dumps(said("\x0b\x0c")), done()),
        text="a\u2028b\u2029c\u0085d\x0b\x0c",
        stop="end_turn",
    ),
    "no LF behind the last line": Case(lines(said("a"), done()).rstrip(b"\n"), text="a", stop="end_turn"),
    "one line and no LF": Case(lines({**done(), "message": {"content": "a"}})[:-1], text="a", stop="end_turn"),
    "byte order mark": Case(b"\xef\xbb\xbf" + lines(said("a"), done()), text="a", stop="end_turn"),
    "bytes that are no UTF-8": Case(
        lines(said("a")) + b'{"message":{"content":"\xff\xc3"},"done":false}\n' + lines(done()),
        text="a\ufffd\ufffd",
        stop="end_turn",
    ),
    "a surrogate pair escaped in two lines": Case(
        rb'{"message":{"content":"x\ud83d"}}' + b"\n" + rb'{"message":{"content":"\ude00y"}}' + b"\n" + lines(done()),
        text="x😀y",
        stop="end_turn",
    ),
    "half a surrogate pair": Case(
        rb'{"message":{"content":"x\ud83d"}}' + b"\n" + lines(done()), text="x\ufffd", stop="end_turn"
    ),
    "the whole answer over several lines": Case(
        json.dumps({**said("a", thinking="h"), "done": True, "done_reason": "stop"}, indent=2).encode(),
        text="a",
        reasoning="h",
        stop="end_turn",
    ),
    "a whole answer over several lines that is not done": Case(
        json.dumps(said("a"), indent=2).encode(), error=Transient, kind="transport", match="in the middle"
    ),
    "words behind the end do not count": Case(
        lines(said("a"), done(), said("b"), {"error": "late"}, "junk"), text="a", stop="end_turn"
    ),
    "unknown fields, kinds and values": Case(
        lines({"status": "pulling"}, "null", "[1]", '"x"', said("a", mood=1), {**HEAD, "message": 7}, done(extra=[])),
        text="a",
        stop="end_turn",
    ),
    "nulls everywhere": Case(
        lines(said("a"), {"message": {"content": None, "thinking": None, "tool_calls": None}, "done": None}, done()),
        text="a",
        stop="end_turn",
    ),
    # --- how it ends ------------------------------------------------------------------------------------------------
    "an old server without a reason": Case(lines(said("a"), done(None)), text="a", stop="end_turn"),
    "an empty answer that ends properly": Case(lines(done()), stop="end_turn"),
    "the model was only loaded": Case(lines(done("load")), stop="end_turn"),
    "reason length": Case(lines(said("a"), done("length")), text="a", stop="max_tokens"),
    "an unheard-of reason": Case(lines(said("a"), done("tired")), text="a", stop="other"),
    "no line says done": Case(
        lines(said("a")), text="a", error=Transient, kind="transport", match="in the middle of the answer"
    ),
    "done is not true": Case(lines(said("a"), {"done": "yes"}), text="a", error=Transient, match="in the middle"),
    "nothing at all": Case(b"", error=Transient, kind="transport", match="without an answer"),
    "blank lines and nothing else": Case(b"\n \r\n\n", error=Transient, kind="transport", match="without an answer"),
    "cut within a line": Case(
        lines(said("a"), said("b"))[:-9], text="a", error=Transient, kind="malformed", match="not valid JSON"
    ),
    "a line of junk": Case(
        lines(said("a"), "junk", done()), text="a", error=Transient, kind="malformed", match="not valid JSON"
    ),
    "a line of too many brackets": Case(
        lines(said("a"), "[" * 100_000, done()), text="a", error=Transient, kind="malformed", match="not valid JSON"
    ),
    # --- usage ------------------------------------------------------------------------------------------------------
    "counts only at the end": Case(
        lines(said("a"), done(prompt_eval_count=9, eval_count=4)),
        text="a",
        stop="end_turn",
        usage=(9, 4, None, None, None),
    ),
    "a cached prompt that an old server leaves out": Case(
        lines(said("a"), done(eval_count=4)), text="a", stop="end_turn", usage=(None, 4, None, None, None)
    ),
    "a cached part that a new server names": Case(
        lines(said("a"), done(prompt_eval_count=9, prompt_eval_cached_count=8, eval_count=4)),
        text="a",
        stop="end_turn",
        usage=(9, 4, 8, None, None),
    ),
    "a cached part that was not counted": Case(
        lines(said("a"), done(prompt_eval_count=1, prompt_eval_cached_count=8, eval_count=4)),
        text="a",
        stop="end_turn",
        usage=(9, 4, 8, None, None),
    ),
    "counts that are not numbers": Case(
        lines(said("a"), done(prompt_eval_count="many", eval_count=4.5)), text="a", stop="end_turn"
    ),
    # --- thinking ---------------------------------------------------------------------------------------------------
    "thinking before words": Case(
        lines(said(thinking="h"), said(thinking="m"), said("a"), done()), text="a", reasoning="hm", stop="end_turn"
    ),
    "thinking and words in one line": Case(
        lines(said("a", thinking="hm"), done()), text="a", reasoning="hm", stop="end_turn"
    ),
    "think tags of an old server": Case(
        lines(said("<thi"), said("nk>h"), said("m</th"), said("ink>\n\n"), said("a <think> b"), done()),
        text="a <think> b",
        reasoning="hm",
        stop="end_turn",
    ),
    # --- calls ------------------------------------------------------------------------------------------------------
    "a call with an id": Case(
        lines(called(call("read", {"path": "x"}, id="a")), done()), calls=READ_X, stop="tool_use"
    ),
    "a call without an id or index": Case(
        lines(called(call("read", {"path": "x"}, index=None)), done()),
        calls=[(None, "read", {"path": "x"})],
        stop="tool_use",
    ),
    "thinking, words, then a call in the last line": Case(
        lines(said(thinking="h"), said("Wait."), {**done(), **called(READ), "done": True}),
        text="Wait.",
        reasoning="h",
        calls=[(None, "read", {"path": "x"})],
        stop="tool_use",
    ),
    "parallel calls that all have index 0": Case(lines(called(READ), called(FIND), done()), calls=TWO, stop="tool_use"),
    "parallel calls in one line": Case(lines(called(READ, FIND), done()), calls=TWO, stop="tool_use"),
    "parallel calls in one line, counted": Case(
        lines(called(READ, call("find", {"n": 1}, index=1)), done()), calls=TWO, stop="tool_use"
    ),
    "parallel calls with one id": Case(
        lines(called(call("read", {"path": "x"}, id="a"), call("find", {"n": 1}, id="a")), done()),
        calls=[("a", "read", {"path": "x"}), (None, "find", {"n": 1})],
        stop="tool_use",
    ),
    "the same call twice": Case(lines(called(READ), called(READ), done()), calls=[TWO[0], TWO[0]], stop="tool_use"),
    "parallel calls without arguments at index 0": Case(
        lines(called(call("now", {})), called(call("today", {})), called(call("now")), done()),
        calls=[(None, "now", {}), (None, "today", {}), (None, "now", {})],
        stop="tool_use",
    ),
    "words between calls": Case(
        lines(called(READ), said("and"), called(FIND), done()), text="and", calls=TWO, stop="tool_use"
    ),
    "arguments as text": Case(
        lines(called(call("read", '{"path": "x"}', id="a")), done()), calls=READ_X, stop="tool_use"
    ),
    "arguments as text of text": Case(
        lines(called(call("read", json.dumps('{"path": "x"}'), id="a")), done()), calls=READ_X, stop="tool_use"
    ),
    "arguments as text in two entries": Case(
        lines(called(call("read", '{"pa', id="a")), called(call(None, 'th": "x"}')), done()),
        calls=READ_X,
        stop="tool_use",
    ),
    "empty text as arguments": Case(lines(called(call("now", "")), done()), calls=[(None, "now", {})], stop="tool_use"),
    "an id that is a number": Case(
        lines(called(call("read", {"path": "x"}, id=7)), done()), calls=TWO[:1], stop="tool_use"
    ),
    "half characters in arguments": Case(
        lines(r'{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"t":"x\ud83d"}}}]}}', done()),
        calls=[(None, "f", {"t": "x\ufffd"})],
        stop="tool_use",
    ),
    "invalid arguments": Case(lines(called(call("read", '{"path": ')), done()), stop="malformed_tool_call"),
    "arguments that are a list": Case(lines(called(call("read", [1])), done()), stop="malformed_tool_call"),
    "arguments with NaN": Case(
        lines('{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"n":NaN}}}]}}', done()),
        stop="malformed_tool_call",
    ),
    "arguments with a number out of range": Case(
        lines('{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"n":1e999}}}]}}', done()),
        stop="malformed_tool_call",
    ),
    "a call without a name": Case(lines(called(call(None, {"a": 1})), done()), stop="malformed_tool_call"),
    "a whole call beside a broken one": Case(
        lines(called(READ, call("find", "{")), done()), calls=TWO[:1], stop="malformed_tool_call"
    ),
    "entries that are no calls": Case(lines(called(None, 7, READ), done()), calls=TWO[:1], stop="tool_use"),
    "a function that is no object": Case(lines(called({"function": "read"}), done()), stop="malformed_tool_call"),
    "a call cut by length": Case(lines(called(READ), done("length")), stop="max_tokens"),
    "a call cut by the connection": Case(
        lines(said("a"), called(READ)), text="a", error=Transient, kind="transport", match="in the middle"
    ),
    # --- failures ---------------------------------------------------------------------------------------------------
    "an error in the middle": Case(
        lines(said("a"), {"error": "an error was encountered while running the model: unexpected EOF"}),
        text="a",
        error=Transient,
        kind="server_error",
        match="unexpected EOF",
    ),
    "an error behind a call": Case(
        lines(called(READ), {"error": "boom"}), error=Transient, kind="server_error", match="boom"
    ),
    "an error with a status": Case(
        lines(said("a"), {"error": "try later", "status": 503}),
        text="a",
        error=Transient,
        kind="overloaded",
        match="try later",
    ),
    "an error with a status in words": Case(
        lines(said("a"), {"error": "slow down", "Status": "429 Too Many Requests"}),
        text="a",
        error=Transient,
        kind="rate_limit",
        match="slow down",
    ),
    "a queue that is full, inside the stream": Case(
        lines({"error": "server busy, please try again.  maximum pending requests exceeded"}),
        error=Transient,
        kind="overloaded",
        match="server busy",
    ),
    "memory, inside the stream": Case(
        lines({"error": "model requires more system memory (18.2 GiB) than is available (7.1 GiB)"}),
        error=Rejected,
        kind="invalid_request",
        match="18.2 GiB",
    ),
    "an unknown model with status 200": Case(
        lines({"error": "model 'm' not found"}), error=UnknownModel, kind="not_found", match="'m' unknown"
    ),
    "no permission with status 200": Case(
        lines({"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=x"}),
        error=NotSignedIn,
        kind="auth",
        match="unauthorized",
    ),
    "too long, with status 200": Case(
        lines({"error": embedded(OVERFLOW, type="exceed_context_size_error", n_prompt_tokens=8889, n_ctx=4096)}),
        error=ContextOverflow,
        kind="context_overflow",
        match="8889 tokens",
    ),
    "an error over several lines": Case(
        json.dumps({"error": "boom"}, indent=1).encode(), error=Transient, kind="server_error", match="boom"
    ),
    "an error as an object": Case(
        lines({"error": {"message": "boom", "code": 503}}), error=Transient, kind="overloaded", match="boom"
    ),
    "an error in a list": Case(lines([{"error": "boom"}]), error=Transient, kind="server_error", match="boom"),
    "a web page": Case(
        b"<!doctype html><title>Sign in\x1b[31m</title>", error=Unavailable, match=r"HTML page \(Sign in \[31m\)"
    ),
    "a blank line and a web page": Case(b"\n <html>", error=Unavailable, match="HTML page"),
}
