"""The JSON form of a briefing and the page that documents it."""

from __future__ import annotations

import json
from pathlib import Path

import aiex
from aiex.jobs.briefing.model import METHOD, SCHEMA, Briefing, Outlined, Place, Purpose, Subject, to_data
from aiex.jobs.briefing.reference import PAGE, render_page

SUBJECT = Subject("file", "a.py", "a.py", 1, 9, "python", 9, 90, "full", ("odd",))
REFERENCE = Path(aiex.__file__).parent.parent / "docs" / "reference"


def test_sections_that_do_not_apply_are_left_out_and_empty_ones_stay() -> None:
    data = to_data(Briefing(SUBJECT, effects=()))
    assert data["effects"] == []
    assert "flow" not in data


def test_values_become_objects_by_field_name() -> None:
    outlined = Outlined("f", "f", "function", "def f()", "", "a.py", 1, 2, 0, True, 1)
    data = to_data(Briefing(SUBJECT, Purpose("Does it.", "names", Place("a.py", 1)), outline=(outlined,)))
    assert data == json.loads(json.dumps(data))
    assert data["purpose"] == {"text": "Does it.", "origin": "names", "place": {"path": "a.py", "line": 1}}
    assert data["outline"][0]["signature"] == "def f()"
    assert (data["schema"], data["method"], data["notes"]) == (SCHEMA, METHOD, ["odd"])


def test_every_section_is_documented() -> None:
    page = render_page()
    for name in Briefing._fields[1:]:
        assert f"| `{name}` |" in page


def test_the_reference_page_is_the_one_the_classes_give() -> None:
    assert (REFERENCE / PAGE).read_text(encoding="utf-8") == render_page()


def test_lists_in_lists_are_told_with_what_they_hold() -> None:
    page = render_page()
    assert "| `authors` | list of [text, number] |" in page
    assert "| `cycles` | list of lists of text |" in page
