"""The list of checkpoints, their tags, and notes such as what the work tree looked like when one was taken."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from aiex import sqlite
from aiex.digest import fingerprint
from aiex.errors import UsageError
from aiex.patterns import late
from aiex.record import record
from aiex.sqlite import DamagedStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.sessions.checkpoints.stores.database import Database

ID_DIGITS: Final = 12
_COLUMNS = "number, id, created_ms, reason, session, tree, files, bytes, tag, seal"
_TAG = late(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_OTHER_NAME = late(r"[0-9]{1,11}|[0-9a-f]{12}")
"""What could be a number or an id."""
_SHOWN = 5


@record
class Checkpoint:
    """A work tree at one moment."""

    id: str
    """12 hex digits."""
    number: int
    """Counts in its workspace from 1; never used again. 0 before it is kept."""
    created_ms: int
    """UTC, milliseconds since 1970."""
    reason: str
    session: str
    """Empty when a person took it."""
    tree: str
    """Id of the tree of the root."""
    files: int
    bytes: int
    """Of all files, as they lie in the work tree."""
    tag: str = ""


class Catalogue:
    """Checkpoints of one workspace; every method raises StoreError when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._path = database.path

    def new_id(self) -> str:
        """An id that no checkpoint has."""
        while True:
            id = os.urandom(ID_DIGITS // 2).hex()
            if not self._select("id = ?", id):
                return id

    def add(self, checkpoint: Checkpoint) -> Checkpoint:
        """Keep a checkpoint with the next number; its contents are put in the same transaction (`Objects.writing`)."""
        with self._database.writing(), sqlite.translated_errors(self._path):
            row = self._database.connection.execute(
                "insert into checkpoints (id, created_ms, reason, session, tree, files, bytes, tag, seal)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, x'')",
                (checkpoint.id, checkpoint.created_ms, _storable(checkpoint.reason), checkpoint.session,
                 bytes.fromhex(checkpoint.tree), checkpoint.files, checkpoint.bytes, checkpoint.tag),
            )  # fmt: skip
            return self._seal(int(row.lastrowid or 0))

    def _seal(self, number: int) -> Checkpoint:
        """Store the checksum of a row as it is now."""
        found = self._database.connection.execute(f"select {_COLUMNS} from checkpoints where number = ?", (number,))  # noqa: S608
        checkpoint = _to_checkpoint(found.fetchone())
        self._database.connection.execute(
            "update checkpoints set seal = ? where number = ?", (_checksum(checkpoint), number)
        )
        return checkpoint

    def list(self) -> Sequence[Checkpoint]:
        """All checkpoints, the first one first; not those whose entries were changed on disk (`faults`)."""
        return [known for known, seal in self._select("1 = 1") if _checksum(known) == seal]

    def last(self) -> Checkpoint | None:
        """The newest one that is whole."""
        found = self._select("number = (select max(number) from checkpoints)")
        if found and _checksum(found[0][0]) == found[0][1]:
            return found[0][0]
        return next(reversed(self.list()), None)

    def find(self, wanted: str) -> Checkpoint:
        """The checkpoint with this tag, number, id, or beginning of an id (4 digits and more).

        Raises:
            UsageError: if there is none, naming the nearest, or several.
        """
        if _TAG.fullmatch(wanted) and (found := self._select("tag = ? or id = ?", wanted, wanted)):
            return _check(*found[0])
        number = wanted.removeprefix("#")
        if re.fullmatch("[0-9]{1,11}", number) and (found := self._select("number = ?", int(number))):
            return _check(*found[0])
        prefix = wanted.lower()
        if not re.fullmatch(r"[0-9a-f]{4,12}", prefix):
            raise self._unknown(wanted)
        matching = self._select("id >= ? and id < ?", prefix, prefix + "g")
        if len(matching) > 1:
            ids = ", ".join(checkpoint.id for checkpoint, _ in matching[:_SHOWN])
            raise UsageError(f"{wanted} begins the ids of {len(matching)} checkpoints", hint=f"say more of one: {ids}")
        if not matching:
            raise self._unknown(wanted)
        return _check(*matching[0])

    def _unknown(self, wanted: str) -> UsageError:
        known = [checkpoint for checkpoint, _ in self._select("1 = 1")]
        names = [checkpoint.id for checkpoint in known] + [checkpoint.tag for checkpoint in known if checkpoint.tag]
        near = get_close_matches(wanted, names, _SHOWN, 0.5) or [checkpoint.id for checkpoint in known[-1:]]
        hint = f"the nearest: {', '.join(near)}" if near else "none was taken in this workspace yet"
        return UsageError(f"no checkpoint is called {ascii(wanted)[1:-1]}", hint=hint)

    def tag(self, number: int, tag: str) -> Checkpoint:
        """Give a checkpoint a name, which keeps it from being cleaned up; an empty one takes the name away.

        Raises:
            UsageError: if the name is not one, or another checkpoint has it.
        """
        if tag and not is_tag(tag):
            raise UsageError(
                f"{ascii(tag)[1:-1]} cannot be a tag",
                hint="use up to 64 letters, digits, and . _ / - between them; no number and no id",
            )
        with self._database.writing(), sqlite.translated_errors(self._path):
            taken = self._select("tag = ? and tag != '' and number != ?", tag, number)
            if taken:
                raise UsageError(f"checkpoint {taken[0][0].id} is tagged {tag}", hint="take that tag away first")
            row = self._database.connection.execute("update checkpoints set tag = ? where number = ?", (tag, number))
            if not row.rowcount:
                raise self._unknown(str(number))
            return self._seal(number)

    def remove(self, numbers: Iterable[int]) -> None:
        """Take checkpoints out of the list; what only they held goes with the next sweep (`retention`)."""
        with self._database.writing(), sqlite.translated_errors(self._path):
            self._database.connection.executemany(
                "delete from checkpoints where number = ?", ((number,) for number in numbers)
            )

    def entries(self) -> Sequence[tuple[Checkpoint, bytes]]:
        """All checkpoints with the checksums stored of them, unchecked."""
        return self._select("1 = 1")

    def faults(self) -> Sequence[tuple[Checkpoint, str]]:
        """Checkpoints whose entry was changed on disk, and what is wrong."""
        return [(known, "its entry was changed") for known, seal in self._select("1 = 1") if _checksum(known) != seal]

    def note(self, name: str, value: bytes) -> None:
        """Keep bytes under a name, as a cache: what is damaged counts as not there. 5,000 files take 4 ms."""
        with self._database.writing(), sqlite.translated_errors(self._path):
            self._database.connection.execute(
                "insert or replace into notes values (?, ?, ?)", (name, value, _note_seal(name, value))
            )

    def noted(self, name: str) -> bytes | None:
        """What was last noted under a name."""
        with self._database.lock, sqlite.translated_errors(self._path):
            found = self._database.connection.execute("select value, seal from notes where name = ?", (name,))
            row = found.fetchone()
        is_whole = row is not None and isinstance(row[0], bytes) and _note_seal(name, row[0]) == row[1]
        return row[0] if is_whole else None

    def _select(self, condition: str, *values: str | int) -> Sequence[tuple[Checkpoint, bytes]]:
        statement = f"select {_COLUMNS} from checkpoints where {condition} order by number"  # noqa: S608  (ours)
        with self._database.lock, sqlite.translated_errors(self._path):
            rows = self._database.connection.execute(statement, values).fetchall()
        return [(_to_checkpoint(row), row[-1]) for row in rows]


def is_tag(text: str) -> bool:
    """Whether a checkpoint may be called so."""
    return _TAG.fullmatch(text) is not None and not _OTHER_NAME.fullmatch(text)


def _to_checkpoint(row: tuple[int, str, int, str, str, bytes, int, int, str, bytes]) -> Checkpoint:
    number, id, created_ms, reason, session, tree, files, size, tag, _ = row
    if not isinstance(tree, bytes):
        raise DamagedStore(f"the entry of checkpoint {number} was changed on disk")
    return Checkpoint(id, number, created_ms, reason, session, tree.hex(), files, size, tag)


def _check(checkpoint: Checkpoint, seal: bytes) -> Checkpoint:
    if _checksum(checkpoint) != seal:
        raise DamagedStore(
            f"the entry of checkpoint {checkpoint.number} was changed on disk",
            hint="aiex verify checkpoint tells which checkpoints are whole",
        )
    return checkpoint


def _checksum(checkpoint: Checkpoint) -> bytes:
    return bytes.fromhex(fingerprint(ascii(checkpoint).encode()))


def _note_seal(name: str, value: bytes) -> bytes:
    return bytes.fromhex(fingerprint(name.encode() + b"\0" + value))


def _storable(text: str) -> str:
    """Text that SQLite takes: what is no character was a byte of a name."""
    return text.encode("utf-8", "backslashreplace").decode()
