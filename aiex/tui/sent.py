"""What is sent to the work: one wish in line, which is understood once its turn has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiex.tui.host import Host, Task
    from aiex.wiring import Services


@record
class Sent:
    """One wish in line."""

    text: str
    """As it was typed."""
    make: Callable[[Services], Task]
    """Understands it, once its turn has come. Raises AiexError."""
    give_back: Callable[[str], object] = lambda _: None
    """Takes the text where it is refused before anything was done; called in the thread of the work."""


def command(host: Host, text: str, words: Sequence[str], give_back: Callable[[str], object]) -> Sent:
    """A command of the command line, typed as `text`."""
    return Sent(text, lambda _: host.understand(words), give_back)
