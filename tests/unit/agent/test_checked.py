"""A command that a model ran is noticed as a check, by its line and how it ended."""

from __future__ import annotations

import pytest

from aiex.agent.checked import check_of, exit_code_in, summarise
from aiex.events import CheckRan, ToolFinished
from aiex.messages import ToolCall


def check(command: object, text: str, *, name: str = "run", is_error: bool = False) -> CheckRan | None:
    return check_of(ToolCall("c", name, {"command": command}), ToolFinished("c", name, text, is_error, 7))


def test_a_test_run_is_a_check_with_its_code_and_its_sum() -> None:
    red = check("  pytest -q tests ", "exit code 1, 0.4 s\nF.\n=== 1 failed, 1 passed in 0.3s ===\n")
    assert red == CheckRan("pytest", False, True, "1 failed, 1 passed in 0.3s", 7, "pytest -q tests", 1)
    green = check("cd web && npm test", "exit code 0, 2 s\nok")
    assert green is not None
    assert (green.name, green.passed) == ("npm test", True)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("ls -la", "exit code 0\nREADME"),
        ("pytest -q | tail -1", "exit code 0\n1 failed"),
        ("pytest || true", "exit code 0\n1 failed"),
        ("pytest -q", "ended by signal 9 after 120 s"),
        ("pytest -q", 'runs in the background as job "1"'),
        (None, "exit code 0"),
        (["pytest"], "exit code 0"),
    ],
)
def test_what_says_nothing_about_the_tests_is_no_check(command: object, text: str) -> None:
    assert check(command, text) is None


def test_a_call_that_was_refused_and_other_tools_are_no_checks() -> None:
    assert check("pytest", "exit code 0", is_error=True) is None
    assert check("pytest", "exit code 0", name="task") is None


@pytest.mark.parametrize(
    ("cwd", "line"),
    [("web", "cd web && npm test"), ("./web/", "cd web && npm test"), (".", "npm test"), ("", "npm test"),
     ("my web", "cd 'my web' && npm test"), (3, "npm test")],
)  # fmt: skip
def test_a_check_that_ran_in_a_folder_says_so(cwd: object, line: str) -> None:
    call = ToolCall("c", "run", {"command": "npm test", "cwd": cwd})
    ran = check_of(call, ToolFinished("c", "run", "exit code 0"))
    assert ran is not None
    assert (ran.name, ran.command) == ("npm test", line)


def test_codes_and_sums_are_read_from_the_beginning_and_the_end() -> None:
    assert [exit_code_in(text) for text in ("exit code 0, 1 s", "exit code 137", "said exit code 1", "")] == [
        0, 137, None, None,
    ]  # fmt: skip
    assert summarise("exit code 1\n\n----\n== 2 failed ==\n\n") == "2 failed"
    assert summarise("exit code 0") == ""
    assert len(summarise("exit code 0\n" + "x" * 5_000)) == 200
