"""A disk that is full, or fails at what should make something last: no traceback, and no promise is broken.

`benchmarks/kills.py --faults` tries every call; here are some of each part.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.fakes.lanes import Point, run_all
from tests.fakes.syscalls import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
NO_FAULTS: dict[str, list[str]] = {"lost": [], "half": [], "doubled": [], "stuck": []}


@pytest.mark.parametrize(
    ("error", "numbers"),
    [(errno.ENOSPC, range(3, 640, 80)), (errno.EIO, range(20, 640, 80))],
    ids=["full", "failing"],
)
def test_nothing_promised_is_lost_on_a_bad_disk(tmp_path: Path, error: int, numbers: range) -> None:
    runs = list(run_all([Point("turn", number, error, goes_on=True) for number in numbers], str(tmp_path)))
    assert [(tuple(run.point), run.faults) for run in runs if run.faults != NO_FAULTS] == []
    assert any(run.error for run in runs)
