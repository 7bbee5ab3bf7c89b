"""The index on disk: segments in one SQLite file per workspace.

A segment is written once, in one transaction, and read until it is dropped, so a reader sees all of it or nothing, and
a process that is killed leaves no half of one. Everything in the file can be computed again: a damaged or newer one is
set aside and begun anew.
"""

import os
import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from aiex import sqlite
from aiex.context.search.segment import File, Segment

if TYPE_CHECKING:
    import sqlite3

MIGRATIONS = (
    """
    create table segments (
        id integer primary key, version text not null, files blob not null, imports blob not null,
        owners blob not null, starts blob not null, ends blob not null, lengths blob not null, names blob not null,
        kinds blob not null
    );
    create table blocks (
        segment integer not null, first text not null, terms text not null, sizes blob not null,
        documents blob not null, counts blob not null, primary key (segment, first)
    ) without rowid;
    create table seen (
        path blob primary key, size_bytes integer not null, mtime_ns integer not null, inode integer not null,
        checked_ns integer not null, digest text not null
    ) without rowid;
    create table notes (key text primary key, value blob not null) without rowid;
    """,
)
TERMS_PER_BLOCK = 32
"""Postings are kept in runs of neighbouring terms: a row for each term takes ten times as long to write."""


class Head(NamedTuple):
    """A segment without its postings."""

    id: int
    files: tuple[tuple[str, str], ...]
    """Path and digest."""
    owners: "array[int]"
    starts: "array[int]"
    ends: "array[int]"
    lengths: "array[int]"
    packed_imports: bytes
    packed_names: bytes
    packed_kinds: bytes

    @property
    def imports(self) -> list[str]:
        """The imports of each file, for `read_imports`."""
        return _unpack(self.packed_imports, "\0")

    @property
    def names(self) -> list[str]:
        """Qualified name of each document."""
        return _unpack(self.packed_names) if self.owners else []

    @property
    def kinds(self) -> list[str]:
        """Kind of the definition each document is about."""
        return _unpack(self.packed_kinds) if self.owners else []


class Seen(NamedTuple):
    """What was seen of a file when it was last read."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int
    checked_ns: int
    """When it was read, by the clock that also gives file times."""
    digest: str


class SegmentStore:
    """One file of segments; every method raises StoreError when the database fails."""

    def __init__(self, path: str, version: str) -> None:
        self.path = path
        self.version = version
        self.connection: sqlite3.Connection = sqlite.connect(path, migrations=MIGRATIONS, any_thread=True)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def ids(self) -> list[tuple[int, str]]:
        """Number and version of each segment, oldest first."""
        with sqlite.translated_errors(self.path):
            return self.connection.execute("select id, version from segments order by id").fetchall()

    def heads(self) -> list[Head]:
        """All segments of this version, oldest first.

        Raises:
            DamagedStore: if a row is not as it was written.
        """
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute(
                "select id, files, owners, starts, ends, lengths, imports, names, kinds from segments where version = ?"
                " order by id",
                (self.version,),
            ).fetchall()
        try:
            return [_to_head(*row) for row in rows]
        except (ValueError, zlib.error, IndexError) as error:
            raise sqlite.DamagedStore(f"cannot read {self.path}: {error}") from error

    def add(self, segment: Segment, replaced: Collection[int] = (), files: Sequence[Seen] = ()) -> int:
        """Write a segment and what was seen of its files, and drop those it replaces, in one transaction.

        Gives the number of the segment.
        """
        names = "\0".join(f"{file.path}\0{file.digest}" for file in segment.files)
        with sqlite.translated_errors(self.path), self.connection:
            cursor = self.connection.execute(
                "insert into segments(version, files, imports, owners, starts, ends, lengths, names, kinds)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self.version,
                    os.fsencode(names),
                    _pack([file.imports for file in segment.files], "\0"),
                    segment.owners,
                    segment.starts,
                    segment.ends,
                    segment.lengths,
                    _pack(segment.names),
                    _pack(segment.kinds),
                ),
            )
            number = cursor.lastrowid or 0
            self.connection.executemany(
                "insert into blocks values (?, ?, ?, ?, ?, ?)", ((number, *block) for block in _to_blocks(segment))
            )
            self._drop(replaced)
            self._see(files, ())
        return number

    def drop(self, numbers: Collection[int]) -> None:
        """Forget segments."""
        with sqlite.translated_errors(self.path), self.connection:
            self._drop(numbers)

    def _drop(self, numbers: Collection[int]) -> None:
        for table, key in (("segments", "id"), ("blocks", "segment")):
            self.connection.executemany(f"delete from {table} where {key} = ?", [(number,) for number in numbers])  # noqa: S608  (only names of ours)

    def seen(self) -> dict[str, Seen]:
        """What was seen of each file when it was last read, by path."""
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute("select path, size_bytes, mtime_ns, inode, checked_ns, digest from seen")
            return {path: Seen(path, *rest) for path, *rest in ((os.fsdecode(row[0]), *row[1:]) for row in rows)}

    def see(self, files: Sequence[Seen], gone: Sequence[str] = ()) -> None:
        """Remember what was seen of files, and forget those that are gone."""
        with sqlite.translated_errors(self.path), self.connection:
            self._see(files, gone)

    def _see(self, files: Sequence[Seen], gone: Sequence[str]) -> None:
        self.connection.executemany(
            "insert or replace into seen values (?, ?, ?, ?, ?, ?)",
            [(os.fsencode(row.path), *row[1:]) for row in files],
        )
        self.connection.executemany("delete from seen where path = ?", [(os.fsencode(path),) for path in gone])

    def recall(self, key: str) -> bytes | None:
        """What `remember` kept under a key."""
        with sqlite.translated_errors(self.path):
            row = self.connection.execute("select value from notes where key = ?", (key,)).fetchone()
        return bytes(row[0]) if row else None

    def remember(self, key: str, value: bytes) -> None:
        """Keep something that can be computed again."""
        with sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("insert or replace into notes values (?, ?)", (key, value))

    def clear(self) -> None:
        """Forget everything, and give the space back."""
        with sqlite.translated_errors(self.path):
            with self.connection:
                for table in ("segments", "blocks", "seen", "notes"):
                    self.connection.execute(f"delete from {table}")  # noqa: S608  (only names of ours)
            self.connection.execute("vacuum")

    def find(self, segment: int, terms: Iterable[str]) -> dict[str, tuple[bytes, bytes]]:
        """Documents and counts of those terms that a segment has, as `Segment.postings` gives them."""
        found: dict[str, tuple[bytes, bytes]] = {}
        query = (
            "select terms, sizes, documents, counts from blocks where segment = ? and first <= ?"
            " order by first desc limit 1"
        )
        with sqlite.translated_errors(self.path):
            for term in terms:
                row = self.connection.execute(query, (segment, term)).fetchone()
                known = row[0].split("\n") if row else ()
                if term in known:
                    place = known.index(term)
                    sizes = array("I", row[1])
                    start = sum(sizes[:place])
                    end = start + sizes[place]
                    found[term] = row[2][2 * start : 2 * end], row[3][start:end]
        return found

    def read(self, head: Head) -> Segment:
        """The whole segment.

        Raises:
            DamagedStore: if its postings are gone.
        """
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute(
                "select terms, sizes, documents, counts from blocks where segment = ? order by first", (head.id,)
            ).fetchall()
        sizes, documents, counts = (b"".join([row[column] for row in rows]) for column in (1, 2, 3))
        return Segment(
            tuple(File(*file, said) for file, said in zip(head.files, head.imports, strict=True)),
            head.owners.tobytes(),
            head.starts.tobytes(),
            head.ends.tobytes(),
            head.lengths.tobytes(),
            tuple(head.names),
            tuple(head.kinds),
            tuple(term for terms, _, _, _ in rows for term in terms.split("\n")),
            sizes,
            documents,
            counts,
        )

    def size_bytes(self) -> int:
        """What the file holds."""
        with sqlite.translated_errors(self.path):
            pages, page = (
                self.connection.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "page_size")
            )
        return int(pages) * int(page)

    def snapshot(self) -> "_Snapshot":
        """Inside, every reading sees the same state, whatever other processes write."""
        return _Snapshot(self)


class _Snapshot:
    def __init__(self, store: SegmentStore) -> None:
        self.store = store

    def __enter__(self) -> None:
        with sqlite.translated_errors(self.store.path):
            self.store.connection.execute("begin deferred")

    def __exit__(self, *_: object) -> None:
        self.store.connection.rollback()


def _to_head(
    number: int, files: bytes, owners: bytes, starts: bytes, ends: bytes, lengths: bytes, *packed: bytes
) -> Head:
    words = os.fsdecode(files).split("\0") if files else []
    pairs = tuple(zip(words[::2], words[1::2], strict=True))
    head = Head(number, pairs, array("H", owners), array("I", starts), array("I", ends), array("H", lengths), *packed)
    if not len(head.owners) == len(head.starts) == len(head.ends) == len(head.lengths):
        raise ValueError("the columns of a segment differ in length")
    if head.owners and max(head.owners) >= len(pairs):
        raise ValueError("a segment names a file it does not have")
    return head


def _pack(words: Sequence[str], mark: str = "\n") -> bytes:
    return zlib.compress(mark.join(words).encode("utf-8", "surrogateescape"), 1)


def _unpack(packed: bytes, mark: str = "\n") -> list[str]:
    return zlib.decompress(packed).decode("utf-8", "surrogateescape").split(mark)


def _to_blocks(segment: Segment) -> Iterator[tuple[str, str, bytes, bytes, bytes]]:
    """Runs of terms: the first, all, how many documents each has, the documents, the counts."""
    ends = list(accumulate(array("I", segment.sizes), initial=0))
    for place in range(0, len(segment.terms), TERMS_PER_BLOCK):
        terms = segment.terms[place : place + TERMS_PER_BLOCK]
        start, end = ends[place], ends[place + len(terms)]
        yield (
            terms[0],
            "\n".join(terms),
            segment.sizes[4 * place : 4 * (place + len(terms))],
            segment.documents[2 * start : 2 * end],
            segment.counts[start:end],
        )
