"""Text from elsewhere cannot steer the terminal."""

import re
import sys
from unicodedata import bidirectional, category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiex.guard.neutral import Pieces, neutralise, printable_path

HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u3164\uffa0\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0d\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
UNSEEN = "".join(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)))
) + "".join(map(chr, range(0xE0100, 0xE01F0)))
"""Letters and marks that show nothing."""
STEERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
TRICKY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x07\x9b\x9c\x90\r\n\t\u202e\u2066\u200b\ufeff\udce9\u00ad\u3164\ufe00\ufe0f\U000e0041\U000e0100[]m;0"
        ),
    )
)


@given(TRICKY)
@example("\x1b]0;title\x07\x1b[31mred\x9b2J\x90q\x9c")
def test_nothing_harmful_is_left(text: str) -> None:
    assert not HARMFUL.search(neutralise(text))
    assert not HARMFUL.search(printable_path(text))
    assert not set("\n\t") & set(printable_path(text))


def test_no_control_no_separator_and_no_half_of_a_pair_of_all_unicode_is_left() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    left = {
        one for one in neutralise(every) if category(one) in {"Cc", "Zl", "Zp", "Cs"} or bidirectional(one) in STEERING
    }
    assert left == {"\n", "\t"}


@given(TRICKY)
def test_a_second_pass_changes_nothing(text: str) -> None:
    once = neutralise(text)
    assert neutralise(once) is once


@pytest.mark.parametrize(
    "text", ["ok \u2714\ufe0f", "\u26a0\ufe0f \U0001f3f7\ufe0f", "1\ufe0f\u20e3 \u2139\ufe0e", "\u00a9\ufe0f"]
)
def test_the_style_of_an_emoji_stays_also_in_pieces(text: str) -> None:
    assert neutralise(text) is text
    pieces = Pieces()
    assert "".join(map(pieces.feed, text)) + pieces.close() == text


@pytest.mark.parametrize(
    "text", ["a\ufe0f", "\ufe0f", "\u2714\ufe0f\ufe0f", "\u2714\ufe00", "se\u00adcret", "\u3164", "x\U000e0101"]
)
def test_what_is_not_seen_is_spelled_out(text: str) -> None:
    shown = neutralise(text)
    assert "\\" in shown
    assert shown.count("\ufe0f") <= text.count("\u2714\ufe0f")
    pieces = Pieces()
    assert "".join(map(pieces.feed, text)) + pieces.close() == shown


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"], exclude_characters=UNSEEN)))
@example("plain ascii")
@example("für 中文 😀\n\tnext")
def test_clean_text_comes_back_itself(text: str) -> None:
    assert neutralise(text) is text


@given(TRICKY, TRICKY)
def test_a_text_in_pieces_is_as_harmless_as_the_whole(first: str, second: str) -> None:
    assert not HARMFUL.search(neutralise(first) + neutralise(second))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\x9b2J", "\\x9b2J"),
        ("x\u202eabc", "x\\u202eabc"),
        ("\x7f", "␡"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u200db\u200cc", "a\\u200db\\u200cc"),
        ("\x1b]8;;http://x\x07y\x1b\\", "␛]8;;http://x␇y␛\\"),
        ("\x1bP+q\x9c", "␛P+q\\x9c"),
    ],
)
def test_what_is_harmful_is_spelled_out(text: str, shown: str) -> None:
    assert neutralise(text) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("src/a b.py", "src/a b.py"),
        ("caf\udce9", "caf\\xe9"),
        ("a\nb\tc\x1b", "a\\nb\\tc␛"),
        ("é", "é"),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_name_is_printable_on_one_line(path: str, shown: str) -> None:
    assert printable_path(path) == shown


@given(st.lists(st.text(alphabet="a\r\n\x1b", max_size=4)))
def test_a_text_in_pieces_is_shown_as_the_whole_text(parts: list[str]) -> None:
    pieces = Pieces()
    assert "".join(map(pieces.feed, parts)) + pieces.close() == neutralise("".join(parts))
