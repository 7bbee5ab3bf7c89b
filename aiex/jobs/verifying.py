"""Runs a project's checks behind the last edit, and turns what fails into the next wish."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from aiex.agent.checks import find_checks
from aiex.events import CheckRan, ToolFinished
from aiex.messages import Document, Text, ToolCall

if TYPE_CHECKING:
    from aiex.agent.calls import Calls
    from aiex.agent.kit import Kit
    from aiex.events import Event
    from aiex.jobs.working import Hirer
    from aiex.messages import Part

_MOST_OUTPUT_CHARS = 12_000


class Failed(NamedTuple):
    """A check that failed, with what it wrote."""

    check: CheckRan
    output: str


async def verify(
    kit: Kit, hirer: Hirer, calls: Calls, current: Collection[str]
) -> AsyncGenerator[Event | Failed, None]:
    """Run the required checks, as steps within the rules; those that fail are told as `Failed` too.

    What only the files of a project name runs where the project is trusted: it is code of the repository. What may not
    run is told as a refusal is, and is not among the checks of the report.

    Args:
        kit: Its trust counts.
        hirer: The settings.
        calls: Runs the commands.
        current: Names of checks that ran since the last edit.
    """
    for check in find_checks(hirer.workspace, hirer.settings, trusted=hirer.trusted):
        if not check.required or check.name in current or not (hirer.trusted or check.source == "settings"):
            continue
        call = ToolCall(f"check-{os.urandom(4).hex()}", "run", {"command": check.command})
        output = ""
        async with aclosing(calls.run([call])) as events:
            async for event in events:
                if isinstance(event, ToolFinished):
                    output = event.text
                if isinstance(event, CheckRan):
                    continue
                yield event
        if ran := _to_check(check.name, check.command, output):
            yield ran
            if not ran.passed:
                yield Failed(ran, output)


def _to_check(name: str, command: str, output: str) -> CheckRan | None:
    from aiex.agent.checked import exit_code_in, summarise

    code = exit_code_in(output)
    return None if code is None else CheckRan(name, code == 0, True, summarise(output), None, command, code)


def to_wish(failed: Sequence[Failed]) -> Iterator[Part]:
    """What a model is asked when checks fail behind its work."""
    for check, output in failed:
        yield Document(f"output of {check.command}", "text/plain", output[-_MOST_OUTPUT_CHARS:])
    names = ", ".join(check.command for check, _ in failed)
    yield Text(
        f"After your changes this check fails: {names}. Mend what you broke and run it again. If it failed before your "
        "changes or cannot be mended here, say so and leave it."
    )
