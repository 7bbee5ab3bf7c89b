"""A file that most tests of packing look at."""

import pytest

from aiex.context.packing.source import Source
from tests.unit.context.packing.material import ENGINE, open_source


@pytest.fixture
def engine() -> Source:
    return open_source("src/engine.py", ENGINE)
