"""A wish typed into the prompt, with what comes along, as work for the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.record import record
from aiex.tui.backstage import Sent, wish
from aiex.tui.folding import find_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.tui.folding import Fold
    from aiex.tui.host import Host, Job
    from aiex.wiring import Services


@record
class Wished:
    """The work of one wish; a `Task`."""

    text: str
    folds: Mapping[str, Fold]
    name: str = "run"
    markup: str = "steps"
    sturdy: bool = False
    keeps: bool = True
    waits: bool = True
    converses: bool = True
    resumes: str | None = None
    forks: bool = False

    def prepare(self, services: Services) -> Job:
        """Read what comes along. Raises AiexError where that cannot be, and Rejected without a model."""
        from aiex.jobs.working import Wish, require_model, work
        from aiex.runs.steps import find_step
        from aiex.tui.material import to_parts

        require_model(services)
        parts = to_parts(self.text, self.folds, services)
        return lambda: work(
            Wish(parts), services, person=services.person, step=lambda reason: find_step(services, reason)
        )


def to_sent(host: Host, text: str, folds: Mapping[str, Fold]) -> Sent:
    """What the person said, for the model; `folds` are the tokens in it."""
    if "@" not in text and not any(token in folds for _, _, token in find_tokens(text)):
        return wish(host, text)
    return Sent(text, lambda _: Wished(text, folds))
