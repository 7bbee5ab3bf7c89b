"""What is told of sessions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aiex.events import (
    Imported,
    SessionArchived,
    SessionForked,
    SessionRenamed,
    TurnInterrupted,
    UserSpoke,
)
from aiex.guard.protectors import KeyFileProtector
from aiex.jobs.sessions.changing import put_aside
from aiex.jobs.sessions.showing import list_sessions, show_session, to_cells, to_cost, to_data
from aiex.jsonform import dump
from aiex.messages import Image, Text
from aiex.sessions.keeping import Sessions
from aiex.sessions.sealing import Sealing, open_keys_with
from tests.fakes.histories import START_MS, said, started, used
from tests.unit.jobs.sessions.conftest import CUT, ONE, STORY, TWO, damage


def rows(sessions, *, root="/code/app", archived=False, last=0, is_shared=False):
    return list_sessions(sessions, root=root, archived=archived, last=last, is_shared=is_shared)


# --- list -----------------------------------------------------------------------------------------------------------


def test_a_line_says_when_what_and_what_it_took(sessions, story):
    (row,), count = rows(sessions)
    assert count == 1
    assert to_cells(row) == (
        ONE, "2026-09-21 14:13:35", "done", "why does the parser fail?", "anthropic/claude-x", "1", "1,540", "$0.2500",
        "1", "/code/app",
    )  # fmt: skip
    data = to_data(row)
    assert dump(data)
    assert (data["id"], data["events"], data["open_in_process"]) == (story, 16, None)
    assert data["last"] == "2026-09-21T14:13:35.000Z"


@pytest.mark.usefixtures("story")
def test_the_list_is_of_a_workspace_and_can_be_cut(sessions, tell):
    tell(TWO, started("/code/lib"), at_ms=START_MS + 9_000_000)
    tell("5e55000000000003", started("/code/app"), SessionArchived(), at_ms=START_MS + 8_000_000)
    assert [row.listed.id for row in rows(sessions)[0]] == [ONE]
    assert [row.listed.id for row in rows(sessions, archived=True)[0]] == ["5e55000000000003"]
    everything, count = rows(sessions, root="", archived=None, last=2)
    assert ([row.listed.id for row in everything], count) == ([TWO, "5e55000000000003"], 3)
    assert to_cells(everything[1])[2] == "new, archived"


def test_without_sessions_nothing_is_made(sessions, tmp_path):
    assert rows(sessions) == ([], 0)
    assert list(tmp_path.iterdir()) == []


def test_work_whose_process_is_gone_was_cut_off(sessions, story, tell):
    tell(story, *CUT)
    assert rows(sessions)[0][0].state == "cut off"
    assert rows(sessions, is_shared=True)[0][0].state == "working"
    lock = Sessions(sessions.folder).lock(story)
    lock.acquire()
    (row,), _ = rows(sessions)
    assert (row.state, to_cells(row)[2], bool(row.owner)) == ("working", "working", True)
    lock.release()


def test_titles_and_paths_that_would_steer_a_terminal_are_spelled_out(sessions, tell):
    tell(ONE, replace(started("/w/\x1b[2J"), model="m\n2"), said("x\x1b]0;owned\x07" + "y" * 90))
    (row,), _ = rows(sessions, root="")
    assert all(cell.isprintable() for cell in to_cells(row))
    assert len(to_cells(row)[3]) == 48


@pytest.mark.parametrize(
    ("cost", "unpriced", "words"),
    [(None, 0, ""), (0.0, 0, "$0"), (0.0, 1, "unknown"), (1.5, 0, "$1.5000"), (1.5, 2, "$1.5000+")],
)
def test_money_is_told_as_far_as_it_is_known(cost, unpriced, words):
    assert to_cost(cost, unpriced=unpriced) == words


# --- show -----------------------------------------------------------------------------------------------------------


def test_a_session_is_told_from_its_head_to_what_can_be_undone(sessions, story):
    shown = show_session(sessions, story)
    lines = shown.text.split("\n")
    assert lines[:3] == [f"session    {ONE}", "title      why does the parser fail?", "workspace  /code/app"]
    assert "state      success (answered)" in lines
    assert "tokens     1,200 in, 340 out" in lines
    assert "files      src/a.py (changed)" in lines
    assert "[2] 2026-09-21 14:13:21  You" in lines
    assert "    why does the parser fail?" in lines
    assert shown.text.count("Because of the bracket") == 1
    assert lines[-2:] == ["steps that can be undone, the next one first:", "  checkpoint aaaaaaaaaaaa, event 9"]
    assert shown.data["undo"] == [{"seq": 9, "checkpoint_id": "aaaaaaaaaaaa"}]
    assert (shown.data["cost_usd"], shown.data["turns"], shown.problem) == (0.25, 1, "")
    assert dump(shown.data)


def test_an_earlier_place_shows_what_was_then(sessions, story):
    shown = show_session(sessions, story, at_seq=7)
    assert "waiting for an answer:\n  run ls: rule ask (a1, event 7)" in shown.text
    assert "state      cut off in a turn" in shown.text
    assert (shown.data["events"], shown.data["interrupted"], shown.data["files"]) == (7, True, {})


def test_what_is_in_flight_is_shown_until_it_is_closed(sessions, story, tell):
    tell(story, *CUT)
    shown = show_session(sessions, story)
    assert "in flight, without an outcome:\n  make (c2), since event 20" in shown.text
    assert shown.data["in_flight"] == [{"call_id": "c2", "name": "make", "seq": 20}]
    tell(story, TurnInterrupted("it died", ("c2",)))
    assert "in flight" not in show_session(sessions, story).text


def test_where_a_session_comes_from_is_told(sessions, story, tell):
    tell(story, SessionForked(TWO, 5), Imported("talk.jsonl", "00"))
    text = show_session(sessions, story).text
    assert f"fork of    {TWO} at event 5" in text
    assert "imported   from talk.jsonl" in text


def test_nothing_that_was_said_steers_the_terminal(sessions, tell):
    tell(ONE, started(), UserSpoke((Text("\x1b[2Jgone\u202e"), Image("image/png", "QUJD"))), SessionRenamed("fine"))
    shown = show_session(sessions, ONE)
    assert all(line.isprintable() for line in shown.text.split("\n"))
    assert "QUJD" not in dump(shown.data)


def test_an_archived_session_is_shown_as_one(sessions, story):
    put_aside(sessions, story, "editor")
    shown = show_session(sessions, story)
    assert "state      success (answered), archived" in shown.text
    assert shown.data["archived"] is True


def test_a_damaged_session_is_shown_as_far_as_it_is_whole(sessions, story):
    damage(sessions, 9)
    shown = show_session(sessions, story)
    assert "damaged at event 9" in shown.problem
    assert (shown.data["events"], shown.data["problem"]) == (8, shown.problem)


def test_a_sealed_session_is_listed_and_shown_with_its_words(tmp_path):
    folder = str(tmp_path / "sealed")
    keys = open_keys_with(folder, KeyFileProtector(str(tmp_path / "kek"), "keys"))
    sealed = Sessions(folder, seal=Sealing(keys, new_sessions=True))
    sealed.log.append(ONE, [*STORY, used(1, 1)], after_seq=0, turn=1, at_ms=START_MS)
    (row,), _ = rows(sealed)
    assert to_cells(row)[3] == "why does the parser fail?"
    assert "encrypted" in show_session(sealed, ONE).text
    sealed.close()
