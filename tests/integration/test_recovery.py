"""A command that is killed anywhere is found at the next start: listed, taken up, gone on with, and taken back.

`benchmarks/kills.py` tries every place; here are some of each part.
"""

from __future__ import annotations

import pytest

from tests.fakes.lanes import Lanes, Point
from tests.fakes.syscalls import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
NO_FAULTS: dict[str, list[str]] = {"lost": [], "half": [], "doubled": [], "stuck": []}


def test_commands_that_are_killed_anywhere_are_recovered_from(lanes: Lanes) -> None:
    points = [Point("ask", number, "kill") for number in range(20, 360, 110)]
    points += [Point("sandbox", number, "cut") for number in range(30, 450, 140)]
    runs = list(lanes.run(points))
    assert [(tuple(run.point), run.faults) for run in runs if run.faults != NO_FAULTS] == []
    assert sum(run.code == -9 for run in runs) > len(runs) * 3 // 4
