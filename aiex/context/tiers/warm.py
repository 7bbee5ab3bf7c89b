"""The warm tier: what was parsed before, in one SQLite file per workspace.

Facts are keyed by content, so a file that moved or came back is not parsed twice. A damaged or newer store is set aside
and begun anew: everything in it can be computed again.
"""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiex import sqlite
from aiex.context.facts import FileFacts, from_rows
from aiex.errors import StoreError

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
)
SPARE_FACTS = 2_000
"""Facts of contents that no file has any more are dropped once there are this many."""
SPARE_NOTES = 400
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
    """One store; every method raises StoreError when the database fails."""

    def __init__(self, path: str, version: str) -> None:
        self.path = path
        self.version = version
        self.connection: sqlite3.Connection = sqlite.connect(path, migrations=MIGRATIONS, any_thread=True)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def rows(self) -> dict[str, FileRow]:
        """All known files by path, without their mentions."""
        with sqlite.translated_errors(self.path):
            found = self.connection.execute(
                "select path, size_bytes, mtime_ns, inode, checked_ns, digest, language, '' from files"
            )
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
            with sqlite.translated_errors(self.path):
                found.update(os.fsdecode(row[0]) for row in self.connection.execute(query, part))
        return found

    def facts(self, key: str) -> FileFacts | None:
        """All facts under a key; None when there are none of this version with uses, or they are damaged."""
        with sqlite.translated_errors(self.path):
            row = self.connection.execute(
                "select light, heavy from facts where key = ? and version = ? and heavy is not null",
                (key, self.version),
            ).fetchone()
        return _decode(*row) if row else None

    def light_facts(self, keys: Sequence[str]) -> Iterator[tuple[str, FileFacts]]:
        """Facts without uses for many keys; keys without facts are left out."""
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            with sqlite.translated_errors(self.path):
                rows = self.connection.execute(
                    f"select key, light from facts where version = ? and key in ({marks})",  # noqa: S608  (only names and placeholders of ours)
                    (self.version, *part),
                ).fetchall()
            for key, light in rows:
                facts = _decode(light, None)
                if facts is not None:
                    yield key, facts

    def save(self, files: Sequence[FileRow], facts: Sequence[FactsRow], gone: Sequence[str] = ()) -> None:
        """Store rows in one transaction, replacing older ones; `gone` are paths to forget."""
        with sqlite.translated_errors(self.path), self.connection:
            self.connection.executemany(
                "insert or replace into files values (?, ?, ?, ?, ?, ?, ?, ?)",
                [(os.fsencode(row.path), *row[1:]) for row in files],
            )
            self.connection.executemany(
                "insert or replace into facts values (?, ?, ?, ?)",
                [(row.key, self.version, row.light, row.heavy) for row in facts],
            )
            self.connection.executemany("delete from files where path = ?", [(os.fsencode(path),) for path in gone])

    def tidy(self) -> None:
        """Drop facts and notes that nothing uses any more, when there are many."""
        with sqlite.translated_errors(self.path), self.connection:
            files, facts = (
                self.connection.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608  (only names and placeholders of ours)
                for table in ("files", "facts")
            )
            if facts > files + SPARE_FACTS:
                self.connection.execute(
                    "delete from facts where version != ? or key not in (select digest || ':' || language from files)",
                    (self.version,),
                )
            self.connection.execute(
                "delete from notes where key in (select key from notes order by used_ns desc limit -1 offset ?)",
                (SPARE_NOTES,),
            )

    def recall(self, key: str) -> str | None:
        """A remembered text."""
        with sqlite.translated_errors(self.path):
            row = self.connection.execute("select value from notes where key = ?", (_spell(key),)).fetchone()
        return str(row[0]) if row else None

    def remember(self, key: str, value: str, now_ns: int) -> None:
        """Keep a text under a key."""
        with sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("insert or replace into notes values (?, ?, ?)", (_spell(key), value, now_ns))


def open_warm(path: str, version: str) -> tuple[Warm, str]:
    """The store at a path, and what had to be said about opening it (empty when all was well).

    A damaged or newer store is set aside. Where none can be written the store lives in memory.
    """
    try:
        return Warm(path, version), ""
    except (sqlite.DamagedStore, sqlite.NewerStore) as error:
        return begin_anew(path, version, error)
    except StoreError as error:
        return Warm(":memory:", version), f"{error.message}; going on without a cache"


def begin_anew(path: str, version: str, error: StoreError) -> tuple[Warm, str]:
    """An empty store in place of one that failed with this error, which is set aside; and what to say about it."""
    try:
        aside = sqlite.set_aside(path)
        return Warm(path, version), f"{error.message}; set aside as {aside} and begun anew"
    except StoreError as again:
        return Warm(":memory:", version), f"{again.message}; going on without a cache"


def _spell(key: str) -> str:
    """A key that may hold a file name that is not text, as a string that SQLite takes."""
    return key if key.isascii() else key.encode("utf-8", "backslashreplace").decode()


def _decode(light: str, heavy: bytes | None) -> FileFacts | None:
    try:
        return from_rows(light, heavy)
    except (ValueError, TypeError, zlib.error):
        return None
