"""Responses answers of the field as bytes, with what they mean; read by the tests of this folder."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient, Unavailable
from aiex.llm.failures import ReplayRefused
from tests.fakes.responses_server import stream_pieces
from tests.fakes.server import Reply

Calls = list[tuple[str, str, dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    body: bytes
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: Calls = field(default_factory=list)
    kept: list[tuple[str, int]] = field(default_factory=list)
    """Type and `covers` of each block that goes back."""
    stop: str = ""
    usage: tuple[int | None, ...] | None = None
    error: type[AiexError] | None = None
    kind: str = ""
    match: str = ""


# --- building streams -----------------------------------------------------------------------------------------------


def ev(type: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{type}" if type != "error" else type, **more}


def sse(*events: Any, end: str = "\n\n", named: bool = False) -> bytes:
    lines = []
    for event in events:
        head = f"event: {event['type']}{end[: len(end) // 2]}" if named and isinstance(event, dict) else ""
        data = event if isinstance(event, str) else "data: " + json.dumps(event, ensure_ascii=False)
        lines.append(head + data + end)
    return "".join(lines).encode()


def words(*texts: str, index: Any = 0, id: Any = "msg_1", content: int = 0) -> list[dict[str, Any]]:
    at = {"output_index": index, "item_id": id, "content_index": content}
    return [ev("output_text.delta", **{k: v for k, v in at.items() if v is not None}, delta=text) for text in texts]


def message(text: str, id: str = "msg_1", **more: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": content, **more}


def reasoning(summary: str = "", id: str = "rs_1", **more: Any) -> dict[str, Any]:
    parts = [{"type": "summary_text", "text": summary}] if summary else []
    return {"type": "reasoning", "id": id, "summary": parts, "encrypted_content": "gAAAA" + id, **more}


def fc(call_id: str | None, name: str, arguments: Any = "", id: str | None = None, **more: Any) -> dict[str, Any]:
    item = {"type": "function_call", "id": id, "call_id": call_id, "name": name, "arguments": arguments, **more}
    return {key: value for key, value in item.items() if value is not None}


def added(item: dict[str, Any], index: int | None = 0) -> dict[str, Any]:
    return ev("output_item.added", item=item, **({} if index is None else {"output_index": index}))


def done(item: dict[str, Any], index: int | None = 0) -> dict[str, Any]:
    return ev("output_item.done", item=item, **({} if index is None else {"output_index": index}))


def args(text: str, index: int | None = 0, id: str | None = None) -> dict[str, Any]:
    at = {"output_index": index, "item_id": id}
    return ev("function_call_arguments.delta", delta=text, **{k: v for k, v in at.items() if v is not None})


def end(status: str = "completed", **response: Any) -> dict[str, Any]:
    return ev(status, response={"id": "resp_1", "object": "response", "status": status, **response})


CREATED = ev("created", response={"id": "resp_1", "object": "response", "status": "in_progress", "output": []})
DONE = end()
USAGE = {
    "input_tokens": 50,
    "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 10},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 59,
}
X = '{"path": "x"}'
READ_X: Calls = [("c1", "read", {"path": "x"})]
TWO: Calls = [("c1", "read", {"path": "x"}), ("c2", "find", {"n": 1})]
A, B = fc("c1", "read", id="fc_1"), fc("c2", "find", id="fc_2")
WHOLE = {
    "id": "resp_9",
    "object": "response",
    "status": "completed",
    "error": None,
    "output": [reasoning("hm"), message("Let me look."), fc("c1", "read", X, "fc_1")],
    "usage": USAGE,
}
COUNTS = (50, 9, 30, 10, 4)
RECORDED = Reply(text="Grüße 😀", reasoning="hm ü", calls=(("read", X), ("find", '{"n": 1}')))
FULL = b"".join(stream_pieces(RECORDED, {"model": "m"}))

CASES: dict[str, Case] = {
    # --- bytes ------------------------------------------------------------------------------------------------------
    "plain": Case(sse(CREATED, *words("Hel", "lo"), DONE), text="Hello", stop="end_turn"),
    "characters of many bytes": Case(sse(*words("é漢", "😀é"), DONE), text="é漢😀é", stop="end_turn"),
    "CRLF line ends": Case(sse(*words("a", "b"), DONE, end="\r\n\r\n", named=True), text="ab", stop="end_turn"),
    "bare CR line ends": Case(sse(*words("a", "b"), DONE, end="\r\r"), text="ab", stop="end_turn"),
    "U+2028, U+2029 and U+0085 in text": Case(
        sse(*words("a\u2028b\u2029", "c\u0085d"), DONE), text="a\u2028b\u2029c\u0085d", stop="end_turn"
    ),
    "comments and pings between events": Case(
        sse(": keep-alive", *words("a"), ":", ev("ping"), *words("b"), DONE), text="ab", stop="end_turn"
    ),
    "events with names": Case(sse(CREATED, *words("a"), DONE, named=True), text="a", stop="end_turn"),
    "events with names and without types": Case(
        b'event: response.output_text.delta\ndata: {"delta": "a", "output_index": 0}\n\n'
        b'event: response.completed\ndata: {"response": {}}\n\n',
        text="a",
        stop="end_turn",
    ),
    "no blank line after the last event": Case(sse(*words("a"), DONE).rstrip(b"\n"), text="a", stop="end_turn"),
    "byte order mark": Case(b"\xef\xbb\xbf" + sse(*words("a"), DONE), text="a", stop="end_turn"),
    "[DONE] after the end": Case(sse(*words("a"), DONE, "data: [DONE]"), text="a", stop="end_turn"),
    "rubbish after the end": Case(sse(*words("a"), DONE, "data: {nonsense"), text="a", stop="end_turn"),
    "a surrogate pair escaped in two events": Case(
        rb'data: {"type":"response.output_text.delta","output_index":0,"delta":"x\ud83d"}' + b"\n\n"
        rb'data: {"type":"response.output_text.delta","output_index":0,"delta":"\ude00y"}' + b"\n\n" + sse(DONE),
        text="x😀y",
        stop="end_turn",
    ),
    "half a surrogate pair": Case(
        rb'data: {"type":"response.output_text.delta","output_index":0,"delta":"x\ud83d"}' + b"\n\n" + sse(DONE),
        text="x\ufffd",
        stop="end_turn",
    ),
    # --- words ------------------------------------------------------------------------------------------------------
    "everything that OpenAI sends": Case(
        FULL,
        text="Grüße 😀",
        reasoning="hm ü",
        calls=[("call_fake_0", "read", {"path": "x"}), ("call_fake_1", "find", {"n": 1})],
        kept=[("reasoning", 1), ("message", 1), ("function_call", 1), ("function_call", 1)],
        stop="tool_use",
        usage=(20, 7, 16, 2, 2),
    ),
    "words only in output_text.done": Case(
        sse(ev("output_text.done", output_index=0, content_index=0, text="Hello"), DONE), text="Hello", stop="end_turn"
    ),
    "words only in output_item.done": Case(sse(done(message("Hello")), DONE), text="Hello", stop="end_turn"),
    "words only in the final list": Case(sse(end(output=[message("Hello")])), text="Hello", stop="end_turn"),
    "the tail of the words only in output_item.done": Case(
        sse(*words("Hel"), done(message("Hello")), end(output=[message("Hello")])), text="Hello", stop="end_turn"
    ),
    "output_item.done disagrees with what was shown": Case(
        sse(*words("Hello"), done(message("Goodbye", phase="final_answer")), DONE), text="Hello", stop="end_turn"
    ),
    "the final list repeats what was streamed, under other ids": Case(
        sse(*words("Hello"), done(message("Hello")), end(output=[message("Hello", id="msg_other")])),
        text="Hello",
        stop="end_turn",
    ),
    "two messages, one of each phase": Case(
        sse(
            *words("One."),
            done(message("One.", phase="commentary")),
            *words("Two.", index=1, id="msg_2"),
            done(message("Two.", "msg_2", phase="final_answer"), 1),
            DONE,
        ),
        text="One.Two.",
        kept=[("message", 1), ("message", 1)],
        stop="end_turn",
    ),
    "two content parts of one message": Case(
        sse(*words("a"), *words("b", content=1), DONE), text="ab", stop="end_turn"
    ),
    "two messages interleaved": Case(
        sse(
            *words("a1"),
            *words("b1", index=1, id="msg_2"),
            *words("a2"),
            done(message("a1a2", phase="commentary")),
            done(message("b1", "msg_2", phase="final_answer"), 1),
            DONE,
        ),
        text="a1b1a2",
        kept=[("", 3)],
        stop="end_turn",
    ),
    "no indexes and no ids at all": Case(
        sse(*words("a", "b", index=None, id=None), ev("output_text.done", text="ab"), DONE), text="ab", stop="end_turn"
    ),
    "ids that change from event to event": Case(
        sse(
            added(message("", id="x1", content=[])),
            *words("a", id="x2"),
            *words("b", id="x3"),
            done(message("ab", id="x4")),
            DONE,
        ),
        text="ab",
        stop="end_turn",
    ),
    "the item is announced after its first words": Case(
        sse(*words("a"), added(message("", content=[])), *words("b"), done(message("ab")), DONE),
        text="ab",
        stop="end_turn",
    ),
    "words that come after their item was done": Case(
        sse(done(message("ab")), *words("a", "b"), DONE), text="ab", stop="end_turn"
    ),
    "unknown events, fields, items and values": Case(
        sse(
            ev("brand_new.thing", output_index=7, delta="zzz"),
            {"weather": "fine"},
            "data: 17",
            "data: null",
            added({"type": "telepathy", "id": "t_1"}),
            *words("a", index=1),
            ev("output_text.annotation.added", output_index=1, annotation={}),
            ev("output_text.delta", output_index=1, delta=None),
            ev("output_text.delta", output_index="one", delta=["x"]),
            end("completed", output=None, usage="many"),
        ),
        text="a",
        stop="end_turn",
    ),
    "an empty answer that ends properly": Case(sse(CREATED, DONE), stop="end_turn"),
    "refusal": Case(
        sse(
            ev("refusal.delta", output_index=0, item_id="m", content_index=0, delta="I can"),
            ev("refusal.delta", output_index=0, item_id="m", content_index=0, delta="not."),
            ev("refusal.done", output_index=0, item_id="m", content_index=0, refusal="I cannot."),
            DONE,
        ),
        refusal="I cannot.",
        stop="refusal",
    ),
    # --- reasoning --------------------------------------------------------------------------------------------------
    "a summary of two parts, then words": Case(
        sse(
            added(reasoning(encrypted_content="gA")),
            ev("reasoning_summary_part.added", output_index=0, item_id="rs_1", summary_index=0, part={}),
            ev("reasoning_summary_text.delta", output_index=0, item_id="rs_1", summary_index=0, delta="One"),
            ev("reasoning_summary_text.delta", output_index=0, item_id="rs_1", summary_index=1, delta="Tw"),
            ev("reasoning_summary_part.done", output_index=0, item_id="rs_1", summary_index=1, part={"text": "Two"}),
            done({**reasoning(), "summary": [{"text": "One"}, {"text": "Two"}]}),
            *words("a", index=1),
            done(message("a"), 1),
            DONE,
        ),
        text="a",
        reasoning="OneTwo",
        kept=[("reasoning", 2), ("message", 1)],
        stop="end_turn",
    ),
    "open thoughts of gpt-oss, without encryption": Case(
        sse(
            ev("reasoning_text.delta", output_index=0, item_id="rs_1", content_index=0, delta="hm"),
            done(
                {
                    "type": "reasoning",
                    "id": "rs_1",
                    "summary": [],
                    "content": [{"type": "reasoning_text", "text": "hm."}],
                }
            ),
            *words("a", index=1),
            DONE,
        ),
        text="a",
        reasoning="hm.",
        kept=[("reasoning", 1)],
        stop="end_turn",
    ),
    "reasoning that cannot be sent back": Case(
        sse(done({**reasoning("hm"), "encrypted_content": None}), done(message("a"), 1), DONE),
        text="a",
        reasoning="hm",
        stop="end_turn",
    ),
    "reasoning between calls": Case(
        sse(
            done(reasoning("one", "rs_1")),
            done(fc("c1", "read", X, "fc_1"), 1),
            done(reasoning("two", "rs_2"), 2),
            done(fc("c2", "find", '{"n": 1}', "fc_2"), 3),
            DONE,
        ),
        reasoning="onetwo",
        calls=TWO,
        kept=[("reasoning", 1), ("function_call", 1), ("reasoning", 0), ("function_call", 1)],
        stop="tool_use",
    ),
    "words between calls": Case(
        sse(
            done(reasoning("one", "rs_1")),
            done(fc("c1", "read", X, "fc_1"), 1),
            *words("Now", index=2),
            done(message("Now"), 2),
            done(fc("c2", "find", '{"n": 1}', "fc_2"), 3),
            DONE,
        ),
        text="Now",
        reasoning="one",
        calls=TWO,
        kept=[("reasoning", 1), ("", 3)],
        stop="tool_use",
    ),
    "tools that run at the vendor": Case(
        sse(
            added({"type": "web_search_call", "id": "ws_1", "status": "in_progress"}),
            ev("web_search_call.searching", output_index=0, item_id="ws_1"),
            done({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}),
            *words("Found.", index=1),
            DONE,
        ),
        text="Found.",
        kept=[("web_search_call", 0)],
        stop="end_turn",
    ),
    # --- calls ------------------------------------------------------------------------------------------------------
    "one call": Case(
        sse(added(A), args('{"path": ', 0, "fc_1"), args('"x"}', 0, "fc_1"), done(fc("c1", "read", X, "fc_1")), DONE),
        calls=READ_X,
        stop="tool_use",
    ),
    "arguments only in function_call_arguments.done": Case(
        sse(added(A), ev("function_call_arguments.done", output_index=0, item_id="fc_1", arguments=X), DONE),
        calls=READ_X,
        stop="tool_use",
    ),
    "arguments only in output_item.done": Case(
        sse(added(A), done(fc("c1", "read", X, "fc_1")), DONE), calls=READ_X, stop="tool_use"
    ),
    "arguments with the announcement only": Case(
        sse(added(fc("c1", "read", X, "fc_1")), done(fc("c1", "read", "", "fc_1")), DONE), calls=READ_X, stop="tool_use"
    ),
    "arguments with the announcement and again": Case(
        sse(added(fc("c1", "read", X, "fc_1")), args(X, 0, "fc_1"), done(fc("c1", "read", X, "fc_1")), DONE),
        calls=READ_X,
        stop="tool_use",
    ),
    "arguments as an object": Case(sse(done(fc("c1", "read", {"path": "x"})), DONE), calls=READ_X, stop="tool_use"),
    "a call only in the final list": Case(
        sse(end(output=[fc("c1", "read", X, "fc_1")])), calls=READ_X, stop="tool_use"
    ),
    "a call without output_item.done": Case(sse(added(A), args(X, 0, "fc_1"), DONE), calls=READ_X, stop="tool_use"),
    "arguments that disagree: the last word counts": Case(
        sse(added(A), args('{"path": "y"}', 0, "fc_1"), done(fc("c1", "read", X, "fc_1")), DONE),
        calls=READ_X,
        stop="tool_use",
    ),
    "empty arguments": Case(
        sse(added(A), done(fc("c1", "read", "", "fc_1")), DONE), calls=[("c1", "read", {})], stop="tool_use"
    ),
    "announced and never heard of again": Case(sse(added(A), DONE), stop="malformed_tool_call"),
    "arguments that are not JSON": Case(
        sse(added(A), done(fc("c1", "read", '{"path": ', "fc_1")), DONE), stop="malformed_tool_call"
    ),
    "arguments that are a list": Case(sse(done(fc("c1", "read", "[1]", "fc_1")), DONE), stop="malformed_tool_call"),
    "a call without a name": Case(
        sse(done({"type": "function_call", "call_id": "c1", "arguments": X}), DONE), stop="malformed_tool_call"
    ),
    "a name that changes on the way": Case(
        sse(added(A), args(X, 0, "fc_1"), done(fc("c1", "delete", X, "fc_1")), DONE), stop="malformed_tool_call"
    ),
    "parallel calls interleaved": Case(
        sse(
            added(A, 0),
            added(B, 1),
            args('{"path"', 0, "fc_1"),
            args('{"n"', 1, "fc_2"),
            args(': "x"}', 0, "fc_1"),
            args(": 1}", 1, "fc_2"),
            done(fc("c2", "find", '{"n": 1}', "fc_2"), 1),
            done(fc("c1", "read", X, "fc_1")),
            DONE,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls without indexes": Case(
        sse(
            added(A, None),
            added(B, None),
            args('{"path"', None, "fc_1"),
            args('{"n"', None, "fc_2"),
            args(': "x"}', None, "fc_1"),
            args(": 1}", None, "fc_2"),
            DONE,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls without item ids": Case(
        sse(
            added(fc("c1", "read"), 0),
            added(fc("c2", "find"), 1),
            args('{"path"', 0),
            args('{"n"', 1),
            args(': "x"}', 0),
            args(": 1}", 1),
            done(fc("c1", "read", X), 0),
            done(fc("c2", "find", '{"n": 1}'), 1),
            DONE,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls all at index 0": Case(
        sse(
            added(A, 0),
            added(B, 0),
            args('{"path"', 0, "fc_1"),
            args('{"n"', 0, "fc_2"),
            args(': "x"}', 0, "fc_1"),
            args(": 1}", 0, "fc_2"),
            done(fc("c1", "read", X, "fc_1"), 0),
            done(fc("c2", "find", '{"n": 1}', "fc_2"), 0),
            DONE,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls one after the other, all at index 0 without item ids": Case(
        sse(
            added(fc("c1", "read")),
            args(X),
            done(fc("c1", "read", X)),
            added(fc("c2", "find")),
            args('{"n": 1}'),
            done(fc("c2", "find", '{"n": 1}')),
            DONE,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls that share an item id": Case(
        sse(
            added(fc("c1", "read", id="fc"), 0),
            added(fc("c2", "find", id="fc"), 1),
            args('{"path"', 0, "fc"),
            args('{"n"', 1, "fc"),
            args(': "x"}', 0, "fc"),
            args(": 1}", 1, "fc"),
            done(fc("c1", "read", X, "fc"), 0),
            done(fc("c2", "find", '{"n": 1}', "fc"), 1),
            DONE,
        ),
        calls=TWO,
        stop="tool_use",
    ),
    "parallel calls that share a call id": Case(
        sse(
            added(fc("c", "read", id="fc_1"), 0),
            added(fc("c", "find", id="fc_2"), 1),
            args(X, 0, "fc_1"),
            args('{"n": 1}', 1, "fc_2"),
            done(fc("c", "read", X, "fc_1"), 0),
            done(fc("c", "find", '{"n": 1}', "fc_2"), 1),
            DONE,
        ),
        calls=[("c", "read", {"path": "x"}), ("call_1", "find", {"n": 1})],
        stop="tool_use",
    ),
    "parallel calls without any ids": Case(
        sse(
            added(fc(None, "read"), 0),
            added(fc(None, "find"), 1),
            args(X, 0),
            args('{"n": 1}', 1),
            done(fc(None, "read", X), 0),
            done(fc(None, "find", '{"n": 1}'), 1),
            DONE,
        ),
        calls=[("call_0", "read", {"path": "x"}), ("call_1", "find", {"n": 1})],
        stop="tool_use",
    ),
    "arguments before the call is announced": Case(
        sse(args(X, 0, "fc_1"), added(A), done(fc("c1", "read", X, "fc_1")), DONE), calls=READ_X, stop="tool_use"
    ),
    "announced twice": Case(
        sse(added(A), added(A), args(X, 0, "fc_1"), done(fc("c1", "read", X, "fc_1")), DONE),
        calls=READ_X,
        stop="tool_use",
    ),
    "finished twice": Case(
        sse(
            added(A),
            done(fc("c1", "read", X, "fc_1")),
            done(fc("c1", "read", X, "fc_1")),
            end(output=[fc("c1", "read", X, "fc_1")]),
        ),
        calls=READ_X,
        stop="tool_use",
    ),
    "one call whole, one broken": Case(
        sse(done(fc("c1", "read", X, "fc_1")), done(fc("c2", "find", '{"n', "fc_2"), 1), DONE),
        calls=READ_X,
        stop="malformed_tool_call",
    ),
    "a call in free form": Case(
        sse(
            added({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "patch", "input": ""}),
            ev("custom_tool_call_input.delta", output_index=0, item_id="ctc_1", delta="*** B"),
            done({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "patch", "input": "*** Begin"}),
            DONE,
        ),
        calls=[("c1", "patch", {"input": "*** Begin"})],
        kept=[("custom_tool_call", 1)],
        stop="tool_use",
    ),
    # --- how it ends ------------------------------------------------------------------------------------------------
    "counts only at the end": Case(
        sse(*words("a"), end(output=[], usage=USAGE)), text="a", stop="end_turn", usage=COUNTS
    ),
    "counts without details": Case(
        sse(end(usage={"input_tokens": 5, "output_tokens": 0, "total_tokens": 5})),
        stop="end_turn",
        usage=(5, 0, None, None, None),
    ),
    "counts that are nonsense": Case(
        sse(end(usage={"input_tokens": -5, "output_tokens": "9", "input_tokens_details": []})),
        stop="end_turn",
        usage=(None,) * 5,
    ),
    "cut by max_output_tokens in the words": Case(
        sse(*words("Once"), end("incomplete", incomplete_details={"reason": "max_output_tokens"}, usage=USAGE)),
        text="Once",
        stop="max_tokens",
        usage=COUNTS,
    ),
    "a call cut by max_output_tokens": Case(
        sse(
            added(A),
            args('{"path": "x.py"', 0, "fc_1"),
            done(fc("c1", "read", '{"path": "x.py"', "fc_1", status="incomplete")),
            end("incomplete", incomplete_details={"reason": "max_output_tokens"}),
        ),
        stop="max_tokens",
    ),
    "a call whose cut arguments happen to be JSON": Case(
        sse(added(A), args(X), end("incomplete", incomplete_details={"reason": "max_output_tokens"})), stop="max_tokens"
    ),
    "an incomplete call in a complete answer": Case(
        sse(done(fc("c1", "read", X, status="incomplete")), DONE), stop="malformed_tool_call"
    ),
    "stopped by the content filter": Case(
        sse(*words("a"), end("incomplete", incomplete_details={"reason": "content_filter"})),
        text="a",
        stop="content_filter",
    ),
    "steered": Case(sse(end("incomplete", incomplete_details={"reason": "steered"})), stop="other"),
    "incomplete for no reason": Case(sse(end("incomplete", incomplete_details=None)), stop="other"),
    "the status speaks against the name of the event": Case(
        sse(ev("completed", response={"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}})),
        stop="max_tokens",
    ),
    "a terminal event without a response": Case(sse(*words("a"), ev("completed")), text="a", stop="end_turn"),
    "the whole answer as one event": Case(
        sse(WHOLE),
        text="Let me look.",
        reasoning="hm",
        calls=READ_X,
        kept=[("reasoning", 1), ("message", 1), ("function_call", 1)],
        stop="tool_use",
        usage=COUNTS,
    ),
    "one JSON object though a stream was asked for": Case(
        json.dumps(WHOLE).encode(),
        text="Let me look.",
        reasoning="hm",
        calls=READ_X,
        kept=[("reasoning", 1), ("message", 1), ("function_call", 1)],
        stop="tool_use",
        usage=COUNTS,
    ),
    "numbers that are not JSON do not go back": Case(
        b'data: {"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r","summary":[],'
        b'"encrypted_content":"g","x":[NaN,1e999]}}\n\n' + sse(*words("a", index=1), DONE),
        text="a",
        stop="end_turn",
    ),
    "an item too deep to be written again": Case(
        sse(done({**reasoning(), "x": json.loads("[" * 500 + "]" * 500)}), DONE), stop="end_turn"
    ),
    "an event too deep to be read": Case(
        b'data: {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n", error=Transient, kind="malformed"
    ),
    # --- failures ---------------------------------------------------------------------------------------------------
    "missing terminal event": Case(
        sse(*words("a")), text="a", error=Transient, kind="transport", match="in the middle"
    ),
    "missing terminal event after a whole call": Case(
        sse(added(A), done(fc("c1", "read", X, "fc_1"))), error=Transient, kind="transport", match="in the middle"
    ),
    "[DONE] without a terminal event": Case(
        sse(*words("a"), "data: [DONE]"), text="a", error=Transient, kind="transport", match="in the middle"
    ),
    "nothing at all": Case(b"", error=Transient, kind="transport", match="without an answer"),
    "words that are no object": Case(
        sse(*words("a"), "event: response.output_text.delta\ndata: []", DONE),
        text="a",
        error=Transient,
        kind="malformed",
        match="no JSON object",
    ),
    "an event that is not JSON": Case(
        sse(*words("a"), 'data: {"type": "resp'), text="a", error=Transient, kind="malformed", match="not valid JSON"
    ),
    "a flat error event": Case(
        sse(*words("a"), ev("error", code="rate_limit_exceeded", message="Please try again in 11.054s.", param=None)),
        text="a",
        error=Transient,
        kind="rate_limit",
        match="11.054s",
    ),
    "a nested error event": Case(
        sse(ev("error", error={"type": "server_error", "code": None, "message": "Oh dear"})),
        error=Transient,
        kind="server_error",
        match="Oh dear",
    ),
    "an error event with a name only": Case(
        b'event: error\ndata: {"message": "gone"}\n\n', error=Transient, kind="server_error", match="gone"
    ),
    "an error event that is a text": Case(
        b'event: error\ndata: "gone"\n\n', error=Transient, kind="server_error", match="gone"
    ),
    "an error without a type": Case(
        sse({"error": {"message": "no credit", "code": "insufficient_quota"}}),
        error=Rejected,
        kind="quota",
        match="no credit",
    ),
    "response.failed": Case(
        sse(*words("a"), end("failed", error={"code": "server_error", "message": "Oh dear"}, usage=USAGE)),
        text="a",
        error=Transient,
        kind="server_error",
        match="Oh dear",
        usage=COUNTS,
    ),
    "response.failed without an error": Case(
        sse(end("failed", error=None)), error=Transient, kind="server_error", match="broke the answer off"
    ),
    "response.failed for the window": Case(
        sse(
            end("failed", error={"code": "context_length_exceeded", "message": "Your input exceeds the context window"})
        ),
        error=ContextOverflow,
        kind="context_overflow",
    ),
    "response.failed for safety": Case(
        sse(end("failed", error={"code": "bio_policy", "message": "no"})), error=Rejected, kind="content_filter"
    ),
    "response.failed for a picture": Case(
        sse(end("failed", error={"code": "invalid_base64_image", "message": "bad"})),
        error=Rejected,
        kind="invalid_request",
    ),
    "a whole call before response.failed": Case(
        sse(done(fc("c1", "read", X, "fc_1")), end("failed", error={"code": "server_error", "message": "x"})),
        error=Transient,
        kind="server_error",
    ),
    "200 with an error body": Case(
        b'{"error": {"message": "Incorrect API key", "type": "invalid_request_error", "code": "invalid_api_key"}}',
        error=NotSignedIn,
        kind="auth",
        match="Incorrect API key",
    ),
    "200 with a failed response": Case(
        json.dumps(
            {**WHOLE, "status": "failed", "error": {"code": "invalid_encrypted_content", "message": "stale"}}
        ).encode(),
        error=ReplayRefused,
        kind="invalid_request",
        match="stale",
    ),
    "200 with an answer that is not ready": Case(
        json.dumps({**WHOLE, "status": "queued"}).encode(), error=Transient, kind="transport", match="still queued"
    ),
    "200 with half an object": Case(json.dumps(WHOLE).encode()[:-9], error=Transient, kind="malformed"),
    "200 with a web page": Case(
        b"<!doctype html><title>Gateway</title>", error=Unavailable, match=r"HTML page \(Gateway\)"
    ),
}
