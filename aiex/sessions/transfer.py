"""A session as JSON lines: complete, checked by anybody, and taken in only when all of it is right.

The first line says what the file is: `format`, `version`, the `session` and how many `events` follow. Each event is a
line: `seq`, `at_ms`, `turn`, `type`, `v`, `copied`, its `link`, and last its `data`, byte for byte as the log holds it
in the clear. The last line has `end`, the number of `events`, the last `link`, and `digest`: BLAKE2b of 32 bytes over
all lines before it, with their line feeds. Links are made as `next_link` in `aiex/sessions/log.py` makes them, from
`first_link` on. Both show damage and careless changes; who forges a whole file can compute them anew, so what is
imported is checked as what it is: words from elsewhere.
"""

from __future__ import annotations

import json
import os
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from aiex.errors import StoreError, UsageError
from aiex.eventforms import from_json, to_json
from aiex.events import Imported, UnknownEvent
from aiex.guard.audit.datakeys import Erased
from aiex.guard.neutral import printable_path
from aiex.jsonform import Malformed, dump
from aiex.patterns import late
from aiex.record import record
from aiex.sessions.archivefile import BadArchive, Limits, Lines, hasher
from aiex.sessions.capture import may_hold_secrets, without_secrets
from aiex.sessions.log import Recorded, first_link, next_link
from aiex.sessions.stores import Moved
from aiex.sessions.upcast import current_version, upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiex.sessions.log import EventLog

FORMAT: Final = "aiex session"
VERSION: Final = 1
SESSION_ID: Final = late(r"[0-9a-f]{16}")
_NUMBER: Final = rb"(0|[1-9][0-9]{0,14})"
_EVENT: Final = late(
    rb'\{"seq":' + _NUMBER + rb',"at_ms":' + _NUMBER + rb',"turn":' + _NUMBER + rb',"type":"([a-z][a-z0-9_]{0,63})"'
    rb',"v":' + _NUMBER + rb',"copied":(true|false),"link":"([0-9a-f]{32})","data":(\{.*\})\}',
    re.DOTALL,
)  # fmt: skip
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, behind which there are no dates."""
_MOST_TURNS: Final = 1 << 31
_MOST_VERSION: Final = (1 << 16) - 1
_NEVER_KEPT: Final = frozenset(
    {"started", "tool_call_started", "tool_call_delta", "part_ended", "stopped", "progressed"}
)
"""Types that make no line and take no number (`aiex/eventlines.py`)."""
_REDACTED_AT_ONCE: Final = 200


@record
class Archive:
    """What an exported file holds; all of it was checked."""

    session: str
    events: tuple[Recorded, ...]
    digest: str
    unknown: int
    """Events that only a later version of Aiex understands; they are kept."""


@record
class Brought:
    """What became of an import."""

    session: str
    """Its name here; another than in the file when that was taken."""
    original: str
    events: int
    unknown: int
    redacted: int
    """Events that held secrets, which stayed outside."""


def export_lines(log: EventLog, session: str) -> Iterator[bytes]:
    """The session as lines with their ends, as far as it goes now; checked while it is read.

    Raises:
        UsageError: if there is no such session.
        StoreError: if it is damaged, cannot be read, or its key was erased; then the last line is missing.
    """
    head = log.head(session)
    if head is None:
        raise UsageError(f"there is no session {session}", hint="aiex list sessions --all shows them")
    digest = hasher()
    line = _to_line({"format": FORMAT, "version": VERSION, "session": session, "events": head.seq})
    seq, link = 0, b""
    digest.update(line)
    yield line
    for one in log.read(session, upto_seq=head.seq):
        if not one.data:
            raise StoreError(f"cannot export session {session}: the key that opens it was erased")
        line = _event_line(one)
        digest.update(line)
        seq, link = one.seq, one.link
        yield line
    if seq != head.seq:
        raise StoreError(f"cannot export session {session}: it was removed meanwhile", hint="try again")
    yield _to_line({"end": True, "events": seq, "link": link.hex(), "digest": digest.hexdigest()})


def _event_line(one: Recorded) -> bytes:
    copied = "true" if one.copied else "false"
    heading = (
        f'{{"seq":{one.seq},"at_ms":{one.at_ms},"turn":{one.turn},"type":{dump(one.type)},"v":{one.v},'
        f'"copied":{copied},"link":"{one.link.hex()}","data":'
    )
    return heading.encode() + one.data + b"}\n"


def _to_line(said: Mapping[str, Any]) -> bytes:
    return dump(said).encode() + b"\n"


# --- reading --------------------------------------------------------------------------------------------------------


def read_archive(source: BinaryIO, *, limits: Limits | None = None) -> Archive:
    """All of an exported file, plain or packed by gzip, checked to its last byte; nothing is written.

    Raises:
        BadArchive: naming the line and what is wrong with it.
        OSError: if the file cannot be read.

    Cost: 50 µs an event of 500 bytes, and the memory of what the file holds.
    """
    limits = limits or Limits()
    lines = Lines(source, limits)
    try:
        return _Reading(lines, limits).read()
    except RecursionError as error:
        raise BadArchive(lines.number, "it is nested far too deep") from error


class _Reading:
    """Reads one file and holds each line against the lines before it."""

    def __init__(self, lines: Lines, limits: Limits) -> None:
        self._lines = lines
        self._limits = limits
        self._events: list[Recorded] = []
        self._unknown = 0
        self._digest = hasher()

    def read(self) -> Archive:
        session, count = self._read_header()
        before = first_link(session)
        for _ in range(count):
            one = self._read_event(session, before)
            self._events.append(one)
            before = one.link
        digest = self._read_footer(before)
        if self._lines.read() is not None:
            raise BadArchive(self._lines.number, "something follows the last line")
        return Archive(session, tuple(self._events), digest, self._unknown)

    def _read_header(self) -> tuple[str, int]:
        said = self._object(self._next("the first line of a session", is_counted=True))
        if said.get("format") != FORMAT:
            raise BadArchive(1, f'it is no exported session: its first line has no "format":"{FORMAT}"')
        version, session, count = said.get("version"), said.get("session"), said.get("events")
        if version != VERSION or type(version) is not int:
            newer = type(version) is int and version > VERSION
            hint = "a later version of Aiex wrote it" if newer else ""
            raise BadArchive(1, f"its version is {_short(version)}, this aiex reads {VERSION}", hint=hint)
        if not isinstance(session, str) or not SESSION_ID.fullmatch(session):
            raise BadArchive(1, f"its session is {_short(session)}, not 16 hexadecimal digits")
        if type(count) is not int or count < 1:
            raise BadArchive(1, f"it has {_short(count)} events, and needs one at least")
        if count > self._limits.events:
            raise BadArchive(1, f"it has {count} events, and the limit is {self._limits.events}")
        return session, count

    def _read_event(self, session: str, before: bytes) -> Recorded:
        line = self._next("another event", is_counted=True)
        number, seq = self._lines.number, len(self._events) + 1
        match = _EVENT.fullmatch(line)
        if match is None:
            raise BadArchive(number, self._why_no_event(line))
        found, at_ms, turn, kind, v = int(match[1]), int(match[2]), int(match[3]), match[4].decode(), int(match[5])
        if found != seq:
            raise BadArchive(number, f"event {found} stands where event {seq} belongs")
        if at_ms > _LAST_MS or turn > _MOST_TURNS or not 1 <= v <= _MOST_VERSION:
            raise BadArchive(number, f"its time, turn or version is beyond all bounds: {at_ms}, {turn}, {v}")
        data, link = match[8], bytes.fromhex(match[7].decode())
        self._check_event(number, kind, v, data)
        if next_link(before, seq, at_ms, turn, kind, v, data) != link:
            raise BadArchive(number, f"event {seq} does not follow from the one before: one of them was changed")
        return Recorded(session, seq, 0, at_ms, turn, kind, v, data, link, False, match[6] == b"true")

    def _check_event(self, number: int, kind: str, v: int, data: bytes) -> None:
        """Read the event as it will be read later; one of a later version is kept as it is."""
        fields = _parse(number, data)
        if not isinstance(fields, dict) or "type" in fields:
            raise BadArchive(number, "its data is no object, or brings a type of its own")
        if _depth(fields) > self._limits.depth:
            raise BadArchive(number, f"its data is nested deeper than {self._limits.depth}")
        if kind in _NEVER_KEPT:
            raise BadArchive(number, f"events of type {kind} belong in no session")
        try:
            current = upcast(kind, v, fields)
            event = None if current is None else from_json({**current, "type": kind})
        except (Malformed, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = error.message if isinstance(error, Malformed) else f"its data is not of type {kind}"
            raise BadArchive(number, reason) from error
        self._unknown += event is None or isinstance(event, UnknownEvent)

    def _read_footer(self, link: bytes) -> str:
        digest = self._digest.hexdigest()
        said = self._object(self._next("the last line", is_counted=False))
        if said.get("end") is not True:
            raise BadArchive(self._lines.number, f"more than the {len(self._events)} events that the first line names")
        if said.get("events") != len(self._events) or said.get("link") != link.hex():
            raise BadArchive(self._lines.number, "the last line tells of other events than those before it")
        if said.get("digest") != digest:
            raise BadArchive(self._lines.number, "the digest is another: something in the file was changed")
        return digest

    def _next(self, expected: str, *, is_counted: bool) -> bytes:
        line = self._lines.read()
        if line is None:
            raise BadArchive(self._lines.number + 1, f"the file ends where {expected} belongs: it was cut off")
        if is_counted:
            self._digest.update(line + b"\n")
        return line

    def _object(self, line: bytes) -> dict[str, Any]:
        said = _parse(self._lines.number, line)
        if not isinstance(said, dict):
            raise BadArchive(self._lines.number, "it is no object of JSON")
        return said

    def _why_no_event(self, line: bytes) -> str:
        """What is wrong with a line that should be an event."""
        said = self._object(line)
        if said.get("end") is True:
            return f"the file ends after {len(self._events)} events, and the first line names more"
        missing = [name for name in ("seq", "at_ms", "turn", "type", "v", "copied", "link", "data") if name not in said]
        if missing:
            return f"{', '.join(missing)} missing in an event"
        return "it is not written as Aiex writes an event, or one of its fields has the wrong kind of value"


def _parse(number: int, text: bytes) -> Any:
    """What the text says. Numbers that a database cannot hold are refused: sums are made of them."""
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_refuse, parse_int=_to_int, parse_float=_to_float)
    except UnicodeDecodeError as error:
        raise BadArchive(number, f"it is not UTF-8 at byte {error.start + 1}") from error
    except ValueError as error:
        raise BadArchive(number, f"it is not JSON: {error}") from error


def _refuse(word: str) -> Any:
    raise ValueError(f"{_short(word)} is no number that can be kept")


def _to_int(digits: str) -> int:
    if len(digits) > 20 or not -(1 << 63) <= int(digits) < 1 << 63:
        _refuse(digits)
    return int(digits)


def _to_float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        _refuse(digits)
    return number


def _depth(value: Any) -> int:
    """How many lists and objects lie in each other."""
    depth, layer = 0, [value]
    while layer := [one for one in layer if isinstance(one, dict | list)]:
        depth += 1
        layer = [inner for one in layer for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


# --- taking in ------------------------------------------------------------------------------------------------------


def import_session(
    log: EventLog,
    source: BinaryIO,
    *,
    name: str,
    at_ms: int,
    limits: Limits | None = None,
    new_id: Callable[[], str] = lambda: os.urandom(8).hex(),
) -> Brought:
    """Take in an exported session once all of it was checked: in one transaction, so all of it or nothing.

    It keeps its name when that is free here. Its secrets are taken out as they are when events are recorded. What was
    allowed in it is not allowed here, and its checkpoints are not here: `Imported`, its last event, says where it is
    from.

    Args:
        name: Of the file, to be shown.
        at_ms: Now; UTC, milliseconds since 1970.

    Raises:
        BadArchive: naming the line and what is wrong with it.
        StoreError: if it cannot be written; then nothing of it is.
    """
    archive = read_archive(source, limits=limits)
    events, redacted = _without_secrets(archive.events)
    event = Imported(printable_path(os.path.basename(name)), archive.digest)
    fields = to_json(event)
    kind = fields.pop("type")
    last = events[-1]
    mark = last._replace(
        seq=last.seq + 1, at_ms=at_ms, type=kind, v=current_version(kind), data=dump(fields).encode(), link=b""
    )
    session = archive.session
    while True:
        if log.head(session) is not None:
            session = new_id()
            continue
        try:
            log.put(session, [*events, mark])
        except Moved:  # somebody took the name just now
            continue
        except Erased:  # it was here, encrypted, and its key is gone for good
            session = new_id()
            continue
        return Brought(session, archive.session, len(events), archive.unknown, redacted)


def _without_secrets(events: tuple[Recorded, ...]) -> tuple[list[Recorded], int]:
    cleaned: list[Recorded] = []
    redacted = 0
    for start in range(0, len(events), _REDACTED_AT_ONCE):
        some = events[start : start + _REDACTED_AT_ONCE]
        given = [json.loads(one.data) for one in some]
        if not may_hold_secrets(given):
            cleaned += some
            continue
        for one, fields in zip(some, given, strict=True):
            kept = without_secrets(one.type, fields)
            redacted += kept is not fields
            cleaned.append(one if kept is fields else one._replace(data=dump(kept).encode()))
    return cleaned, redacted
