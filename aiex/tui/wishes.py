"""What is typed into the prompt as work: a wish with what comes along, and the way back for what is refused."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiex.errors import AiexError
from aiex.tui.backstage import Sent
from aiex.tui.tasks import OwnTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiex.tui.folding import Fold
    from aiex.tui.host import Job, Task
    from aiex.wiring import Services


def to_sent(text: str, folds: Mapping[str, Fold]) -> Sent:
    """What the person said, for the model; `folds` are the tokens in it."""
    return Sent(text, lambda _: OwnTask("run", lambda services: _prepare(text, folds, services)))


def _prepare(text: str, folds: Mapping[str, Fold], services: Services) -> Job:
    """Read what comes along. Raises AiexError where that cannot be, and Rejected without a model."""
    from aiex.jobs.working import Wish, require_model, work
    from aiex.runs.steps import find_step
    from aiex.tui.material import to_parts

    require_model(services)
    wish = Wish(to_parts(text, folds, services))
    return lambda: work(wish, services, person=services.person, step=lambda reason: find_step(services, reason))


def giving_back(sent: Sent, give_back: Callable[[str], object]) -> Sent:
    """The same, whose text is given back where it is refused; `give_back` is called in the thread of the work."""

    def make(services: Services) -> Task:
        with _on_refusal(give_back, sent.text):
            task = sent.make(services)

        def prepare(services: Services) -> Job:
            with _on_refusal(give_back, sent.text):
                return task.prepare(services)

        return OwnTask(task.name, prepare, task.markup, task.keeps, task.converses)

    return Sent(sent.text, make)


@contextmanager
def _on_refusal(give_back: Callable[[str], object], text: str) -> Iterator[None]:
    """Give the text back where the block raises AiexError."""
    try:
        yield
    except AiexError:
        give_back(text)
        raise
