"""Old text is found exactly, or by one named step and only where it stands once; a token that differs is not passed."""

from __future__ import annotations

import pytest

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.applying import Before, apply_wishes
from aiex.errors import EditError

CLASS = (
    "class A:\n    def run(self):\n        x = 1\n\n        return x\n\n\nclass B:\n    def run(self):\n        y = 2\n"
)


def edited(before, old, new, **more):
    """The text after a change, and the step that found its place."""
    change = Change(old, new, **more)
    (made,) = apply_wishes([FileWish("a.py", "change", (change,))], {"a.py": Before(before.encode())})
    return made.after.decode(), made.relaxation


def refusal(before, old, new, **more):
    with pytest.raises(EditError) as caught:
        edited(before, old, new, **more)
    return caught.value.message


STEPS = [
    ("exact", CLASS, "        x = 1\n", "        x = 3\n", CLASS.replace("x = 1", "x = 3"), ""),
    ("file has trailing space", "a  \nb\n", "a\nb\n", "a\nc\n", "a  \nc\n", "trailing space"),
    ("edit has trailing space", "a\nb\n", "a \nb\t\n", "a \nc\n", "a\nc\n", "trailing space"),
    (
        "typographic in the file",
        "s = 'it\u2019s'\nb\n",
        "s = 'it's'\nb\n",
        "s = 'it's'\nc\n",
        "s = 'it\u2019s'\nc\n",
        "look-alikes",
    ),
    ("typographic in the edit", "s = 'x'\n", "s = \u2018x\u2019\n", "s = \u2018y\u2019\n", "s = 'y'\n", "look-alikes"),
    (
        "dashes and no-break spaces",
        "a\u00a0\u2013 b\nc\n",
        "a - b\nc\n",
        "a - b\nd\n",
        "a\u00a0\u2013 b\nd\n",
        "look-alikes",
    ),
    ("what stays of a line", "a\u00a0= f('x')\n", "a = f('x')\n", "a = f('y')\n", "a\u00a0= f('y')\n", "look-alikes"),
    ("decomposed", "cafe\u0301\nb\n", "caf\u00e9\nb\n", "caf\u00e9\nc\n", "cafe\u0301\nc\n", "look-alikes"),
    ("too shallow", "  a:\n    b\n", "a:\n  b\n", "a:\n  b\n  c\n", "  a:\n    b\n    c\n", "indentation"),
    ("too deep", "a:\n  b\n", "    a:\n      b\n", "    a:\n      c\n", "a:\n  c\n", "indentation"),
    (
        "tabs in the file",
        "a:\n\tb:\n\t\tc\n",
        "a:\n  b:\n    c\n",
        "a:\n  b:\n    d\n      e\n",
        "a:\n\tb:\n\t\td\n\t\t\te\n",
        "indentation",
    ),
    (
        "tabs in the edit",
        "a:\n  b:\n    c\n",
        "a:\n\tb:\n\t\tc\n",
        "a:\n\tb:\n\t\td\n",
        "a:\n  b:\n    d\n",
        "indentation",
    ),
    ("tabs in front", "\ta:\n\t\tb\n", "a:\n\tb\n", "a:\n\tb\n\tc\n", "\ta:\n\t\tb\n\t\tc\n", "indentation"),
    ("blank line missing in the edit", "a\n\nb\nc\n", "a\nb\n", "a\nB\n", "a\n\nB\nc\n", "blank lines"),
    ("blank line missing in the file", "a\nb\nc\n", "a\n\nb\n", "a\n\nB\n", "a\nB\nc\n", "blank lines"),
    ("blank lines about the edit", "z\na\nb\n", "\na\n\n", "\nA\n\n", "z\nA\nb\n", "blank lines"),
    ("a block with blank lines goes as a whole", "a\n\nb\n\nc\nd\n", "a\nb\nc\n", "", "d\n", "blank lines"),
    ("entities", "if a < b:\n", "if a &lt; b:\n", "if a &gt; b:\n", "if a > b:\n", "escapes"),
    ("escaped quotes", 'f("a")\n', 'f(\\"a\\")\n', 'f(\\"b\\")\n', 'f("b")\n', "escapes"),
    ("escaped line ends", "a\nb\n", "a\\nb\n", "a\\nc\n", "a\nc\n", "escapes"),
    ("line numbers with a bar", "  a\n  b\n", " 1|  a\n 2|  b\n", " 1|  a\n 2|  c\n", "  a\n  c\n", "escapes"),
    ("line numbers with a tab", "  a\n  b\n", "     1\t  a\n     2\t  b\n", "  a\n  c\n", "  a\n  c\n", "escapes"),
    ("line numbers and a space", "  a\n  b\n", "1:   a\n2:   b\n", "1:   a\n2:   c\n", "  a\n  c\n", "escapes"),
    ("elision", "a\nb\nc\nd\n", "a\n...\nd\n", "A\n...\nD\n", "A\nb\nc\nD\n", "elision"),
    ("elision by a comment", "a\nb\nc\n", "a\n# ... rest ...\nc\n", "a\n# ... rest ...\nC\n", "a\nb\nC\n", "elision"),
]
NAMES = [case[0] for case in STEPS]


@pytest.mark.parametrize(("before", "old", "new", "after", "step"), [case[1:] for case in STEPS], ids=NAMES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_step_finds_what_it_is_named_for(before, old, new, after, step, end):
    made = edited(before.replace("\n", end), old, new)
    assert made == (after.replace("\n", end), step)


@pytest.mark.parametrize(("before", "old", "new", "after", "step"), [case[1:] for case in STEPS], ids=NAMES)
def test_a_step_that_finds_two_places_is_refused_with_their_number(before, old, new, after, step):
    assert "2 times" in refusal(before + before, old, new) or step == "elision"


@pytest.mark.parametrize(
    ("before", "old"),
    [
        ("  a:\n    b\n", "a:  \n  b\n"),
        ("a\n\n  b\n", "  a\n    b\n"),
        ("s = \u2018x\u2019  \nb\n", "s = 'x'\nb\n"),
        ("\tif a < b:\n\t\tc\n", "if a &lt; b:\n\tc\n"),
        ("a  \n\nb\n", "a\nb\n"),
    ],
)
def test_two_steps_at_once_are_refused(before, old):
    assert "is not there" in refusal(before, old, old.replace("b", "z"))


@pytest.mark.parametrize(
    ("before", "old"),
    [
        ("x = a + b\n", "x = a - b\n"),
        ("def f(a):\n", "def f(b):\n"),
        ("return True\n", "return true\n"),
        ("a\nb\nc\n", "a\nX\nc\n"),
        ("  a\n    b\n", "a\n    b\n"),
        ("if a:\n    b\n", "if a:\n  b\n"),
        ("foo_bar\n", "foo bar\n"),
        ("a = 'x'\n", 'a = "x"\n'),
    ],
)
def test_what_differs_in_a_token_or_in_one_indentation_is_not_found(before, old):
    assert "is not there" in refusal(before, old, "new\n")


def test_an_exact_match_wins_over_relaxed_ones():
    assert edited("a  \nb\na\n", "a\n", "A\n") == ("a  \nb\nA\n", "")


def test_a_line_number_chooses_among_exact_matches():
    assert edited("a\nb\na\nb\n", "a\n", "A\n", line=3) == ("a\nb\nA\nb\n", "")


def test_a_line_number_between_two_matches_chooses_neither():
    assert "2 times" in refusal("a\nb\nb\na\n", "a\n", "A\n", line=3)


def test_a_line_number_does_not_choose_among_relaxed_matches():
    assert "2 times" in refusal("a \nb\na\t\nb\n", "a\n", "A\n", line=3)


def test_a_line_number_is_no_place_for_new_lines():
    assert "names none that they stand beside" in refusal("a\nb\n", "", "c\n", line=2)


def test_a_line_number_follows_the_changes_above_it():
    changes = (Change("a\n", "a\na\n", line=1), Change("b\n", "B\n", line=4))
    (made,) = apply_wishes([FileWish("f", "change", changes)], {"f": Before(b"a\nb\nc\nb\n")})
    assert made.after == b"a\na\nb\nc\nB\n"


@pytest.mark.parametrize(
    ("anchors", "after"),
    [
        (("class A:",), CLASS.replace("run(self)", "go(self)", 1)),
        (("class B",), CLASS[::-1].replace("run(self)"[::-1], "go(self)"[::-1], 1)[::-1]),
        (("class B", "def run(self):"), CLASS[::-1].replace("run(self)"[::-1], "go(self)"[::-1], 1)[::-1]),
    ],
)
def test_lines_above_choose_the_block_below_them(anchors, after):
    made = edited(CLASS, "    def run(self):\n", "    def go(self):\n", anchors=anchors, needs_anchors=True)
    assert made == (after, "")


def test_a_line_above_that_is_not_there_is_an_error():
    said = refusal(CLASS, "        y = 2\n", "        y = 3\n", anchors=("class C",), needs_anchors=True)
    assert "no line `class C`" in said


def test_a_line_above_that_stands_below_is_an_error():
    said = refusal(CLASS, "        x = 1\n", "        x = 3\n", anchors=("class B",), needs_anchors=True)
    assert "only above the line" in said


def test_the_end_of_the_file_chooses_the_last_match():
    assert edited("a\nb\na\n\n", "a\n", "A\n", at_end=True) == ("a\nb\nA\n\n", "")
    assert "end of the file" in refusal("a\nb\n", "a\n", "A\n", at_end=True)


def test_overlapping_matches_are_two():
    assert "2 times" in refusal("aaa\n", "aa", "b", is_lines=False)


def test_a_substring_with_a_relaxed_line_end_has_to_stand_once_as_well():
    before = "f(a, \n  b)\nf(a,\t\n  b) + 1\n"
    assert "2 times" in refusal(before, "f(a,\n  b)", "g()", is_lines=False)


def test_every_occurrence_is_replaced_where_that_is_asked():
    made = edited("a b a\r\na\n", "a", "x\ny", is_lines=False, replace_all=True)
    assert made[0].replace("\r\n", "\n") == "x\ny b x\ny\nx\ny\n"


def test_replacing_everywhere_asks_for_the_exact_text():
    assert "(indentation)" in refusal("if x:\n    a\n    b\n", "a\nb\n", "c\n", is_lines=False, replace_all=True)


def test_a_new_line_that_cannot_follow_the_shift_is_an_error():
    assert "another indentation" in refusal("a:\n  b\n", "    a:\n      b\n", "    a:\nb\n")


def test_an_elision_that_fits_two_ways_is_an_error():
    assert "2 times" in refusal("a\nb\nc\nb\n", "a\n...\nb\n", "a\n...\nB\n")


def test_an_elision_on_one_side_is_an_error():
    assert "stands for others" in refusal("a\nb\nc\n", "a\n...\nc\n", "a\nc\n")
    assert "left out" in refusal("a\nb\nc\n", "a\nb\n", "a\n# ... existing code ...\n")


def test_an_edit_that_was_made_already_is_said_to_be():
    said = refusal("go()\nstop()\n", "go()\nwait()\n", "go()\nstop()\n")
    assert "there already" in said
    assert "line 1" in said


def test_a_relaxed_match_of_an_edit_made_already_is_not_made_twice():
    assert "there already" in refusal("if x:\n    go()\n", "go()\n", "    go()\n")


def test_a_miss_shows_the_nearest_lines_and_the_first_that_differs():
    said = refusal(CLASS, "    def run(self):\n        x = 2\n\n        return x\n", "pass\n")
    assert "    3         x = 1" in said
    assert "first difference at line 3" in said
    assert said.count("\n") < 25


def test_a_miss_in_spaces_says_so():
    assert "spaces" in refusal("  a:\n    bcd\n", "a:  \n  bcd\n", "x\n")


def test_a_miss_in_an_empty_file_says_so():
    assert "empty" in refusal("", "x\n", "y\n")
