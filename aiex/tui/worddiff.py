"""Which words of a changed line changed, so that the eye finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.patterns import late

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CHARS: Final = 2_000
"""Longer lines are not compared by words."""
LEAST_ALIKE: Final = 0.35
"""Two lines that share a smaller part of their signs are two lines, and no change of one."""
MOST_PAIRED: Final = 100
"""Runs of more lines than this, old times new, are paired as they stand beneath each other."""
_WORD = late(r"\w+|\s+|[^\w\s]")

Span = tuple[int, int]
"""From and to, in characters."""


def word_changes(old: str, new: str) -> tuple[list[Span], list[Span]]:
    """What of each line the other does not have; nothing where the lines are so unlike that it would be all.

    Cost: that of comparing the words, 0.1 ms for a line of code.
    """
    from aiex.sessions.checkpoints.myers import diff_lines

    if old == new or len(old) + len(new) > MOST_CHARS:
        return [], []
    was, now = _WORD.findall(old), _WORD.findall(new)
    hunks = diff_lines(was, now)
    gone = [(one.old_start, one.old_end) for one in hunks if one.old_end > one.old_start]
    come = [(one.new_start, one.new_end) for one in hunks if one.new_end > one.new_start]
    kept = len(old.strip()) - sum(len("".join(was[a:b]).strip()) for a, b in gone)
    if kept < LEAST_ALIKE * min(len(old.strip()), len(new.strip())):
        return [], []
    return _spans(was, gone), _spans(now, come)


def _spans(words: Sequence[str], runs: Sequence[tuple[int, int]]) -> list[Span]:
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word))
    return [(ends[first], ends[last]) for first, last in runs]


def pair_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """The lines of a hunk side by side, in their order: a changed line beside what became of it.

    As many lines on both sides stand beneath each other as they are; else those that are most alike find together.
    """
    if are_parallel(len(old), len(new)):
        least = min(len(old), len(new))
        pairs: list[tuple[int | None, int | None]] = [(at, at) for at in range(least)]
        pairs += [(at, None) for at in range(least, len(old))]
        return pairs + [(None, at) for at in range(least, len(new))]
    return _align([set(_WORD.findall(line)) for line in old], [set(_WORD.findall(line)) for line in new])


def are_parallel(old: int, new: int) -> bool:
    """Whether so many lines are paired as they stand beneath each other."""
    return old == new or old * new > MOST_PAIRED


def _align(old: list[set[str]], new: list[set[str]]) -> list[tuple[int | None, int | None]]:
    """The way through both sides with the greatest sum of likeness (Needleman-Wunsch, gaps are free)."""
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            both = best[i + 1][j + 1] + _likeness(old[i], new[j])
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if _likeness(old[i], new[j]) > 0 and best[i][j] == best[i + 1][j + 1] + _likeness(old[i], new[j]):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    pairs += [(at, None) for at in range(i, len(old))]
    return pairs + [(None, at) for at in range(j, len(new))]


def _likeness(one: set[str], other: set[str]) -> float:
    shared = len(one & other)
    return shared / len(one | other) if shared and shared >= LEAST_ALIKE * min(len(one), len(other)) else 0.0
