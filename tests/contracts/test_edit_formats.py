"""Every edit format found by name: it reads what its models write, refuses what is cut off, and passes the suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiex.agent.edits import FORMATS, FileWish, format_names, load_format
from aiex.agent.edits.applying import Before, apply_wishes, paths_of
from aiex.errors import EditError
from aiex.plugins import names, summary
from tests.fakes.edit_impl import apply
from tests.fakes.edit_suite import CASES, SUITE, outcome
from tests.fakes.edit_writing import WRITERS
from tests.fakes.tables import each

BEFORE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"
AFTER = BEFORE.replace("two\n", "2\n").replace("nine\n", "9\n9.5\n")


@each("case", CASES, ids=lambda case: f"{case['id']}-{case['cat']}-{case['format']}")
def test_every_case_of_the_suite_passes(case: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / case["id"]
    folder.mkdir()
    assert outcome(case, apply, folder) == "pass"


def test_the_copy_is_the_shared_suite() -> None:
    shared = Path(__file__).parents[3] / "shared" / "suites" / "edits" / "dev.jsonl"
    if not shared.is_file():
        pytest.skip("there is no shared suite beside the checkout")
    assert SUITE.read_bytes() == shared.read_bytes()


def test_every_format_has_cases_and_a_writer() -> None:
    assert {case["format"] for case in CASES} == set(format_names()) == set(WRITERS)


@pytest.mark.parametrize("name", format_names())
def test_a_format_is_offered_under_its_file_name(name: str) -> None:
    assert load_format(name).name == name
    assert name.replace("_", "-") in names(FORMATS)
    assert summary(FORMATS, name)


@pytest.mark.parametrize("name", format_names())
def test_a_true_edit_gives_the_second_text(name: str) -> None:
    wishes = load_format(name).parse(WRITERS[name]("src/a.txt", BEFORE, AFTER))
    assert all(isinstance(wish, FileWish) and wish.path == "src/a.txt" for wish in wishes)
    (change,) = apply_wishes(wishes, dict.fromkeys(paths_of(wishes), Before(BEFORE.encode())))
    assert (change.path, change.after, change.relaxation) == ("src/a.txt", AFTER.encode(), "")


@each("name", format_names())
@each("text", ["", "\n", "I would change it.\n", "```\n", "\0", "{", "[]", "null", "12"])
def test_what_is_no_edit_is_refused_with_a_hint(name: str, text: str) -> None:
    with pytest.raises(EditError) as caught:
        load_format(name).parse(text)
    assert caught.value.hint


@pytest.mark.parametrize("name", format_names())
def test_an_edit_cut_off_anywhere_never_gives_half_a_result(name: str) -> None:
    """Whole hunks may be missing from a diff that never said how many there are; nothing else may."""
    text = f"```\n{edit}```\n" if (edit := WRITERS[name]("a.txt", BEFORE, AFTER)).startswith("---") else edit
    for size in range(len(text.rstrip("\n`"))):
        try:
            wishes = load_format(name).parse(text[:size])
            changes = apply_wishes(wishes, dict.fromkeys(paths_of(wishes), Before(BEFORE.encode())))
        except EditError:
            continue
        assert [change.after for change in changes] == [AFTER.encode()], text[:size]


@pytest.mark.parametrize("name", format_names())
def test_carriage_returns_in_the_edit_do_not_reach_the_file(name: str) -> None:
    text = WRITERS[name]("a.txt", BEFORE, AFTER)
    text = text.replace("\\n", "\\r\\n") if name == "str_replace" else text.replace("\n", "\r\n")
    wishes = load_format(name).parse(text)
    (change,) = apply_wishes(wishes, dict.fromkeys(paths_of(wishes), Before(BEFORE.encode())))
    assert change.after == AFTER.encode()
