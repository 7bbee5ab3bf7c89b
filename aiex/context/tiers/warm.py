"""The warm tier: what was parsed before, in one SQLite file per workspace.

Facts are keyed by content, so a file that moved or came back is not parsed twice. Beside them stand what was seen of
each file, values of others by key, and notes. Everything in it can be computed again.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import RLock
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from aiex import sqlite
from aiex.context.facts import FileFacts, from_rows
from aiex.context.tiers import Kind, Statistics
from aiex.context.tiers._ledger import COLUMNS, DAY_NS, SCHEMA, Bounds, Kept, Ledger, in_batches

if TYPE_CHECKING:
    import sqlite3

MIGRATIONS = (
    """
    create table files (
        path blob primary key, size_bytes integer not null, mtime_ns integer not null, inode integer not null,
        checked_ns integer not null, digest text not null, language text not null, mentions text not null
    ) without rowid;
    create table facts (
        key text primary key, version text not null, light text not null, heavy blob
    );
    create table notes (key text primary key, value text not null, used_ns integer not null) without rowid;
    """,
    f"""
    {SCHEMA}
    create table items (key text primary key, value blob not null);
    drop table notes;
    create table notes (
        key text primary key, value text not null, used_ns integer not null, checksum integer not null
    ) without rowid;
    insert into kept
        select 'facts', key, length(light) + ifnull(length(heavy), 0), strftime('%s') * 1000000000 from facts;
    """,  # noqa: S608  (a constant)
)
LIMIT_BYTES = 500_000_000
SPARE_NOTES = 400
TYPES = (bytes, int, int, int, int, str, str, str)
NAMES_AT_ONCE = 500
"""Names looked for in one query: SQLite takes no expression deeper than 1,000 (sqlite.org/limits.html)."""


class FileRow(NamedTuple):
    """What was seen of a file when its content was last read."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int
    checked_ns: int
    """When it was read, by the clock that also gives file times."""
    digest: str
    language: str
    mentions: str
    """Identifiers in statements that may name other files, each between spaces."""

    @property
    def key(self) -> str:
        """Where facts of this content are kept."""
        return f"{self.digest}:{self.language}"


class FactsRow(NamedTuple):
    """Facts as they are stored."""

    key: str
    light: str
    heavy: bytes | None
    """None when the uses were not looked at."""


class Warm:
    """One store; every method raises StoreError when the database fails. Safe for threads, which take turns."""

    def __init__(self, path: str, version: str = "", limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self.version = version
        """Facts of other versions are as good as missing."""
        self.limit_bytes = limit_bytes
        self.connection: sqlite3.Connection = sqlite.connect(
            path, migrations=MIGRATIONS, any_thread=True, shrinkable=True
        )
        self.ledger = Ledger(self.connection, "warm", limit_bytes)
        self._lock = RLock()

    def close(self) -> None:
        """Close the database; uses are written about once a day."""
        with self._lock, sqlite.translated_errors(self.path):
            try:
                if self.ledger.is_due():
                    with self.connection:
                        self.ledger.flush()
            finally:
                self.connection.close()

    # --- values by key ----------------------------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """A value that was put here."""
        with self._lock, sqlite.translated_errors(self.path):
            row = self.connection.execute("select value from items where key = ?", (key,)).fetchone()
            if row is None or not isinstance(row[0], bytes):
                self.ledger.count("misses")
                return None
            self.ledger.count("hits")
            self.ledger.note_use("item", key)
            return row[0]

    def put(self, key: str, value: bytes, size_bytes: int | None = None) -> None:
        """Keep a value."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("insert or replace into items values (?, ?)", (key, value))
            self.ledger.enter("item", [(key, len(value))])
            self.ledger.flush()

    def remove(self, key: str) -> None:
        """Forget a value; no transaction when it is not here."""
        with self._lock, sqlite.translated_errors(self.path):
            if self.connection.execute("select 1 from items where key = ?", (key,)).fetchone():
                with self.connection:
                    self.connection.execute("delete from items where key = ?", (key,))
                    self.ledger.drop("item", [key])

    def shrink(self, limit_bytes: int) -> None:
        """Evict values and facts that were used longest ago, in small transactions, and give their space back."""
        with self._lock, sqlite.translated_errors(self.path):
            leaving = self.ledger.oldest(self.ledger.totals()[1] - limit_bytes)
        for batch in in_batches(leaving):
            self.evict(batch)

    def statistics(self) -> Statistics:
        """What is here now, facts included, and what happened so far."""
        with self._lock, sqlite.translated_errors(self.path):
            return self.ledger.statistics()

    # --- files ------------------------------------------------------------------------------------------------------

    def rows(self) -> dict[str, FileRow]:
        """All known files by path, without their mentions.

        Raises:
            StoreError: DamagedStore also when a row does not hold what is written there.
        """
        with self._lock, sqlite.translated_errors(self.path):
            found = self.connection.execute(
                "select path, size_bytes, mtime_ns, inode, checked_ns, digest, language, '' from files"
            ).fetchall()
        if any(set(map(type, column)) != {kind} for column, kind in zip(zip(*found, strict=True), TYPES, strict=False)):
            raise sqlite.DamagedStore(f"cannot read {self.path}: a row of its files is damaged")
        return {path: FileRow(path, *rest) for path, *rest in ((os.fsdecode(row[0]), *row[1:]) for row in found)}

    def mentioning(self, names: Iterable[str]) -> set[str]:
        """Files with one of the names in a statement that may name other files."""
        # names of files may be bytes that are not text here, which SQLite takes for no string
        words = [f" {name.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')} " for name in names]
        found: set[str] = set()
        for start in range(0, len(words), NAMES_AT_ONCE):
            part = words[start : start + NAMES_AT_ONCE]
            test = " or ".join(["instr(mentions, ?)"] * len(part))
            query = f"select path from files where {test}"  # noqa: S608  (only placeholders are joined)
            with self._lock, sqlite.translated_errors(self.path):
                found.update(os.fsdecode(row[0]) for row in self.connection.execute(query, part))
        return found

    # --- facts ------------------------------------------------------------------------------------------------------

    def facts(self, key: str) -> FileFacts | None:
        """All facts under a key; None when there are none of this version with uses, or they are damaged."""
        with self._lock, sqlite.translated_errors(self.path):
            row = self.connection.execute(
                "select light, heavy from facts where key = ? and version = ? and heavy is not null",
                (key, self.version),
            ).fetchone()
            facts = decode(*row) if row else None
            self.ledger.count("misses" if facts is None else "hits")
            if facts is not None:
                self.ledger.note_use("facts", key)
        return facts

    def light_facts(self, keys: Sequence[str]) -> Iterator[tuple[str, FileFacts]]:
        """Facts without uses for many keys; keys without facts are left out."""
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            with self._lock, sqlite.translated_errors(self.path):
                rows = self.connection.execute(
                    f"select key, light from facts where version = ? and key in ({marks})",  # noqa: S608  (only names and placeholders of ours)
                    (self.version, *part),
                ).fetchall()
                self.ledger.count("hits", len(rows))
                self.ledger.count("misses", len(part) - len(rows))
                for key, _ in rows:
                    self.ledger.note_use("facts", key)
            for key, light in rows:
                facts = decode(light, None)
                if facts is not None:
                    yield key, facts

    def save(self, files: Sequence[FileRow], facts: Sequence[FactsRow], gone: Sequence[str] = ()) -> None:
        """Store rows in one transaction, replacing older ones; `gone` are paths to forget."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.executemany(
                "insert or replace into files values (?, ?, ?, ?, ?, ?, ?, ?)",
                [(os.fsencode(row.path), *row[1:]) for row in files],
            )
            self._insert(facts)
            self.connection.executemany("delete from files where path = ?", [(os.fsencode(path),) for path in gone])
            self.ledger.flush()

    # --- notes ------------------------------------------------------------------------------------------------------

    def recall(self, key: str) -> str | None:
        """A remembered text."""
        with self._lock, sqlite.translated_errors(self.path):
            row = self.connection.execute("select value, checksum from notes where key = ?", (_spell(key),)).fetchone()
        return row[0] if row and isinstance(row[0], str) and _sum(row[0]) == row[1] else None

    def remember(self, key: str, value: str, now_ns: int) -> None:
        """Keep a text under a key."""
        row = (_spell(key), value, now_ns, _sum(value))
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("insert or replace into notes values (?, ?, ?, ?)", row)

    # --- moving on --------------------------------------------------------------------------------------------------

    def is_due(self, known_files: int, bounds: Bounds) -> bool:
        """Whether a bound is passed or the last upkeep was more than a day ago. Cost: 0.3 µs for each value."""
        with self._lock, sqlite.translated_errors(self.path):
            _, size, facts = self.ledger.totals()
            over = facts > known_files + bounds.spare_facts or size > self.limit_bytes
            return over or time_ns() - self.ledger.stamped("tended") > DAY_NS

    def stamp_tended(self) -> None:
        """Remember that all upkeep was done now."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.ledger.stamp("tended")

    def drop_notes(self) -> None:
        """Drop the oldest notes when there are many."""
        query = "delete from notes where key in (select key from notes order by used_ns desc limit -1 offset ?)"
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute(query, (SPARE_NOTES,))

    def find_outdated(self) -> list[str]:
        """Keys of facts of other versions."""
        with self._lock, sqlite.translated_errors(self.path):
            rows = self.connection.execute("select key from facts where version != ?", (self.version,))
            return [key for (key,) in rows]

    def drop_outdated(self, keys: Sequence[str]) -> None:
        """Drop facts that are still of another version."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            for key in keys:
                query = "delete from facts where key = ? and version != ?"
                if self.connection.execute(query, (key, self.version)).rowcount:
                    self.ledger.drop("facts", [key])
                    self.ledger.count("evictions")
            self.ledger.flush()
        self.give_back()

    def find_idle(self, spare: int, unused_since_ns: int, limit_bytes: int) -> list[Kept]:
        """What should be elsewhere, longest unused first.

        Args:
            spare: How many facts may stay whose content no file has any more: the last used ones.
            unused_since_ns: What was last used before is idle.
            limit_bytes: What goes beyond is idle.
        """
        orphans = f"""
            select {COLUMNS} from kept
            where kind = 'facts' and key not in (select digest || ':' || language from files)
            order by used_ns desc limit -1 offset ?
        """  # noqa: S608  (names of ours)
        unused = f"select {COLUMNS} from kept where used_ns < ?"  # noqa: S608  (names of ours)
        with self._lock, sqlite.translated_errors(self.path):
            idle = {Kept(*row) for row in self.connection.execute(orphans, (spare,))}
            idle.update(Kept(*row) for row in self.connection.execute(unused, (unused_since_ns,)))
            over = self.ledger.totals()[1] - sum(kept.size_bytes for kept in idle) - limit_bytes
            idle.update(self.ledger.oldest(over, without=idle))
        return sorted(idle, key=lambda kept: (kept.used_ns, kept.key))

    def hand_down(self, kept: Sequence[Kept], take: Callable[[list[tuple[Kept, bytes]]], bool]) -> bool:
        """Give values to `take` and delete them here, all in one transaction, so that one process does it at a time.

        What was used, written or removed since `kept` was read stays as it is. Damaged values are deleted. When `take`
        says that it failed nothing is deleted, and the answer is False.
        """
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("begin immediate")
            idle = [one for one in kept if self.ledger.is_unchanged(one)]
            found = [(one, value) for one in idle if (value := self._packed(one)) is not None]
            if found and not take(found):
                return False
            self._delete(idle)
            self.ledger.count("demotions", len(found))
            self.ledger.count("evictions", len(idle) - len(found))
            self.ledger.flush()
        self.give_back()
        return True

    def evict(self, kept: Sequence[Kept]) -> None:
        """Delete values for good that were not used or written since `kept` was read."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("begin immediate")
            idle = [one for one in kept if self.ledger.is_unchanged(one)]
            self._delete(idle)
            self.ledger.count("evictions", len(idle))
            self.ledger.flush()
        self.give_back()

    def take_back(self, facts: Sequence[FactsRow], items: Sequence[tuple[str, bytes]]) -> None:
        """Keep values that come from a slower tier; what is here already is as new or newer and stays."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            for row in facts:
                known = self.connection.execute(
                    "select 1 from facts where key = ? and version = ? and (heavy is not null or ?)",
                    (row.key, self.version, row.heavy is None),
                ).fetchone()
                if not known:
                    self._insert([row])
            for key, value in items:
                if self.connection.execute("insert or ignore into items values (?, ?)", (key, value)).rowcount:
                    self.ledger.enter("item", [(key, len(value))])
            self.ledger.flush()

    def give_back(self) -> None:
        """Return some free pages to the file system, where the file was made for it."""
        with self._lock, sqlite.translated_errors(self.path):
            self.connection.executescript("PRAGMA incremental_vacuum(500)")  # `execute` would stop after one page

    def _insert(self, facts: Sequence[FactsRow]) -> None:
        self.connection.executemany(
            "insert or replace into facts values (?, ?, ?, ?)",
            [(row.key, self.version, row.light, row.heavy) for row in facts],
        )
        self.ledger.enter("facts", [(row.key, len(row.light) + len(row.heavy or b"")) for row in facts])

    def _packed(self, one: Kept) -> bytes | None:
        """A value as it goes to a slower tier."""
        if one.kind == "facts":
            query = "select light, heavy from facts where key = ? and version = ?"
            row = self.connection.execute(query, (one.key, self.version)).fetchone()
            return pack_facts(*row) if row else None
        row = self.connection.execute("select value from items where key = ?", (one.key,)).fetchone()
        return row[0] if row and isinstance(row[0], bytes) else None

    def _delete(self, kept: Sequence[Kept]) -> None:
        for one in kept:
            table = "facts" if one.kind == "facts" else "items"
            self.connection.execute(f"delete from {table} where key = ?", (one.key,))  # noqa: S608  (names of ours)
            self.ledger.drop(one.kind, [one.key])


def pack_facts(light: str, heavy: bytes | None) -> bytes | None:
    """Both parts of stored facts as lines of JSON, which compress better together; None when they are damaged."""
    try:
        return light.encode("ascii") + (b"\n" + zlib.decompress(heavy) if heavy is not None else b"")
    except (zlib.error, TypeError, AttributeError, ValueError):
        return None


def unpack_facts(key: str, packed: bytes) -> FactsRow | None:
    """The reverse of `pack_facts`."""
    light, found, heavy = packed.partition(b"\n")
    try:
        return FactsRow(key, light.decode("ascii"), zlib.compress(heavy, 1) if found else None)
    except ValueError:
        return None


def _spell(key: str) -> str:
    """A key that may hold a file name that is not text, as a string that SQLite takes."""
    return key if key.isascii() else key.encode("utf-8", "backslashreplace").decode()


def decode(light: str, heavy: bytes | None) -> FileFacts | None:
    """Facts from their stored form, None when it is damaged."""
    try:
        return from_rows(light, heavy)
    except (ValueError, TypeError, zlib.error):
        return None


def _sum(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


TIER = Kind(Warm, "code.db")
