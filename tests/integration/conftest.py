"""Lanes for stories that are broken off: a process that has everything loaded costs two seconds, so it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.lanes import Lanes


@pytest.fixture(scope="session")
def lanes_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    with Lanes(str(tmp_path_factory.mktemp("lanes"))) as opened:
        yield opened


@pytest.fixture
def lanes(request: pytest.FixtureRequest, home: Path) -> Lanes:
    """Two of them; opened when nothing in the environment steers the program."""
    opened: Lanes = request.getfixturevalue("lanes_of_the_run")
    return opened
