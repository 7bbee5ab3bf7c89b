"""Finds the lines of many files that match: by ripgrep where it is installed, else by our own means; same answers."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from threading import Event as Flag
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from aiex.agent.looking.layers import held
from aiex.agent.looking.matching import (
    MOST_PLACES,
    Hits,
    Task,
    compile_pattern,
    find_all,
    find_in,
    is_quick,
    load_text,
)
from aiex.errors import ToolError

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.agent.looking.patterns import Pattern
    from aiex.agent.looking.walking import Ground
    from aiex.context.catalogue import Catalogue
    from aiex.guard.sandbox.ripgrep import Place

TIMEOUT_S: Final = 30.0
MANY: Final = 200
"""Files from which on ripgrep looks for them itself."""
MOST_GLOBS: Final = 300
_PLAIN: Final = re.compile(r"[\w./-]+", re.ASCII)
_PORTION: Final = 40
"""Files that are searched before others get their turn."""
_HINT: Final = "narrow the path, the glob or the pattern"
_MOST_REMEMBERED: Final = 16


class _Asked(NamedTuple):
    """What ripgrep is asked about."""

    paths: Sequence[str]
    """Files, or a directory that it walks itself."""
    skipped: Sequence[str]
    """What it leaves out there, as globs."""


class Begun(NamedTuple):
    """A search that ripgrep is at already."""

    asked: _Asked
    places: asyncio.Future[list[Place] | None]


_LAST: Final[WeakKeyDictionary[Catalogue, dict[str, _Asked]]] = WeakKeyDictionary()
"""How directories were searched last, which mostly is how they are searched next."""


def begin(kit: Kit, pattern: Pattern, top: str) -> Begun | None:
    """Let ripgrep begin with a directory before its files are listed, as it was asked the last time.

    Where they turn out to be others than then, `find` asks once more. None where nothing is known of the directory.
    """
    asked = _LAST.get(kit.catalogue, {}).get(top)
    if asked is None:
        return None
    from aiex.guard.sandbox.ripgrep import find_ripgrep

    program = find_ripgrep(kit.root)
    return Begun(asked, _start(program, kit, pattern, asked)) if program else None


async def find(
    kit: Kit,
    pattern: Pattern,
    paths: Sequence[str],
    most: int,
    ground: Ground | None = None,
    begun: Begun | None = None,
) -> list[Hits]:
    """The files that match, in the order of their paths, with at least the first `most` places of all of them.

    What is binary, larger than 16 MB or cannot be read is left out.

    Args:
        paths: Sorted; of files that may be read as far as their names go.
        ground: Where these are all files that there are.
        begun: The same search, begun before.

    Raises:
        ToolError: if it takes too long.
    """
    changed = held(kit)
    plain = [path for path in paths if path not in changed] if changed else paths
    if len(plain) > 1:
        from aiex.guard.sandbox.ripgrep import Refused, find_ripgrep

        program = find_ripgrep(kit.root)
        if program:
            try:
                found = await _ask_ripgrep(program, kit, pattern, plain, most, ground, begun)
            except Refused:
                return await _find_ourselves(Task(kit.files, pattern, paths))
            rest = [path for path in paths if path in changed]
            return sorted(found + await _find_ourselves(Task(kit.files, pattern, rest))) if rest else found
    return await _find_ourselves(Task(kit.files, pattern, paths))


# --- by ripgrep -----------------------------------------------------------------------------------------------------


async def _ask_ripgrep(
    program: str,
    kit: Kit,
    pattern: Pattern,
    paths: Sequence[str],
    most: int,
    ground: Ground | None,
    begun: Begun | None,
) -> list[Hits]:
    from aiex.guard.sandbox.ripgrep import count_lines, find_places

    files, root, rust, known = kit.catalogue, kit.means.workspace.root, pattern.rust, set(paths)
    asked = _ask_whole(ground) if ground and ground.folders and len(paths) >= MANY else _Asked(paths, [])
    if ground and asked.paths is not paths:
        _remember(files, ground.top, asked)
    places = await (begun.places if begun and begun.asked == asked else _start(program, kit, pattern, asked))
    counts: Mapping[str, int]
    if places is not None:
        counts = Counter(place.path for place in places if place.path in known)
    else:
        told = await asyncio.to_thread(
            count_lines, program, root, rust, asked.paths, timeout_s=TIMEOUT_S, skipped=asked.skipped
        )
        counts = {path: count for path, count in told.items() if path in known}
        first = list(_take_first(files, counts, most))
        places = await asyncio.to_thread(find_places, program, root, rust, first, timeout_s=TIMEOUT_S, most=most)
    grouped: dict[str, list[tuple[int, int]]] = {}
    for place in places or ():
        grouped.setdefault(place.path, []).append((place.line, place.column - 1))
    return list(_to_hits(files, counts, grouped, most))


def _start(program: str, kit: Kit, pattern: Pattern, asked: _Asked) -> asyncio.Future[list[Place] | None]:
    """Ask it at once, in a thread."""
    from aiex.guard.sandbox.ripgrep import find_places

    root = kit.means.workspace.root
    ask = partial(find_places, program, root, pattern.rust, asked.paths, timeout_s=TIMEOUT_S, skipped=asked.skipped)
    found = asyncio.get_running_loop().run_in_executor(None, ask)
    found.add_done_callback(lambda done: done.cancelled() or done.exception())  # known, also where nobody waits
    return found


def _remember(files: Catalogue, top: str, asked: _Asked) -> None:
    known = _LAST.setdefault(files, {})
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[top] = asked


def _ask_whole(ground: Ground) -> _Asked:
    """A directory for ripgrep to walk, which is quicker than naming its files, and what to leave out on the way.

    It comes to more files than count: what is found in others is dropped.
    """
    asked = ["./" if ground.top == "." else f"./{ground.top}"]
    left_out = [path for folder in ground.folders for path in folder.left_out]
    if not left_out:
        return _Asked(asked, [])
    kept = {path.rsplit("/", 2)[-2] for folder in ground.folders for path in folder.folders}
    names = ((path, path.rsplit("/", 2)[-2]) for path in left_out)
    globs = dict.fromkeys(f"/{path}" if name in kept else f"{name}/" for path, name in names)
    return _Asked(asked, [glob for glob in globs if _PLAIN.fullmatch(glob)][:MOST_GLOBS])


def _to_hits(
    files: Catalogue, counts: Mapping[str, int], places: Mapping[str, Sequence[tuple[int, int]]], most: int
) -> Iterator[Hits]:
    for path in sorted(counts):
        if files.is_text(path):
            first = tuple(places.get(path, ())[: min(most, MOST_PLACES)])
            yield Hits(path, counts[path], first)
            most -= len(first)


def _take_first(files: Catalogue, counts: Mapping[str, int], most: int) -> Iterator[str]:
    """The first files that have so many lines together."""
    for path in sorted(counts):
        if most <= 0:
            return
        if files.is_text(path):
            yield path
            most -= counts[path]


# --- by our own means -------------------------------------------------------------------------------------------------


async def _find_ourselves(task: Task) -> list[Hits]:
    end = time.monotonic() + TIMEOUT_S
    found: list[Hits] = []
    hard: list[str] = []
    expression = compile_pattern(task.pattern)
    for number, path in enumerate(task.paths, 1):
        if number % _PORTION == 0:
            await asyncio.sleep(0)
            if time.monotonic() > end:
                raise ToolError(f"the search took longer than {TIMEOUT_S:g} s", hint=_HINT)
        text = load_text(task.files, path)
        if text is None:
            continue
        if not is_quick(task.pattern, text):
            hard.append(path)
        elif (hits := find_in(path, text, expression)) is not None:
            found.append(hits)
    if hard:
        found += await _find_apart(task._replace(paths=hard))
        found.sort()
    return found


async def _find_apart(task: Task) -> list[Hits]:
    """The same in a process that is ended when it takes too long."""
    from aiex.guard.sandbox.workers import Died, Overran, run_within

    given_up = Flag()
    try:
        result = await asyncio.to_thread(run_within, find_all, task, timeout_s=TIMEOUT_S, given_up=given_up)
    finally:
        given_up.set()
    if isinstance(result, Overran | Died):
        why = "the pattern can be read in too many ways"
        raise ToolError(f"the search took longer than {TIMEOUT_S:g} s: {why}", hint=_HINT)
    return result
