"""A disk that is full, or fails at what should make something last: no traceback, and no promise is broken.

`benchmarks/kills.py --faults` tries every call; here are some of each part.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.fakes.lanes import Point, Story, run_all
from tests.fakes.syscalls import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
NO_FAULTS: dict[str, list[str]] = {"lost": [], "half": [], "doubled": [], "stuck": []}


@pytest.mark.parametrize(
    ("story", "error", "numbers"),
    [
        ("turn", errno.ENOSPC, range(3, 640, 80)),
        ("turn", errno.EIO, range(20, 640, 80)),
        ("ask", errno.ENOSPC, range(57, 350, 90)),
    ],
    ids=["full", "failing", "full for a command"],
)
def test_nothing_promised_is_lost_on_a_bad_disk(tmp_path: Path, story: Story, error: int, numbers: range) -> None:
    runs = list(run_all([Point(story, number, error, goes_on=True) for number in numbers], str(tmp_path)))
    assert [(tuple(run.point), run.faults) for run in runs if run.faults != NO_FAULTS] == []
    assert story == "ask" or any(run.error for run in runs)
