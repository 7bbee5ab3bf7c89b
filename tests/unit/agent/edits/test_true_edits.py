"""An edit made from the difference of two texts gives the second, in every format, encoding and kind of line end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.agent.edits import load_format
from aiex.agent.edits.applying import Before, apply_wishes, paths_of
from aiex.errors import EditError
from tests.fakes.edit_writing import WRITERS, lines_of

FORMS = {
    "utf-8": (b"", "utf-8"),
    "marked": (b"\xef\xbb\xbf", "utf-8"),
    "utf-16": (b"\xff\xfe", "utf-16-le"),
    "big": (b"\xfe\xff", "utf-16-be"),
}
ODD = ["\f", "\u2028", "\x85", "\x1c", "\v", "é", "e\u0301", "日本", "😀", "\t", "a\rb", " ", ""]
TRAPS = ["--- a", "+++ b", "@@ -1 +1 @@", "*** End Patch", "diff --git a/x b/x", "-", "+", "\\ x", "--- a/x\n+++ b/x"]
WORDS = st.sampled_from(["a", "b", "if x:", "    return 1", "}", *ODD])
FILES = st.lists(st.one_of(WORDS, st.sampled_from(TRAPS)), max_size=12)


@st.composite
def two_texts(draw, lines=FILES, unique=False):
    """A text and what becomes of it by a few changes of lines."""
    old = draw(lines)
    if unique:
        old = [f"{line}#{number}" for number, line in enumerate(old)]
    new = list(old)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(new)))
        new[at : at + draw(st.integers(0, 2))] = draw(st.lists(WORDS.map("new {}".format), max_size=2))
    return "".join(line + "\n" for line in old), "".join(line + "\n" for line in new)


def edited(name, before, after, content):
    """The bytes after the edit, None if it was refused."""
    wishes = load_format(name).parse(WRITERS[name]("a b/ü.txt", before, after))
    try:
        (change,) = apply_wishes(wishes, dict.fromkeys(paths_of(wishes), Before(content)))
    except EditError:
        return None
    return change.after


@pytest.mark.parametrize("name", sorted(WRITERS))
@given(two_texts(unique=True), st.sampled_from(["\n", "\r\n"]), st.sampled_from(sorted(FORMS)))
def test_lines_that_stand_once_are_always_found(name, texts, end, form):
    before, after = texts
    if before == after or (name == "whole" and not after):
        return
    mark, encoding = FORMS[form]
    content, wanted = (mark + text.replace("\n", end).encode(encoding) for text in texts)
    if not before:
        wanted = mark + after.encode(encoding)
    assert edited(name, before, after, content) == wanted


@pytest.mark.parametrize("name", sorted(WRITERS))
@settings(max_examples=300)
@given(two_texts(), st.sampled_from(["\n", "\r\n"]))
def test_any_lines_give_the_second_text_or_an_error(name, texts, end):
    before, after = texts
    if before == after or (name == "whole" and not after):
        return
    content, wanted = (text.replace("\n", end).encode() for text in texts)
    assert edited(name, before, after, content) in ([wanted] if before else [wanted, after.encode()]) + [None]


@pytest.mark.parametrize("name", sorted(WRITERS))
@given(two_texts(unique=True), st.lists(st.sampled_from(["\n", "\r\n"]), min_size=16, max_size=16))
def test_each_line_that_stays_keeps_its_own_end(name, texts, ends):
    before, after = texts
    if before == after or (name == "whole" and not after):
        return
    kept = {line: line[:-1] + end for line, end in zip(lines_of(before), ends, strict=False)}
    content = "".join(kept[line] for line in lines_of(before)).encode()
    made = edited(name, before, after, content)
    assert made is not None
    assert made.decode().replace("\r\n", "\n") == after
    raw = lines_of(made.decode())
    assert all(there == kept.get(line, there) for there, line in zip(raw, lines_of(after), strict=True))


@pytest.mark.parametrize("name", ["udiff", "str_replace"])
@given(two_texts(unique=True), st.booleans(), st.booleans())
def test_a_missing_last_line_end_is_told_by_formats_that_can(name, texts, is_cut, is_cut_after):
    before = texts[0][:-1] if is_cut else texts[0]
    after = texts[1][:-1] if is_cut_after else texts[1]
    if before == after or before.endswith("\n\n") or not before or not after:
        return
    assert edited(name, before, after, before.encode()) == after.encode()


@given(two_texts(unique=True), st.data())
def test_a_token_that_differs_is_never_passed_over(texts, data):
    before, after = texts
    lines = [line for line in lines_of(before) if line.strip()]
    if before == after or not lines:
        return
    line = data.draw(st.sampled_from(lines))
    changed = before.replace(line, line.replace("#", "%", 1))
    for name in ("search_replace", "udiff", "v4a", "str_replace"):
        made = edited(name, changed, after.replace(line, line.replace("#", "%", 1)), before.encode())
        untouched = edited(name, before, after, before.encode())
        assert made in (None, untouched)
