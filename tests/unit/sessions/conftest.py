"""Sessions and checkpoints are kept in memory: a quarter of these tests' time was waiting for the disk.

What a kill leaves is the same there; what a power cut leaves no test can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.memory import open_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder
