"""Patterns that are compiled when they are used."""

import re

import pytest

from aiex.patterns import late


def test_a_late_pattern_finds_what_a_compiled_one_finds() -> None:
    text = "one Two three Two"
    kept, compiled = late(r"t(\w+)", re.IGNORECASE), re.compile(r"t(\w+)", re.IGNORECASE)
    assert [found.span(1) for found in kept.finditer(text)] == [found.span(1) for found in compiled.finditer(text)]
    assert kept.sub("-", text) == compiled.sub("-", text)
    assert kept.fullmatch("two") is not None
    assert (kept.pattern, kept.flags, kept.groups) == (compiled.pattern, compiled.flags, compiled.groups)


def test_a_late_pattern_of_bytes_takes_bytes() -> None:
    assert late(rb"b+").findall(b"abbab") == [b"bb", b"b"]


def test_a_malformed_pattern_is_told_by_its_first_use() -> None:
    pattern = late("(")
    with pytest.raises(re.error):
        pattern.search("")
