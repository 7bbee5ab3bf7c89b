"""Lines of JSON, however the network cut them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import Unavailable
from aiex.llm.ndjson import Reader


def read(*chunks: bytes, max_line_bytes: int = 1_000) -> list[str]:
    reader = Reader(max_line_bytes=max_line_bytes)
    return [line for chunk in chunks for line in reader.feed(chunk)] + reader.end()


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"\n\r\n \n\t\n", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\r\n", ["a\r"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\n\na\n\n\nb\n\n", ["a", "b"]),
        ("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n".encode(), ["a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xff\n\xe6\xbc\n", ["\ufffd", "\ufffd"]),
    ],
)
def test_lines_end_at_lf_only(body: bytes, lines: list[str]) -> None:
    assert read(body) == lines
    assert read(*(body[at : at + 1] for at in range(len(body)))) == lines


@given(
    body=st.lists(
        st.sampled_from([b"\n", b"\r", b"\r\n", b" ", b"{}", "é😀\u2028".encode(), b"\xff", b"\xef\xbb\xbf"])
    ),
    cuts=st.lists(st.integers(0, 100), max_size=8),
)
def test_how_the_bytes_were_cut_does_not_matter(body: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(body)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    assert read(*(whole[start:end] for start, end in pairwise(places))) == read(whole)


def test_a_line_that_is_not_over_is_held_back() -> None:
    reader = Reader()
    assert reader.feed(b'{"a": "\xe6') == []
    assert reader.feed(b"\xbc") == []
    assert reader.feed(b'\xa2"}') == []
    assert reader.feed(b"\n{") == ['{"a": "漢"}']
    assert reader.end() == ["{"]
    assert reader.end() == []


@pytest.mark.parametrize("chunks", [[b"x" * 11], [b"x" * 10, b"x"], [b"ok\n" + b"x" * 11 + b"\n"], [b"xxx"] * 4])
def test_a_line_without_an_end_does_not_fill_the_memory(chunks: list[bytes]) -> None:
    with pytest.raises(Unavailable, match="one line of more than 10 bytes"):
        read(*chunks, max_line_bytes=10)


def test_many_lines_in_one_chunk_may_be_larger_than_one_line() -> None:
    assert read(b"xxxxx\n" * 10, max_line_bytes=10) == ["xxxxx"] * 10
