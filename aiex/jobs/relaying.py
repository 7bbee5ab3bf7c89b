"""Hands on what others tell, as the events of a job."""

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

from aiex.events import Progressed

if TYPE_CHECKING:
    from aiex.context.search.index import Progress

Result = TypeVar("Result")


def tell_indexing(steps: "Generator[Progress, None, Result]") -> Generator[Progressed, None, Result]:
    """How far an indexing has come, and in the end what it gives."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield Progressed("indexing", step.done, step.total)
