"""The hot tier: Python values in memory, bounded by bytes, read without a lock.

What was read again since it came in stays longest, what was only put leaves first, and what is known to be stale leaves
before all others, so one pass over many files does not drive out what is used all the time. Source: S3-FIFO, Yang and
others, SOSP 2023 (a small queue for newcomers, a large one for what was used again, a memory of keys that left).
"""

from collections import OrderedDict
from itertools import count
from sys import getsizeof
from threading import Lock
from typing import Any

from aiex.context.facts import FileFacts
from aiex.context.tiers import Kind, Statistics

LIMIT_BYTES = 64_000_000
BYTES_PER_ROW = 250
"""What one symbol or reference takes in memory, names included (measured over the Python library)."""
YOUNG_SHARE = 0.1
"""Part of the bound for what was not used again yet. Source: section 4.1 of the paper."""
LARGEST_SHARE = 0.25
"""A value larger than this part of the bound is not kept: it would drive out what is used more."""
MOST_USES = 3


class _Entry:
    """A value with its size and how often it was read of late."""

    __slots__ = ("size_bytes", "uses", "value")

    def __init__(self, value: Any, size_bytes: int) -> None:
        self.value = value
        self.size_bytes = size_bytes
        self.uses = 0


class Hot:
    """A mapping from key to value of any kind but None."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._entries: dict[str, _Entry] = {}
        self._young: OrderedDict[str, _Entry] = OrderedDict()
        self._young_bytes = 0
        self._proven: OrderedDict[str, _Entry] = OrderedDict()
        self._stale: OrderedDict[str, None] = OrderedDict()
        self._left: OrderedDict[str, None] = OrderedDict()
        """Keys that left while young, as many as there are entries: one that comes back has proven itself."""
        self._evictions = 0
        self._lock = Lock()
        self._hits, self._misses = count(), count()  # counted in one step, which no thread interrupts
        self._looks = 0

    def get(self, key: str) -> Any | None:
        """The value under a key. No lock: one look-up in a dictionary and a mark, which may be lost in a race."""
        entry = self._entries.get(key)
        if entry is None:
            next(self._misses)
            return None
        if entry.uses < MOST_USES:
            entry.uses += 1
        next(self._hits)
        return entry.value

    def put(self, key: str, value: Any, size_bytes: int | None = None) -> None:
        """Keep a value; others leave when the bound is passed. None as the size means `weigh`."""
        entry = _Entry(value, weigh(value) if size_bytes is None else size_bytes)
        with self._lock:
            old = self._drop(key)
            if entry.size_bytes > self.limit_bytes * LARGEST_SHARE:
                self._evictions += 1
                return
            if old is not None:
                entry.uses = old.uses
            self._entries[key] = entry
            self.size_bytes += entry.size_bytes
            if key in self._left:
                del self._left[key]
                self._proven[key] = entry
            else:
                self._young[key] = entry
                self._young_bytes += entry.size_bytes
            self._make_room(self.limit_bytes)

    def remove(self, key: str) -> None:
        """Forget a value."""
        with self._lock:
            self._drop(key)

    def mark_stale(self, key: str) -> None:
        """Say that nothing has this content any more: it leaves first when room is needed."""
        with self._lock:
            if key in self._entries:
                self._stale[key] = None

    def shrink(self, limit_bytes: int) -> None:
        """Evict until at most this much is kept."""
        with self._lock:
            self._make_room(limit_bytes)

    def statistics(self) -> Statistics:
        """What is here and what happened so far."""
        with self._lock:
            hits, misses = next(self._hits) - self._looks, next(self._misses) - self._looks
            self._looks += 1
            size = self.size_bytes
            return Statistics("hot", len(self._entries), size, self.limit_bytes, hits, misses, self._evictions, 0, 0)

    def close(self) -> None:
        """Forget everything."""
        self.shrink(0)

    def _make_room(self, limit_bytes: int) -> None:
        while self.size_bytes > limit_bytes:
            if self._stale:
                self._evict(next(iter(self._stale)))
            elif self._young and (self._young_bytes > limit_bytes * YOUNG_SHARE or not self._proven):
                self._try_young()
            else:
                self._try_proven()

    def _try_young(self) -> None:
        """The oldest newcomer leaves, or moves on if it was used."""
        key, entry = next(iter(self._young.items()))
        if entry.uses:
            del self._young[key]
            self._young_bytes -= entry.size_bytes
            entry.uses = 0
            self._proven[key] = entry
            return
        self._evict(key)
        self._left[key] = None
        while len(self._left) > len(self._entries):
            self._left.popitem(last=False)

    def _try_proven(self) -> None:
        """The oldest of those leaves, or goes round once more if it was used."""
        key, entry = next(iter(self._proven.items()))
        if entry.uses:
            entry.uses -= 1
            self._proven.move_to_end(key)
        else:
            self._evict(key)

    def _evict(self, key: str) -> None:
        self._drop(key)
        self._evictions += 1

    def _drop(self, key: str) -> _Entry | None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size_bytes -= entry.size_bytes
            self._stale.pop(key, None)
            if self._young.pop(key, None) is not None:
                self._young_bytes -= entry.size_bytes
            else:
                del self._proven[key]
        return entry


def weigh(value: Any) -> int:
    """About how many bytes a value takes in memory: facts by their rows, other values without what they refer to."""
    if isinstance(value, FileFacts):
        parts = (value.symbols, value.references, value.imports, value.faults, value.effects)
        return 500 + BYTES_PER_ROW * sum(map(len, parts))
    return getsizeof(value)


TIER = Kind(lambda _path: Hot(), "")
