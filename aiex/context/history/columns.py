"""A history as packed numbers, quick to write, to read back and to ask: 3,000 commits in a few milliseconds."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aiex.context.history.log import Commit
from aiex.context.search.words import count_terms
from aiex.record import record


@record
class Postings:
    """Lists of small numbers, one after the other: list n is `numbers[starts[n] : starts[n + 1]]`."""

    starts: array[int]
    numbers: array[int]

    def __getitem__(self, number: int) -> array[int]:
        """One of the lists."""
        return self.numbers[self.starts[number] : self.starts[number + 1]]

    def __len__(self) -> int:
        """How many lists there are."""
        return len(self.starts) - 1

    def is_sound(self, count: int, limit: int) -> bool:
        """Whether there are so many lists, each number below the limit."""
        starts, numbers = self.starts, self.numbers
        rising = len(starts) == count + 1 and starts[0] == 0 and starts[-1] == len(numbers)
        return rising and list(starts) == sorted(starts) and max(numbers, default=-1) < limit


class Columns(NamedTuple):
    """The commits of a history, newest first, the paths they changed, and the words they said."""

    times: array[int]
    """Of each commit, in seconds since 1970."""
    lengths: array[int]
    """Words in the subject of each commit."""
    changed: Postings
    """The paths of each commit."""
    commits: Postings
    """The commits of each path, newest first."""
    said: Postings
    """The commits whose subject has a term, newest first."""
    subjects: bytes
    """The texts are packed, as not every question needs them: see `unpack_texts`."""
    paths: bytes
    terms: bytes

    def is_sound(self) -> bool:
        """Whether no number points beyond what there is; the number of texts is seen when they are unpacked."""
        total = len(self.times)
        return (
            len(self.lengths) == total
            and self.changed.is_sound(total, len(self.commits))
            and self.commits.is_sound(len(self.commits), total)
            and self.said.is_sound(len(self.said), total)
        )


def to_columns(commits: Iterable[Commit]) -> Columns:
    """Pack commits, newest first, without secrets; those without paths tell nothing of a file and are left out."""
    kept = [commit for commit in commits if commit.paths]
    subjects = _subjects_of(kept)
    numbers: dict[str, int] = {}
    for commit in kept:
        for path in commit.paths:
            numbers.setdefault(path, len(numbers))
    changed = [[numbers[path] for path in commit.paths] for commit in kept]
    words = [count_terms(subject.encode("utf-8", "replace")) for subject in subjects]
    terms: dict[str, int] = {}
    for found in words:
        for term in found:
            terms.setdefault(term, len(terms))
    return Columns(
        array("q", [commit.time_s for commit in kept]),
        array("I", map(len, words)),
        _to_postings(changed),
        _to_postings(_turn(changed, len(numbers))),
        _to_postings(_turn([[terms[term] for term in found] for found in words], len(terms))),
        pack_texts(subjects),
        pack_texts(numbers),
        pack_texts(terms),
    )


def _subjects_of(commits: Sequence[Commit]) -> Sequence[str]:
    """What the commits say, without secrets."""
    if not commits:
        return ()
    from aiex.guard.redact import redact_texts  # with its patterns, 60 ms that a warm run does not need

    return redact_texts([commit.subject for commit in commits])


def to_commits(columns: Columns) -> Iterator[Commit]:
    """What was packed."""
    paths = unpack_texts(columns.paths)
    for number, subject in enumerate(unpack_texts(columns.subjects)):
        touched = sorted(paths[path] for path in columns.changed[number])
        yield Commit(columns.times[number], subject, tuple(touched))


def pack_texts(texts: Iterable[str]) -> bytes:
    """Texts without NUL in few bytes."""
    return zlib.compress("\0".join(texts).encode("utf-8", "surrogateescape"), 1)


def unpack_texts(packed: bytes) -> list[str]:
    """The texts that were packed. Raises `zlib.error` when these are no packed texts."""
    joined = zlib.decompress(packed).decode("utf-8", "surrogateescape")
    return joined.split("\0") if joined else []


def _turn(lists: Sequence[Iterable[int]], count: int) -> list[list[int]]:
    """For each of `count` numbers the places of the lists that have it."""
    found: list[list[int]] = [[] for _ in range(count)]
    for place, numbers in enumerate(lists):
        for number in numbers:
            found[number].append(place)
    return found


def _to_postings(lists: Iterable[Sequence[int]]) -> Postings:
    starts, numbers = array("I", [0]), array("I")
    for found in lists:
        numbers.extend(found)
        starts.append(len(numbers))
    return Postings(starts, numbers)


def to_parts(columns: Columns) -> dict[str, bytes]:
    """The columns as named bytes."""
    parts = {"subjects": columns.subjects, "paths": columns.paths, "terms": columns.terms}
    parts |= {"times": columns.times.tobytes(), "lengths": columns.lengths.tobytes()}
    for name in ("changed", "commits", "said"):
        postings: Postings = getattr(columns, name)
        parts |= {f"{name}.starts": postings.starts.tobytes(), f"{name}.numbers": postings.numbers.tobytes()}
    return parts


def from_parts(parts: Mapping[str, bytes]) -> Columns | None:
    """The columns that `to_parts` wrote; None when something is missing or damaged."""
    try:
        columns = Columns(
            array("q", parts["times"]),
            array("I", parts["lengths"]),
            _from_parts(parts, "changed"),
            _from_parts(parts, "commits"),
            _from_parts(parts, "said"),
            parts["subjects"],
            parts["paths"],
            parts["terms"],
        )
    except (KeyError, ValueError, TypeError):
        return None
    return columns if columns.is_sound() else None


def _from_parts(parts: Mapping[str, bytes], name: str) -> Postings:
    return Postings(array("I", parts[f"{name}.starts"]), array("I", parts[f"{name}.numbers"]))
