"""Checks behind the work: which of them may run, what comes of them, and what the model is asked then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiex.agent.approvals import Approvals
from aiex.agent.calls import Calls
from aiex.agent.checks import Check
from aiex.agent.composer import load_tools
from aiex.agent.kit import Kit
from aiex.budget import Budget
from aiex.events import CheckRan, ToolFinished, ToolStarted
from aiex.guard.actions import TYPED
from aiex.jobs.verifying import Failed, checks_behind, to_wish, typed_check, verify
from aiex.messages import Document, Text
from tests.fakes.scripted_model import Bench

Open = Callable[..., Bench]


async def told_by(made: Bench, *checks: Check) -> list[Any]:
    kit = Kit(made.services)
    calls = Calls(kit, load_tools(("run",)), Approvals(made.services.gate), Budget())
    try:
        return [event async for event in verify(checks, calls)]
    finally:
        await kit.leave()


def red(command: str = "make test") -> CheckRan:
    return CheckRan("make test", False, True, "1 failed", None, command, 2)


async def test_each_check_is_a_step_with_an_outcome(bench: Open) -> None:
    told = await told_by(bench(), typed_check("true"), typed_check("echo 3 wrong; exit 3"))
    ran = [event for event in told if isinstance(event, CheckRan)]
    assert [(one.command, one.exit_code, one.passed, one.summary) for one in ran] == [
        ("true", 0, True, "(no output)"), ("echo 3 wrong; exit 3", 3, False, "3 wrong"),
    ]  # fmt: skip
    (failed,) = [event for event in told if isinstance(event, Failed)]
    assert (failed.check, "3 wrong" in failed.output) == (ran[1], True)
    assert [event.name for event in told if isinstance(event, ToolStarted)] == ["run", "run"]


async def test_what_may_not_run_is_no_check_that_ran(bench: Open) -> None:
    told = await told_by(bench(overrides=('policy.rules=["deny command make"]',)), typed_check("make test"))
    assert [event for event in told if isinstance(event, CheckRan | Failed)] == []
    (finished,) = [event for event in told if isinstance(event, ToolFinished)]
    assert finished.is_error


def test_a_typed_command_is_named_as_what_it_is() -> None:
    assert typed_check("python -m pytest -q tests") == Check("pytest", "python -m pytest -q tests", True, TYPED)
    assert typed_check("./go.sh").name == "./go.sh"


def test_only_what_is_trusted_or_set_runs_unasked(bench: Open, workspace: Path, run_warm: Any) -> None:
    (workspace / "Makefile").write_text("test:\n\ttrue\n")
    (workspace / "tests/test_basket.py").unlink()
    assert checks_behind(bench().services) == ()
    set_ones = checks_behind(bench(overrides=('checks.commands=["make lint", "pytest -q"]',)).services)
    assert [(one.command, one.source) for one in set_ones] == [("make lint", "settings"), ("pytest -q", "settings")]
    assert run_warm("add", "trust", cwd=workspace).returncode == 0
    assert [one.command for one in checks_behind(bench().services)] == ["make test"]


def test_a_wish_holds_the_end_of_each_output_and_names_all_that_failed() -> None:
    parts = list(to_wish([Failed(red(), "x" * 20_000 + "END"), Failed(red("make lint"), "")]))
    document, words = parts
    assert isinstance(document, Document)
    assert isinstance(words, Text)
    assert (document.title, len(document.text), document.text[-3:]) == ("output of make test", 12_000, "END")
    assert words.text.startswith("After your changes this check fails: make test, make lint.")
    first = list(to_wish([Failed(red(), "no")], is_first=True))[-1]
    assert isinstance(first, Text)
    assert first.text.startswith("This fails: make test. Find the cause")
