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


def test_nothing_promised_is_lost_on_a_bad_disk(tmp_path: Path) -> None:
    points = [Point("turn", number, errno.ENOSPC, goes_on=True) for number in range(3, 640, 80)]
    points += [Point("turn", number, errno.EIO, goes_on=True) for number in range(20, 640, 80)]
    points += [Point("ask", number, errno.ENOSPC, goes_on=True) for number in range(57, 350, 90)]
    runs = list(run_all(points, str(tmp_path)))
    assert [(tuple(run.point), run.faults) for run in runs if run.faults != NO_FAULTS] == []
    for error in (errno.ENOSPC, errno.EIO):
        assert any(run.error for run in runs if run.point.fate == error)
