"""The log as a file: records are appended, one or a few in one go, by any number of processes, and the head follows.

Room is made ahead with zeros, because a file that grows must have its size written with every synced record.
A record counts once it is in the log and the head says so. What is found to differ from the head is repaired before
the next record, and the log says in a note what was lost.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from aiex.errors import Conflict
from aiex.guard.audit.entries import Note
from aiex.guard.audit.frames import (
    HEADER_BYTES,
    LEAST_BYTES,
    LINK_BYTES,
    VERSION,
    Chain,
    digest,
    render_header,
    render_record,
)
from aiex.guard.audit.heads import HEAD_BYTES, Head, parse_head, render_head
from aiex.guard.audit.held import HeldFile
from aiex.guard.audit.marks import add_mark
from aiex.guard.audit.walk import Position, read_at, write_at
from aiex.guard.private import sync_folder
from aiex.sqlite import to_store_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiex.guard.audit.turns import Turns

ROOM_BYTES: Final = 1 << 18
"""How much room is made at once. Source: benchmarks/audit.py; beyond 256 KiB nothing is gained."""
_AHEAD_BYTES: Final = 2_048
"""How much is read behind the end: mostly it shows that there is room for what is written next."""
_sync = getattr(os, "fdatasync", os.fsync)


Draft: TypeAlias = tuple[int, int, int, int, bytes, bytes]
"""A record that waits for its place: what, kind and effect, when it happened in milliseconds, tag, sealed payload."""


class ChainFile:
    """Appends to one log, for one thread at a time.

    `log` and `head` are paths in two folders; `seal` makes a record of a note and its time.
    """

    def __init__(self, log: str, head: str, chain: Chain, turns: Turns, seal: Callable[[Note, int], Draft]) -> None:
        self.log, self.head = log, head
        self._chain = chain
        self._turns = turns
        self._seal = seal
        self._log_file: HeldFile | None = None
        self._head_file: HeldFile | None = None
        self._log = self._head = -1
        """What they are opened as."""
        self._end = Head(b"", 0, 0, 0, b"")
        self._end_bytes = b""
        self._room_end = 0
        """How far the log was seen to reach, as long as nobody else may write."""
        self._owner = 0
        self.found: list[Note] = []
        """Notes of what was found wrong, for those who want to be told; taken away by whoever tells it."""

    def append(self, drafts: Sequence[Draft], *, synced: bool) -> int:
        """Write records at the end, in this order; the number of the last.

        Args:
            drafts: At least one, and at most `recovery.MOST_AT_ONCE`.
            synced: Come back only when they would survive a power cut. Otherwise they survive the end of the process,
                however that comes.

        Raises:
            StoreError: if they cannot be written; none of them is in the log then.
            Conflict: if another process holds the log for too long.
        """
        try:
            with self._turns:
                if not self._is_current():
                    self._find_end()
                self._write(drafts, synced=synced)
                return self._end.seq
        except OSError as error:
            raise to_store_error(error, self.log) from error
        finally:
            self._turns.give()  # Ctrl-C can come before the end of the `with` does it

    def close(self) -> Head | None:
        """Give back the room that was not used, and the files; the head as this process left it."""
        end = self._end if self._end_bytes else None
        if self._log_file and self._owner == os.getpid():
            with suppress(OSError, Conflict), self._turns:
                if self._is_current():
                    os.ftruncate(self._log, self._end.offset)
        self._release()
        self._turns.close()
        return end

    # --- where the end is -------------------------------------------------------------------------------------------

    def _find_end(self) -> None:
        """Make `_end` what the files say, opened, created and repaired as needed."""
        self._open()
        data = read_at(self._head, HEAD_BYTES, 0)
        head = parse_head(self._chain, data)
        if head and self._is_end(head):
            self._end, self._end_bytes = head, data
            return
        from aiex.guard.audit.recovery import recover

        self._end_bytes, self._room_end = b"", 0
        start, notes = recover(self._log, self.log, self._chain, head, is_new=not data)
        if start is None:
            self._open()
            start = self._begin(head)
        name, at_ms = read_at(self._log, 16, 16), int(time.time() * 1000)
        self._end = Head(name, start.seq, start.offset, head.at_ms if head else 0, start.link)
        for note in notes:  # the head follows the notes: until they are written it says what was lost
            self._write([self._seal(note, at_ms)], synced=True)
        self.found += notes
        if not notes:
            self._put_head(self._end)
        os.fsync(self._head)

    def _is_current(self) -> bool:
        """Whether nobody else wrote since we did, and both files are still the ones at their paths."""
        if not self._end_bytes or self._owner != os.getpid():
            return False
        log, head = self._log_file, self._head_file
        if log is None or head is None or not log.is_in_place() or not head.is_in_place():
            return False
        return read_at(self._head, HEAD_BYTES, 0) == self._end_bytes and self._is_end(self._end)

    def _is_end(self, head: Head) -> bool:
        """Whether the log ends, by its bytes, where the head says."""
        start = head.offset - LINK_BYTES
        data = read_at(self._log, LINK_BYTES + _AHEAD_BYTES, start)
        self._room_end = start + len(data)
        return data[:LINK_BYTES] == head.link and not data[LINK_BYTES : LINK_BYTES + 4].strip(b"\0")

    def _begin(self, head: Head | None) -> Position:
        """Start a log; numbers go on after what an older one had."""
        header = render_header(self._chain, os.urandom(16))
        write_at(self._log, header, 0)
        os.fsync(self._log)
        for path in (self.log, self.head):
            sync_folder(os.path.dirname(path))
        return Position(head.seq if head else 0, HEADER_BYTES, header[32:])

    def _open(self) -> None:
        self._release()
        self._owner = os.getpid()
        self._log_file = HeldFile(self.log)
        self._log = self._log_file.descriptor
        self._head_file = HeldFile(self.head)
        self._head = self._head_file.descriptor

    def _release(self) -> None:
        if self._owner == os.getpid():
            for file in (self._log_file, self._head_file):
                if file:
                    file.close()
        self._log_file = self._head_file = None
        self._log = self._head = -1

    # --- writing ----------------------------------------------------------------------------------------------------

    def _write(self, drafts: Sequence[Draft], *, synced: bool) -> None:
        name, seq, offset, latest_ms, link = self._end
        data = b""
        for what, kind, effect, at_ms, tag, sealed in drafts:
            seq += 1
            row = (LEAST_BYTES + len(sealed), VERSION, what, kind, effect, seq, at_ms, tag, digest(sealed))
            data += render_record(self._chain, link, row, sealed)
            link = data[-LINK_BYTES:]
            latest_ms = at_ms if at_ms > latest_ms else latest_ms
        end, log, before = offset + len(data), self._log, self._end_bytes
        try:
            self._make_room(end)
            write_at(log, data, offset)
            if synced:
                _sync(log)
            self._put_head(Head(name, seq, end, latest_ms, link))
        finally:
            if self._end_bytes == before:
                self._take_back(before, offset)

    def _take_back(self, head: bytes, offset: int) -> None:
        """Remove what the head does not tell of, also after Ctrl-C; then look again before the next."""
        self._end_bytes = b""
        with suppress(OSError):
            if read_at(self._head, HEAD_BYTES, 0) == head:
                os.ftruncate(self._log, offset)

    def _make_room(self, end: int) -> None:
        log = self._log
        if end <= self._room_end or read_at(log, 1, end - 1):
            return
        size = os.fstat(log).st_size
        write_at(log, bytes(max(ROOM_BYTES, end - size)), size)
        add_mark(self.log, self._chain, self._end)

    def _put_head(self, head: Head) -> None:
        data = render_head(self._chain, head)
        write_at(self._head, data, 0)
        self._end, self._end_bytes = head, data
