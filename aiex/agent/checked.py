"""Notices that a command which a model ran is a check of the work, and what it said."""

from __future__ import annotations

from posixpath import normpath
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.checks import enter
from aiex.agent.recognising import recognise
from aiex.events import CheckRan
from aiex.patterns import late

if TYPE_CHECKING:
    from aiex.events import ToolFinished
    from aiex.messages import ToolCall

RUN: Final = "run"
_EXIT: Final = late(r"exit code (\d+)\b")
_MOST_SUMMARY_CHARS: Final = 200


def check_of(call: ToolCall, finished: ToolFinished) -> CheckRan | None:
    """The check that a call was, with its exit code; None for any other call, and for one that did not end.

    A check that a model ran counts as the project's own does: where it fails last, the work is not green.
    """
    command = call.arguments.get("command")
    if call.name != RUN or finished.is_error or not isinstance(command, str):
        return None
    code = exit_code_in(finished.text)
    name = recognise(command) if code is not None else ""
    if not name or code is None:
        return None
    line = _enter(call.arguments.get("cwd")) + command.strip()
    return CheckRan(name, code == 0, True, summarise(finished.text), finished.duration_ms, line, code)


def _enter(cwd: Any) -> str:
    """How a line begins that ran in a folder other than the root."""
    folder = normpath(cwd) if isinstance(cwd, str) and cwd else "."
    return "" if folder == "." else enter(folder)


def exit_code_in(text: str) -> int | None:
    """The exit code that the result of a run begins with; None where it did not end by itself."""
    ended = _EXIT.match(text)
    return int(ended[1]) if ended else None


def summarise(output: str) -> str:
    """The last line of an output that says something, as test runners put their sums there."""
    lines = [line.strip(" =-\t") for line in output.splitlines()[1:]]
    last = next((line for line in reversed(lines) if line), "")
    return last[:_MOST_SUMMARY_CHARS]
