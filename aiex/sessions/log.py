"""The event log of sessions: events in, events out, each linked to the one before so that damage and gaps are seen.

A store keeps rows (`aiex/sessions/stores`); here they are events. What is read is checked as it is read: a row whose
link does not follow from the row before was damaged or changed, and nothing behind it is given out.
"""

from __future__ import annotations

import struct
from binascii import crc32
from dataclasses import fields
from hashlib import blake2b
from json.encoder import encode_basestring
from operator import attrgetter
from threading import RLock
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from aiex.errors import StoreError
from aiex.eventforms import FORM_VERSION, from_json, to_json, to_timestamp
from aiex.events import (
    AssistantSpoke,
    Envelope,
    Event,
    Noted,
    ReasoningDelta,
    Retrying,
    TextDelta,
    ToolFinished,
    ToolStarted,
    ToolWrote,
    UnknownEvent,
    UsageUpdated,
    Waiting,
    Warned,
)
from aiex.jsonform import Malformed, dump, form_of
from aiex.messages import ToolCall
from aiex.sessions.stores import Draft, Head, Moved, Row, Snapshot, Store
from aiex.sessions.upcast import current_version, upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LINK_BYTES: Final = 16
UNSYNCED: Final = frozenset({TextDelta, ReasoningDelta, ToolWrote, UsageUpdated, Retrying, Waiting, Noted, Warned})
"""Events that need not be on disk when `append` returns: what matters of them is said again by an event that is."""
LOOKS: Final = frozenset({"list", "read", "search", "skill", "symbols"})
"""Tools of the house that change nothing anywhere: after a power cut they may be called again as if they never were."""
Lasting = Literal["now", "soon", "later"]
_Unlinked = tuple[int, int, str, int, bytes, bool]
"""Of an event: when it happened, its turn, type and version, its JSON, and whether it is copied."""
_HASH_BYTES: Final = 12
_MARKS: Final = struct.Struct(">qqqHH")
DAMAGE: Final = (struct.error, TypeError, ValueError, AttributeError)
"""What the parts of a damaged row raise where they are not what they should be."""


class DamagedSession(StoreError):
    """An event is missing, was changed by something else, or is damaged; those before it are whole."""

    def __init__(self, session: str, seq: int) -> None:
        super().__init__(
            f"session {session} is damaged at event {seq}: it is missing or was changed by something else",
            hint="what is before it can be read; aiex doctor --fix keeps all that is whole",
        )
        self.session = session
        self.seq = seq
        """Of the first event that is not whole."""


class Recorded(NamedTuple):
    """An event as it was read: checked, not parsed."""

    session: str
    seq: int
    position: int
    at_ms: int
    turn: int
    type: str
    v: int
    data: bytes
    """Its fields as JSON, without the type; empty where the key of a sealed session was erased."""
    link: bytes = b""
    sealed: bool = False
    """It lies encrypted in the store."""
    copied: bool = False
    """It happened in another session first: a fork or an import."""

    def event(self) -> Event | UnknownEvent:
        """The event; unknown where a later version of Aiex wrote it, or it cannot be understood."""
        import json

        fields: dict[str, Any] = {}
        try:
            fields = dict(json.loads(self.data))
            current = upcast(self.type, self.v, fields)
            if current is not None:
                return from_json({**current, "type": self.type})
        except (Malformed, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        return UnknownEvent(self.type, fields)

    def envelope(self) -> Envelope:
        """The event with its place."""
        return Envelope(FORM_VERSION, self.seq, to_timestamp(self.at_ms / 1000), self.session, self.turn, self.event())


class Sealer(Protocol):
    """Seals what lies in the store (`aiex/sessions/sealing.py`). Every method raises StoreError without its keys."""

    def seals(self, session: str) -> bool:
        """Whether new events of the session are sealed."""

    def seal(self, session: str, about: bytes, plain: bytes) -> bytes:
        """The sealed bytes; opened again only with the same session and `about`. Raises Erased."""

    def open(self, session: str, about: bytes, sealed: bytes) -> bytes:
        """What was sealed. Raises Erased when its key is gone, ValueError when it was changed."""

    def erase(self, session: str) -> bool:
        """Destroy the key of a session, and with it what is sealed; False when there was none."""


class EventLog:
    """The log of all sessions in one store; safe for threads."""

    def __init__(self, store: Store, *, seal: Sealer | None = None) -> None:
        self.store = store
        self._seal = seal
        self._ends: dict[str, tuple[int, bytes]] = {}
        self._lock = RLock()

    def append(
        self, session: str, events: Sequence[Event | UnknownEvent], *, after_seq: int, turn: int, at_ms: int
    ) -> int:
        """Add events behind `after_seq`, all or none; on disk when this returns if one of them has to be by then.

        Args:
            session: 16 hexadecimal digits.
            at_ms: When they happened: UTC, milliseconds since 1970.

        Returns:
            The number of the last.

        Raises:
            Moved: if the session ends elsewhere.
            StoreError: if they cannot be kept.
        """
        self._write(session, events, after_seq, turn, at_ms)
        return after_seq + len(events)

    def add(
        self, session: str, events: Sequence[Event | UnknownEvent], *, after_seq: int, turn: int, at_ms: int
    ) -> list[Recorded]:
        """The same; what would be read of them."""
        drafts, rows, last = self._write(session, events, after_seq, turn, at_ms)
        before = last - len(rows)
        return [
            Recorded(session, after_seq + at, before + at, at_ms, turn, kind, v, data, row.link, row.sealed)
            for at, ((_, _, kind, v, data, _), row) in enumerate(zip(drafts, rows, strict=True), 1)
        ]

    def put(self, session: str, recorded: Iterable[Recorded], *, after_seq: int = 0, copied: bool = True) -> Head:
        """Add what was recorded elsewhere as it is, in one transaction: a fork, an import, or back from an archive.

        Their own sessions, numbers, positions and links do not count; what was sealed is sealed again. Raises as
        `append` does.
        """
        whole = list(recorded)
        rows = [(one.at_ms, one.turn, one.type, one.v, one.data, copied) for one in whole]
        self._add(session, rows, after_seq, synced=True, sealed=any(one.sealed for one in whole))
        head = self.head(session)
        if head is None:
            raise StoreError(f"cannot make session {session} of no events")
        return head

    def copy(self, session: str, upto_seq: int, to: str) -> Head:
        """Begin the session `to` with the events of another up to a number; the end of it. Raises as `append` does."""
        return self.put(to, self.read(session, upto_seq=upto_seq))

    def read(self, session: str, *, after_seq: int = 0, upto_seq: int | None = None) -> Iterator[Recorded]:
        """The events of a session in order, checked; nothing when there is no such session.

        Raises:
            DamagedSession: in place of the first event that is not whole.
            StoreError: if the store cannot be read, or the session is sealed and its key is not there.

        Cost: 6 µs an event of 500 bytes (benchmarks/sessions.py).
        """
        before = first_link(session)
        if after_seq:
            before = next(
                (row.link for row in self.store.read(session, after_seq=after_seq - 1, upto_seq=after_seq)), b""
            )
        expected = after_seq
        for row in self.store.read(session, after_seq=after_seq, upto_seq=upto_seq):
            position, _, seq, at_ms, turn, kind, v, data, link, sealed, copied = row
            expected += 1
            try:
                if sealed:
                    data = self._open(row)
                whole = seq == expected and next_link(before, seq, at_ms, turn, kind, v, data) == link
            except DAMAGE:
                whole = False
            if not whole:
                raise DamagedSession(session, expected)
            before = link
            yield Recorded(session, seq, position, at_ms, turn, kind, v, data, link, sealed == 1, copied == 1)

    def follow(self, after_position: int, *, limit: int = 1000) -> list[Recorded]:
        """The next events of all sessions in the order of their positions, for views; their links are not checked.

        Data that cannot be opened is empty.
        """
        return [self._follow_one(row) for row in self.store.follow(after_position, limit=limit)]

    def head(self, session: str) -> Head | None:
        """The end of a session; None when there is none. Raises StoreError."""
        return self.store.head(session)

    def sessions(self) -> list[str]:
        """Every session, in order of its first event. Raises StoreError."""
        return self.store.sessions()

    def erase(self, session: str) -> bool:
        """Destroy the key of a sealed session: its events stay in their places and cannot be read by anybody.

        False when it has no key to destroy. Raises StoreError.
        """
        return self._seal is not None and self._seal.erase(session)

    def remove(self, session: str) -> bool:
        """Take a session out, its key first; False when there was none. Raises StoreError."""
        erased = self.erase(session)
        with self._lock:
            self._ends.pop(session, None)
        return self.store.remove(session) or erased

    def keep_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """Keep a state in the place of the one before, sealed where the session is. Raises StoreError."""
        data = snapshot.data
        if self._seal is not None and self._seal.seals(session):
            data = b"\1" + self._seal.seal(session, _about_snapshot(snapshot), data)
        else:
            data = b"\0" + data
        self.store.keep_snapshot(session, snapshot._replace(data=data))

    def snapshot(self, session: str, *, version: int, upto_seq: int | None = None) -> Snapshot | None:
        """The last state of this version; None when it is not of this history, or behind `upto_seq`."""
        kept = self.store.snapshot(session)
        if kept is None or kept.version != version or (upto_seq is not None and kept.seq > upto_seq):
            return None
        rows = list(self.store.read(session, after_seq=kept.seq - 1, upto_seq=kept.seq))
        if not rows or rows[0].link != kept.link:
            return None
        plain = kept.data[1:]
        if kept.data[:1] == b"\1":
            try:
                plain = self._unseal(session, _about_snapshot(kept), plain)
            except (StoreError, ValueError):
                return None
        return kept._replace(data=plain)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def _write(
        self, session: str, events: Sequence[Event | UnknownEvent], after_seq: int, turn: int, at_ms: int
    ) -> tuple[list[_Unlinked], list[Draft], int]:
        """Add events; as they were written, their rows, and the position of the last."""
        drafts: list[_Unlinked] = []
        must_be_now = may_be_soon = False
        for event in events:
            kind, data = write_event(event)
            lasting = lasting_of(event)
            must_be_now = must_be_now or lasting == "now"
            may_be_soon = may_be_soon or lasting == "soon"
            drafts.append((at_ms, turn, kind, current_version(kind), data, False))
        rows, last = self._add(session, drafts, after_seq, synced=must_be_now)
        if may_be_soon and not must_be_now:
            self.store.sync_soon()
        return drafts, rows, last

    def _add(
        self,
        session: str,
        drafts: Sequence[_Unlinked],
        after_seq: int,
        *,
        synced: bool,
        sealed: bool = False,
    ) -> tuple[list[Draft], int]:
        """Link them and put them into the store; the rows, and the position of the last."""
        seal = self._seal if self._seal is not None and (sealed or self._seal.seals(session)) else None
        with self._lock:
            before = self._link_at(session, after_seq)
            rows = []
            for seq, (at_ms, turn, kind, v, data, copied) in enumerate(drafts, after_seq + 1):
                try:
                    before = next_link(before, seq, at_ms, turn, kind, v, data)
                except DAMAGE as error:
                    raise StoreError(f"cannot keep event {seq} of session {session}: it is malformed") from error
                kept = data if seal is None else seal.seal(session, about_row(seq, kind), data)
                rows.append(Draft(at_ms, turn, kind, v, kept, before, seal is not None, copied))
            try:
                position = self.store.append(session, rows, after_seq=after_seq, synced=synced)
            except BaseException:
                self._ends.pop(session, None)
                raise
            self._ends[session] = (after_seq + len(rows), before)
            return rows, position

    def _link_at(self, session: str, seq: int) -> bytes:
        """The link of the end of a session, which has this number. Raises Moved."""
        known = self._ends.get(session)
        if known is not None and known[0] == seq:
            return known[1]
        head = self.store.head(session)
        last_seq, link = (head.seq, head.link) if head else (0, first_link(session))
        if last_seq != seq:
            raise Moved(
                f"session {session} went on: it ends with event {last_seq}, not {seq}",
                hint="another process continued it; read it again",
            )
        return link

    def _open(self, row: Row) -> bytes:
        return self._unseal(row.session, about_row(row.seq, row.type), row.data)

    def _unseal(self, session: str, about: bytes, sealed: bytes) -> bytes:
        if self._seal is None:
            raise StoreError(f"session {session} is encrypted, and its keys are not at hand")
        return self._seal.open(session, about, sealed)

    def _follow_one(self, row: Row) -> Recorded:
        data = row.data
        if row.sealed:
            try:
                data = self._open(row)
            except (StoreError, *DAMAGE):
                data = b""
        return Recorded(
            row.session, row.seq, row.position, row.at_ms, row.turn, row.type, row.v, data, row.link,
            bool(row.sealed), bool(row.copied),
        )  # fmt: skip


def lasting_of(event: Event | UnknownEvent) -> Lasting:
    """When an event has to be on disk: before anything goes on, a moment later, or with the next one that has to.

    What was said of calls, and what came of those that only look, has no effect by itself: it need only be there before
    the first effect, and whatever has one is synced before it, with all that was told earlier.
    """
    if type(event) in UNSYNCED:
        return "later"
    match event:
        case AssistantSpoke(parts) if any(isinstance(part, ToolCall) for part in parts):
            return "soon"
        case ToolStarted(name=name) | ToolFinished(name=name) if name in LOOKS:
            return "soon"
        case _:
            return "now"


def first_link(session: str) -> bytes:
    """What the first event of a session is linked to: events of one session cannot stand in another."""
    return blake2b(session.encode("utf-8", "surrogatepass"), digest_size=LINK_BYTES).digest()


def next_link(before: bytes, seq: int, at_ms: int, turn: int, kind: str, v: int, data: bytes) -> bytes:
    """The link of an event: a hash of the link before it and of everything it says in the clear, and a sum of the last.

    The hash is BLAKE2b of 12 bytes (RFC 7693). The sum, CRC-32, shows that an event is whole where the one before it is
    lost. Raises one of `DAMAGE` for values that no event has.
    """
    name = kind.encode()
    said = _MARKS.pack(seq, at_ms, turn, v, len(name)) + name + data
    return blake2b(before + said, digest_size=_HASH_BYTES).digest() + crc32(said).to_bytes(4)


def is_whole_alone(link: bytes, seq: int, at_ms: int, turn: int, kind: str, v: int, data: bytes) -> bool:
    """Whether an event says what it said when it was linked, as far as can be told without the one before it."""
    try:
        return next_link(b"", seq, at_ms, turn, kind, v, data)[_HASH_BYTES:] == link[_HASH_BYTES:]
    except DAMAGE:
        return False


def about_row(seq: int, kind: str) -> bytes:
    """What the sealed data of an event is bound to, beside its session."""
    return b"event %d %s" % (seq, kind.encode())


def _about_snapshot(snapshot: Snapshot) -> bytes:
    return b"snapshot %d %d" % (snapshot.seq, snapshot.version)


class _Writer(NamedTuple):
    """How events of one class become JSON."""

    type: str
    form: str
    """Their fields as JSON, with `%s` for each value."""
    values: Callable[[object], tuple[object, ...]]
    write: Callable[[object], object]
    """For values that are no plain words, numbers or truths."""


_WRITERS: dict[type, _Writer] = {}


def _write_nothing(value: tuple[object, ...]) -> str:
    """An empty list; what has something in it is for an encoder. Raises KeyError."""
    if value:
        raise KeyError(tuple)
    return "[]"


_PLAIN: Final[Mapping[type, Callable[[Any], str]]] = {
    str: encode_basestring, int: repr, bool: lambda value: "true" if value else "false", NoneType: lambda _: "null",
    tuple: _write_nothing,
}  # fmt: skip
"""Half the work of an encoder, for what most events are made of."""


def write_event(event: Event | UnknownEvent) -> tuple[str, bytes]:
    """The type of an event, and its fields as JSON."""
    if isinstance(event, UnknownEvent):
        return event.type, dump(event.data).encode()
    writer = _WRITERS.get(type(event)) or _find_writer(event)
    try:
        said = writer.form % tuple(_PLAIN[type(value)](value) for value in writer.values(event))
        return writer.type, said.encode()
    except (KeyError, UnicodeEncodeError):
        return writer.type, dump(writer.write(event)).encode()


def _find_writer(event: Event) -> _Writer:
    kind = type(event)
    names = [field.name for field in fields(kind)]
    form = "{" + ",".join(f'"{name}":%s' for name in names) + "}"
    get: Any = attrgetter(*names) if names else lambda _: ()
    values = get if len(names) != 1 else lambda event: (get(event),)
    writer = _WRITERS[kind] = _Writer(to_json(event)["type"], form, values, form_of(kind).write)
    return writer
