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
    """A `Task` that no command line named; its events belong to the session."""

    name: str
    prepare: Callable[[Services], Job]
    markup: str = "steps"
    sturdy: bool = False
    keeps: bool = True
    waits: bool = True
    converses: bool = True
    resumes: str | None = None
    forks: bool = False
