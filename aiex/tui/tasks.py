"""Work of the screen's own, in the form in which the work behind it takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiex.record import record

if TYPE_CHECKING:
    from aiex.tui.host import Job
    from aiex.wiring import Services


@record
class OwnTask:
    """A `Task` that the screen makes; its events belong to the session, as long as nothing else is said."""

    name: str
    prepare: Callable[[Services], Job]
    markup: str = "steps"
    keeps: bool = True
    converses: bool = True
