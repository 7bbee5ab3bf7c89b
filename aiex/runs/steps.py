"""Steps of commands that may change files: what looks after them, as the settings want it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiex.events import Warned

if TYPE_CHECKING:
    from aiex.jobs.stepping import Step
    from aiex.wiring import Services


def find_step(services: Services, reason: str) -> Step | None:
    """What looks after the files while something runs that may change them; None where nobody wants that."""
    if services.settings.get("checkpoints.mode") == "off":
        return None
    from aiex.jobs.stepping import Step, is_too_wide

    if is_too_wide(services.root, os.path.expanduser("~")):
        where = "it would hold everything in your home directory; run it in the directory of a project"
        services.tell(Warned("no checkpoint is taken here, so this cannot be undone", where))
        return None

    def undoable() -> set[str]:
        views = services.sessions.views
        found = (*views.steps(services.root), *views.steps(services.root, undone=True))
        return {step.checkpoint_id for _, step in found}

    if services.settings.get("sessions.encrypt") == "on":
        reason = "a step"  # its words are for the session alone, which is sealed
    return Step(services.checkpoints, reason, session=services.session, keep=undoable)
