"""What `/name` does on the screen itself, a file each; every other word is a command of the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiex.record import record

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

ROOM: Final = "aiex.tui.commands"

Run = Callable[["Chat", str], "Awaitable[None] | None"]
"""Does it; gets the screen of the talk and what was typed behind the name. Raises AiexError, which is told there."""
Asking = Callable[[Callable[["Services"], Any]], Any]
"""Gives what a function of the services gives in the thread of the work."""
Choices = Callable[[Asking, tuple[str, ...]], Sequence[tuple[str, str]]]
"""What may come behind the words that were typed behind the name, each with a line of help; in a thread of its own."""


@record
class Command:
    """One file of this room offers one as `COMMAND`; the first line of the file says what it does."""

    run: Run
    takes: str = ""
    """What may be typed behind the name, such as `[ID]`; empty for nothing."""
    key: str = ""
    """A key that does the same."""
    choices: Choices | None = None
    """What may be typed behind the name; None where nobody knows."""
