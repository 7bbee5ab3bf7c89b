"""What a command hands over once its words are understood: checks to make, then a job that tells events."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Literal

from aiex.events import Event, TurnEnded
from aiex.record import record
from aiex.runs.opening import Opening
from aiex.wiring import Services

Events = Iterator[Event] | AsyncIterator[Event]
Job = Callable[[], Events]
"""Starts the job; nothing happens before the events are drawn."""
Markup = Literal["markdown", "text", "verbatim", "steps", "patch"]
"""How an answer for a person is meant: Markdown, lines already laid out, bytes for another program, or the Markdown at
the end of many steps, which are told beside it; or a patch at the end of such steps."""


@record
class Work:
    """One understood command."""

    name: str
    """The words that name it: `explain`, `list config`."""
    prepare: Callable[[Services], Job]
    """Check the values against the world and give the job; raises AiexError."""
    markup: Markup = "text"
    sturdy: bool = False
    """Runs with built-in defaults when the settings are broken, because it is what one runs then."""
    placeless: bool = False
    """Asks nothing about a workspace, so it runs where the current directory is gone."""
    waits: bool = False
    """Asks the outside world also when the model in use is offline."""
    keeps: bool = False
    """What it tells is kept as a session, unless nothing waits for the outside world."""
    converses: bool = False
    """Its requests are made of what is kept, so something keeps it in any case: in memory where it is not to stay."""
    worktree: str = ""
    """The name of a git worktree to work in instead of the directory itself; empty for none."""
    resumes: str | None = None
    """The session that it goes on with, in words of a person; empty for the last one here, None for a new one."""
    forks: bool = False
    """It goes on beside that session and not in it."""
    opening: Opening | None = None
    """It is a talk on a screen, which whoever runs the command line opens."""


def report(
    name: str,
    answer: Callable[[Services], TurnEnded],
    *,
    markup: Markup = "text",
    sturdy: bool = False,
    placeless: bool = False,
) -> Work:
    """Work that needs no checks and tells nothing but its outcome."""

    def tell(services: Services) -> Iterator[Event]:
        yield answer(services)

    return Work(name, lambda services: lambda: tell(services), markup, sturdy, placeless)


def answered(answer: str, data: Mapping[str, Any] | None = None) -> TurnEnded:
    """The good outcome, as text for a person and as data for a program."""
    return TurnEnded("success", "answered", 0, answer=answer, data=data)
