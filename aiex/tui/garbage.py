"""Looks for garbage in small bites, so that none of them holds up a picture."""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 5_000
"""Objects made since the last look; a look through them takes about 1 ms."""
TIMES: Final = 5
"""After so many looks through the young ones, the survivors are looked at as well: at most 10 ms."""
ROUNDS: Final = 1_000
"""After so many of those everything is, which takes as long as a person notices: hours of talk lie between."""


def look_in_bites() -> None:
    """From here on; what is there already stays for good and is never looked at again."""
    gc.freeze()
    gc.set_threshold(YOUNG, TIMES, ROUNDS)
