"""The report is made of what was told, and of nothing that a model says."""

from __future__ import annotations

from typing import Any

import pytest

from aiex.agent.calls import tell_refusal
from aiex.agent.loop import Closed
from aiex.agent.report import Report
from aiex.errors import Unavailable
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    CheckRan,
    Event,
    Failed,
    FailedOver,
    FileEdited,
    Started,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    UsageUpdated,
)
from aiex.messages import Text, Usage

DONE = Closed("All tests pass and three files were changed.", None)


def end(*told: Event, closed: Closed = DONE) -> TurnEnded:
    report = Report()
    for event in told:
        report.note(event)
    return report.end(closed, {})


def edited(path: str, change: Any, added: int = 1, removed: int = 0) -> FileEdited:
    return FileEdited(path, change, added, removed)


def ran(name: str, code: int, command: str = "", *, required: bool = True) -> CheckRan:
    return CheckRan(name, code == 0, required, f"{code} failed", None, command or name, code)


def refusal(action: str = "run rm x") -> tuple[Event, Event]:
    return ApprovalAsked("a", action, "mode ask"), ApprovalGiven("a", False, "once", "policy")


def asked(usage: Usage, cost_usd: float | None) -> tuple[Event, ...]:
    return Started("one", "m"), UsageUpdated(Usage(1, 1), 9.0), UsageUpdated(usage, cost_usd)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (["created"], "created"),
        (["created", "changed"], "created"),
        (["created", "deleted"], None),
        (["created", "deleted", "created"], "created"),
        (["changed", "deleted"], "deleted"),
        (["deleted", "created"], "changed"),
        (["deleted", "created", "deleted"], "deleted"),
        (["changed", "changed"], "changed"),
    ],
)
def test_a_file_is_told_as_it_ended_seen_from_the_beginning(changes: list[str], wanted: str | None) -> None:
    ended = end(*[edited("a.py", change) for change in changes])
    files = (ended.data or {})["files"]
    assert [row["change"] for row in files] == ([wanted] if wanted else [])
    assert ended.files_changed == (("a.py",) if wanted else ())


def test_lines_add_up_and_no_word_of_the_model_counts() -> None:
    ended = end(edited("b.py", "changed", 3, 1), edited("a.py", "created", 9), edited("b.py", "changed", 2, 2))
    assert (ended.data or {})["files"] == [
        {"path": "a.py", "change": "created", "added": 9, "removed": 0},
        {"path": "b.py", "change": "changed", "added": 5, "removed": 3},
    ]
    assert end().files_changed == ()


def test_a_directory_without_files_is_no_edit() -> None:
    ended = end(edited(".cache/", "created"), ran("pytest", 1))
    assert (ended.files_changed, (ended.data or {})["files"], ended.exit_code) == ((), [], 0)
    (check,) = end(edited("a.py", "changed"), ran("pytest", 0), edited(".cache/", "deleted")).checks
    assert check["current"]


# --- checks -----------------------------------------------------------------------------------------------------------


def test_a_check_is_current_until_something_is_edited() -> None:
    (before,) = end(ran("pytest", 0), edited("a.py", "changed")).checks
    (behind,) = end(edited("a.py", "changed"), ran("pytest", 0)).checks
    assert (before["current"], behind["current"]) == (False, True)
    assert {"name", "command", "exit_code", "passed", "required", "current", "summary"} == set(behind)


def test_the_last_run_of_a_check_counts() -> None:
    ended = end(ran("pytest", 1), edited("a.py", "changed"), ran("pytest", 0))
    assert ([check["exit_code"] for check in ended.checks], ended.exit_code) == ([0], 0)
    ended = end(ran("pytest", 0), edited("a.py", "changed"), ran("pytest", 1))
    assert (ended.exit_code, ended.subtype, ended.status) == (3, "red", "error")
    assert ended.error == "the work is done, and a check fails: pytest"


def test_two_commands_of_one_name_count_both_until_something_is_edited() -> None:
    one, other, edit = ran("pytest", 1, "pytest tests/a"), ran("pytest", 0, "pytest tests/b"), edited("b.py", "changed")
    assert end(edit, one, other).exit_code == 3
    assert end(edit, one, other, ran("pytest", 0, "pytest tests/a")).exit_code == 0
    assert end(one, edited("a.py", "changed"), ran("pytest", 0, "pytest -q")).exit_code == 0


def test_a_stale_red_check_stays_red_and_an_optional_one_does_not_count() -> None:
    assert end(ran("pytest", 1), edited("a.py", "changed")).exit_code == 3
    assert end(ran("ruff", 1, required=False)).exit_code == 0


def test_what_fails_where_nothing_was_edited_says_nothing_of_the_work() -> None:
    assert end(ran("pytest", 1, "pytest tests/a")).exit_code == 0


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_what_was_refused_is_listed_and_blocks() -> None:
    ended = end(*refusal(), ToolFinished("c", "run", "no", is_error=True))
    assert (ended.exit_code, ended.subtype, ended.status) == (4, "blocked", "error")
    assert (ended.data or {})["denied"] == [{"action": "run rm x", "rule": "mode ask"}]
    assert ended.error == "blocked: run rm x was refused: mode ask"


def test_a_person_who_said_no_is_not_told_of_a_rule() -> None:
    ended = end(ApprovalAsked("a", "run rm x", "mode ask"), ApprovalGiven("a", False, "once", "person"))
    assert (ended.exit_code, ended.subtype) == (4, "blocked")
    assert (ended.error, ended.hint) == ("blocked: you said no to run rm x", "")


def test_what_was_refused_is_said_in_one_line() -> None:
    ended = end(*tell_refusal("run true\nchanged a.py (+1 -1)", "forbidden"))
    assert ended.error == "blocked: run true … was refused: forbidden"
    assert (ended.data or {})["denied"][0]["action"] == "run true\nchanged a.py (+1 -1)"
    ended = end(edited("a.py", "changed"), ran("pytest", 1, "pytest a\ncheck pytest: passed"))
    assert ended.error == "the work is done, and a check fails: pytest a …"


def test_a_refusal_that_was_worked_around_is_listed_and_does_not_block() -> None:
    for way in (edited("a.py", "changed"), ToolFinished("d", "run", "exit code 0")):
        ended = end(*refusal(), way)
        assert (ended.exit_code, len((ended.data or {})["denied"])) == (0, 1)
    reads = (ToolFinished("d", "read", "text"), ToolFinished("d", "run", "no", is_error=True))
    assert end(*refusal(), *reads).exit_code == 4


def test_what_was_allowed_is_no_refusal() -> None:
    ended = end(ApprovalAsked("a", "run make", "mode ask"), ApprovalGiven("a", True, "once", "person"))
    assert (ended.exit_code, (ended.data or {})["denied"]) == (0, [])


def test_a_failure_of_the_loop_goes_before_refusals_and_red_checks() -> None:
    failure = Failed("Unavailable", "nobody is left", "try later", Unavailable.exit_code)
    ended = end(*refusal(), ran("pytest", 1), closed=Closed("half", failure))
    assert (ended.exit_code, ended.subtype, ended.error, ended.hint) == (
        69,
        "Unavailable",
        "nobody is left",
        "try later",
    )
    assert (ended.answer, (ended.data or {})["complete"]) == ("half", False)


# --- counts -----------------------------------------------------------------------------------------------------------


def test_costs_add_up_call_by_call_and_are_none_where_one_is_not_known() -> None:
    assert (end().usage, end().total_cost_usd) == (Usage(), None)
    both = end(*asked(Usage(10, 2), 0.5), *asked(Usage(20, 3), 0.25))
    assert (both.usage, both.total_cost_usd) == (Usage(30, 5), 0.75)
    own = UsageUpdated(Usage(100, 10), 1.0, "one/m")
    assert end(*asked(Usage(10, 2), 0.5), own, own).usage == Usage(210, 22)
    unknown = end(*asked(Usage(10, 2), 0.5), *asked(Usage(20, 3), None))
    assert (unknown.usage, unknown.total_cost_usd) == (Usage(30, 5), None)
    uncounted = end(*asked(Usage(10, 2), 0.5), Started("one", "m"))
    assert (uncounted.usage.input_tokens, uncounted.total_cost_usd) == (None, None)


def test_turns_calls_and_seams_are_counted() -> None:
    spoke = AssistantSpoke((Text("x"),), "one", "m")
    seam = FailedOver("one/m", "two/m", "overloaded", True)
    started, finished = ToolStarted("c", "read", {}), ToolFinished("c", "read", "no", is_error=True)
    ended = end(spoke, started, finished, seam, spoke)
    assert (ended.num_turns, (ended.data or {})["calls"], (ended.data or {})["failed_calls"]) == (2, 1, 1)
    assert ended.failovers == ({"from": "one/m", "to": "two/m", "reason": "overloaded", "mid_answer": True},)
