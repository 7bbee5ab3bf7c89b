"""Limits shared by all processes of a machine, as SQLite rows: one for each bucket, taken together or not at all."""

import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from aiex import sqlite

_NS = 1_000_000_000
_ROUNDING_S = 1e-6
"""A thousand shares of a window, each rounded to nanoseconds, are off by less."""

MIGRATIONS = (
    """
    CREATE TABLE buckets (name TEXT PRIMARY KEY, full_at_ns INTEGER NOT NULL, at_ns INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE blocks (name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
    """,
)


class Bucket(NamedTuple):
    """`amount` units may be taken at once, and as many again over every `window_s`."""

    name: str
    amount: float
    window_s: float


class LimitStore(Protocol):
    """Where limits are kept: SQLite on one machine; a server database can take its place for many."""

    def take(self, costs: Mapping[Bucket, float], blocks: Sequence[str], now_s: float) -> float:
        """Take the cost from every bucket in one step, and give 0; or take nothing, and give the seconds to wait."""

    def settle(self, extras: Mapping[Bucket, float], now_s: float) -> None:
        """Take more from buckets, or give some back where the amount is negative; never waits."""

    def block(self, name: str, until_s: float) -> None:
        """Let nothing pass under this name before that moment."""


class SqliteLimits:
    """Limits in a SQLite file; each bucket is the moment at which it would be full again (GCRA).

    Source: the virtual scheduling form of ITU-T I.371, annex A. The clock is that of the machine; when it was set back,
    a bucket goes on waiting as long as it would have.
    """

    def __init__(self, path: str) -> None:
        """Open or create the store. Raises `StoreError`."""
        # losing the last second of a limit in a power cut harms nobody
        self._connection = sqlite.connect(path, migrations=MIGRATIONS, synchronous="OFF", any_thread=True)
        self._path = path
        self._turn = threading.Lock()

    def take(self, costs: Mapping[Bucket, float], blocks: Sequence[str], now_s: float) -> float:
        """As the protocol says. Cost: one transaction, about 50 µs."""
        with self._turn, sqlite.translated_errors(self._path), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            waits = [self._blocked_s(name, now_s) for name in blocks]
            full_at = {bucket: self._full_at(bucket, now_s) for bucket in costs}
            waits += [_wait_s(bucket, full_at[bucket], cost, now_s) for bucket, cost in costs.items()]
            wait_s = max(waits, default=0.0)
            if wait_s <= _ROUNDING_S:
                for bucket, cost in costs.items():
                    self._put(bucket, full_at[bucket] + _share_ns(bucket, cost), now_s)
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def settle(self, extras: Mapping[Bucket, float], now_s: float) -> None:
        """As the protocol says."""
        with self._turn, sqlite.translated_errors(self._path), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for bucket, extra in extras.items():
                self._put(bucket, self._full_at(bucket, now_s) + _share_ns(bucket, extra), now_s)

    def block(self, name: str, until_s: float) -> None:
        """As the protocol says; an earlier moment does not replace a later one."""
        with self._turn, sqlite.translated_errors(self._path), self._connection as connection:
            connection.execute(
                "INSERT INTO blocks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until)",
                (name, until_s),
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _full_at(self, bucket: Bucket, now_s: float) -> int:
        """The moment in nanoseconds."""
        row = self._connection.execute(
            "SELECT full_at_ns, at_ns FROM buckets WHERE name = ?", (bucket.name,)
        ).fetchone()
        now_ns = int(now_s * _NS)
        if row is None:
            return now_ns
        set_back_ns = max(0, int(row[1]) - now_ns)
        return max(int(row[0]) - set_back_ns, now_ns)

    def _blocked_s(self, name: str, now_s: float) -> float:
        row = self._connection.execute("SELECT until FROM blocks WHERE name = ?", (name,)).fetchone()
        return float(row[0]) - now_s if row else 0.0

    def _put(self, bucket: Bucket, full_at_ns: int, now_s: float) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", (bucket.name, full_at_ns, int(now_s * _NS))
        )


def _share_ns(bucket: Bucket, cost: float) -> int:
    """How long a bucket takes to win a cost back."""
    return round(cost * bucket.window_s * _NS / bucket.amount)


def _wait_s(bucket: Bucket, full_at_ns: int, cost: float, now_s: float) -> float:
    """Seconds until a bucket has so much; what is larger than the bucket goes when the bucket is full."""
    needed_ns = _share_ns(bucket, min(cost, bucket.amount)) - int(bucket.window_s * _NS)
    return (full_at_ns + needed_ns - int(now_s * _NS)) / _NS
