"""Deadlines learned from what was observed: a model that always began within a second need not be waited for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aiex.llm.endpoints import Deadlines

FIRST_BYTE_FLOOR_S = 20.0
"""A model that thinks, or is loaded first, takes this long without anything being wrong."""
IDLE_FLOOR_S = 15.0
ENOUGH = 8
"""Observations below which the settings decide."""
KEPT = 100
"""Observations kept for each kind of wait."""
PERCENTILE = 0.99
FACTOR = 4.0
"""A wait of four times what nearly all calls needed is no longer slowness."""


def learn(limits: Deadlines, first_bytes: Sequence[float], gaps: Sequence[float]) -> Deadlines:
    """The deadlines to use: never above those of the settings, never below the floors, 0 (no limit) stays 0.

    Args:
        first_bytes: Seconds to the first byte of the latest calls; where a deadline passed, that deadline. So a
            deadline that was too short grows by `FACTOR` at the next call.
        gaps: The longest silence between chunks of the latest calls, likewise.
    """
    return replace(
        limits,
        first_byte_s=_bound(limits.first_byte_s, first_bytes, FIRST_BYTE_FLOOR_S),
        idle_s=_bound(limits.idle_s, gaps, IDLE_FLOOR_S),
    )


def _bound(limit_s: float, seen: Sequence[float], floor_s: float) -> float:
    if not limit_s or len(seen) < ENOUGH:
        return limit_s
    ordered = sorted(seen)
    usual = ordered[min(len(ordered) - 1, int(len(ordered) * PERCENTILE))]
    return min(limit_s, max(floor_s, usual * FACTOR))
