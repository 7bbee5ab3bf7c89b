"""A state is the fold of its log: from the beginning or a snapshot, behind rewinds, and over logs of any shape."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import events as told
from aiex.jsonform import Malformed, dump
from aiex.messages import Document, Text, ToolCall, Usage
from aiex.sessions.log import Recorded
from aiex.sessions.requests import conversation
from aiex.sessions.state import (
    CallInFlight,
    Check,
    Ended,
    Grant,
    OpenApproval,
    Origin,
    SessionState,
    data_of,
    fold,
)
from tests.fakes.tables import each
from tests.unit.sessions.stories import LOGS, SESSION, answer, record, said, state_of, step

STARTED = told.SessionStarted("1", "/w/src", "run", "anthropic", "m", "/w")


def after_a_snapshot(state: SessionState) -> SessionState:
    """The state as it comes back from bytes."""
    return SessionState.from_json(json.loads(dump(state.to_json()).encode()))


# --- snapshots ------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(LOGS, st.data())
def test_a_snapshot_at_any_event_gives_the_same_state_there_and_at_the_end(
    log: list[Recorded], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(log)))
    begun = fold(log[:cut])
    kept = after_a_snapshot(begun)
    assert kept == begun
    for recorded in log[cut:]:
        kept.apply(recorded)
    assert kept == fold(log)
    assert conversation(kept) == conversation(fold(log))


@settings(max_examples=100)
@given(LOGS, st.data())
def test_what_is_left_to_the_log_changes_nothing_that_a_session_says(log: list[Recorded], data: st.DataObject) -> None:
    def source(seq: int) -> bytes:
        return data_of(log[seq - 1])

    cut = data.draw(st.integers(0, len(log)))
    begun = SessionState()
    begun.chat.source = source
    begun.fold(log[:cut])
    kept = SessionState.from_json(json.loads(dump(begun.to_json()).encode()), source)
    for state in (begun, kept):
        state.fold(log[cut:])
        for seq in range(len(log) + 1):
            assert conversation(state, at_seq=seq) == conversation(fold(log), at_seq=seq)


@each("name", ["chat", "deltas", "link", "steps", "spent"])
@each("value", [None, 3, [3], True])
def test_a_snapshot_that_was_damaged_is_refused(name: str, value: object) -> None:
    data = state_of(said("hi")).to_json()
    with pytest.raises(Malformed):
        SessionState.from_json({**data, name: value})
    with pytest.raises(Malformed):
        SessionState.from_json(
            {key: kept for key, kept in data.items() if key != name} if name in ("chat", "link") else []
        )


@settings(max_examples=60)
@given(LOGS)
def test_data_of_another_form_is_counted_and_hurts_nothing(log: list[Recorded]) -> None:
    for odd in (b"", b"{}", b"[1]", b"nonsense", b'{"parts":3,"call_id":4,"in_flight":5,"usage":6}'):
        state = fold([one._replace(data=odd) for one in log])
        assert conversation(state) == [] or log
    later = fold([one._replace(v=9) for one in log])
    assert later.seq == len(log)


# --- what it says ---------------------------------------------------------------------------------------------------


def test_a_session_knows_where_it_runs_and_whom_it_asks() -> None:
    state = state_of(STARTED, said("  make\nit   work  "), told.SessionRenamed("The works"))
    assert (state.id, state.seq, state.turn, state.runs) == (SESSION, 3, 1, 1)
    assert (state.cwd, state.root, state.provider, state.model) == ("/w/src", "/w", "anthropic", "m")
    assert (state.title, state.first_words) == ("The works", "make it work")
    assert (state.started_ms, state.last_ms, state.position) == (1_000, 3_000, 9)


def test_long_first_words_are_cut() -> None:
    assert state_of(said("word " * 100)).first_words == ("word " * 16).strip()[:79].rstrip() + "…"


def test_what_was_handed_over_is_not_among_the_first_words() -> None:
    asked = told.UserSpoke((Document("a.py", "text/plain", "    1 import os"), Text("what is this?")))
    assert state_of(asked).first_words == "what is this?"


def test_a_turn_is_open_from_the_question_to_its_end() -> None:
    ended = told.TurnEnded("error", "Transient", 75)
    assert [state_of(*story).interrupted for story in ([STARTED], [said("q")], [said("q"), ended])] == [
        False,
        True,
        False,
    ]
    assert state_of(said("q"), ended).ended == Ended(2, 2_000, "error", "Transient", 75)
    assert not state_of(said("q"), told.TurnInterrupted("killed")).interrupted


def test_a_call_is_in_flight_until_it_has_an_outcome() -> None:
    begun = (said("q"), answer(ToolCall("1", "run", {})), told.ToolStarted("1", "run", {}))
    assert state_of(*begun).in_flight == {"1": CallInFlight(3, "run")}
    assert state_of(*begun, told.ToolFinished("1", "run", "ok")).in_flight == {}
    assert state_of(*begun, told.TurnInterrupted("killed", ("1",))).in_flight == {}


def test_approvals_are_open_until_they_are_answered_and_stay_for_the_session() -> None:
    asked = (told.ApprovalAsked("a", "run make", "commands ask"), told.ApprovalAsked("b", "fetch", "network asks"))
    assert state_of(*asked).approvals["a"] == OpenApproval(1, "run make", "commands ask")
    given = (told.ApprovalGiven("a", True, "session", "person"), told.ApprovalGiven("b", False, "session", "person"))
    assert state_of(*asked, *given).grants == [Grant(3, "a", "run make")]
    assert state_of(*asked, *given).approvals == {}


def test_leave_given_behind_the_place_of_a_rewind_is_taken_back() -> None:
    given = [told.ApprovalGiven(id, True, "session", "person") for id in ("a", "b")]
    for what, left in (("conversation", ["a"]), ("both", ["a"]), ("files", ["a", "b"])):
        state = state_of(said("q"), given[0], said("r"), given[1], told.Rewound("", "", what, 3))  # type: ignore[arg-type]
        assert [grant.approval_id for grant in state.grants] == left


def test_a_later_word_on_usage_replaces_the_one_before_and_calls_add_up() -> None:
    first = (told.UsageUpdated(Usage(5, 1), 0.1), told.UsageUpdated(Usage(5, 9), 0.2), answer(Text("a")))
    second = (told.UsageUpdated(Usage(7, None), None),)
    spent = state_of(said("q"), *first, *second).spent
    assert (spent.usage, spent.cost_usd, spent.calls) == (Usage(5, 9), 0.2, 1)
    total = spent.total()
    assert (total.usage, total.cost_usd, total.calls, total.unpriced) == (Usage(12, 9), 0.2, 2, 1)


def test_a_word_on_a_request_of_its_own_counts_beside_the_call_that_goes_on() -> None:
    own = told.UsageUpdated(Usage(100, 10), 1.0, "one/m", "c1")
    running = told.UsageUpdated(Usage(5, 1), 0.1)
    spent = state_of(said("q"), running, own, own, answer(Text("a"))).spent
    assert (spent.usage, spent.cost_usd, spent.calls) == (Usage(205, 21), 2.1, 3)
    unpriced = state_of(said("q"), told.UsageUpdated(Usage(), None, "one/m")).spent
    assert (unpriced.usage, unpriced.calls, unpriced.unpriced) == (Usage(), 1, 1)


def test_a_rewind_takes_no_cost_back() -> None:
    told_usage = (told.UsageUpdated(Usage(5, 1), 0.1), answer(Text("a")))
    state = state_of(said("q"), *told_usage, told.Rewound("", "", "both", 0))
    assert (state.spent.cost_usd, conversation(state)) == (0.1, [])


def test_files_checks_and_budgets_tell_their_last_word() -> None:
    edited = [told.FileEdited("a.py", change, 1, 0) for change in ("created", "changed", "deleted")]  # type: ignore[arg-type]
    ran = [told.CheckRan("tests", passed, True, "n") for passed in (False, True)]
    state = state_of(
        *edited, *ran, told.BudgetHit("turns", 3, 3), told.TurnEnded("success", "x", 0, files_changed=("b",))
    )
    assert state.files == {"a.py": "deleted", "b": "changed"}
    assert state.checks == {"tests": Check(5, True, True, "n")}
    assert state.budgets_hit == {"turns": 6}


def test_a_fork_does_not_go_on_with_what_its_parent_was_doing() -> None:
    begun = (said("q"), answer(ToolCall("1", "run", {})), told.ToolStarted("1", "run", {}))
    asked = told.ApprovalAsked("a", "x", "y"), told.ApprovalGiven("z", True, "session", "person")
    state = state_of(*begun, *asked, told.SessionForked("f" * 16, 5))
    assert (state.interrupted, state.approvals, state.grants) == (False, {}, [])
    assert state.forked_from == Origin(6, "f" * 16, 5)


def test_an_import_brings_no_checkpoints_along() -> None:
    state = state_of(said("q"), *step("1", checkpoint="c1"), told.Imported("old.jsonl", "00ff"))
    assert (state.steps.undo, state.steps.files_at(1)) == ([], "")
    assert state.imported_from == Origin(7, "old.jsonl", 0, "00ff")


def test_an_archived_session_can_come_back() -> None:
    assert state_of(said("q"), told.SessionArchived()).archived
    assert not state_of(said("q"), told.SessionArchived(), told.SessionRestored()).archived


def test_an_event_of_a_later_version_is_counted() -> None:
    log = record([said("q"), told.SessionArchived()])
    assert fold([log[0], log[1]._replace(type="session_frozen")]).unknown == 1


# --- rewinds of the conversation ------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(LOGS, st.data())
def test_behind_a_rewind_the_conversation_is_that_of_then_and_a_redo_gives_the_other_back(
    log: list[Recorded], data: st.DataObject
) -> None:
    to = data.draw(st.integers(0, len(log)))
    end = len(log)
    log += record([told.Rewound("", "", "conversation", to)], after=end)
    assert conversation(fold(log)) == conversation(fold(log[:to]))
    assert fold(log).chat.redo[-1] == end
    log += record([told.Rewound("", "", "conversation", end, "forth")], after=end + 1)
    assert conversation(fold(log)) == conversation(fold(log[:end]))
    assert fold(log).chat.redo == fold(log[:end]).chat.redo


@settings(max_examples=60)
@given(LOGS, st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_rewinds_behind_each_other_are_redone_in_turn(log: list[Recorded], places: list[int]) -> None:
    before = conversation(fold(log))
    for to in places:
        log += record([told.Rewound("", "", "conversation", min(to, len(log)))], after=len(log))
    for _ in places:
        to = fold(log).chat.redo[-1]
        log += record([told.Rewound("", "", "conversation", to, "forth")], after=len(log))
    assert conversation(fold(log)) == before


def test_what_is_said_anew_leaves_nothing_to_redo_but_the_old_branch_can_be_reached() -> None:
    story = (said("a"), said("b"), told.Rewound("", "", "conversation", 1), said("c"))
    state = state_of(*story)
    assert state.chat.redo == []
    words = [entry.message.parts for entry in conversation(state_of(*story, told.Rewound("", "", "conversation", 2)))]
    assert words == [(Text("a"),), (Text("b"),)]


# --- steps of the files ---------------------------------------------------------------------------------------------


class Files:
    """A workspace whose files are one number, with its log: what checkpoints really hold."""

    def __init__(self) -> None:
        self.now = 0
        self.edits = 0
        self.events: list[told.Event] = []
        self.checkpoints: dict[str, int] = {}
        self.was = {0: 0}
        """Event → the files behind it, where they are sure."""

    @property
    def state(self) -> SessionState:
        return state_of(*self.events)

    def _add(self, *events: told.Event) -> None:
        for event in events:
            self.events.append(event)
            self.was[len(self.events)] = self.now

    def _take(self) -> str:
        name = f"c{len(self.checkpoints)}"
        self.checkpoints[name] = self.now
        return name

    def edit(self) -> None:
        self._add(told.CheckpointTaken(self._take(), "write"))
        self.edits += 1
        self.now = self.edits
        self._add(told.FileEdited("a", "changed", 1, 1))

    def go(self, name: str, direction: str, steps: int) -> None:
        undo = self._take()
        self.now = self.checkpoints[name]
        self._add(told.Rewound(name, undo, "files", 0, direction, steps))  # type: ignore[arg-type]

    def undo(self, steps: int) -> None:
        self.go(self.state.steps.undo[-steps].checkpoint_id, "back", steps)

    def redo(self, steps: int) -> None:
        self.go(self.state.steps.redo[-steps].checkpoint_id, "forth", steps)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["edit", "undo", "redo"]), st.integers(1, 3)), max_size=12))
def test_undo_and_redo_go_through_the_states_of_the_files_like_a_tape(moves: list[tuple[str, int]]) -> None:
    files, tape, at = Files(), [0], 0
    for move, steps in moves:
        if move == "edit":
            files.edit()
            del tape[at + 1 :]
            tape.append(files.now)
            at += 1
        elif move == "undo" and steps <= at:
            files.undo(steps)
            at -= steps
        elif move == "redo" and steps < len(tape) - at:
            files.redo(steps)
            at += steps
        assert files.now == tape[at]
        assert (len(files.state.steps.undo), len(files.state.steps.redo)) == (at, len(tape) - at - 1)
    held = files.state.steps
    for seq, was in files.was.items():
        assert files.checkpoints.get(held.files_at(seq), files.now) == was


def test_a_checkpoint_on_neither_stack_can_be_gone_to_and_back_from() -> None:
    files = Files()
    files.edit()
    files.undo(1)
    files.edit()
    assert files.state.steps.way_to("c1") == ("back", 0)
    files.go("c1", *files.state.steps.way_to("c1"))
    assert files.now == 1
    files.redo(1)
    assert files.now == 2


def test_the_way_to_a_checkpoint_is_counted_in_steps() -> None:
    files = Files()
    for _ in range(3):
        files.edit()
    assert files.state.steps.way_to("c1") == ("back", 2)
    files.undo(2)
    assert [files.state.steps.way_to(id) for id in ("c0", "c2", "c3")] == [("back", 1), ("forth", 1), ("forth", 2)]


TAKEN = told.CheckpointTaken("c1", "run make")
BEGUN = told.ToolStarted("1", "run", {})
DONE = told.ToolFinished("1", "run", "")
EDITED = told.FileEdited("a", "changed", 1, 1)
UNDONE = told.Rewound("c1", "u1", "files", 0, "back", 1)
ENDED = told.TurnEnded("success", "exited", 0)


@pytest.mark.parametrize("end", [DONE, ENDED])
def test_a_step_that_edited_nothing_is_no_step_and_what_was_undone_can_still_be_redone(end: told.Event) -> None:
    before = (said("go"), TAKEN, EDITED, ENDED, UNDONE)
    state = state_of(*before, told.CheckpointTaken("c2", "look"), *([BEGUN] if end is DONE else []), end)
    assert (state.steps.undo, [step.checkpoint_id for step in state.steps.redo]) == ([], ["u1"])


@pytest.mark.parametrize(
    "behind",
    [
        [EDITED, DONE, ENDED],
        [ENDED],
        [told.TurnInterrupted("killed", ("1",))],
        [],
        [told.UserSpoke(()), ENDED],
        [told.SessionForked("f" * 16, 3)],
        [told.TurnEnded("error", "interrupted", 130)],
    ],
)
def test_a_step_counts_that_edited_a_file_or_was_cut_off(behind: list[told.Event]) -> None:
    state = state_of(said("go"), TAKEN, BEGUN, *behind)
    assert ([step.checkpoint_id for step in state.steps.undo], state.steps.redo) == (["c1"], [])


def test_a_call_beside_the_one_that_edits_does_not_end_its_step() -> None:
    beside = told.ToolStarted("2", "read", {}), told.ToolFinished("2", "read", "")
    state = state_of(said("go"), TAKEN, BEGUN, *beside, EDITED, DONE, ENDED)
    assert [step.checkpoint_id for step in state.steps.undo] == ["c1"]
