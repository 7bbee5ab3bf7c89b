"""The body of an answer is told apart from pages and single objects, and means the same however it was cut."""

import json
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import AiexError, Transient, Unavailable
from aiex.events import Stopped, StreamEvent, TextDelta
from aiex.llm.answer import MAX_WHOLE_BYTES, AnswerReader

Form = Literal["sse", "ndjson"]
FORMS: tuple[Form, ...] = ("sse", "ndjson")


class Echo:
    """Tells as text what it was fed, one event for each event of the stream."""

    def __init__(self) -> None:
        self.ended = self.answered = False

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        if data == "junk":
            raise Transient("junk")
        return [TextDelta(f"{name}:{data}")]

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        return [TextDelta(f"whole:{body.decode('utf-8', 'replace')}"), Stopped("end_turn")]

    def end(self) -> list[StreamEvent]:
        return [Stopped("end_turn")]


def read(form: Form, *chunks: bytes) -> list[str]:
    """What the decoder was fed, and at the end how it ended."""
    reader, told = AnswerReader(Echo(), form), []
    try:
        for chunk in chunks:
            for event in reader.feed(chunk):
                told.append(event.text if isinstance(event, TextDelta) else "stopped")
        for event in reader.end():
            told.append(event.text if isinstance(event, TextDelta) else "stopped")
    except AiexError as error:
        told.append(repr(error))
    return told


PRETTY = json.dumps({"error": "é"}, indent=1).encode()


@pytest.mark.parametrize(
    ("form", "body", "told"),
    [
        ("sse", b"data: a\n\ndata: b\n\n", [":a", ":b", "stopped"]),
        ("sse", b"event: x\ndata: a\n\n", ["x:a", "stopped"]),
        ("sse", b'\xef\xbb\xbf {"a": 1}\n', ['whole: {"a": 1}\n', "stopped"]),
        ("sse", b"", ["stopped"]),
        ("ndjson", b'{"a": 1}\n{"b": 2}\r\n\n', [':{"a": 1}', ':{"b": 2}', "stopped"]),
        ("ndjson", b'\n \r\n{"a": 1} \n{"b', [':{"a": 1} ', ':{"b', "stopped"]),
        ("ndjson", b'{"a": 1}', [':{"a": 1}', "stopped"]),
        ("ndjson", b'\xef\xbb\xbf{"a": 1}', [':{"a": 1}', "stopped"]),
        ("ndjson", b'{"a', [':{"a', "stopped"]),
        ("ndjson", PRETTY, [f"whole:{PRETTY.decode()}", "stopped"]),
        ("ndjson", b"\n" + PRETTY, [f"whole:\n{PRETTY.decode()}", "stopped"]),
        ("ndjson", b'[{"a": 1}]\n', ['whole:[{"a": 1}]\n', "stopped"]),
        ("ndjson", b"data: a\n\ndata: b", [":data: a", ":data: b", "stopped"]),
        ("ndjson", b"", ["stopped"]),
        ("ndjson", b" \n", ["stopped"]),
    ],
)
def test_the_first_bytes_tell_what_an_answer_is(form: Form, body: bytes, told: list[str]) -> None:
    assert read(form, body) == told
    assert read(form, *(body[at : at + 1] for at in range(len(body)))) == told


@pytest.mark.parametrize("form", FORMS)
@given(
    body=st.lists(
        st.sampled_from(
            [
                b"data:",
                b'{"a":1}',
                b"{",
                b"}",
                b"[",
                b"<p>",
                b"\n",
                b"\r",
                b"\r\n",
                b" ",
                b"junk",
                b"\xef\xbb\xbf",
                b"\xe6",
            ]
        ),
        max_size=12,
    ),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_how_the_bytes_were_cut_does_not_matter(form: Form, body: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(body)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    assert read(form, *(whole[start:end] for start, end in pairwise(places))) == read(form, whole)


@pytest.mark.parametrize("form", FORMS)
def test_a_web_page_is_named_and_nothing_of_it_decoded(form: Form) -> None:
    reader = AnswerReader(Echo(), form)
    assert list(reader.feed(b"\r\n<html><title>Log")) == []
    assert list(reader.feed(b"in</title>")) == []
    with pytest.raises(Unavailable, match=r"an HTML page \(Login\)") as caught:
        list(reader.end())
    assert "check the base URL" in caught.value.hint


@pytest.mark.parametrize("form", FORMS)
def test_events_before_a_failure_are_given(form: Form) -> None:
    bodies = {"sse": b"data: a\n\ndata: junk\n\n", "ndjson": b'{"a": 1}\njunk\n'}
    events = AnswerReader(Echo(), form).feed(bodies[form])
    assert isinstance(next(events), TextDelta)
    with pytest.raises(Transient, match="junk"):
        next(events)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_stream_does_not_fill_the_memory(form: Form) -> None:
    reader, chunk = AnswerReader(Echo(), form), b"{" + b" " * (1 << 20)
    for _ in range(15):
        assert list(reader.feed(chunk)) == []
    with pytest.raises(Unavailable, match=f"more than {MAX_WHOLE_BYTES} bytes"):
        list(reader.feed(chunk))


def test_a_stream_may_come_in_one_large_chunk() -> None:
    line = b'{"a": "' + b"x" * 100_000 + b'"}\n'
    events = AnswerReader(Echo(), "ndjson").feed(line * (MAX_WHOLE_BYTES // len(line) + 1))
    assert next(events) == TextDelta(f":{line[:-1].decode()}")
