"""Sessions renamed, taken up, forked, archived and removed: what may be, who is in the way, and what stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aiex.errors import Conflict, Denied, StoreError, UsageError
from aiex.events import SessionArchived, SessionForked, TurnInterrupted
from aiex.guard.audit.datakeys import Erased
from aiex.guard.audit.entries import Outcome
from aiex.guard.audit.log import AuditLog, find_places, open_keys
from aiex.guard.audit.reading import Reading, Wanted
from aiex.guard.gate import Gate
from aiex.guard.policy.judge import Judge
from aiex.guard.policy.policy import Policy
from aiex.guard.protectors import KeyFileProtector
from aiex.jobs.sessions import changing
from aiex.sessions.archive import archive
from aiex.sessions.keeping import Sessions
from aiex.sessions.sealing import Sealing, open_keys_with
from tests.conftest import SOURCE_ROOT
from tests.fakes.histories import ended, said, started
from tests.unit.jobs.sessions.conftest import CUT, ONE, STORY, TWO, damage

DIE = """
import os, sys
from aiex.sessions.keeping import Sessions
Sessions(sys.argv[1]).lock(sys.argv[2]).acquire()
os._exit(9)
"""


def gate_of(role):
    return Gate(Judge(Policy, mode="ask", role=role), session="run", audit=lambda: AuditLog(find_places()))


def events(sessions, session):
    return [one.event() for one in sessions.log.read(session)]


def let_die(sessions, session):
    """A process dies with the session open."""
    assert (
        subprocess.run([sys.executable, "-c", DIE, sessions.folder, session], cwd=SOURCE_ROOT, check=False).returncode
        == 9
    )


# --- rename ---------------------------------------------------------------------------------------------------------


def test_a_title_is_given_and_taken_away(sessions, story):
    assert changing.rename(sessions, story, "  The parser ", "editor") == "The parser"
    assert sessions.find("the parser") == story
    assert changing.rename(sessions, story, "", "editor") == ""
    assert sessions.views.find(story).title == ""


@pytest.mark.parametrize("title", ["a\nb", "\x1b[31mred", "abc\u202efed", "caf\udce9", "x" * 201])
def test_a_title_that_could_mislead_is_refused_and_nothing_is_written(sessions, story, title):
    with pytest.raises(UsageError):
        changing.rename(sessions, story, title, "editor")
    assert sessions.log.head(story).seq == len(STORY)


def test_a_secret_does_not_get_into_a_title(sessions, story):
    secret = "sk-ant-" + "api03-" + "Zq7" * 30
    assert secret not in changing.rename(sessions, story, f"the key {secret}", "editor")
    assert not any(secret.encode() in one.data for one in sessions.log.read(story))


def test_a_viewer_changes_nothing(sessions, story):
    for change in (
        lambda: changing.rename(sessions, story, "x", "viewer"),
        lambda: changing.fork(sessions, story, 3, "viewer"),
        lambda: changing.put_aside(sessions, story, "viewer"),
        lambda: changing.remove(sessions, story, gate_of("viewer")),
    ):
        with pytest.raises(Denied):
            change()
    assert (sessions.log.sessions(), sessions.log.head(story).seq) == ([story], len(STORY))


def test_a_session_that_is_open_elsewhere_is_not_changed(sessions, story):
    lock = Sessions(sessions.folder).lock(story)
    lock.acquire()
    for change in (
        lambda: changing.rename(sessions, story, "x", "admin"),
        lambda: changing.take_up(sessions, story, "admin"),
        lambda: changing.put_aside(sessions, story, "admin"),
        lambda: changing.fetch_back(sessions, story, "admin"),
        lambda: changing.remove(sessions, story, gate_of("admin")),
    ):
        with pytest.raises(Conflict, match=f"session {story} is open in process [0-9]+"):
            change()
    assert changing.fork(sessions, story, 3, "admin")
    lock.release()
    assert changing.rename(sessions, story, "x", "admin") == "x"


# --- resume ---------------------------------------------------------------------------------------------------------


def test_a_turn_of_a_process_that_died_is_closed_and_what_was_in_flight_is_told(sessions, story, tell):
    tell(story, *CUT)
    let_die(sessions, story)
    found = changing.take_up(sessions, story, "editor")
    assert found.was_open
    assert found.died
    assert (list(found.in_flight), list(found.approvals)) == (["c2"], ["a2"])
    assert events(sessions, story)[-1] == TurnInterrupted(f"process {found.died.pid} died", ("c2",))
    assert (sessions.dead(), sessions.state(story).interrupted) == ({}, False)
    text = changing.render(found)
    assert "in flight: make (c2), begun at event 20; it may have had effects and is not repeated" in text
    assert "not to be answered any more: run make" in text
    assert f"aiex ask --resume {story}" in text
    assert changing.to_data(found)["in_flight"] == [{"call_id": "c2", "name": "make", "seq": 20}]


def test_taking_up_twice_writes_once(sessions, story, tell):
    tell(story, *CUT)
    assert changing.take_up(sessions, story, "editor").was_open
    seq = sessions.log.head(story).seq
    found = changing.take_up(sessions, story, "editor")
    assert (found.was_open, found.in_flight, sessions.log.head(story).seq) == (False, {}, seq)
    assert "nothing was in flight" in changing.render(found)


def test_a_session_that_died_at_rest_is_only_let_go(sessions, story):
    let_die(sessions, story)
    found = changing.take_up(sessions, story, "editor")
    assert (found.was_open, bool(found.died), sessions.dead()) == (False, True, {})
    assert sessions.log.head(story).seq == len(STORY)


def test_an_archived_session_is_restored_before_it_goes_on(sessions, story):
    changing.put_aside(sessions, story, "editor")
    with pytest.raises(Conflict) as caught:
        changing.take_up(sessions, story, "editor")
    assert caught.value.hint == f"first: aiex restore session {story}"


# --- fork, archive, rm ----------------------------------------------------------------------------------------------


def test_a_fork_begins_where_it_was_told_to(sessions, story):
    child = changing.fork(sessions, story, 6, "editor")
    assert events(sessions, child) == [*STORY[:6], SessionForked(story, 6)]
    assert sessions.log.head(story).seq == len(STORY)


@pytest.mark.parametrize("seq", [0, 17, 10**14])
def test_nothing_is_forked_from_where_nothing_is(sessions, story, seq):
    with pytest.raises(UsageError):
        changing.fork(sessions, story, seq, "editor")
    assert sessions.log.sessions() == [story]


def test_an_archived_session_is_forked_and_comes_back_as_it_was(sessions, story):
    changing.put_aside(sessions, story, "editor")
    assert sessions.store.is_archived(story)
    assert events(sessions, changing.fork(sessions, story, 6, "editor"))[:6] == list(STORY[:6])
    changing.fetch_back(sessions, story, "editor")
    assert events(sessions, story)[: len(STORY)] == list(STORY)
    with pytest.raises(Conflict, match="is not archived"):
        changing.fetch_back(sessions, story, "editor")


def test_an_archiving_that_was_cut_off_is_finished_by_doing_it_again(sessions, story, tell):
    tell(story, SessionArchived())
    changing.put_aside(sessions, story, "editor")
    assert sessions.store.is_archived(story)
    with pytest.raises(Conflict):
        changing.put_aside(sessions, story, "editor")


def test_a_restoring_that_was_cut_off_is_finished_by_doing_it_again(sessions, story):
    archive(sessions.log, sessions.store, story, at_ms=1)
    sessions.store.fetch_back(story)
    changing.fetch_back(sessions, story, "editor")
    assert not sessions.state(story).archived


def test_work_that_goes_on_is_neither_archived_nor_removed(sessions, story, tell):
    tell(story, *CUT)
    with pytest.raises(Conflict, match="calls are in flight: make"):
        changing.put_aside(sessions, story, "editor")
    with pytest.raises(Conflict):
        changing.remove(sessions, story, gate_of("editor"))
    assert sessions.log.sessions() == [story]


def test_a_removed_session_is_gone_everywhere_and_its_removal_is_on_record(sessions, story, tell):
    tell(TWO, started(), said("stays"), ended())
    gate = gate_of("editor")
    changing.remove(sessions, story, gate)
    gate.close()
    assert (sessions.log.sessions(), [one.id for one in sessions.views.listed()]) == ([TWO], [TWO])
    places = find_places()
    records = [one.entry for one in Reading(places.log, open_keys(places), Wanted())]
    assert [record.action.subject for record in records] == [f"session {ONE}"] * 2
    assert isinstance(records[-1].verdict, Outcome)
    assert records[-1].verdict.status == "done"


def test_what_cannot_be_read_any_more_can_still_be_removed(sessions, story):
    damage(sessions, 3)
    with pytest.raises(StoreError):
        changing.rename(sessions, story, "x", "editor")
    with pytest.raises(Denied):
        changing.remove(sessions, story, gate_of("viewer"))
    changing.remove(sessions, story, gate_of("editor"))
    assert sessions.log.sessions() == []


def test_a_sealed_session_is_removed_with_its_key(tmp_path):
    folder = str(tmp_path / "sealed")
    keys = open_keys_with(folder, KeyFileProtector(str(tmp_path / "kek"), "keys"))
    sealed = Sessions(folder, seal=Sealing(keys, new_sessions=True))
    sealed.log.append(ONE, STORY, after_seq=0, turn=1, at_ms=1)
    child = changing.fork(sealed, ONE, 6, "editor")
    assert all(one.sealed for one in sealed.log.read(child))
    assert keys.find(ONE)
    changing.remove(sealed, ONE, gate_of("editor"))
    with pytest.raises(Erased):
        keys.find(ONE)
    assert sealed.log.sessions() == [child]
    sealed.close()
