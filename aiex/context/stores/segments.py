"""The index on disk: segments in one SQLite file per workspace.

A segment is written once, in one transaction, and read until it is dropped, so a reader sees all of it or nothing, and
a process that is killed leaves no half of one. Everything in the file can be computed again: a damaged or newer one is
set aside and begun anew.
"""

import os
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from aiex import sqlite
from aiex.context.search.segment import File, Segment

if TYPE_CHECKING:
    import sqlite3

MIGRATIONS = (
    """
    create table segments (
        id integer primary key autoincrement, version text not null, checksum integer not null, files blob not null,
        owners blob not null, starts blob not null, ends blob not null, lengths blob not null, imports blob not null,
        names blob not null, kinds blob not null
    );
    create table blocks (
        segment integer not null, first blob not null, checksum integer not null, terms blob not null,
        sizes blob not null, documents blob not null, counts blob not null, primary key (segment, first)
    ) without rowid;
    create table seen (
        path blob primary key, size_bytes integer not null, mtime_ns integer not null, inode integer not null,
        checked_ns integer not null, digest text not null
    ) without rowid;
    create table notes (key text primary key, value blob not null) without rowid;
    """,
    """
    drop table segments; drop table blocks; delete from seen;
    create table segments (
        id integer primary key autoincrement, version text not null, checksum integer not null, files blob not null,
        owners blob not null, starts blob not null, ends blob not null, lengths blob not null, imports blob not null,
        names blob not null, name_ends blob not null, kinds blob not null, kind_names blob not null,
        first_terms blob not null
    );
    create table blocks (
        id integer primary key, checksum integer not null, terms blob not null, sizes blob not null,
        documents blob not null, counts blob not null
    );
    """,
)
_COLUMNS = "files, owners, starts, ends, lengths, imports, names, name_ends, kinds, kind_names, first_terms"
Found = dict[int, dict[str, tuple[bytes, bytes]]]
"""For each segment the documents and counts of terms."""
TERMS_PER_BLOCK = 32
"""Postings are kept in runs of neighbouring terms: a row for each term takes ten times as long to write."""
_BETWEEN_TERMS = b"\xff"
"""A byte that no UTF-8 has."""
_MOST_BLOCKS = 1 << 20
"""Of a segment; the number of a block is that of its segment times this, and its place."""
_OF_SEGMENT = "id between ? and ?"
_BLOCKS_AT_ONCE = 500
"""Found by one statement."""


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
    names: "Names"
    """Qualified name of each document."""
    kinds: "Kinds"
    """Kind of the definition each document is about."""
    first_terms: Sequence[bytes]
    """First term of each block of postings."""

    @property
    def imports(self) -> list[str]:
        """The imports of each file, for `read_imports`."""
        return _decode(zlib.decompress(self.packed_imports)).split("\0") if self.files else []


class Names:
    """Texts of which each is made when it is asked for: most names of a segment never are."""

    def __init__(self, whole: bytes, ends: bytes) -> None:
        self._whole = whole
        self._ends = array("I", ends)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        start = self._ends[number - 1] if number else 0
        return _decode(self._whole[start : self._ends[number]])

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


class Kinds:
    """The same for texts of which there are few: a byte for each tells which it is."""

    def __init__(self, codes: bytes, known: bytes) -> None:
        self._codes = codes
        self._known = _decode(known).split("\n")

    def __len__(self) -> int:
        return len(self._codes)

    def __getitem__(self, number: int) -> str:
        return self._known[self._codes[number]]

    def __iter__(self) -> Iterator[str]:
        return map(self._known.__getitem__, self._codes)


class Seen(NamedTuple):
    """What was seen of a file when it was last read."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int
    checked_ns: int
    """When it was read, by the clock that also gives file times."""
    digest: str


_make_seen = tuple.__new__
"""Without the function that gives names to arguments: there are as many rows as files."""


class SegmentStore:
    """One file of segments; every method raises StoreError when the database fails."""

    def __init__(self, path: str, version: str) -> None:
        self.path = path
        self.version = version
        self.connection: sqlite3.Connection = sqlite.connect(path, migrations=MIGRATIONS, any_thread=True)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def heads(self) -> list[Head]:
        """All segments of this version, oldest first.

        Raises:
            DamagedStore: if a row is not as it was written.
        """
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute(
                f"select id, checksum, {_COLUMNS} from segments where version = ? order by id",  # noqa: S608  (ours)
                (self.version,),
            ).fetchall()
        return [_to_head(number, *self._checked(*columns)) for number, *columns in rows]

    def _checked(self, checksum: int, *columns: bytes) -> tuple[bytes, ...]:
        """The columns, as they were written."""
        try:
            if checksum == _sum_up(columns):
                return columns
        except TypeError:  # damage made something else of one
            pass
        raise sqlite.DamagedStore(f"cannot read {self.path}: a segment is not as it was written")

    def add(self, segment: Segment, replaced: Collection[int] = (), files: Sequence[Seen] = ()) -> int:
        """Write a segment and what was seen of its files, and drop those it replaces, in one transaction.

        Gives the number of the segment; 0 when nothing was written because another process has dropped one of those
        that were to be replaced.
        """
        names = "\0".join(f"{file.path}\0{file.digest}" for file in segment.files)
        columns = (
            os.fsencode(names),
            segment.owners,
            segment.starts,
            segment.ends,
            segment.lengths,
            _pack([file.imports for file in segment.files]),
            *_pack_names(segment.names),
            *_pack_kinds(segment.kinds),
            _join_terms(segment.terms[::TERMS_PER_BLOCK]),
        )
        with sqlite.translated_errors(self.path), self.connection:
            if self._drop(replaced) < len(replaced):
                self.connection.rollback()
                return 0
            cursor = self.connection.execute(
                f"insert into segments(version, checksum, {_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  (ours)
                (self.version, _sum_up(columns), *columns),
            )
            number = cursor.lastrowid or 0
            self.connection.executemany(
                "insert into blocks values (?, ?, ?, ?, ?, ?)",
                ((_block_id(number, place), _sum_up(block), *block) for place, block in enumerate(_to_blocks(segment))),
            )
            self._see(files, ())
        return number

    def drop_others(self) -> None:
        """Forget segments of other versions."""
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute("select id from segments where version <> ?", (self.version,)).fetchall()
            if rows:
                with self.connection:
                    self._drop([number for (number,) in rows])

    def _drop(self, numbers: Collection[int]) -> int:
        """How many there were."""
        found = 0
        for number in numbers:
            found += self.connection.execute("delete from segments where id = ?", (number,)).rowcount
            self.connection.execute(f"delete from blocks where {_OF_SEGMENT}", _range_of(number))  # noqa: S608  (ours)
        return found

    def seen(self) -> dict[str, Seen]:
        """What was seen of each file when it was last read, by path."""
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute(
                "select path, size_bytes, mtime_ns, inode, checked_ns, digest from seen"
                " where typeof(path) = 'blob' and typeof(checked_ns) = 'integer'"  # all are, in a file that is whole
            )
            named = ((packed.decode("utf-8", "surrogateescape"), *rest) for packed, *rest in rows)
            return {row[0]: _make_seen(Seen, row) for row in named}

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
        return row[0] if row and isinstance(row[0], bytes) else None

    def remember(self, key: str, value: bytes) -> None:
        """Keep something that can be computed again."""
        with sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("insert or replace into notes values (?, ?)", (key, value))

    def clear(self) -> None:
        """Forget everything, and give the space back unless another process is at work."""
        with sqlite.translated_errors(self.path), self.connection:
            for table in ("segments", "blocks", "seen", "notes"):
                self.connection.execute(f"delete from {table}")  # noqa: S608  (only names of ours)
        with suppress(sqlite.LockedStore, sqlite.FullStore), sqlite.translated_errors(self.path):
            self.connection.execute("vacuum")

    def find(self, heads: Sequence[Head], terms: Collection[str]) -> Found:
        """Documents and counts of those terms that segments have, as `Segment.postings` gives them.

        Raises:
            DamagedStore: if postings are not as they were written.

        Cost: about 10 µs for each term and segment.
        """
        wanted: dict[int, list[bytes]] = {}
        for term in map(_encode, terms):
            for head in heads:
                place = bisect_right(head.first_terms, term) - 1
                if place >= 0:
                    wanted.setdefault(_block_id(head.id, place), []).append(term)
        found: Found = {head.id: {} for head in heads}
        numbers = sorted(wanted)
        with sqlite.translated_errors(self.path):
            for start in range(0, len(numbers), _BLOCKS_AT_ONCE):
                some = numbers[start : start + _BLOCKS_AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"select id, checksum, terms, sizes, documents, counts from blocks where id in ({marks})"  # noqa: S608  (only marks)
                for number, *row in self.connection.execute(query, some):
                    found[number // _MOST_BLOCKS].update(_search(self._checked(*row), wanted[number]))
        return found

    def read(self, head: Head) -> Segment | None:
        """The whole segment; None when another process has dropped it.

        Raises:
            DamagedStore: if its postings are not as they were written.
        """
        with sqlite.translated_errors(self.path):
            rows = self.connection.execute(
                f"select checksum, terms, sizes, documents, counts from blocks where {_OF_SEGMENT} order by id",  # noqa: S608  (ours)
                _range_of(head.id),
            ).fetchall()
            if not self.connection.execute("select 1 from segments where id = ?", (head.id,)).fetchone():
                return None  # some of its postings may have been gone already
        blocks = [self._checked(*row) for row in rows]
        sizes, documents, counts = (b"".join([block[column] for block in blocks]) for column in (1, 2, 3))
        return Segment(
            tuple(File(*file, said) for file, said in zip(head.files, head.imports, strict=True)),
            head.owners.tobytes(),
            head.starts.tobytes(),
            head.ends.tobytes(),
            head.lengths.tobytes(),
            tuple(head.names),
            tuple(head.kinds),
            tuple(_decode(term) for words, *_ in blocks for term in words.split(_BETWEEN_TERMS)),
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

    def data_version(self) -> int:
        """Another number after another connection has changed the store."""
        with sqlite.translated_errors(self.path):
            return int(self.connection.execute("pragma data_version").fetchone()[0])

    def begin(self) -> None:
        """From here to `end` every reading sees the same state, whatever other processes write."""
        with sqlite.translated_errors(self.path):
            self.connection.execute("begin deferred")

    def end(self) -> None:
        """See what others wrote again."""
        import sqlite3

        with suppress(sqlite3.Error):  # it was closed in the meantime because it is damaged
            self.connection.rollback()

    def copy(self) -> "SegmentStore":
        """The same in memory; empty when it cannot be read."""
        import sqlite3

        copied = SegmentStore(":memory:", self.version)
        try:
            self.connection.backup(copied.connection)
        except sqlite3.Error:
            copied.close()
            return SegmentStore(":memory:", self.version)
        return copied


def _to_head(number: int, *columns: bytes) -> Head:
    files, owners, starts, ends, lengths, imports, names, name_ends, kinds, kind_names, first_terms = columns
    words = os.fsdecode(files).split("\0") if files else []
    return Head(
        number,
        tuple(zip(words[::2], words[1::2], strict=True)),
        array("H", owners),
        array("I", starts),
        array("I", ends),
        array("H", lengths),
        imports,
        Names(names, name_ends),
        Kinds(kinds, kind_names),
        first_terms.split(_BETWEEN_TERMS) if owners else (),
    )


def _block_id(segment: int, place: int) -> int:
    return segment * _MOST_BLOCKS + place


def _range_of(segment: int) -> tuple[int, int]:
    return _block_id(segment, 0), _block_id(segment, _MOST_BLOCKS - 1)


def _search(block: Sequence[bytes], wanted: Iterable[bytes]) -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    """Documents and counts of those terms that a block has."""
    words, sizes, documents, counts = block
    framed = _BETWEEN_TERMS + words + _BETWEEN_TERMS
    for term in wanted:
        at = framed.find(_BETWEEN_TERMS + term + _BETWEEN_TERMS)
        if at >= 0:
            place = framed.count(_BETWEEN_TERMS, 0, at)
            lengths = array("I", sizes[: 4 * place + 4])
            end = sum(lengths)
            start = end - lengths[-1]
            yield _decode(term), (documents[2 * start : 2 * end], counts[start:end])


def _sum_up(columns: Iterable[bytes]) -> int:
    """Damage of a page inside shows in the checksum alone: SQLite keeps none."""
    return zlib.crc32(b"".join(columns))


def _pack(words: Sequence[str]) -> bytes:
    """Texts without NUL."""
    return zlib.compress(_encode("\0".join(words)), 1)


def _pack_names(names: Sequence[str]) -> tuple[bytes, bytes]:
    packed = _encode("".join(names))
    encoded = names if len(packed) == sum(map(len, names)) else map(_encode, names)  # plain letters take a byte each
    return packed, array("I", accumulate(map(len, encoded))).tobytes()


def _pack_kinds(kinds: Sequence[str]) -> tuple[bytes, bytes]:
    known = sorted(set(kinds))
    codes = {kind: code for code, kind in enumerate(known)}
    return bytes(map(codes.__getitem__, kinds)), _encode("\n".join(known))


def _join_terms(terms: Sequence[str]) -> bytes:
    packed = _encode("\0".join(terms))  # all at once, unless one of them has a NUL
    if packed.count(0) == len(terms) - 1:
        return packed.replace(b"\0", _BETWEEN_TERMS)
    return _BETWEEN_TERMS.join(map(_encode, terms))


def _encode(text: str) -> bytes:
    """UTF-8 in the order of the characters; what came from no UTF-8 is kept."""
    return text.encode("utf-8", "surrogatepass")


def _decode(packed: bytes) -> str:
    return packed.decode("utf-8", "surrogatepass")


def _to_blocks(segment: Segment) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Runs of terms: how many documents each has, the documents, the counts."""
    ends = list(accumulate(array("I", segment.sizes), initial=0))
    for place in range(0, len(segment.terms), TERMS_PER_BLOCK):
        terms = segment.terms[place : place + TERMS_PER_BLOCK]
        start, end = ends[place], ends[place + len(terms)]
        yield (
            _join_terms(terms),
            segment.sizes[4 * place : 4 * (place + len(terms))],
            segment.documents[2 * start : 2 * end],
            segment.counts[start:end],
        )
