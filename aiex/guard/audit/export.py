"""The log as JSON lines that can be checked offline: each line carries a keyed hash over itself and the line before.

The first line says what was asked for, the last how many records there were and where the log ended. Checking needs the
keys of the log, not the log.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

from aiex.errors import StoreError
from aiex.eventforms import to_timestamp
from aiex.guard.actions import Decision
from aiex.guard.audit.entries import NOWHERE, Note, Outcome
from aiex.guard.audit.reading import Reading, opened
from aiex.guard.audit.verify import Checked
from aiex.guard.audit.walk import read_at
from aiex.patterns import late
from aiex.sqlite import translated_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiex.guard.audit.datakeys import DataKeys
    from aiex.guard.audit.frames import Chain
    from aiex.guard.audit.reading import Found, Wanted

FORM: Final = 1
_PURPOSE: Final = b"aiex audit copy"
_LINE: Final = late(rb'(\{.*),"mac":"([0-9a-f]{64})"\}', re.DOTALL)
_BLOCK_BYTES: Final = 1 << 20
_WRITTEN_CHARS: Final = 1 << 16
_encode = json.JSONEncoder(separators=(",", ":")).encode
MOST_TEXT_BYTES: Final = 1 << 26


def export_lines(log: str, keys: DataKeys, wanted: Wanted) -> Iterator[str]:
    """The wanted records as lines, without line ends.

    Raises:
        StoreError: if the log cannot be read. Where it is damaged, the last line says so.
    """
    chain = keys.open_chain()
    reading = Reading(log, keys, wanted)
    count = 0
    asked = {"since_ms": wanted.since_ms, "session": wanted.session, "kind": wanted.kind, "denied": wanted.denied}
    before, line = _signed(chain, b"", {"audit_export": FORM, "asked": asked})
    yield line
    for found in reading:
        before, line = _signed(chain, before, to_data(found))
        count += 1
        yield line
    end: dict[str, Any] = {"end": True, "records": count, "last_seq": reading.last_seq, "problem": reading.problem}
    yield _signed(chain, before, end)[1]


def to_data(found: Found) -> dict[str, Any]:
    """A record for a program. `erased` says that its session was erased, and only what stood in the open is left."""
    said: dict[str, Any] = {"seq": found.seq, "at": to_timestamp(found.at_ms / 1000), "tag": found.tag}
    said |= {"what": found.what, "kind": found.kind, "effect": found.effect, "erased": found.entry is None}
    if found.entry is None:
        return said
    entry = found.entry
    said |= {"session": entry.session, "who": entry.who}
    if entry.action != NOWHERE:
        said |= {"kind": entry.action.kind, "subject": entry.action.subject, "detail": dict(entry.action.detail)}
    match entry.verdict:
        case Decision(effect=effect, rule=rule, scope=scope, reason=reason):
            said |= {"effect": effect, "rule": rule, "scope": scope, "reason": reason}
        case Outcome(status=status, of=of, text=text, redactions=redactions):
            said |= {"effect": status, "of": of, "text": text, "redactions": redactions}
        case Note(about=about, text=text, data=data):
            said |= {"kind": about, "text": text, "data": dict(data)}
    return said


def verify_export(path: str, chain: Chain) -> Checked:
    """Check an exported file. Raises StoreError if it cannot be read."""
    records, number, before, ended, bad = 0, 0, b"", False, ""
    said: dict[str, Any] = {}
    for number, line in enumerate(_lines(path), 1):
        found = _LINE.fullmatch(line[:-1]) if line.endswith(b"\n") else None
        if ended:
            bad = "something follows the last line"
        elif found is None:
            bad = "it is cut off or no line of an export"
        elif chain.sign(_PURPOSE, before + found[1]).hex().encode() != found[2]:
            bad = "it does not follow the line before: changed, moved or put in by something else"
        if bad or found is None:
            return Checked(records, records, broken=(f"line {number}: {bad}",), first_bad=number)
        before = bytes.fromhex(found[2].decode())
        said = json.loads(found[1] + b"}")
        ended = "end" in said
        records += "seq" in said
    missing = [] if ended else [f"the last line is missing; there are {number} lines"]
    if ended and said["problem"]:
        missing.append(f"the log was damaged after record {said['last_seq']}: {said['problem']}")
    return Checked(records, int(said["last_seq"]) if ended else records, missing=tuple(missing))


def to_blocks(lines: Iterable[str]) -> Iterator[str]:
    """Lines with their ends, some at once: 64 KiB and a line at most."""
    block, size = [], 0
    for line in lines:
        block.append(f"{line}\n")
        size += len(line)
        if size >= _WRITTEN_CHARS:
            yield "".join(block)
            block, size = [], 0
    yield "".join(block)


def write_lines(path: str, lines: Iterable[str]) -> int:
    """Write lines to a new file of mode 0600; how many. Raises StoreError if there is one already, or it fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    count = 0
    try:
        with translated_errors(path), open(os.open(path, flags, 0o600), "wb") as file:
            for block in to_blocks(lines):
                file.write(block.encode("ascii"))
                count += block.count("\n")
            file.flush()
            os.fsync(file.fileno())
    except StoreError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise StoreError(f"{path} exists already", hint="choose another name") from error
        raise
    return count


def read_text(path: str) -> str:
    """A small text file that a person named. Raises StoreError if it cannot be read."""
    with opened(path) as file:
        if file is None:
            raise StoreError(f"cannot read {path}: no such file")
        return read_at(file.descriptor, MOST_TEXT_BYTES, 0).decode("utf-8", "replace")


def is_export(path: str) -> bool:
    """Whether a file begins as an export does. Raises StoreError if it cannot be read."""
    with opened(path) as file:
        if file is None:
            raise StoreError(f"cannot read {path}: no such file")
        return read_at(file.descriptor, 1, 0) == b"{"


def _signed(chain: Chain, before: bytes, said: dict[str, Any]) -> tuple[bytes, str]:
    """The keyed hash of a line and the line with it, in ASCII."""
    text = _encode(said)[:-1]
    mac = chain.sign(_PURPOSE, before + text.encode("ascii"))
    return mac, f'{text},"mac":"{mac.hex()}"}}'


def _lines(path: str) -> Iterator[bytes]:
    """Lines with their ends, which are line feeds and nothing else."""
    with opened(path) as file:
        if file is None:
            raise StoreError(f"cannot read {path}: no such file")
        rest, offset = b"", 0
        while block := read_at(file.descriptor, _BLOCK_BYTES, offset):
            offset += len(block)
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line + b"\n"
        if rest:
            yield rest
