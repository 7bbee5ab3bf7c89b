"""Work in steps: what is done is told beside the answer, and a pipe gets the answer alone."""

from __future__ import annotations

import pytest

from aiex.cli.flags import understand_print
from aiex.cli.printer import open_printer
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    CheckRan,
    Event,
    FileEdited,
    TextDelta,
    ToolFinished,
    ToolStarted,
    ToolWrote,
    TurnEnded,
)

STORY: tuple[Event, ...] = (
    TextDelta("I look first."),
    ToolStarted("1", "read", {"path": "a.py", "limit": 3}),
    ToolFinished("1", "read", "1\tx"),
    ToolStarted("2", "edit", {"path": "a.py", "old": "x\ny", "new": "z"}),
    FileEdited("a.py", "changed", 2, 1),
    ToolWrote("3", "stdout", "noise"),
    ToolFinished("3", "run", "no such thing\nhint: look", is_error=True),
    ApprovalAsked("a", "run rm -r .", "built-in: forbidden commands"),
    ApprovalGiven("a", allowed=False, scope="once", decided_by="policy"),
    CheckRan("pytest", passed=True, required=True, summary="", command="pytest -q", exit_code=0),
)
ENDED = TurnEnded(
    "success", "answered", 0, "It is *done*.",
    {"files": [{"path": "a.py", "change": "changed", "added": 2, "removed": 1}]},
    checks=({"name": "pytest", "command": "pytest -q", "passed": True, "current": False},),
)  # fmt: skip


def _tell(markup: str, ended: TurnEnded = ENDED, *, quiet: bool = False) -> None:
    printer = open_printer("text", markup=markup, quiet=quiet)  # type: ignore[arg-type]
    for event in STORY:
        printer.show(event)
    printer.end(ended)


def test_a_pipe_gets_the_answer_and_a_person_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    _tell("steps")
    out, err = capsys.readouterr()
    assert out == "It is *done*.\n"
    assert err.splitlines() == [
        "· read a.py",
        "· edit a.py",
        "  changed a.py (+2 -1)",
        "  run failed: no such thing",
        "  refused to run rm -r .: built-in: forbidden commands",
        "  check pytest: passed",
        "changed a.py (+2 -1)",
        "check pytest -q: passed, before the last edit",
        "no check ran since the last edit",
    ]


def test_quiet_tells_the_answer_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _tell("steps", quiet=True)
    assert capsys.readouterr() == ("It is *done*.\n", "")


def test_a_dry_run_adds_the_patch(capsys: pytest.CaptureFixture[str]) -> None:
    patch = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+z\n"
    _tell("steps", TurnEnded("success", "planned", 0, "It would be done.", {"patch": patch}), quiet=True)
    assert capsys.readouterr().out == f"It would be done.\n\n{patch}"


def test_a_patch_for_an_editor_is_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    patch = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+z\n"
    _tell("patch", TurnEnded("success", "planned", 0, patch), quiet=True)
    assert "I look first" not in (out := capsys.readouterr().out)
    assert out.startswith("diff --git")


def test_control_characters_of_a_model_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printer = open_printer("text", markup="steps")
    printer.show(ToolStarted("1", "run", {"command": "echo \x1b]0;owned\x07 \x1b[2J"}))
    printer.show(ToolFinished("1", "run", "\x1b[31mred\r", is_error=True))
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "understood"),
    [
        (["-p", "hi"], ["run", "hi"]),
        (["-m", "one/m", "--print", "hi", "-q"], ["run", "-m", "one/m", "hi", "-q"]),
        (["-C", "-p", "ask", "hi"], ["-C", "-p", "ask", "hi"]),
        (["ask", "-p"], ["ask", "-p"]),
        (["--", "-p"], ["--", "-p"]),
    ],
)
def test_print_of_other_tools_is_a_run(words: list[str], understood: list[str]) -> None:
    assert understand_print(words) == understood
