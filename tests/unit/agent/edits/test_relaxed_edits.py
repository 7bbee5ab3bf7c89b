"""However spaces differ, an edit that is made replaces exactly the words it names, in one place, and no others."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.applying import Before, apply_wishes
from aiex.errors import EditError

INDENTS = st.sampled_from(["", "  ", "    ", "\t", "\t\t", "      "])
LINES = st.lists(
    st.tuples(INDENTS, st.sampled_from(["a", "b", "c d", "e", ""]), st.sampled_from(["", "", " "])), max_size=8
)


def text_of(lines):
    return "".join("".join(line) + "\n" for line in lines)


@settings(max_examples=500)
@given(LINES, LINES, st.data())
def test_words_change_where_the_edit_says_and_nowhere_else(before, new, data):
    assume(before)
    start = data.draw(st.integers(0, len(before) - 1))
    stop = data.draw(st.integers(start + 1, len(before)))
    old = [(data.draw(INDENTS), word, end) for _, word, end in before[start:stop]]
    whole, old_text, new_text = text_of(before), text_of(old), text_of(new)
    assume(old_text.strip())
    try:
        wish = FileWish("f", "change", (Change(old_text, new_text),))
        (made,) = apply_wishes([wish], {"f": Before(whole.encode())})
    except EditError:
        return
    words, gone, come = whole.split(), old_text.split(), new_text.split()
    places = [at for at in range(len(words)) if words[at : at + len(gone)] == gone]
    assert made.after.decode().split() in [words[:at] + come + words[at + len(gone) :] for at in places]


@given(LINES, st.integers(-3, 6), st.data())
def test_a_shift_is_taken_back_in_what_is_added(before, shift, data):
    """Lines of one kind of indentation, all moved by the same number of spaces, with one line more."""
    lines = [" " * (4 + 4 * number) + f"{word or 'x'}{number}\n" for number, (_, word, _) in enumerate(before)]
    assume(lines and shift)
    moved = ["".join([" " * shift, line]) if shift > 0 else line[-shift:] for line in lines]
    at = data.draw(st.integers(0, len(lines) - 1))
    added = [*lines[: at + 1], lines[at].replace("\n", " new\n"), *lines[at + 1 :]]
    moved_added = [*moved[: at + 1], moved[at].replace("\n", " new\n"), *moved[at + 1 :]]
    wish = FileWish("f", "change", (Change("".join(moved), "".join(moved_added)),))
    (made,) = apply_wishes([wish], {"f": Before("".join(["top\n", *lines]).encode())})
    assert made.after.decode() == "".join(["top\n", *added])
    assert made.relaxation == "indentation"
