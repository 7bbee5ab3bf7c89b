"""What the screen needs of the process that opens it: settings of its command line, and the words of commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.wiring import Services

Job = Callable[[], "Iterator[Event] | AsyncIterator[Event]"]
"""Starts the work; nothing happens before its events are drawn."""


class Task(Protocol):
    """A command that is understood, as the command line gives it."""

    @property
    def name(self) -> str: ...
    @property
    def prepare(self) -> Callable[[Services], Job]:
        """Check the values against the world and give the job; raises AiexError."""

    @property
    def markup(self) -> str:
        """How its answer is meant: markdown, text, verbatim, steps, patch."""

    @property
    def keeps(self) -> bool:
        """What it tells belongs to a session."""

    @property
    def converses(self) -> bool:
        """It goes on with the conversation of the session."""


class Host(Protocol):
    """The command line that opened the screen."""

    def open(self, changes: Mapping[str, object]) -> Services:
        """Fresh services for the directory and the flags of this run; `changes` are settings that win over them.

        Raises AiexError.
        """

    def understand(self, words: Sequence[str]) -> Task:
        """A command line without `aiex`. Raises AiexError where it makes no sense, `runs.opening.Shown` for help."""

    def complete(self, words: Sequence[str], begun: str) -> list[tuple[str, str]]:
        """What may come behind `words` and begins with `begun`: each with a line of help, which may be empty."""

    def say(self, line: str) -> None:
        """A line of talk for whoever is at the terminal, when no screen is there."""
