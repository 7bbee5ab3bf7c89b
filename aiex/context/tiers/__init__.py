"""Storage tiers of the context engine: each is a file here that offers `TIER`, found by its name.

A tier keeps values under keys that name a content, so a value never changes under its key. `Memory`
(aiex/context/memory.py) asks one tier after the other and moves values between them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

ROOM = "aiex.context.tiers"
ORDER = ("hot", "warm", "cold")
"""From the fastest tier to the largest."""


class Statistics(NamedTuple):
    """What a tier holds and did.

    A tier on disk counts over the life of its file, and keeps its hits and misses whenever something is written anyway:
    those of runs that only read are counted about once a day.
    """

    tier: str
    items: int
    size_bytes: int
    """Of the values; the file of a tier on disk is somewhat larger."""
    limit_bytes: int
    hits: int
    misses: int
    evictions: int
    """Values that had to leave and went nowhere."""
    promotions: int
    """Values that went from here to a faster tier."""
    demotions: int
    """Values that went from here to a slower tier."""


class Tier(Protocol):
    """Keeps values by key; safe for threads. Every method of a tier on disk may raise StoreError."""

    def get(self, key: str) -> Any | None:
        """The value, None when it is not here."""

    def put(self, key: str, value: Any, size_bytes: int | None = None) -> None:
        """Keep a value, in place of an older one; tiers on disk take bytes only. None means the size is estimated."""

    def remove(self, key: str) -> None:
        """Forget a value, if it is here."""

    def shrink(self, limit_bytes: int) -> None:
        """Evict what was used longest ago until at most this much is kept."""

    def statistics(self) -> Statistics:
        """What is here now and what happened so far."""

    def close(self) -> None:
        """Let go of the file, if there is one."""


class Kind(NamedTuple):
    """What the file of a tier offers as `TIER`."""

    open: Callable[[str], Tier]
    """Opens the tier; the path of its file means nothing to a tier without one. May raise StoreError."""
    file: str
    """Name of its file beside those of the other tiers; empty when it is in memory."""
