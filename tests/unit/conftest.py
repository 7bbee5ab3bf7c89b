"""A bench for each test, closed behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.fakes.scripted_model import Bench, Said

Open = Callable[..., "Bench"]


@pytest.fixture
def bench(workspace: Path) -> Iterator[Open]:
    """`bench(says("…"), …)`: a model that gives these answers, in the small shop."""
    from tests.fakes.scripted_model import Bench

    opened: list[Bench] = []

    def open_(*answers: Said, root: Path | None = None, **how: Any) -> Bench:
        opened.append(Bench(root or workspace, *answers, **how))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()
