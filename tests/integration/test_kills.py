"""A turn that is killed anywhere loses nothing it promised, doubles nothing, and is gone on with.

`benchmarks/kills.py` tries every place; here are some of each part.
"""

from __future__ import annotations

import pytest

from tests.fakes.lanes import Lanes, Point
from tests.fakes.syscalls import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
IN_THE_TURN = range(4, 650, 59)
"""Of about 660 system calls that change something."""
TAKING_UP = range(10, 220, 80)
"""Of about 230 when it is taken up again."""
NOWHERE = Point("turn", 0, "go")
NO_FAULTS: dict[str, list[str]] = {"lost": [], "half": [], "doubled": [], "stuck": []}


def test_a_turn_that_is_killed_anywhere_is_gone_on_with(lanes: Lanes) -> None:
    points = [Point("turn", number, "cut" if number % 2 else "kill") for number in IN_THE_TURN]
    points += [Point("again", number, "kill") for number in TAKING_UP]
    points += [Point("turn", 333, "kill", sealed=True), NOWHERE]
    runs = {run.point: run for run in lanes.run(points)}
    assert set(runs) == set(points)
    assert [(tuple(run.point), run.faults) for run in runs.values() if run.faults != NO_FAULTS] == []
    assert sum(run.code == -9 for run in runs.values()) > len(runs) * 3 // 4
    assert (runs[NOWHERE].code, runs[NOWHERE].error) == (0, "")
