"""Which deleted and added files are one file that moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.source import Source

LEAST_SHARED = 0.5
"""Share of lines that two files must have in common, as git asks by itself (diff.renames)."""
MOST_PAIRS = 20_000
"""Pairs of files that are compared for likeness."""


def find_renames(files: Sequence[FileChange]) -> list[FileChange]:
    """The same changes, with pairs of a deleted and an added file that are alike as one, in path order."""
    gone = {change.path: change for change in files if change.status == "deleted" and change.old is not None}
    came = {change.path: change for change in files if change.status == "added" and change.new is not None}
    taken: dict[str, str] = {}
    for old, new in _pairs(gone, came):
        if old not in taken.values() and new not in taken:
            taken[new] = old
    moved = set(taken.values())
    found = [
        _joined(gone[taken[change.path]], change) if change.path in taken else change
        for change in files
        if change.path not in moved or change.path in taken
    ]
    return sorted(found, key=lambda change: change.path)


def _joined(old: FileChange, new: FileChange) -> FileChange:
    return FileChange(
        new.path,
        "renamed",
        old.old,
        new.new,
        old_path=old.path,
        old_mode=old.old_mode,
        new_mode=new.new_mode,
        size_bytes=new.size_bytes,
    )


def _pairs(gone: dict[str, FileChange], came: dict[str, FileChange]) -> Iterator[tuple[str, str]]:
    """Old and new names of files that are alike: equal ones first, then by how much they share."""
    equal: dict[bytes, list[str]] = {}
    for path, change in gone.items():
        if change.old is not None and change.old.data:
            equal.setdefault(change.old.data, []).append(path)
    for path, change in came.items():
        if change.new is not None:
            yield from ((old, path) for old in equal.get(change.new.data, ()))
    if len(gone) * len(came) > MOST_PAIRS:
        return
    lines = {path: _lines(change.old) for path, change in gone.items()}
    scored = []
    for path, change in came.items():
        own = _lines(change.new)
        for old, other in lines.items():
            share = _share(own, other)
            if share >= LEAST_SHARED:
                same_name = old.rpartition("/")[2] == path.rpartition("/")[2]
                scored.append((-share, not same_name, old, path))
    yield from ((old, path) for _, _, old, path in sorted(scored))


def _lines(source: Source | None) -> Counter[bytes]:
    if source is None or source.is_binary:
        return Counter()
    return Counter(line.strip() for line in source.raw_lines if line.strip())


def _share(one: Counter[bytes], other: Counter[bytes]) -> float:
    most = max(one.total(), other.total())
    return (one & other).total() / most if most else 0.0
