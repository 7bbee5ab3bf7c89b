"""Output of commands as a model reads it: bounded, plain, and never half a character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.outputs import WINDOW_BYTES, Read, show_output, show_part, to_plain


def reader(data: bytes) -> Read:
    return lambda offset, limit: data[offset : offset + limit]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n", "plain\n"),
        (b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b(Bok\x1b7", "red link ok"),
        (b"\x1b]0;never ended", ""),
        (b" 10%\r 50%\r100%\ndone\r\n", "100%\ndone\n"),
        (b"b\x08bo\x08ol\x08ld", "bold"),
        (b"a\x00b\x01", "a\ufffdb\ufffd"),
        (b"caf\xe9.txt in a list of names\n", "caf\\xe9.txt in a list of names\n"),
        (b"\xff\xfe\xfd\xfc", "\ufffd" * 4),
        ("größe → ✓\n".encode(), "größe → ✓\n"),
    ],
)  # fmt: skip
def test_only_text_is_left(data: bytes, text: str) -> None:
    assert to_plain(data) == text


def test_short_output_is_whole() -> None:
    data = b"x" * WINDOW_BYTES
    window = show_output(reader(data), len(data))
    assert (window.text, window.left_out) == (data.decode(), 0)


def test_long_output_is_its_beginning_and_its_end_in_whole_lines() -> None:
    data = b"".join(b"line %d\n" % number for number in range(10_000))
    window = show_output(reader(data), len(data))
    head, gap, tail = window.text.partition(f"… {window.left_out:,} bytes left out …\n")
    assert gap
    assert data.startswith(head.encode())
    assert data.endswith(tail.encode())
    assert tail.startswith("line ")
    assert len(head) + len(tail) + window.left_out == len(data)
    assert len(window.text) < WINDOW_BYTES + 100
    assert data[window.resume :].startswith(b"line ")


@given(st.text(alphabet="a✓é\n𝄞", max_size=300), st.integers(1, 40))
def test_parts_join_to_the_whole(text: str, limit: int) -> None:
    data, offset, read = text.encode(), 0, ""
    while offset < len(data):
        window = show_part(reader(data), len(data), offset, max(limit, 4))
        assert offset < window.resume <= len(data)
        assert window.left_out == len(data) - window.resume
        read, offset = read + window.text, window.resume
    assert read == text


@pytest.mark.parametrize("piece", [b"x", b"\x1b]", b"\x1b[", b"a\x08", b"a\r", b"\x08", b"\x1b", b"\xff"])
def test_output_that_is_made_to_take_long_does_not(piece: bytes) -> None:
    assert len(to_plain(piece * 50_000)) <= 200_000


def test_one_long_line_of_wide_letters_is_cut_between_them() -> None:
    data = "✓".encode() * 20_000
    window = show_output(reader(data), len(data))
    assert "\ufffd" not in window.text
    assert "\\x" not in window.text
