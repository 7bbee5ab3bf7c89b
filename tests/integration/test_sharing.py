"""Processes that keep sessions in one file, half of them in the same session, lose nothing.

`benchmarks/kills.py --share` lets up to eight of them take 200 turns each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.sharing import EVENTS, share


@pytest.mark.parametrize(("processes", "turns"), [(2, 15), (4, 8)])
def test_processes_share_a_file_and_a_session_without_loss(tmp_path: Path, processes: int, turns: int) -> None:
    shared = share(str(tmp_path / "sessions"), processes=processes, turns=turns)
    assert shared.problems == []
    assert shared.events == processes * turns * EVENTS
