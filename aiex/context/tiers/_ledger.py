"""The ledger of a tier on disk: how large each value is, when it was last used, and what happened to values so far.

It stands in narrow tables beside the values, so that sums and orders do not read them. Uses are noted in memory and
written when something is written anyway, or once a day: a run that only reads costs no write.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.portions import in_portions
from aiex.context.tiers import Statistics

if TYPE_CHECKING:
    import sqlite3

SCHEMA = """
    create table kept (
        kind text not null, key text not null, size_bytes integer not null, used_ns integer not null,
        primary key (kind, key)
    ) without rowid;
    create table counts (name text primary key, value integer not null) without rowid;
    """
COLUMNS = """
    ifnull(kind, ''), ifnull(cast(key as text), ''),
    ifnull(cast(size_bytes as integer), 0), ifnull(cast(used_ns as integer), 0)
"""
"""Of `kept`, with the types of `Kept` even where a page is damaged."""
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
NEVER = 0
MOST_AT_ONCE = 100
MOST_BYTES_AT_ONCE = 500_000
"""Of values that leave in one transaction."""


class Kept(NamedTuple):
    """One value of a tier, without the value."""

    kind: str
    key: str
    size_bytes: int
    used_ns: int


class Bounds(NamedTuple):
    """When values move on."""

    spare_facts: int = 2_000
    """So many facts may stay in the warm tier whose content no file has any more."""
    unused_ns: int = 30 * DAY_NS
    """What was not used for so long moves to the cold tier."""
    share: float = 0.9
    """A tier over its size is taken down to this part of it, so that it does not pass the bound again at once."""


class Ledger:
    """Reads and writes of one connection; the caller holds its lock and, for writes, has begun a transaction."""

    def __init__(self, connection: "sqlite3.Connection", tier: str, limit_bytes: int) -> None:
        self.connection = connection
        self.tier = tier
        self.limit_bytes = limit_bytes
        self._used: set[tuple[str, str]] = set()
        self._counts: Counter[str] = Counter()

    def count(self, name: str, number: int = 1) -> None:
        """Count something; it is written at the next `flush`."""
        self._counts[name] += number

    def note_use(self, kind: str, key: str) -> None:
        """Note that a value was used."""
        self._used.add((kind, key))

    def enter(self, kind: str, sizes: Iterable[tuple[str, int]]) -> None:
        """Write sizes of values that came in, used now."""
        now = time_ns()
        self.connection.executemany(
            "insert or replace into kept values (?, ?, ?, ?)", [(kind, key, size, now) for key, size in sizes]
        )

    def drop(self, kind: str, keys: Iterable[str]) -> None:
        """Strike values out."""
        self.connection.executemany("delete from kept where kind = ? and key = ?", [(kind, key) for key in keys])

    def find(self, kind: str, key: str) -> Kept | None:
        """One value, None when it is not here."""
        query = f"select {COLUMNS} from kept where kind = ? and key = ?"  # noqa: S608  (names of ours)
        row = self.connection.execute(query, (kind, key)).fetchone()
        return Kept(*row) if row else None

    def is_unchanged(self, kept: Kept) -> bool:
        """Whether a value was not used, written or removed since it was read."""
        return self.find(kept.kind, kept.key) == kept

    def flush(self) -> None:
        """Write uses and counts. A use is written again when the last one is an hour old."""
        now = time_ns()
        self.connection.executemany(
            "update kept set used_ns = ? where kind = ? and key = ? and used_ns < ?",
            [(now, kind, key, now - HOUR_NS) for kind, key in sorted(self._used)],
        )
        self.connection.executemany(
            "insert into counts values (?, ?) on conflict (name) do update set value = value + excluded.value",
            sorted(self._counts.items()),
        )
        self.stamp("flushed")
        self.connection.execute("insert or ignore into counts values ('tended', ?)", (now,))
        self._used.clear()
        self._counts.clear()

    def is_due(self) -> bool:
        """Whether there are uses to write and the last were written more than a day ago."""
        return bool(self._used) and time_ns() - self.stamped("flushed") > DAY_NS

    def stamp(self, name: str) -> None:
        """Write the time under a name."""
        self.connection.execute("insert or replace into counts values (?, ?)", (name, time_ns()))

    def stamped(self, name: str) -> int:
        """When `stamp` was last called, `NEVER` if it was not."""
        row = self.connection.execute("select value from counts where name = ?", (name,)).fetchone()
        return row[0] if row and isinstance(row[0], int) else NEVER

    def totals(self) -> tuple[int, int, int]:
        """How many values there are, their bytes, and how many of them are facts."""
        query = "select count(*), sum(cast(size_bytes as integer)), sum(kind = 'facts') from kept"
        items, size, facts = self.connection.execute(query).fetchone()
        return items, size or 0, facts or 0

    def oldest(self, over_bytes: int, without: Collection[Kept] = ()) -> list[Kept]:
        """What was used longest ago, as much as is needed to free this many bytes."""
        chosen: list[Kept] = []
        if over_bytes <= 0:
            return chosen
        for row in self.connection.execute(f"select {COLUMNS} from kept order by used_ns, key"):  # noqa: S608  (names of ours)
            kept = Kept(*row)
            if kept not in without:
                chosen.append(kept)
                over_bytes -= kept.size_bytes
            if over_bytes <= 0:
                break
        return chosen

    def statistics(self) -> Statistics:
        """What is here now and what happened over the life of the file."""
        items, size, _ = self.totals()
        counts = Counter(
            dict(self.connection.execute("select name, ifnull(cast(value as integer), 0) from counts").fetchall())
        )
        counts.update(self._counts)
        happened = (counts[name] for name in ("hits", "misses", "evictions", "promotions", "demotions"))
        return Statistics(self.tier, items, size, self.limit_bytes, *happened)


def in_batches(kept: Sequence[Kept]) -> Iterator[list[Kept]]:
    """The same in parts small enough for one transaction that nobody waits for."""
    return in_portions(kept, attrgetter("size_bytes"), most=MOST_AT_ONCE, most_bytes=MOST_BYTES_AT_ONCE)
