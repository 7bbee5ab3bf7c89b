"""Checkpoints in one file, to carry elsewhere; all of a file is checked before anything of it is kept.

The form: `MAGIC`; then, packed by zlib as a whole, a header (a line of JSON: version, checkpoints, number of contents),
the trees and then the files that the checkpoints need, each as kind (1 byte), size (8 bytes, the highest first), id (20
bytes) and content; at the end the BLAKE2b digest (32 bytes) of all of that.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from aiex.errors import UsageError
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules
from aiex.record import record
from aiex.sessions.checkpoints.objects import FILE, ID_BYTES, TREE, digest
from aiex.sessions.checkpoints.retention import reach
from aiex.sessions.checkpoints.stores.catalogue import ID_DIGITS, Checkpoint, is_tag
from aiex.sessions.checkpoints.survey import Survey, refused

try:
    from _blake2 import blake2b  # as in aiex/digest.py
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiex.sessions.checkpoints.objects import Objects
    from aiex.sessions.checkpoints.stores.catalogue import Catalogue

MAGIC: Final = b"aiex checkpoints\x01\n"
SUFFIX: Final = ".aiexck"
_SUM_BYTES: Final = 32
_HEADER_BYTES: Final = 16 << 20
_AT_ONCE: Final = 1 << 18
_LEVEL: Final = 6
_MB: Final = 1_000_000
_LONGEST_TEXT: Final = 4096
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, after which no calendar of ours has a date."""


@record
class Limits:
    """What an archive may hold; more is refused, however small it was packed: a file of zeros is a thousandth."""

    files: int = 1_000_000
    """Names in one checkpoint."""
    file_bytes: int = 100 * _MB
    """Of one file (the setting `checkpoints.max_file_mb`)."""
    objects: int = 2_000_000
    """Contents of an archive."""
    bytes: int = 16_000 * _MB
    """Of the contents of an archive, and of one checkpoint as it would be restored."""
    tree_bytes: int = 256 << 20
    """Of all directories; they are in memory while an archive is checked."""


class Archive(NamedTuple):
    """What stands in an archive."""

    checkpoints: tuple[Checkpoint, ...]
    objects: int
    bytes: int
    """Of the contents."""


def export_checkpoints(objects: Objects, checkpoints: Sequence[Checkpoint], out: BinaryIO) -> Archive:
    """Write checkpoints with all they hold; the caller sees to it that a half-written file does not stay.

    Raises:
        DamagedStore: if a content cannot be read.
        OSError: if the file cannot be written.

    Cost: 100 ns a byte of what the checkpoints hold, each content once.
    """
    ids: dict[bytes, int] = {}
    for checkpoint in checkpoints:
        ids.update(dict.fromkeys(reach(objects, checkpoint.tree, ids), 0))
    kinds = {kind: sorted(id.hex() for id in ids if objects.has(id.hex(), kind)) for kind in (TREE, FILE)}
    size = 0
    out.write(MAGIC)
    writer = _Writer(out)
    header = {"v": 1, "checkpoints": [_to_json(known) for known in checkpoints], "objects": len(ids)}
    writer.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")
    for kind, wanted in kinds.items():
        for id in wanted:
            length = objects.size(id)
            writer.write(bytes((kind,)) + length.to_bytes(8, "big") + bytes.fromhex(id))
            for piece in objects.stream(id):
                writer.write(piece)
            size += length
    if sum(map(len, kinds.values())) != len(ids):
        missing = next(id for id in ids if not objects.has(id.hex()))
        objects.get(missing.hex())  # says that it is not there
    writer.close()
    return Archive(tuple(checkpoints), len(ids), size)


def inspect_archive(source: BinaryIO, *, limits: Limits | None = None, names: NameRules = DEFAULT_RULES) -> Archive:
    """What an archive holds, all of it checked: form, digests, sizes, names, and that nothing is missing.

    Args:
        source: An open file that can be read twice.
        names: Names that no archive may bring.

    Raises:
        UsageError: if it is none, is cut off, was changed, or holds what is not allowed.
        OSError: if the file cannot be read.

    Cost: 20 ns a byte; the directories in memory.
    """
    bounds = limits or Limits()
    survey = Survey(names, most_names=bounds.files, most_bytes=bounds.bytes)
    sizes: dict[str, int] = {}
    reader = _Reader(source, bounds)
    checkpoints, count = reader.read_header()
    for kind, id, size in reader.entries(count):
        if kind == TREE:
            bounds_left = bounds.tree_bytes - survey.tree_bytes
            if sizes or size > bounds_left:
                raise refused("its directories do not come first" if sizes else "its directories are too large")
            data = b"".join(reader.content(size))
            _require(digest(TREE, data).hex() == id, f"the content {id} is not what its id says")
            survey.add(id, data)
        else:
            _require(id not in sizes, f"the content {id} is there twice")
            running, most = blake2b(bytes((FILE,)), digest_size=ID_BYTES), b""
            for piece in reader.content(size):
                running.update(piece)
                most = (most + piece)[: _LONGEST_TEXT + 1]
            _require(running.hexdigest() == id, f"the content {id} is not what its id says")
            sizes[id] = size
            survey.note_link(id, most)
    reader.finish()
    shapes = {known.tree: survey.measure(known.tree, sizes) for known in checkpoints}
    survey.require_all_used(sizes)
    measured = tuple(
        replace(known, files=shapes[known.tree].files, bytes=shapes[known.tree].bytes) for known in checkpoints
    )
    return Archive(measured, count, sum(sizes.values()) + survey.tree_bytes)


def import_checkpoints(
    objects: Objects,
    catalogue: Catalogue,
    source: BinaryIO,
    *,
    limits: Limits | None = None,
    names: NameRules = DEFAULT_RULES,
) -> list[Checkpoint]:
    """Keep the checkpoints of an archive, after all of it was checked as by `inspect_archive`.

    What they were taken for is kept without secrets. One that is here already, with the same id and tree, is not added
    again. One whose id is another's gets a new id, one whose tag is taken comes without.

    Raises:
        UsageError: as `inspect_archive` does; nothing is kept then.
        StoreError: if the database cannot be written.
        OSError: if the file cannot be read.
    """
    from aiex.guard.redact import redact  # with its patterns, 60 ms

    bounds = limits or Limits()
    archive = inspect_archive(source, limits=bounds, names=names)
    reader = _Reader(source, bounds)
    _, count = reader.read_header()
    _require(count == archive.objects, "it changed while it was read")
    with objects.writing():
        for kind, id, size in reader.entries(count):
            pieces = reader.content(size)
            kept = objects.put_tree(b"".join(pieces)) if kind == TREE else objects.put_chunks(pieces)
            _require(kept == id, "it changed while it was read")
        reader.finish()
        return [_add(catalogue, replace(one, reason=redact(one.reason))) for one in archive.checkpoints]


def _add(catalogue: Catalogue, checkpoint: Checkpoint) -> Checkpoint:
    known = {one.id: one for one in catalogue.list()}
    same = known.get(checkpoint.id)
    if same is not None and same.tree == checkpoint.tree:
        return same
    id = checkpoint.id if same is None else catalogue.new_id()
    is_taken = any(one.tag == checkpoint.tag for one in known.values())
    return catalogue.add(replace(checkpoint, id=id, tag="" if is_taken else checkpoint.tag))


class _Writer:
    """Packs and sums up what is written."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._packer = zlib.compressobj(_LEVEL)
        self._sum = blake2b(digest_size=_SUM_BYTES)

    def write(self, data: bytes) -> None:
        self._sum.update(data)
        self._out.write(self._packer.compress(data))

    def close(self) -> None:
        self._out.write(self._packer.compress(self._sum.digest()) + self._packer.flush())


class _Reader:
    """Unpacks a little at a time, never more than the limits say, and checks the sum at the end."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        source.seek(0)
        self._source = source
        self._limits = limits
        self._inflater = zlib.decompressobj()
        self._sum = blake2b(digest_size=_SUM_BYTES)
        self._waiting = b""
        self._made = 0
        if source.read(len(MAGIC)) != MAGIC:
            raise UsageError(
                "cannot import this: it is no archive of checkpoints", hint="aiex export checkpoint makes one"
            )

    def read_header(self) -> tuple[tuple[Checkpoint, ...], int]:
        """The checkpoints, and how many contents follow."""
        line = bytearray()
        while not line.endswith(b"\n"):
            _require(len(line) < _HEADER_BYTES, "its header is too long")
            line += self._take_line()
        self._sum.update(line)
        try:
            checkpoints, count = _parse_header(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise refused("its header is not of this form") from error
        if count > self._limits.objects:
            raise _too_much(f"it holds {count:,} contents, and {self._limits.objects:,} are the most")
        return checkpoints, count

    def entries(self, count: int) -> Iterator[tuple[int, str, int]]:
        """Kind, id and size of each content; the caller reads `content` before it asks for the next."""
        for _ in range(count):
            head = b"".join(self.content(9 + ID_BYTES))
            kind, size = head[0], int.from_bytes(head[1:9], "big")
            _require(kind in (TREE, FILE), "it holds a content of an unknown kind")
            if kind == FILE and size > self._limits.file_bytes:
                held, most = _in_mb(size), _in_mb(self._limits.file_bytes)
                raise _too_much(
                    f"it holds a file of {held}, and {most} are the most (checkpoints.max_file_mb)",
                    f"if you trust it: --set checkpoints.max_file_mb={-(-size // _MB)}",
                )
            self._require_room(size)
            yield kind, head[9:].hex(), size

    def content(self, size: int) -> Iterator[bytes]:
        """So many bytes, in pieces."""
        while size:
            self._fill()
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            self._sum.update(piece)
            size -= len(piece)
            yield piece

    def finish(self) -> None:
        """Check the sum, and that nothing follows."""
        wanted, found = self._sum.digest(), b"".join(self.content(_SUM_BYTES))
        _require(wanted == found, "its bytes are not those that were written")
        self._inflate()
        is_end = self._inflater.eof and not self._waiting and not self._inflater.unused_data
        _require(is_end and not self._source.read(1), "something follows its end")

    def _take_line(self) -> bytes:
        self._fill()
        end = self._waiting.find(b"\n") + 1 or len(self._waiting)
        piece, self._waiting = self._waiting[:end], self._waiting[end:]
        return piece

    def _fill(self) -> None:
        """Have at least one byte waiting."""
        while not self._waiting:
            _require(not self._inflater.eof, "it is cut off")
            self._inflate()

    def _inflate(self) -> None:
        """Unpack a little of what is there; the end of a stream may make nothing."""
        packed = self._inflater.unconsumed_tail
        if not packed and not self._inflater.eof:
            packed = self._source.read(_AT_ONCE)
            _require(bool(packed), "it is cut off")
        try:
            made = self._inflater.decompress(packed, _AT_ONCE)
        except zlib.error as error:
            raise refused("its bytes are not those that were written") from error
        self._waiting += made
        self._made += len(made)
        self._require_room(-self._limits.tree_bytes)

    def _require_room(self, more: int) -> None:
        """Whether so many bytes may follow."""
        if self._made + more > self._limits.bytes:
            raise _too_much(f"it unpacks to more than {_in_mb(self._limits.bytes)}, which is the most")


def _to_json(checkpoint: Checkpoint) -> dict[str, str | int]:
    return {
        "id": checkpoint.id, "created_ms": checkpoint.created_ms, "reason": checkpoint.reason[:_LONGEST_TEXT],
        "session": checkpoint.session, "tree": checkpoint.tree, "files": checkpoint.files, "bytes": checkpoint.bytes,
        "tag": checkpoint.tag,
    }  # fmt: skip


def _parse_header(header: dict[str, object]) -> tuple[tuple[Checkpoint, ...], int]:
    """Raises UsageError, ValueError, TypeError or KeyError where it is not of the form."""
    if header["v"] != 1:
        raise refused(f"it is of version {str(header['v'])[:20]!a}, and this aiex knows version 1")
    known, count = header["checkpoints"], header["objects"]
    if not isinstance(known, list) or not known or not _is_count(count):
        raise ValueError("no checkpoints")
    checkpoints = []
    for one in known:
        id, tree, reason, session, tag = (_text(one[key]) for key in ("id", "tree", "reason", "session", "tag"))
        created_ms, files, size = one["created_ms"], one["files"], one["bytes"]
        is_sane = _is_hex(id, ID_DIGITS) and _is_hex(tree, 2 * ID_BYTES) and _is_hex(session, len(session))
        if not is_sane or (tag and not is_tag(tag)) or not all(map(_is_count, (created_ms, files, size))):
            raise ValueError("a value that no checkpoint has")
        if created_ms > _LATEST_MS:
            raise refused("one of its checkpoints is of a time beyond the year 9999")
        checkpoints.append(Checkpoint(id, 0, created_ms, reason, session, tree, files, size, tag))
    return tuple(checkpoints), int(str(count))


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError("no text, or a long one")
    return value


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and not set(text) - set("0123456789abcdef")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _in_mb(size_bytes: int) -> str:
    return f"{-(-size_bytes // _MB):,} MB"


def _too_much(reason: str, hint: str = "export fewer checkpoints at once") -> UsageError:
    return UsageError(f"cannot import this archive: {reason}", hint=f"nothing was kept; {hint}")


def _require(is_so: bool, reason: str) -> None:
    if not is_so:
        raise refused(reason)
