"""What may be done to a session is decided before anything is written, and a refusal says what to do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import events as told
from aiex.errors import AiexError, Conflict, Denied, UsageError
from aiex.events import Event
from aiex.guard.actions import Role
from aiex.messages import Text, ToolCall
from aiex.sessions.decisions import (
    Aim,
    Archive,
    AskApproval,
    Command,
    Erase,
    FinishTool,
    Fork,
    GiveApproval,
    Interrupt,
    LeaveOut,
    Pin,
    Redo,
    Rename,
    Restore,
    Rewind,
    Speak,
    StartTool,
    Undo,
    aim,
    decide,
)
from aiex.sessions.log import Recorded
from aiex.sessions.requests import conversation
from aiex.sessions.state import SessionState, fold
from tests.unit.sessions.stories import LOGS, SESSION, answer, record, said, state_of, step

ENDED = told.TurnEnded("success", "answered", 0)
CALL = answer(ToolCall("1", "run", {}))
BEGUN = told.ToolStarted("1", "run", {})
ASKED = told.ApprovalAsked("a", "run make", "commands ask")
WORKED: list[Event] = [said("go"), *step("1", checkpoint="c1"), *step("2", checkpoint="c2"), ENDED]
"""Events 1 to 12; the files changed at 5 and 10."""


def refused(state: SessionState, command: Command, role: Role = "admin") -> AiexError:
    with pytest.raises(AiexError) as caught:
        decide(state, command, role)
    return caught.value


def do(log: list[Event], command: Command) -> list[Event]:
    """The log with the events of a command that has to be possible."""
    return [*log, *decide(state_of(*log), command, "admin")]


# --- roles ----------------------------------------------------------------------------------------------------------

OPEN = state_of(said("go"), CALL, BEGUN, ASKED)
DONE = state_of(*WORKED)
RIGHTS: list[tuple[SessionState, Command, Role]] = [
    (DONE, Speak((Text("on"),)), "editor"),
    (DONE, Rename("The parser"), "editor"),
    (DONE, Pin(1), "editor"),
    (DONE, Rewind(3, "conversation"), "editor"),
    (DONE, Undo(undo_id="u"), "editor"),
    (DONE, Fork(3), "editor"),
    (DONE, Archive(), "editor"),
    (DONE, Erase(), "editor"),
    (DONE, StartTool("3", "run", {}), "editor"),
    (OPEN, FinishTool("1", "ok"), "editor"),
    (OPEN, Interrupt("killed"), "editor"),
    (OPEN, GiveApproval("a", allowed=True, scope="session"), "operator"),
    (OPEN, GiveApproval("a", allowed=True, scope="project"), "admin"),
]


@pytest.mark.parametrize(("state", "command", "least"), RIGHTS, ids=lambda value: type(value).__name__)
def test_a_role_may_do_what_its_rights_say(state: SessionState, command: Command, least: Role) -> None:
    order: list[Role] = ["viewer", "editor", "operator", "admin"]
    at = order.index(least)
    assert all(isinstance(refused(state, command, role), Denied) for role in order[:at])
    assert all(decide(state, command, role) == decide(state, command, "admin") for role in order[at:])


# --- talk and titles ------------------------------------------------------------------------------------------------


def test_a_question_waits_for_the_end_of_the_turn_before() -> None:
    assert decide(DONE, Speak((Text("on"),)), "admin") == (told.UserSpoke((Text("on"),)),)
    error = refused(OPEN, Speak((Text("on"),)))
    assert isinstance(error, Conflict)
    assert error.message == f"session {SESSION} has a turn that did not end, and calls are in flight: run"
    assert error.hint == f"let it end, or take it up: aiex resume session {SESSION}"
    assert refused(DONE, Speak(())).message == "there is nothing to ask"


def test_a_title_is_one_printable_line() -> None:
    assert decide(DONE, Rename(" The parser "), "admin") == (told.SessionRenamed("The parser"),)
    assert decide(state_of(told.SessionRenamed("x")), Rename(""), "admin") == (told.SessionRenamed(""),)
    for title in ("two\nlines", "red\x1b[31m", "a\u202eb"):
        assert refused(DONE, Rename(title)).message == "a title is one line of printable characters"
    assert refused(DONE, Rename("x" * 201)).message == "the title has 201 characters"
    assert decide(state_of(told.SessionRenamed("x")), Rename("x"), "admin") == ()


def test_only_a_message_of_the_conversation_can_be_left_out() -> None:
    assert decide(DONE, LeaveOut(1), "admin") == (told.LeftOut(1),)
    assert decide(DONE, LeaveOut(1, left_out=False), "admin") == ()
    with pytest.raises(UsageError, match="no message"):
        decide(DONE, LeaveOut(99), "admin")


def test_only_a_message_of_the_conversation_can_be_pinned() -> None:
    assert decide(DONE, Pin(1), "admin") == (told.Pinned(1),)
    assert decide(DONE, Pin(1, pinned=False), "admin") == ()
    error = refused(DONE, Pin(5))
    assert (error.message, error.hint) == (
        "event 5 is no message of the conversation",
        "the nearest message is event 6",
    )
    assert refused(state_of(), Pin(1)).hint == "nothing was said yet"


# --- calls and approvals --------------------------------------------------------------------------------------------


def test_a_call_runs_once() -> None:
    ready = state_of(said("go"), CALL)
    assert decide(ready, StartTool("1", "run", {}), "admin") == (BEGUN,)
    assert refused(OPEN, StartTool("1", "run", {})).message == "call 1 runs since event 3"
    for outcome in (told.ToolFinished("1", "run", "ok"), told.TurnInterrupted("killed", ("1",)), ENDED):
        error = refused(state_of(said("go"), CALL, BEGUN, outcome), StartTool("1", "run", {}))
        assert error.message == "call 1 ran already, at event 3; it is not repeated"


def test_a_vendor_may_use_an_id_again_for_another_answer() -> None:
    state = state_of(said("go"), *step("1"), CALL)
    assert decide(state, StartTool("1", "run", {}), "admin") == (BEGUN,)


def test_only_a_call_that_runs_can_be_finished() -> None:
    assert decide(OPEN, FinishTool("1", "ok", duration_ms=3), "admin") == (
        told.ToolFinished("1", "run", "ok", False, 3),
    )
    error = refused(OPEN, FinishTool("2\x1b", "ok"))
    assert (type(error), error.hint) == (Conflict, "running: 1")
    assert "\x1b" not in error.message
    assert refused(DONE, FinishTool("1", "ok")).hint == "running: none"


def test_only_what_is_asked_can_be_approved_and_only_once() -> None:
    assert decide(OPEN, GiveApproval("a", allowed=True), "admin") == (told.ApprovalGiven("a", True, "once", "person"),)
    given = [said("go"), ASKED, told.ApprovalGiven("a", True, "once", "person")]
    error = refused(state_of(*given), GiveApproval("a", allowed=True))
    assert (error.message, error.hint) == ("approval a is not open: it was answered, or its turn ended", "open: none")
    assert refused(OPEN, GiveApproval("b", allowed=True)).hint == "open: a"
    assert isinstance(refused(OPEN, AskApproval("a", "x", "y")), Conflict)


def test_a_turn_that_died_is_closed_with_what_was_in_flight() -> None:
    assert decide(OPEN, Interrupt("killed"), "admin") == (told.TurnInterrupted("killed", ("1",)),)
    assert decide(DONE, Interrupt("killed"), "admin") == ()


# --- forks and archives ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [-1, 0, 13])
def test_a_session_cannot_be_forked_where_it_has_no_event(place: int) -> None:
    error = refused(DONE, Fork(place))
    assert (type(error), error.hint) == (UsageError, "it has the events 1 to 12")
    assert error.message == f"session {SESSION} has no event {place}"


def test_a_fork_names_its_parent_also_while_that_works_on() -> None:
    assert decide(OPEN, Fork(2), "admin") == (told.SessionForked(SESSION, 2),)


def test_an_archived_session_is_only_read_until_it_comes_back() -> None:
    log = do(WORKED, Archive())
    error = refused(state_of(*log), Rename("x"))
    assert (type(error), error.hint) == (Conflict, f"first: aiex restore session {SESSION}")
    assert refused(DONE, Restore()).message == f"session {SESSION} is not archived"
    assert not state_of(*do(log, Restore())).archived
    assert decide(state_of(*log), Erase(), "admin") == ()


# --- rewinds --------------------------------------------------------------------------------------------------------


def test_a_rewind_takes_the_files_and_the_talk_to_one_place() -> None:
    assert aim(DONE, Rewind(5), "admin") == Aim("both", 5, "c2", "back", 1)
    assert decide(DONE, Rewind(5, undo_id="u"), "admin") == (told.Rewound("c2", "u", "both", 5, "back", 1),)
    assert aim(DONE, Rewind(1, "files"), "admin") == Aim("files", 1, "c1", "back", 2)
    assert aim(DONE, Rewind(1, "conversation"), "admin") == Aim("conversation", 1, "", "back", 0)


def test_a_rewind_to_where_the_files_did_not_change_since_moves_the_talk_alone() -> None:
    assert aim(DONE, Rewind(11), "admin") == Aim("conversation", 11, "", "back", 0)
    assert refused(DONE, Rewind(11, "files")).exit_code == 2


def test_the_event_of_a_rewind_is_not_made_before_the_files_are_there() -> None:
    with pytest.raises(ValueError, match="still to be brought to checkpoint c1"):
        decide(DONE, Rewind(1), "admin")


@pytest.mark.parametrize("place", [-1, 13])
def test_nobody_rewinds_to_the_future(place: int) -> None:
    assert refused(DONE, Rewind(place)).message == f"session {SESSION} has no event {place}"
    assert isinstance(refused(OPEN, Rewind(1)), Conflict)


def test_files_do_not_go_to_before_an_import_but_the_talk_does() -> None:
    state = state_of(*WORKED, told.Imported("old.jsonl", "00"))
    error = refused(state, Rewind(5))
    assert error.message == "the files cannot be brought back to event 5: it came with the import at event 13"
    assert aim(state, Rewind(5, "conversation"), "admin").to_seq == 5


def test_undo_and_redo_count_steps() -> None:
    assert aim(DONE, Undo(2), "admin") == Aim("files", 3, "c1", "back", 2)
    log = do(WORKED, Undo(2, undo_id="u"))
    assert aim(state_of(*log), Redo(), "admin") == Aim("files", 8, "c2", "forth", 1)
    assert aim(state_of(*log), Redo(2), "admin") == Aim("files", 12, "u", "forth", 2)
    assert (refused(DONE, Undo(3)).message, refused(DONE, Undo(3)).hint) == ("3 steps cannot be undone", "2 steps can")
    assert refused(DONE, Redo()).message == "there is nothing to be redone"
    assert refused(DONE, Undo(0)).message == "0 steps cannot be undone"


def test_undo_with_the_talk_and_redo_of_both_come_back_to_the_same() -> None:
    log = do(WORKED, Undo(2, "both", undo_id="u"))
    assert [entry.seq for entry in conversation(state_of(*log))] == [1, 2]
    back = state_of(*do(log, Redo(2, "both", undo_id="v")))
    assert conversation(back) == conversation(DONE)
    assert (len(back.steps.undo), back.steps.redo, back.chat.redo) == (2, [], [])


def test_a_rewind_of_the_talk_alone_can_be_redone() -> None:
    log = do(do(WORKED, Rewind(6, "conversation")), Rewind(1, "conversation"))
    assert conversation(state_of(*do(log, Redo(2, "conversation")))) == conversation(DONE)
    once = do(log, Redo(1, "conversation"))
    assert conversation(state_of(*once)) == conversation(state_of(*WORKED[:6]))
    assert isinstance(refused(state_of(*WORKED), Redo(1, "conversation")), UsageError)


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Speak, st.just((Text("x"),))),
    st.builds(Rename, st.sampled_from(["", "x", "a\nb"])),
    st.builds(Pin, st.integers(-1, 40), st.booleans()),
    st.builds(LeaveOut, st.integers(-1, 40), st.booleans()),
    st.builds(Rewind, st.integers(-1, 40), st.sampled_from(["files", "conversation", "both"]), st.just("u")),
    st.builds(Undo, st.integers(-1, 3), st.sampled_from(["files", "both"]), st.just("u")),
    st.builds(Redo, st.integers(-1, 3), st.sampled_from(["files", "conversation", "both"]), st.just("u")),
    st.builds(Fork, st.integers(-1, 40)),
    st.builds(StartTool, st.sampled_from("abc"), st.just("run"), st.just({})),
    st.builds(FinishTool, st.sampled_from("abc"), st.just("ok")),
    st.builds(AskApproval, st.sampled_from("abc"), st.just("x"), st.just("y")),
    st.builds(GiveApproval, st.sampled_from("abc"), st.booleans()),
    st.sampled_from([Archive(), Restore(), Erase(), Interrupt("killed")]),
)


@settings(max_examples=200)
@given(LOGS, COMMANDS, st.sampled_from(["viewer", "editor", "operator", "admin"]))
def test_every_command_on_every_session_is_decided_or_refused_in_words(
    log: list[Recorded], command: Command, role: Role
) -> None:
    state = fold(log)
    before, refusal = state.to_json(), ""
    try:
        made = decide(state, command, role)
    except (Denied, UsageError, Conflict) as error:
        refusal = error.message
    else:
        fold([*log, *record(made, after=len(log))])
    assert refusal.isprintable()
    assert state.to_json() == before
