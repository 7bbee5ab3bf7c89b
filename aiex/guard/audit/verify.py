"""Checks a log without changing it: whether what is there is as it was written, and whether anything is missing.

Integrity is the chain: every record, its place and the hash of its sealed payload. Completeness is what heads say that
were kept apart, and what the log says of itself. `deep` opens every payload as well.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, StoreError
from aiex.guard.audit.entries import ABOUTS, OWN, WHATS, Note
from aiex.guard.audit.frames import HEADER_BYTES
from aiex.guard.audit.heads import HEAD_BYTES, Head, parse_head
from aiex.guard.audit.reading import Opener, opened
from aiex.guard.audit.turns import Turns
from aiex.guard.audit.walk import Walk, read_at, start_of
from aiex.record import record
from aiex.sqlite import translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiex.guard.audit.datakeys import DataKeys
    from aiex.guard.audit.frames import Chain, Fields

_NOTE: Final = WHATS["note"]
_ROOM_BYTES: Final = 1 << 22
"""What stands after the head is looked at while nobody writes, unless it is more than this."""
_WITHIN_S: Final = 1.0


@record
class Checked:
    """What was found. `broken` and `missing` are empty when all is well."""

    records: int = 0
    last_seq: int = 0
    broken: tuple[str, ...] = ()
    """Integrity: what is not as it was written."""
    first_bad: int | None = None
    """The number that the first bad record has or should have; records after it cannot be judged."""
    missing: tuple[str, ...] = ()
    """Completeness: what is not there, or cannot be told."""
    remarks: tuple[str, ...] = ()
    """What is worth knowing and no fault."""
    sessions: int = 0
    erased: int = 0
    """Sessions whose payloads cannot be opened any more, because somebody erased them."""
    heads: int = 0
    """How many heads were compared."""

    @property
    def is_intact(self) -> bool:
        """Whether everything that is there is as it was written."""
        return not self.broken

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, as far as heads tell."""
        return not self.missing


def verify_log(
    log: str,
    keys: DataKeys,
    *,
    head: str | None,
    lock: str | None = None,
    kept: Sequence[Head] = (),
    deep: bool = False,
    see: Callable[[Fields, bytes], None] | None = None,
) -> Checked:
    """Check the log at a path.

    Args:
        log: The path; nothing there is well as long as no head says otherwise.
        keys: Those of the log.
        head: Path of the head; None for a copy of the log, which has none of its own.
        lock: Path of the lock that writers take; without it a record that is being written may look broken.
        kept: Heads that were kept elsewhere.
        deep: Open every payload.
        see: Gets the row and the sealed payload of every record up to the first bad one.

    Raises:
        StoreError: if the file or the keys cannot be read at all. What `see` raises is passed on.

    Cost: about 6 µs for each record, 10 µs when deep. Source: benchmarks/audit.py.
    """
    chain = keys.open_chain()
    with opened(log) as file, ExitStack() as stack:
        if file is None:
            return _without_log(chain, keys, head, kept)
        with ExitStack() as held:
            _hold(held, lock)
            found, state = _read_head(chain, head)
            size = os.fstat(file.descriptor).st_size
            cut = found.offset if found and size - _ROOM_BYTES <= found.offset <= size else size
            tail = read_at(file.descriptor, size - cut, cut)
        stack.enter_context(translated_errors(log))
        return _Check(chain, keys, found, state, kept, deep=deep, see=see).run(_joined(file.descriptor, cut, tail))


class _Check:
    """One verification, with what it has found so far."""

    def __init__(
        self,
        chain: Chain,
        keys: DataKeys,
        head: Head | None,
        state: str,
        kept: Sequence[Head],
        *,
        deep: bool,
        see: Callable[[Fields, bytes], None] | None,
    ) -> None:
        self.chain, self.keys, self.head, self.deep, self.see = chain, keys, head, deep, see
        self.expected = [one for one in (head, *kept) if one]
        self.broken: list[str] = []
        self.missing: list[str] = [state] if state else []
        self.remarks: list[str] = []
        self.notes: list[tuple[Fields, bytes]] = []
        self.links: dict[int, bytes] = {}
        self.first_ms = 0
        self.tags: dict[bytes, int] = {}
        self.count = 0
        self.first_bad: int | None = None

    def run(self, read: Callable[[int, int], bytes]) -> Checked:
        header = read(0, HEADER_BYTES)
        start = start_of(self.chain, header)
        if start is None:
            self.broken.append("the log does not begin as a log of these keys does")
            self.first_bad = 1
            return self._told(0)
        opener = self._open_keys()
        walk = Walk(read, self.chain, start)
        self._follow(walk, opener if self.deep else None)
        last = walk.position.seq
        if walk.problem:
            self.first_bad = self.first_bad or last + 1
            self.broken.append(f"record {last + 1}: {walk.problem}")
        self._judge_heads(header[16:32], last)
        self.missing += [f"records {gap.first} to {gap.last} are not in the log" for gap in walk.gaps]
        self._judge_notes(opener)
        if not walk.problem and not self.missing:  # else it is said already
            missing, remarks = _judge_silent(self.keys, self.chain, self.tags, self.first_ms)
            self.missing += missing
            self.remarks += remarks
        return self._told(last, *self._judge_sessions(opener.keys if opener else None))

    def _follow(self, walk: Walk, opener: Opener | None) -> None:
        """The loop that decides how fast a log is checked."""
        tags, see, count, wanted = self.tags, self.see, 0, {head.seq for head in self.expected}
        for row, sealed, link, _end in walk:
            count += 1
            if count == 1:
                self.first_ms = row[6]
            tag = row[7]
            tags[tag] = tags.get(tag, 0) + 1
            if row[2] == _NOTE:
                self.notes.append((row, sealed))
            if row[5] in wanted:
                self.links[row[5]] = link
            if see is not None:
                see(row, sealed)
            if opener is not None:
                try:
                    opener.open(row, sealed)
                except StoreError as error:
                    self.first_bad = self.first_bad or row[5]
                    self.broken.append(error.message)
        self.count = count

    def _open_keys(self) -> Opener | None:
        try:
            return Opener(self.keys.open_all())
        except StoreError as error:
            self.broken.append(error.message)
            return None

    def _judge_heads(self, name: bytes, last: int) -> None:
        for head in self.expected:
            which = "the head" if head is self.head else "a head that was kept elsewhere"
            if head.log != name:
                self.missing.append(f"{which} is of another log, which had {head.seq} records")
            elif head.seq > last:
                self.missing.append(f"{which} knows record {head.seq}, and the log ends with {last}")
            elif head.seq and self.links.get(head.seq) != head.link:
                self.missing.append(f"{which} knows another record {head.seq} than the log")
        if self.head and self.head.seq < last:
            self.remarks.append(f"the head is at record {self.head.seq}, as after a power cut or when it was put back")

    def _judge_notes(self, opener: Opener | None) -> None:
        names = {code: name for name, code in ABOUTS.items()}
        for row, sealed in self.notes:
            seq = row[5]
            match names.get(row[3]):
                case "head-missing":
                    self.missing.append(f"before record {seq} it cannot be told: the head was missing or another")
                case "missed":
                    self.missing.append(f"before record {seq} some could not be written")
                case "head-behind":
                    self.remarks.append(f"before record {seq} the head was older than the log")
                case "unfinished":
                    self.remarks.append(f"before record {seq} a write was cut off and set aside")
                case "erased" if opener and (tag := _erased_tag(opener, row, sealed)) and opener.keys.get(tag):
                    self.broken.append(f"record {seq} erased session {tag.hex()}, and its key is back")
                case _:
                    pass

    def _judge_sessions(self, keys: Mapping[bytes, bytes | None] | None) -> tuple[int, int]:
        """How many sessions there are, and how many of them were erased."""
        if keys is None:
            return len(self.tags), 0
        for tag, count in self.tags.items():
            if tag not in keys:
                text = f"{count} records of session {tag.hex()} cannot be opened: its key is gone, and nobody erased it"
                self.missing.append(text)
        return len(self.tags), sum(1 for tag in self.tags if tag in keys and keys[tag] is None)

    def _told(self, last: int, sessions: int = 0, erased: int = 0) -> Checked:
        return Checked(
            records=self.count,
            last_seq=last,
            broken=tuple(self.broken),
            first_bad=self.first_bad,
            missing=tuple(self.missing),
            remarks=tuple(self.remarks),
            sessions=sessions,
            erased=erased,
            heads=len(self.expected),
        )


def _erased_tag(opener: Opener, row: Fields, sealed: bytes) -> bytes:
    """Which session a note says was erased; empty when it cannot be opened."""
    try:
        entry = opener.open(row, sealed)
    except StoreError:
        return b""
    return bytes.fromhex(str(entry.verdict.data["tag"])) if entry and isinstance(entry.verdict, Note) else b""


def _judge_silent(
    keys: DataKeys, chain: Chain, tags: Mapping[bytes, int], first_ms: int | None
) -> tuple[list[str], list[str]]:
    """What to say of sessions that have a key and no record: what is missing, and remarks.

    A key is made just before the first record of its session. One that is older than the whole log tells that the log
    was begun anew; a program that ended in between leaves one as well, which is why later ones are a remark.
    """
    try:
        silent = [slot for slot in keys.slots() if slot.tag not in tags and slot.tag != chain.tag(OWN)]
    except StoreError:
        return [], []  # that the keys are damaged is told where they are opened
    older = sum(1 for slot in silent if first_ms is None or slot.made_ms < first_ms)
    later = len(silent) - older
    text = "sessions have keys and no record"
    missing = [f"{older} {text}, and their keys are older than the log: another log was here"] if older else []
    return missing, [f"{later} {text}: programs that ended at once, or an older log was put back"] if later else []


def _without_log(chain: Chain, keys: DataKeys, head: str | None, kept: Sequence[Head]) -> Checked:
    found, _state = _read_head(chain, head)
    known = max((one.seq for one in (found, *kept) if one), default=0)
    missing = [f"there is no log, and a head knows {known} records"] if known else []
    missing += _judge_silent(keys, chain, {}, None)[0]
    return Checked(missing=tuple(missing), heads=len(kept) + (found is not None))


def _read_head(chain: Chain, path: str | None) -> tuple[Head | None, str]:
    """The head, or why there is none."""
    if path is None:
        return None, ""
    with opened(path) as file:
        if file is None:
            return None, "it cannot be told whether the end is missing: the head is"
        data = read_at(file.descriptor, HEAD_BYTES + 1, 0)
    head = parse_head(chain, data)
    return head, "" if head else "it cannot be told whether the end is missing: the head is damaged"


def _hold(stack: ExitStack, lock: str | None) -> None:
    """Keep writers away for a moment; where that is not possible, look without."""
    if lock is None or not os.path.exists(lock):
        return
    turns = Turns(lock, within_s=_WITHIN_S)
    try:
        stack.callback(turns.close)
        stack.enter_context(turns)
    except (OSError, AiexError):
        turns.close()


def _joined(descriptor: int, cut: int, tail: bytes) -> Callable[[int, int], bytes]:
    """Reads the file up to a place, and from there on what stood there while nobody wrote."""

    def read(offset: int, size: int) -> bytes:
        data = read_at(descriptor, max(0, min(size, cut - offset)), offset) if offset < cut else b""
        if len(data) < size and offset + len(data) >= cut:
            at = offset + len(data) - cut
            data += tail[at : at + size - len(data)]
        return data

    return read
