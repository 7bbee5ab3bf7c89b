"""Answers of generateContent, as Google and its proxies send them, become the one stream of events."""

import json
import re
from dataclasses import astuple, dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient, Unavailable
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
from aiex.llm.answer import AnswerReader
from aiex.llm.providers.gemini import PROVIDER
from aiex.llm.wire import Profile
from aiex.messages import Image, Opaque, Reasoning, Text, ToolCall
from tests.fakes.tables import each

PROFILE = Profile("google", "gemini-3-pro", "https://generativelanguage.googleapis.com")
Json = dict[str, Any]
Outcome = tuple[list[StreamEvent], AiexError | None]


def response(*parts: Json, finish: str = "", **extra: Any) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "responseId": "r1", **extra}


def words(*texts: str, **marks: Any) -> list[Json]:
    return [response({"text": text, **marks}) for text in texts]


def call(name: Any = "read", args: Any = None, id: str = "", **marks: Any) -> Json:
    wish = {"name": name} | ({} if args is None else {"args": args}) | ({"id": id} if id else {})
    return {"functionCall": wish, **marks}


def sse(*events: Any, end: str = "\r\n\r\n") -> bytes:
    lines = [event if isinstance(event, str) else "data: " + json.dumps(event, ensure_ascii=False) for event in events]
    return "".join(line + end for line in lines).encode()


def error(code: int, status: str, message: str, *details: Json) -> Json:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


@dataclass(frozen=True)
class Case:
    body: bytes
    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, Json]] = field(default_factory=list)
    blocks: list[tuple[int, Json]] = field(default_factory=list)
    """Opaque blocks: how many parts each covers, and what it holds."""
    stop: str = ""
    usage: tuple[int | None, ...] | None = None
    failure: type[AiexError] | None = None
    kind: str = ""
    match: str = ""


X = {"path": "x"}
READ_X = call("read", X, "a")
STOP = response({"text": ""}, finish="STOP")
BARE_STOP = {"candidates": [{"finishReason": "STOP", "index": 0}]}
SIGNED = {"text": "", "thoughtSignature": "c2ln"}
READ_SIGNED = call("read", X, "a", thoughtSignature="c2ln")
DAILY = {"@type": "q", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}

CASES: dict[str, Case] = {
    # --- words ------------------------------------------------------------------------------------------------------
    "plain": Case(sse(*words("Hel", "lo"), STOP), text="Hello", stop="end_turn"),
    "characters of many bytes": Case(sse(*words("é漢", "😀é"), STOP), text="é漢😀é", stop="end_turn"),
    "LF line ends": Case(sse(*words("a", "b"), STOP, end="\n\n"), text="ab", stop="end_turn"),
    "bare CR line ends": Case(sse(*words("a", "b"), STOP, end="\r\r"), text="ab", stop="end_turn"),
    "U+2028, U+2029 and U+0085 in text": Case(
        sse(*words("a\u2028b\u2029", "c\u0085d"), STOP), text="a\u2028b\u2029c\u0085d", stop="end_turn"
    ),
    "comments between events": Case(sse(": wait", *words("a"), ":", *words("b"), STOP), text="ab", stop="end_turn"),
    "no blank line after the last event": Case(sse(*words("a"), STOP).rstrip(), text="a", stop="end_turn"),
    "pretty JSON over several data lines": Case(
        b"data: {\r\ndata:  " + json.dumps(STOP)[1:].encode() + b"\r\n\r\n", stop="end_turn"
    ),
    "byte order mark": Case(b"\xef\xbb\xbf" + sse(*words("a"), STOP), text="a", stop="end_turn"),
    "a surrogate pair escaped in two events": Case(
        rb'data: {"candidates":[{"content":{"parts":[{"text":"x\ud83d"}]}}]}' + b"\n\n"
        rb'data: {"candidates":[{"content":{"parts":[{"text":"\ude00y"}]}}]}' + b"\n\n" + sse(STOP),
        text="x😀y",
        stop="end_turn",
    ),
    "half a surrogate pair": Case(
        rb'data: {"candidates":[{"content":{"parts":[{"text":"\ud83d"}]},"finishReason":"STOP"}]}' + b"\n\n",
        text="\ufffd",
        stop="end_turn",
    ),
    "several parts in one event": Case(sse(response({"text": "a"}, {"text": "b"}), STOP), text="ab", stop="end_turn"),
    "an empty STOP": Case(sse(BARE_STOP), stop="end_turn"),
    "a STOP without content after words": Case(sse(*words("a"), BARE_STOP), text="a", stop="end_turn"),
    "unknown events, fields and parts": Case(
        sse({"new": 1}, *words("a"), response({"hologram": {"x": 1}}, {"text": "b"}), STOP | {"modelStatus": {}}),
        text="ab",
        stop="end_turn",
    ),
    "nulls everywhere": Case(
        sse(
            {"candidates": None, "usageMetadata": None, "promptFeedback": None},
            {"candidates": [None, {"content": None, "finishReason": None}]},
            response({"text": None}, {"functionCall": None}),
            *words("a"),
            STOP,
        ),
        text="a",
        stop="end_turn",
    ),
    "a second candidate is ignored": Case(
        sse(
            *words("a"),
            {"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}]},
            STOP,
        ),
        text="a",
        stop="end_turn",
    ),
    "[DONE] from a proxy": Case(sse(*words("a"), STOP, "data: [DONE]"), text="a", stop="end_turn"),
    "counts in an event after the reason": Case(
        sse(*words("a"), STOP, {"usageMetadata": {"promptTokenCount": 3}}),
        text="a",
        stop="end_turn",
        usage=(3, None, None, None, None),
    ),
    "cut in an event after the reason": Case(sse(*words("a"), STOP) + b'data: {"usa', text="a", stop="end_turn"),
    # --- thinking and signatures ------------------------------------------------------------------------------------
    "thoughts": Case(sse(*words("h", "m", thought=True), *words("a"), STOP), text="a", reasoning="hm", stop="end_turn"),
    "a signature on an empty text at the end": Case(
        sse(*words("a"), response(SIGNED, finish="STOP")), text="a", blocks=[(0, SIGNED)], stop="end_turn"
    ),
    "a signature on the only words": Case(
        sse(response({"text": "a", "thoughtSignature": "c2ln"}, finish="STOP")),
        text="a",
        blocks=[(1, {"text": "a", "thoughtSignature": "c2ln"})],
        stop="end_turn",
    ),
    "a signature on the last of several pieces": Case(
        sse(*words("a", "b"), response({"text": "c", "thoughtSignature": "c2ln"}, finish="STOP")),
        text="abc",
        blocks=[(1, {"parts": [{"text": "ab"}, {"text": "c", "thoughtSignature": "c2ln"}]})],
        stop="end_turn",
    ),
    "a signature on a thought": Case(
        sse(*words("h", thought=True), *words("m", thought=True, thoughtSignature="c2ln"), *words("a"), STOP),
        text="a",
        reasoning="hm",
        blocks=[
            (1, {"parts": [{"text": "h", "thought": True}, {"text": "m", "thought": True, "thoughtSignature": "c2ln"}]})
        ],
        stop="end_turn",
    ),
    "a signature on the first of parallel calls": Case(
        sse(response(READ_SIGNED, call("find", {"n": 1}, "b"), finish="STOP")),
        calls=[("a", "read", X), ("b", "find", {"n": 1})],
        blocks=[(1, READ_SIGNED)],
        stop="tool_use",
    ),
    "a signature on an empty text behind a call": Case(
        sse(response(READ_X), response(SIGNED, finish="STOP")),
        calls=[("a", "read", X)],
        blocks=[(0, SIGNED)],
        stop="tool_use",
    ),
    "code that the vendor ran is kept": Case(
        sse(*words("a"), response({"executableCode": {"code": "1"}}), STOP),
        text="a",
        blocks=[(0, {"executableCode": {"code": "1"}})],
        stop="end_turn",
    ),
    "a block that is not strict JSON is dropped": Case(
        sse(*words("a"), response({"executableCode": {"code": float("nan")}}), STOP), text="a", stop="end_turn"
    ),
    # --- calls ------------------------------------------------------------------------------------------------------
    "one call": Case(sse(response(READ_X, finish="STOP")), calls=[("a", "read", X)], stop="tool_use"),
    "words, then a call": Case(
        sse(*words("Wait."), response(READ_X), BARE_STOP), text="Wait.", calls=[("a", "read", X)], stop="tool_use"
    ),
    "a call, then words": Case(
        sse(response(READ_X), *words("Wait."), STOP), text="Wait.", calls=[("a", "read", X)], stop="tool_use"
    ),
    "parallel calls, one per event": Case(
        sse(response(READ_X), response(call("find", {"n": 1}, "b")), STOP),
        calls=[("a", "read", X), ("b", "find", {"n": 1})],
        stop="tool_use",
    ),
    "parallel calls without ids": Case(
        sse(response(call("f", {"n": 1})), response(call("f", {"n": 2}), finish="STOP")),
        calls=[("call_491f37c8258b_0", "f", {"n": 1}), ("call_491f37c8258b_1", "f", {"n": 2})],
        stop="tool_use",
    ),
    "parallel calls with one id": Case(
        sse(response(call("f", {"n": 1}, "a")), response(call("f", {"n": 2}, "a"), finish="STOP")),
        calls=[("a", "f", {"n": 1}), ("call_491f37c8258b_1", "f", {"n": 2})],
        stop="tool_use",
    ),
    "empty arguments": Case(
        sse(response(call("now", {}, "a"), finish="STOP")), calls=[("a", "now", {})], stop="tool_use"
    ),
    "no arguments": Case(
        sse(response(call("now", None, "a"), finish="STOP")), calls=[("a", "now", {})], stop="tool_use"
    ),
    "a name that was spelled out": Case(
        sse(response(call("t:read:20:file", X, "a"), finish="STOP")), calls=[("a", "read file", X)], stop="tool_use"
    ),
    "arguments that are no object": Case(
        sse(response(READ_X, call("f", [1], "b"), finish="STOP")),
        calls=[("a", "read", X)],
        stop="malformed_tool_call",
    ),
    "arguments with NaN": Case(
        sse(response(call("f", {"n": float("nan")}, "a"), finish="STOP")), stop="malformed_tool_call"
    ),
    "arguments in fragments, which this API does not have": Case(
        sse(response({"functionCall": {"name": "f", "willContinue": True}}, finish="STOP")), stop="malformed_tool_call"
    ),
    "a call without a name": Case(sse(response(call("", X), finish="STOP")), stop="malformed_tool_call"),
    "a call cut by MAX_TOKENS": Case(sse(response(READ_SIGNED), response(finish="MAX_TOKENS")), stop="max_tokens"),
    "a call in an answer that was filtered": Case(sse(response(READ_X, finish="SAFETY")), stop="content_filter"),
    "a call before a malformed one": Case(
        sse(response(READ_X), response(finish="MALFORMED_FUNCTION_CALL")), stop="malformed_tool_call"
    ),
    "a call and no reason": Case(
        sse(response(READ_X)), failure=Transient, kind="transport", match="in the middle of the answer"
    ),
    # --- how it ends ------------------------------------------------------------------------------------------------
    "a blocked prompt": Case(
        sse({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 7}}),
        stop="content_filter",
        usage=(7, None, None, None, None),
    ),
    "feedback that blocks nothing": Case(
        sse({"promptFeedback": {"safetyRatings": []}}, *words("a"), STOP), text="a", stop="end_turn"
    ),
    "a pause with a token": Case(
        sse(*words("a"), {"candidates": [{"finishReason": "CONTINUATION", "continuationToken": "dG9r"}]}),
        text="a",
        blocks=[(0, {"continuationToken": "dG9r"})],
        stop="pause",
    ),
    "an unspecified reason is none": Case(
        sse(response({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED")),
        text="a",
        failure=Transient,
        kind="transport",
        match="in the middle",
    ),
    "no reason": Case(sse(*words("a")), text="a", failure=Transient, kind="transport", match="in the middle"),
    "nothing at all": Case(b"", failure=Transient, kind="transport", match="without an answer"),
    "comments and nothing else": Case(
        b": a\n\n: b\n\n", failure=Transient, kind="transport", match="without an answer"
    ),
    "cut within an event": Case(
        sse(*words("a")) + b'data: {"cand', text="a", failure=Transient, kind="malformed", match="not valid JSON"
    ),
    # --- counts -----------------------------------------------------------------------------------------------------
    "counts grow and the last ones hold": Case(
        sse(
            response({"text": "a"}, usageMetadata={"promptTokenCount": 9, "totalTokenCount": 9}),
            response(
                finish="STOP",
                usageMetadata={
                    "promptTokenCount": 9,
                    "toolUsePromptTokenCount": 3,
                    "candidatesTokenCount": 4,
                    "thoughtsTokenCount": 2,
                    "cachedContentTokenCount": 5,
                    "totalTokenCount": 18,
                },
            ),
        ),
        text="a",
        stop="end_turn",
        usage=(12, 6, 5, None, 2),
    ),
    "counts that are not numbers are unknown": Case(
        sse(response({"text": "a"}, finish="STOP", usageMetadata={"promptTokenCount": "9", "thoughtsTokenCount": -1})),
        text="a",
        stop="end_turn",
    ),
    # --- failures ---------------------------------------------------------------------------------------------------
    "an error in the middle": Case(
        sse(*words("a"), error(503, "UNAVAILABLE", "The model is overloaded.")),
        text="a",
        failure=Transient,
        kind="overloaded",
        match="answered 503: The model is overloaded",
    ),
    "an error as a list in the middle": Case(
        sse(*words("a"), [error(500, "INTERNAL", "An internal error has occurred.")]),
        text="a",
        failure=Transient,
        kind="server_error",
        match="internal error",
    ),
    "200 with an error": Case(
        json.dumps(error(429, "RESOURCE_EXHAUSTED", "Slow down.", RETRY)).encode(),
        failure=Transient,
        kind="rate_limit",
        match="Slow down",
    ),
    "200 with a list of one error": Case(
        json.dumps([error(429, "RESOURCE_EXHAUSTED", "Enough for today.", DAILY)], indent=2).encode(),
        failure=Rejected,
        kind="quota",
        match="Enough",
    ),
    "200 with a wrong key": Case(
        json.dumps(error(400, "INVALID_ARGUMENT", "API key not valid.", BAD_KEY)).encode(),
        failure=NotSignedIn,
        kind="auth",
        match="API key not valid",
    ),
    "200 with too long a request": Case(
        sse(
            error(
                400, "INVALID_ARGUMENT", "The input token count (12) exceeds the maximum number of tokens allowed (8)."
            )
        ),
        failure=ContextOverflow,
        kind="context_overflow",
        match="larger than the model's window",
    ),
    "200 with words of another server": Case(
        b'{"detail": "Not Found"}', failure=Transient, kind="server_error", match="Not Found"
    ),
    "an HTML page": Case(
        b"<!doctype html><title>502 Bad Gateway</title>", failure=Unavailable, match="an HTML page .502 Bad Gateway"
    ),
    "an event that is no object": Case(
        sse(*words("a"), "data: 7"), text="a", failure=Transient, kind="server_error", match="answered 500: 7"
    ),
    "one object though a stream was asked for": Case(
        json.dumps(response({"text": "a"}, READ_SIGNED, finish="STOP"), indent=1).encode(),
        text="a",
        calls=[("a", "read", X)],
        blocks=[(1, READ_SIGNED)],
        stop="tool_use",
    ),
    "a list of responses though SSE was asked for": Case(
        json.dumps([*words("a", "b"), response(READ_X), STOP], indent=2).encode(),
        text="ab",
        calls=[("a", "read", X)],
        stop="tool_use",
    ),
    "a list of responses that was cut": Case(
        json.dumps([*words("a", "b"), STOP])[:-30].encode(), failure=Transient, kind="malformed", match="not valid JSON"
    ),
    "an empty list": Case(b"[]", failure=Transient),
}

FINISHES = {
    "STOP": "end_turn",
    "MAX_TOKENS": "max_tokens",
    "CONTINUATION": "pause",
    **dict.fromkeys(("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"), "content_filter"),
    **dict.fromkeys(("MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED", "IMAGE_SAFETY"), "content_filter"),
    **dict.fromkeys(("IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "IMAGE_RECITATION"), "content_filter"),
    **dict.fromkeys(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"), "malformed_tool_call"),
    **dict.fromkeys(("MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"), "malformed_tool_call"),
    **dict.fromkeys(("LANGUAGE", "OTHER", "NO_IMAGE", "A_REASON_OF_TOMORROW"), "other"),
}


def decode(*chunks: bytes) -> Outcome:
    """All events, and the error after them."""
    reader, events = AnswerReader(PROVIDER.decoder(PROFILE)), []
    try:
        for piece in chunks:
            for event in reader.feed(piece):
                events.append(event)
        for event in reader.end():
            events.append(event)
    except AiexError as failure:
        return events, failure
    return events, None


def told(outcome: Outcome) -> tuple[list[StreamEvent], str]:
    events, failure = outcome
    return events, repr(failure)


@cache
def told_at_once(name: str) -> tuple[list[StreamEvent], str]:
    """What comes of the answer in one piece."""
    return told(decode(CASES[name].body))


def parts(events: list[StreamEvent], kind: type[Any]) -> list[Any]:
    return [event.part for event in events if isinstance(event, PartEnded) and isinstance(event.part, kind)]


@each("name", CASES)
def test_an_answer_of_the_field_is_understood(name: str) -> None:
    case = CASES[name]
    events, failure = decode(case.body)
    if case.failure:
        assert type(failure) is case.failure
        assert failure is not None
        assert case.kind in ("", failure.kind)
        assert re.search(case.match, str(failure))
    else:
        assert failure is None
        assert events[-1] == Stopped(case.stop)  # type: ignore[arg-type]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == case.text
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == case.reasoning
    assert [(part.id, part.name, part.arguments) for part in parts(events, ToolCall)] == case.calls
    assert [(block.covers, block.data) for block in parts(events, Opaque)] == case.blocks
    usages = [astuple(event.usage) for event in events if isinstance(event, UsageUpdated)]
    assert (usages[-1] if usages else None) == case.usage


@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 1_000_000), max_size=10))
@each("name", CASES)
def test_the_events_do_not_depend_on_how_the_bytes_were_cut(name: str, cuts: list[int]) -> None:
    body = CASES[name].body
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    chunks = [body[start:end] for start, end in pairwise(places)]
    assert told(decode(*chunks)) == told_at_once(name)


@each("name", CASES)
def test_the_events_are_the_same_byte_by_byte(name: str) -> None:
    body = CASES[name].body
    assert told(decode(*(bytes([byte]) for byte in body))) == told_at_once(name)


@each("name", CASES)
def test_deltas_join_to_their_parts(name: str) -> None:
    events, failure = decode(CASES[name].body)
    spoken, thought, arguments, names = "", "", {}, {}
    for event in events:
        match event:
            case TextDelta(text):
                spoken += text
            case ReasoningDelta(text):
                thought += text
            case ToolCallStarted(id, called):
                assert id not in names
                names[id], arguments[id] = called, ""
            case ToolCallDelta(id, text):
                arguments[id] += text
            case PartEnded(Text(text)):
                assert text == spoken
                spoken = ""
            case PartEnded(Reasoning(text)):
                assert text == thought
                thought = ""
            case PartEnded(ToolCall(id, called, parsed)):
                assert (called, parsed) == (names[id], json.loads(arguments[id]))
    if failure is None:
        assert (spoken, thought) == ("", "")
        assert [type(event) for event in events].count(Stopped) == 1


@each(("finish", "stop"), FINISHES.items())
def test_every_reason_to_finish_has_a_meaning(finish: str, stop: str) -> None:
    events, failure = decode(sse(*words("a"), response(finish=finish)))
    assert failure is None
    assert events[-1] == Stopped(stop)  # type: ignore[arg-type]


def test_the_sdk_knows_no_reason_to_finish_that_is_not_tested() -> None:
    from google.genai.types import FinishReason

    assert {reason.name for reason in FinishReason} - set(FINISHES) == {"FINISH_REASON_UNSPECIFIED"}


def test_a_picture_in_the_answer_is_a_part() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}, "thoughtSignature": "c2ln"}
    events, _ = decode(sse(response(picture, finish="STOP")))
    assert parts(events, Image) == [Image("image/png", "QUJD")]
    assert [block.covers for block in parts(events, Opaque)] == [1]


def test_a_block_is_bound_to_who_signed_it() -> None:
    (block,) = parts(decode(sse(response(READ_SIGNED, finish="STOP")))[0], Opaque)
    assert (block.provider, block.model, block.endpoint) == PROFILE.tag


def test_invented_ids_differ_from_answer_to_answer() -> None:
    first, second = (
        decode(sse(response(call("f", {}), finish="STOP") | {"responseId": answer}))[0] for answer in ("r1", "r2")
    )
    assert parts(first, ToolCall)[0].id != parts(second, ToolCall)[0].id
