"""What lies between two places of a session."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from aiex.events import ApprovalGiven, Compacted, FileEdited, Rewound
from aiex.jobs.sessions.comparing import Answer, Spent, Touched, compare, render, to_data
from aiex.jsonform import dump
from tests.fakes.histories import answered, ended, said, used
from tests.unit.jobs.sessions.conftest import CUT, STORY, damage

END = len(STORY)


def test_from_the_beginning_everything_is_new(sessions, story):
    found = compare(sessions, story, 0, END)
    assert [entry.seq for entry in found.said] == [2, 6, 14, 15]
    assert found.gone == ()
    assert found.files == {"src/a.py": Touched("changed", 2, 4, 1)}
    assert found.answers == (Answer(8, "run ls", True, "session", "person"),)
    assert (found.granted, found.withdrawn) == (("run ls",), ())
    assert found.spent == Spent(1, 1200, 340, 0.25, 0)


def test_between_a_place_and_itself_there_is_nothing(sessions, story):
    found = compare(sessions, story, END, END)
    assert render(found).count("no difference") == 4
    assert (found.said, found.files, found.spent) == ((), {}, Spent(0, 0, 0, 0.0, 0))


def test_only_what_happened_in_between_counts(sessions, story, tell):
    tell(story, said("next"), used(10, 5, None), answered("so be it"), FileEdited("b\n.py", "deleted", 0, 7), ended())
    found = compare(sessions, story, END, END + 5)
    assert [entry.seq for entry in found.said] == [17, 19]
    assert found.files == {"b\n.py": Touched("deleted", 1, 0, 7)}
    assert found.spent == Spent(1, 10, 5, 0.0, 1)
    text = render(found)
    assert "+ [17] user: next" in text
    assert "b\\n.py deleted (+0 -7)" in text
    assert "1 call, 10 tokens in, 5 out, unknown" in text


def test_what_was_rewound_is_gone_and_so_is_the_leave_given_for_it(sessions, story, tell):
    tell(story, Rewound("aaaaaaaaaaaa", "bbbbbbbbbbbb", "both", to_seq=5))
    found = compare(sessions, story, END, END + 1)
    assert [entry.seq for entry in found.gone] == [6, 14, 15]
    assert (found.granted, found.withdrawn) == ((), ("run ls",))
    text = render(found)
    assert "- [15] assistant: it is done" in text
    assert "event 17: the files went back to checkpoint aaaaaaaaaaaa" in text
    assert "- no longer: run ls" in text


def test_the_checkpoints_of_both_places_are_named(sessions, story, tell):
    tell(story, Rewound("aaaaaaaaaaaa", "bbbbbbbbbbbb", "files"))
    found = compare(sessions, story, 9, END)
    assert found.checkpoints == ("aaaaaaaaaaaa", "bbbbbbbbbbbb")
    assert "aiex diff checkpoint aaaaaaaaaaaa bbbbbbbbbbbb" in render(found)


def test_an_answer_is_told_with_what_was_asked_before(sessions, story, tell):
    tell(story, *CUT, ApprovalGiven("a2", False, "once", "policy"))
    found = compare(sessions, story, END + 3, END + 5)
    assert found.answers == (Answer(END + 5, "run make", False, "once", "policy"),)
    assert f"[{END + 5}] denied by a policy, once: run make" in render(found)


def test_a_conversation_that_was_shortened_lost_its_words(sessions, story, tell):
    tell(story, Compacted(9, 1, "they spoke of brackets"))
    found = compare(sessions, story, END, END + 1)
    assert [entry.is_summary for entry in found.said] == [True]
    assert [entry.seq for entry in found.gone] == [2, 6, 14, 15]


def test_places_the_wrong_way_round_are_refused(sessions, story):
    with pytest.raises(UsageError, match="event 3 comes before event 9"):
        compare(sessions, story, 9, 3)


def test_a_program_gets_all_of_it(sessions, story, tell):
    tell(story, said("a \x1b[31mred word"))
    data = to_data(compare(sessions, story, 0, END + 1))
    assert dump(data)
    assert (data["from"], data["to"], data["cost"]["input_tokens"]) == (0, END + 1, 1200)
    assert data["conversation"]["said"][-1] == {
        "seq": 17,
        "role": "user",
        "text": "a \x1b[31mred word",
        "pinned": False,
    }
    assert "\x1b" not in render(compare(sessions, story, 0, END + 1))


def test_what_is_whole_of_a_damaged_session_is_compared(sessions, story):
    damage(sessions, 12)
    assert [entry.seq for entry in compare(sessions, story, 0, 11).said] == [2, 6]
