"""Large files, and binary ones, that come into the repository."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

LARGE_BYTES = 1_000_000
LARGE_BINARY_BYTES = 250_000
_WORDS = "exe dll so dylib a o obj lib class jar war pyc pyo whl egg zip gz tgz bz2 xz 7z rar iso dmg"
_BUILT = frozenset(_WORDS.split())


def _find(change: FileChange) -> Iterator[Hit]:
    if change.status != "added":
        return
    size, is_binary = change.size_bytes, change.new is not None and change.new.is_binary
    ending = change.path.lower().rpartition(".")[2]
    if size > LARGE_BYTES or (is_binary and size > LARGE_BINARY_BYTES):
        kind = "binary file" if is_binary else "file"
        message = f"a {kind} of {size / 1e6:.1f} MB was added"
        yield Hit(change.path, 0, message, "keep it elsewhere: every clone has it for ever")
    elif is_binary and ending in _BUILT and not change.is_test:
        yield Hit(
            change.path, 0, "a file that a program built was added", "build it where it is needed", severity="note"
        )


RULE = Rule(
    "warning",
    "Large or built file",
    "Every clone carries it from now on, also after it was removed, and nobody can read what changes in it.",
    in_file=_find,
)
