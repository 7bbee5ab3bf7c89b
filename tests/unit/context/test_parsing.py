"""What is not worth a parse is told apart before or soon after one begins."""

import random

import pytest

from aiex.context.language import get_language
from aiex.context.parsing import Unparsed, is_repetitive, parse

RANDOM = random.Random(3)


@pytest.mark.parametrize(
    ("language", "piece", "times"),
    [
        ("javascript", b"!" * 199 + b"\n", 500),
        ("java", b"x=>" * 66 + b"\n", 450),
        ("c", b"a: &a [*a,*a]\n", 5_000),
        ("bash", b"- a\n", 30_000),
    ],
)
def test_a_few_bytes_repeated_are_not_parsed(language: str, piece: bytes, times: int) -> None:
    assert parse(piece * times, get_language(language)) == Unparsed("the same few bytes over and over")


def test_tables_and_numbered_lines_are_not_repetitive() -> None:
    table = b"".join(b"0x%02x, " % RANDOM.randrange(256) for _ in range(4_000))
    assert not is_repetitive(table)
    assert not is_repetitive(b"".join(b"x%d = 1\n" % number for number in range(4_000)))


def test_a_tree_of_great_depth_is_not_looked_into() -> None:
    words = [bytes(RANDOM.choices(b"abcdefghijklmnop", k=7)) for _ in range(2_500)]
    source = b"".join(b"f_" + word + b"(\n" for word in words) + b"1" + b")\n" * len(words)
    assert parse(source, get_language("python")) == Unparsed("nested too deeply to parse")


def test_the_limits_of_size_and_line_length_are_told() -> None:
    python = get_language("python")
    assert parse(b"x = 1\n" * 200_000, python) == Unparsed("1.2 MB, too large to parse")
    assert parse(b"x = '" + b"ab c" * 6_000 + b"'\n", python) == Unparsed(
        "minified or generated: a line is longer than 20 kB"
    )
