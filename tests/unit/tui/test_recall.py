"""What was typed is kept per workspace, without secrets, and walked through."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aiex.tui.folding import Fold
from aiex.tui.recall import LONGEST_FOLD, Place, Typed, Walk, find_place, keep, load, search
from aiex.wiring import open_services


def typed(*texts: str) -> list[Typed]:
    return [Typed(text, {}) for text in texts]


def test_what_is_kept_comes_back_once_and_in_order(tmp_path: Path):
    place = Place(str(tmp_path / "a" / "prompts.jsonl"), writes=True)
    for text in ("one", "two\nlines", "one"):
        keep(place, Typed(text, {}))

    assert load(place) == typed("two\nlines", "one")
    assert stat.S_IMODE(os.stat(place.path).st_mode) == 0o600


def test_folds_come_back_and_long_ones_say_that_they_do_not(tmp_path: Path):
    place = Place(str(tmp_path / "prompts.jsonl"), writes=True)
    folds = {"[pasted 9 lines]": Fold(text="x\n" * 9), "[picture a.png]": Fold(picture="/a.png")}
    keep(place, Typed("see [pasted 9 lines] [picture a.png]", folds))
    keep(place, Typed("[pasted 30 lines]", {"[pasted 30 lines]": Fold(text="y" * (LONGEST_FOLD + 1))}))

    assert load(place) == [
        Typed("see [pasted 9 lines] [picture a.png]", folds),
        Typed("[pasted 30 lines, not kept]", {}),
    ]


def test_secrets_are_taken_out(tmp_path: Path):
    place = Place(str(tmp_path / "prompts.jsonl"), writes=True)
    keep(place, Typed("use password=hunter2hunter2 please", {}))

    assert b"hunter2" not in Path(place.path).read_bytes()


def test_nothing_is_written_where_nothing_may_be(tmp_path: Path):
    place = Place(str(tmp_path / "prompts.jsonl"), writes=False)
    keep(place, Typed("one", {}))

    assert load(place) == []


def test_sealed_and_unrecorded_sessions_write_nothing(tmp_path: Path):
    def writes(*overrides: str) -> bool:
        return find_place(open_services(str(tmp_path), None, overrides=overrides)).writes

    assert writes()
    assert not writes("sessions.encrypt=on")
    assert not writes("sessions.record=off")


def test_broken_lines_are_passed_over(tmp_path: Path):
    place = Place(str(tmp_path / "prompts.jsonl"), writes=True)
    keep(place, Typed("one", {}))
    with open(place.path, "ab") as file:
        file.write(b'[1]\n{"text": 3}\nnonsense\n{"text": "two", "folds": 5}\n{"te')
    keep(place, Typed("three", {}))

    assert load(place) == typed("one", "three")


def test_walking_back_and_on_gives_the_draft_back():
    walk = Walk()
    walk.fill(typed("one", "two"))

    seen = [walk.back("draft"), walk.back("two"), walk.back("one"), walk.on(), walk.on(), walk.on()]

    assert seen == [*typed("two", "one"), None, *typed("two", "draft"), None]


def test_what_is_shown_already_is_passed_over():
    walk = Walk()
    walk.add(Typed("one", {}))
    walk.add(Typed("two", {}))

    assert walk.back("two") == Typed("one", {})


def test_a_search_finds_all_words_newest_first():
    known = typed("fix the tests", "run the tests", "explain")

    assert search(known, "TESTS the") == typed("run the tests", "fix the tests")
    assert search(known, "") == list(reversed(known))
