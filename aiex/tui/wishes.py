"""What is typed into the prompt as work: a wish with what comes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.sent import Sent
from aiex.tui.tasks import OwnTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiex.messages import Part
    from aiex.tui.folding import Fold
    from aiex.tui.host import Job
    from aiex.wiring import Services


def to_sent(text: str, folds: Mapping[str, Fold], give_back: Callable[[str], object] = lambda _: None) -> Sent:
    """What the person said, for the model; `folds` are the tokens in it."""
    return Sent(text, lambda _: OwnTask("run", lambda services: _prepare(text, folds, services)), give_back)


def _prepare(text: str, folds: Mapping[str, Fold], services: Services) -> Job:
    """Read what comes along. Raises AiexError where that cannot be, and Rejected without a model."""
    from aiex.jobs.working import Wish, require_model, work
    from aiex.runs.steps import find_step
    from aiex.tui.material import to_parts

    require_model(services)
    wish = Wish((*_put_back(services), *to_parts(text, folds, services)))
    return lambda: work(wish, services, person=services.person, step=lambda reason: find_step(services, reason))


def _put_back(services: Services) -> tuple[Part, ...]:
    """What the person put back since the model answered, which it would otherwise take for its own work."""
    from aiex.jobs.revisiting import find_put_back
    from aiex.messages import Document

    told = find_put_back(services.recorder) if services.recorder else ""
    return (Document("what was put back", "text/plain", told),) if told else ()
