"""Server-sent events are the same however the bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import Unavailable
from aiex.llm.sse import Reader, ServerEvent
from tests.fakes.tables import each


def read(*chunks: bytes, max_event_bytes: int = 10_000) -> list[ServerEvent]:
    reader = Reader(max_event_bytes=max_event_bytes)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.end()


def data(*texts: str) -> list[ServerEvent]:
    return [ServerEvent("", text) for text in texts]


CASES = {
    "LF": (b"data: a\n\ndata: b\n\n", data("a", "b")),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", data("a", "b")),
    "CR": (b"data: a\r\rdata: b\r\r", data("a", "b")),
    "mixed line ends": (b"data: a\r\n\ndata: b\r\r\n", data("a", "b")),
    "no space after the colon": (b"data:a\n\n", data("a")),
    "only one space is taken": (b"data:  a\n\n", data(" a")),
    "several data lines": (b"data: a\ndata: b\n\n", data("a\nb")),
    "several data lines with CRLF": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", data("a\nb", "c")),
    "an empty data line": (b"data\n\n", data("")),
    "no space and no value": (b"data:\ndata:\n\n", data("\n")),
    "comments": (b": OPENROUTER PROCESSING\n\n:\n\ndata: a\n: inside\n\n", data("a")),
    "named": (b"event: error\ndata: a\n\ndata: b\n\n", [ServerEvent("error", "a"), ServerEvent("", "b")]),
    "name without data": (b"event: ping\n\ndata: a\n\n", data("a")),
    "id, retry and unknown fields": (b"id: 1\nretry: 5\nfoo: x\ndata: a\n\n", data("a")),
    "no blank line at the end": (b"data: a\n\ndata: b\n", data("a", "b")),
    "no line end at the end": (b"data: a\n\ndata: b", data("a", "b")),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", data("a")),
    "half a byte order mark": (b"\xef\xbb", []),
    "line and paragraph separators are text": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\n\n".encode(),
        data("a\u2028b\u2029c\u0085d\x0be\x0cf"),
    ),
    "characters of four bytes": ("data: 😀é漢\n\n".encode(), data("😀é漢")),
    "broken UTF-8": (b"data: a\xffb\n\n", data("a\ufffdb")),
    "nothing": (b"", []),
    "blank lines only": (b"\n\r\n\r\n\n", []),
}


def rechunk(body: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[start:end] for start, end in pairwise(places)]


@each("name", CASES)
def test_a_stream_is_read_whole_and_byte_by_byte(name: str) -> None:
    body, events = CASES[name]
    assert read(body) == events
    assert read(*(bytes([byte]) for byte in body)) == events


FRAGMENTS = st.sampled_from(
    [
        b"data: ",
        b"data",
        b"\r",
        b"\n",
        b"\r\n",
        b":",
        b" ",
        b"event: x",
        b"\xe2\x80\xa8",
        "é😀".encode(),
        b"\xff",
        b"{}",
    ]
)


@given(st.lists(FRAGMENTS, max_size=40).map(b"".join), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cutting_gives_the_same_events(body: bytes, cuts: list[int]) -> None:
    assert read(*rechunk(body, cuts)) == read(body)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), max_size=5))
def test_what_a_server_writes_is_what_is_read(texts: list[str]) -> None:
    assert read("".join(f"data: {text}\n\n" for text in texts).encode()) == data(*texts)


@pytest.mark.parametrize("chunk", [b"data: 12345678\n", b"endless line ", b"data: " + b"x" * 100])
def test_an_event_beyond_the_limit_is_refused(chunk: bytes) -> None:
    with pytest.raises(Unavailable, match="more than 100 bytes"):
        read(*[chunk] * 20, max_event_bytes=100)


def test_many_events_below_the_limit_pass() -> None:
    assert len(read(b"data: 12345678\n\n" * 50, max_event_bytes=20)) == 50
