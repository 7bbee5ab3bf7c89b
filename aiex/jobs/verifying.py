"""Runs a project's checks behind the last edit, and turns what fails into the next wish."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.agent.checks import Check, enter, find_checks
from aiex.agent.recognising import recognise
from aiex.agent.tools.run import MOST_TIMEOUT_S
from aiex.events import CheckRan, ToolFinished
from aiex.guard.actions import TYPED
from aiex.messages import Document, Text, ToolCall

if TYPE_CHECKING:
    from aiex.agent.calls import Calls
    from aiex.events import Event
    from aiex.jobs.working import Hirer
    from aiex.messages import Part

CHOSEN = "a check of the settings, or of a trusted project"
_MOST_OUTPUT_CHARS = 12_000


class Failed(NamedTuple):
    """A check that failed, with what it wrote."""

    check: CheckRan
    output: str
    """Empty where the model has it already."""


def checks_behind(hirer: Hirer, edited: Iterable[str] = ()) -> tuple[Check, ...]:
    """The required checks of a project that may run unasked, and those of the packages of edited files.

    What only its files name runs where the project is trusted: it is code of the repository.
    """
    found = find_checks(hirer.workspace, hirer.settings, trusted=hirer.trusted, edited=edited)
    return tuple(check for check in found if check.required and (hirer.trusted or check.source == "settings"))


def is_current(check: Check, ran: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a check, or a run of the same in its package, is among the `checks` of a report since the last edit."""
    for one in ran:
        is_same = one["name"] == check.name and (not check.folder or one["command"].startswith(enter(check.folder)))
        if one["current"] and (is_same or one["command"] == check.command):
            return True
    return False


def typed_check(command: str) -> Check:
    """A command that a person typed, as a check."""
    return Check(recognise(command) or command, command, True, TYPED)


async def verify(checks: Iterable[Check], calls: Calls) -> AsyncGenerator[Event | Failed, None]:
    """Run checks, as steps within the rules; those that fail are told as `Failed` too.

    What may not run is told as a refusal is, and is not among the checks of the report.
    """
    for check in checks:
        arguments = {"command": check.command, "timeout_s": MOST_TIMEOUT_S}
        call = ToolCall(f"check-{os.urandom(4).hex()}", "run", arguments)
        finished: ToolFinished | None = None
        async with aclosing(calls.run([call], chosen=TYPED if check.source == TYPED else CHOSEN)) as events:
            async for event in events:
                if isinstance(event, ToolFinished):
                    finished = event
                if isinstance(event, CheckRan):
                    continue
                yield event
        if finished is None or finished.is_error:  # it did not run
            continue
        ran = _to_check(check, finished)
        yield ran
        if not ran.passed:
            yield Failed(ran, finished.text)


def _to_check(check: Check, finished: ToolFinished) -> CheckRan:
    """What came of a check; one that did not come to its end did not pass."""
    from aiex.agent.checked import exit_code_in, summarise

    code = exit_code_in(finished.text)
    said = summarise(finished.text) if code is not None else finished.text.partition("\n")[0]
    return CheckRan(check.name, code == 0, True, said, finished.duration_ms, check.command, code)


def to_wish(failed: Sequence[Failed], *, is_first: bool = False) -> Iterator[Part]:
    """What a model is asked when checks fail behind its work, or before it began."""
    for check, output in failed:
        if not output:  # the model ran it itself
            continue
        yield Document(f"output of {check.command}", "text/plain", output[-_MOST_OUTPUT_CHARS:])
    names = ", ".join(check.command for check, _ in failed)
    if is_first:
        yield Text(
            f"This fails: {names}. Find the cause and mend it, then run it again. Mend the code and not the check, "
            "unless the check itself is wrong; then say why."
        )
        return
    yield Text(
        f"After your changes this check fails: {names}. Mend what you broke and run it again. If it failed before your "
        "changes or cannot be mended here, say so and leave it."
    )
