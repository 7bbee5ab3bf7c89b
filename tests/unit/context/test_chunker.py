"""Chunks cover the file, stay small, and begin where something begins."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex import plugins
from aiex.context.chunking.chunker import LIMIT_BYTES, chunk
from aiex.context.language import get_language
from aiex.context.languages import ROOM

LANGUAGES = plugins.names(ROOM)
ODD_WORDS = [
    "def f(x):\n",
    "class A {\n",
    "}\n",
    "\n\n",
    "# ä\n",
    "    return 1\n",
    "<a>",
    '"""',
    "'",
    "{[(",
    "\r\n",
    "é" * 9,
    "\t",
    "- a: 1\n",
]


def covers(source: bytes, path: str) -> bool:
    chunks = chunk(source, path)
    joined = b"".join(source[item.start_byte : item.end_byte] for item in chunks)
    in_order = all(a.end_byte == b.start_byte for a, b in pairwise(chunks))
    return joined == source and in_order and all(0 < item.end_byte - item.start_byte <= LIMIT_BYTES for item in chunks)


@pytest.mark.parametrize("name", LANGUAGES)
@given(source=st.binary(max_size=9_000))
def test_chunks_cover_any_bytes(name: str, source: bytes) -> None:
    assert covers(source, "x" + get_language(name).extensions[0])


@pytest.mark.parametrize("name", LANGUAGES)
@given(words=st.lists(st.sampled_from(ODD_WORDS), max_size=400))
def test_chunks_cover_broken_source(name: str, words: list[str]) -> None:
    assert covers("".join(words).encode() * 3, "x" + get_language(name).extensions[0])


@given(lines=st.lists(st.text(max_size=200), max_size=200))
def test_chunks_cover_text_without_a_grammar(lines: list[str]) -> None:
    assert covers("\n".join(lines).encode("utf-8", "surrogatepass"), "notes.unknown")


def test_an_empty_source_has_no_chunks() -> None:
    assert chunk(b"", "a.py") == []


def test_a_long_line_is_cut_between_characters() -> None:
    source = ("ä" * 40_000).encode()
    for item in chunk(source, "a.unknown"):
        source[item.start_byte : item.end_byte].decode("utf-8")


def test_functions_are_chunks_of_their_own() -> None:
    body = "".join(f"    value_{number} = compute({number})\n" for number in range(40))
    source = f"import os\n\n\ndef first():\n{body}\n\ndef second():\n{body}"
    assert [item.names for item in chunk(source.encode(), "a.py")] == [("first",), ("second",)]


def test_small_neighbours_are_joined() -> None:
    source = "".join(f"def f{number}():\n    return {number}\n\n\n" for number in range(10))
    assert [len(item.names) for item in chunk(source.encode(), "a.py")] == [10]


def test_a_large_class_is_cut_at_its_methods() -> None:
    body = "".join(f"        value_{number} = compute({number})\n" for number in range(40))
    methods = "".join(f"    def method_{number}(self):\n{body}\n" for number in range(6))
    chunks = chunk(f"class Large:\n{methods}".encode(), "a.py")
    assert [item.names[-1] for item in chunks] == [f"Large.method_{number}" for number in range(6)]
    assert {item.part_of for item in chunks} == {"Large"}


def test_a_comment_stays_with_what_it_explains() -> None:
    filler = "x = 1\n" * 200
    source = f"{filler}\n# explains f\ndef f():\n" + "    call()\n" * 100
    last = chunk(source.encode(), "a.py")[-1]
    assert source.encode()[last.start_byte : last.end_byte].startswith(b"# explains f\ndef f()")


def test_lines_of_chunks_follow_each_other() -> None:
    source = "".join(f"def f{number}():\n" + "    call()\n" * 60 + "\n" for number in range(9)).encode()
    chunks = chunk(source, "a.py")
    assert chunks[0].start_line == 1
    assert all(a.end_line + 1 == b.start_line for a, b in pairwise(chunks))
    assert chunks[-1].end_line == source.count(b"\n")


def test_ten_megabytes_are_cut_without_a_parse() -> None:
    source = b"line of text that repeats itself\n" * 320_000
    assert covers(source, "a.py")
