"""Patterns of paths such as `*.py`, `src/**/*.ts` and `**/*.{js,jsx}`, matched in time that no pattern can blow up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from typing import Final

from aiex.errors import ToolError

MOST_ALTERNATIVES: Final = 64
LONGEST_GLOB: Final = 1_000
Matches = Callable[[str], bool]
_MANY: Final = None
_Step = Callable[[str], object] | None
_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def compile_glob(glob: str) -> Matches:
    """Says of a path whether it matches.

    Args:
        glob: `*` and `?` stand for any text and any character of one component, `**` for any number of components,
            `[ab]` and `[!ab]` for characters, `{a,b}` for either. Without `/` it is about the last component, wherever
            it lies; with one, about the whole path. A final `/` means everything beneath.

    Raises:
        ToolError: where it is none.
    """
    if not glob.strip() or len(glob) > LONGEST_GLOB or "\0" in glob:
        raise ToolError("the glob is empty or no glob", hint="such as *.py or src/**/*.ts")
    ways = [_read(one) for one in _expand(glob.strip())]
    return lambda path: any(_matches(way, path) for way in ways)


def _expand(glob: str) -> list[str]:
    """The same without braces, innermost first."""
    waiting, done = [glob], []
    while waiting:
        one = waiting.pop()
        found = _BRACES.search(one)
        if found is None:
            done.append(one)
        else:
            waiting += [one[: found.start()] + word + one[found.end() :] for word in found[1].split(",")]
        if len(waiting) + len(done) > MOST_ALTERNATIVES:
            raise ToolError("the glob has too many alternatives", hint="ask in several calls")
    return done


def _read(glob: str) -> Sequence[_Step]:
    """A step for each component; `_MANY` for any number of them."""
    glob = f"{glob}**" if glob.endswith("/") else glob
    words = [word for word in glob.removeprefix("./").split("/") if word not in ("", ".")]
    if "/" not in glob:
        words = ["**", *words]
    return tuple(_merge(words))


def _merge(words: Sequence[str]) -> Iterator[_Step]:
    last: str | None = None
    for word in words:
        if word != "**":
            yield re.compile(translate(word)).match
        elif last != "**":
            yield _MANY
        last = word


def _matches(steps: Sequence[_Step], path: str) -> bool:
    """Whether a path takes all steps. Cost: components times steps."""
    names = path.split("/")
    if len(steps) == 2 and steps[0] is _MANY and steps[1] is not _MANY:
        return steps[1](names[-1]) is not None
    places = {0}
    for name in names:
        places = _close(steps, places)
        after = {at for at in places if at < len(steps) and steps[at] is _MANY}
        for at in places:
            step = steps[at] if at < len(steps) else _MANY
            if step is not _MANY and step(name) is not None:
                after.add(at + 1)
        places = after
    return len(steps) in _close(steps, places)


def _close(steps: Sequence[_Step], places: set[int]) -> set[int]:
    """The places with those that are reached by taking no component at all."""
    return places | {at + 1 for at in places if at < len(steps) and steps[at] is _MANY}
