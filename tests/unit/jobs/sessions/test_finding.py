"""Which session is meant, and which event."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from aiex.events import SessionArchived, SessionRenamed
from aiex.jobs.sessions.finding import find_place, find_said, find_session, read_whole
from aiex.sessions.log import DamagedSession
from tests.fakes.histories import START_MS, said, started
from tests.unit.jobs.sessions.conftest import ONE, STORY, TWO, damage


def test_without_words_it_is_the_last_one_of_the_workspace_that_is_not_archived(sessions, story, tell):
    tell(TWO, started(), SessionArchived(), at_ms=START_MS + 1_000_000)
    tell("5e55000000000003", started("/code/lib"), at_ms=START_MS + 2_000_000)
    assert find_session(sessions, "", root="/code/app") == ONE
    assert find_session(sessions, "", root="") == "5e55000000000003"
    tell(ONE, SessionArchived(), at_ms=START_MS + 3_000_000)
    assert find_session(sessions, "", root="/code/app") == ONE


def test_a_place_in_a_session_that_was_removed_meanwhile_is_refused(sessions, story):
    sessions.log.remove(ONE)
    for place in ("", "1", "1h"):
        with pytest.raises(UsageError, match=f"there is no session {ONE}"):
            find_place(sessions.log, ONE, place)


@pytest.mark.usefixtures("story")
def test_a_session_is_found_by_a_beginning_of_its_id_and_by_its_title(sessions, tell):
    tell(TWO, started(), SessionRenamed("The Parser"))
    assert find_session(sessions, "the parser", root="") == TWO
    assert find_session(sessions, TWO, root="") == TWO
    with pytest.raises(UsageError) as caught:
        find_session(sessions, "5e55", root="")
    assert caught.value.message == "5e55 may be one of 2 sessions"
    assert all(name in caught.value.hint for name in (ONE, TWO, "The Parser"))


@pytest.mark.usefixtures("story")
def test_the_nearest_is_offered_for_what_is_not_there(sessions):
    with pytest.raises(UsageError) as caught:
        find_session(sessions, "5e55000000000009", root="")
    assert f"did you mean {ONE}" in caught.value.hint


def test_before_there_is_any_session_nothing_is_made_by_asking(sessions, tmp_path):
    with pytest.raises(UsageError):
        find_session(sessions, "", root="")
    assert find_said(sessions, "parser", root="", kind=None, last=9).hits == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "seq"),
    [("1", 1), ("16", 16), ("", 16), ("016", 16), ("2m", 0), ("60s", None), ("1m", 5), ("17", None), ("-1", None),
     ("9" * 5000, None), ("tomorrow", None), ("2099-01-01", None), ("\x1b[31m", None)],
)  # fmt: skip
def test_a_place_is_a_number_or_a_time(sessions, story, place, seq):
    now_s = START_MS / 1000 + 64.5

    def find() -> int:
        return find_place(sessions.log, story, place, least=0, clock=lambda: now_s)

    if seq is not None:
        assert find() == seq
        return
    with pytest.raises(UsageError) as caught:
        find()
    assert caught.value.hint
    assert "\x1b" not in caught.value.message


def test_a_time_before_the_session_is_no_place_in_it(sessions, story):
    with pytest.raises(UsageError, match="began later than that"):
        find_place(sessions.log, story, "2m", clock=lambda: START_MS / 1000 + 64.5)
    with pytest.raises(UsageError, match="has no event 0"):
        find_place(sessions.log, story, "0")


def test_a_damaged_session_is_read_as_far_as_it_is_whole(sessions, story):
    damage(sessions, 9)
    recorded, problem = read_whole(sessions.log, story)
    assert [one.seq for one in recorded] == [*range(1, 9)]
    assert "damaged at event 9" in problem
    assert read_whole(sessions.log, story, upto_seq=8) == (recorded, "")


def test_a_session_of_which_nothing_is_whole_is_told_as_that(sessions, story):
    damage(sessions, 1)
    with pytest.raises(DamagedSession):
        read_whole(sessions.log, story)


def test_what_was_said_is_found_in_one_workspace_or_in_all(sessions, story, tell):
    tell(TWO, started("/code/lib"), said("another parser"))
    everywhere = find_said(sessions, "parser", root="", kind=None, last=9).hits
    assert {hit.session for hit in everywhere} == {ONE, TWO}
    assert [hit.session for hit in find_said(sessions, "parser", root="/code/lib", kind="user", last=9).hits] == [TWO]
    assert find_said(sessions, "parser", root="", kind="tool", last=9).hits == []
    assert len(STORY) == sessions.log.head(story).seq
