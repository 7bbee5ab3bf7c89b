"""Looks for garbage in small bites, so that none of them holds up a picture."""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 2_000
"""Objects made since the last look; a look through them takes 1 to 4 ms (benchmarks/screen_stream.py)."""
TIMES: Final = 2
"""After so many looks through the young ones, the survivors are looked at as well: 3 to 12 ms."""
ROUNDS: Final = 1_000
"""After so many of those everything is, which takes 0.1 s: half an hour of fast talk lies between."""


def look_in_bites() -> None:
    """From here on; what is there already stays for good and is never looked at again."""
    gc.freeze()
    gc.set_threshold(YOUNG, TIMES, ROUNDS)
