"""Changes of both sides in one text."""

from __future__ import annotations

from random import Random

import pytest

from aiex.sessions.checkpoints.merge import merge_texts

BASE = b"one\ntwo\nthree\nfour\nfive\nsix\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "joined"),
    [
        (BASE.replace(b"one", b"1"), BASE.replace(b"six", b"6"), b"1\ntwo\nthree\nfour\nfive\n6\n"),
        (BASE, BASE.replace(b"two\n", b""), b"one\nthree\nfour\nfive\nsix\n"),
        (b"zero\n" + BASE, BASE + b"seven\n", b"zero\n" + BASE + b"seven\n"),
        (BASE.replace(b"two", b"2"), BASE.replace(b"two", b"2"), BASE.replace(b"two", b"2")),
        (BASE.replace(b"two", b"2"), BASE.replace(b"two", b"zwei"), None),
        (BASE.replace(b"two", b"2"), BASE.replace(b"three", b"3"), None),
        (BASE.replace(b"two\n", b"two\nx\n"), BASE.replace(b"two\n", b"two\ny\n"), None),
        (b"", BASE.replace(b"two", b"2"), None),
        (BASE[:-1], BASE.replace(b"one", b"1"), b"1\ntwo\nthree\nfour\nfive\nsix"),
        (BASE.replace(b"\n", b"\r\n"), BASE, BASE.replace(b"\n", b"\r\n")),
        (b"a\0b", BASE, None),
    ],
)
def test_changes_are_joined_where_they_do_not_touch(ours: bytes, theirs: bytes, joined: bytes | None):
    assert merge_texts(BASE, ours, theirs) == joined
    assert merge_texts(BASE, theirs, ours) == joined


def test_a_side_without_changes_takes_the_other_whole():
    random = Random(1)
    for _ in range(200):
        base, other = (b"".join(b"%d\n" % random.randrange(9) for _ in range(random.randrange(30))) for _ in range(2))
        assert merge_texts(base, base, other) == other
        assert merge_texts(base, other, base) == other
        assert merge_texts(base, other, other) == other


def test_distant_changes_of_both_sides_are_all_in_it():
    random = Random(2)
    for _ in range(100):
        lines = [b"line %d\n" % number for number in range(60)]
        places = sorted(random.sample(range(0, 60, 3), 6))
        ours, theirs, both = list(lines), list(lines), list(lines)
        for number, place in enumerate(places):
            for text in ((ours, both), (theirs, both))[number % 2]:
                text[place] = b"changed %d\n" % number
        assert merge_texts(b"".join(lines), b"".join(ours), b"".join(theirs)) == b"".join(both)
