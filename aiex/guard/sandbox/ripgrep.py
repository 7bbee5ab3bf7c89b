"""Asks ripgrep where a pattern occurs in named files; it reads no settings, follows nothing and shows no text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from aiex.errors import StoreError
from aiex.guard.sandbox.process import find_outside, run

_OPTIONS: Final = (
    *(
        "--no-config",
        "--no-ignore",
        "--hidden",
        "--max-filesize=16M",
        "--no-messages",
        "--text",
        "--null",
        "--no-heading",
        "--color=never",
    ),
    *("--with-filename", "--no-crlf", "--no-multiline", "--no-pre", "--no-search-zip", "--case-sensitive"),
)
"""`--text`: what is binary is decided by the caller. Source: ripgrep 13, `rg --help`."""
_PLACES: Final = ("--line-number", "--column", "--max-columns=1")
_MOST_ARGUMENT_BYTES: Final = 700_000
"""Of the names for one process: macOS takes 1 MB of arguments and variables, Linux 2 MB."""
_MOST_BYTES: Final = 4_000_000
BEHIND: Final = 1 << 40
_PLACE: Final = re.compile(rb"([^\0]*)\0(\d+):(?:(\d+):)?[^\n]*\n")
_COUNT: Final = re.compile(rb"([^\0]*)\0(\d+)\n")


class Place(NamedTuple):
    """A line that matches."""

    path: str
    line: int
    """From 1."""
    column: int
    """Where the match begins, from 1 in bytes; `BEHIND` for the end of a last line without its line end."""


class Refused(StoreError):
    """Ripgrep does not take the pattern."""


def find_ripgrep(workspace_root: str) -> str:
    """The ripgrep of the machine, never one that lies in the workspace; empty where there is none."""
    return _find(workspace_root, os.environ.get("PATH", ""))


@cache
def _find(workspace_root: str, _: str) -> str:
    return find_outside("rg", workspace_root) or ""


def find_places(
    program: str,
    root: str,
    pattern: str,
    paths: Sequence[str],
    *,
    timeout_s: float,
    most: int = 0,
    skipped: Sequence[str] = (),
) -> list[Place] | None:
    """The lines of some files that match, files in any order, lines of a file in theirs; None where there are too many.

    Args:
        program: From `find_ripgrep`.
        root: What the paths are relative to.
        pattern: In ripgrep's own syntax.
        paths: Files, and directories: all files beneath one are searched, links not followed.
        most: Of one file; 0 for all.
        skipped: Directories that are left out, as globs.

    Raises:
        Refused: for a pattern that it does not take.
        StoreError: if it cannot be run, or needs longer.
    """
    found: list[Place] = []
    limit = (f"--max-count={most}",) if most else ()
    for data, is_whole in _ask(program, root, (*_PLACES, *limit, *_to_globs(skipped)), pattern, paths, timeout_s):
        if not is_whole:
            return None
        found += [
            Place(_to_path(path), int(line), int(column or BEHIND)) for path, line, column in _PLACE.findall(data)
        ]
    return found


def count_lines(
    program: str, root: str, pattern: str, paths: Sequence[str], *, timeout_s: float, skipped: Sequence[str] = ()
) -> dict[str, int]:
    """How many lines of each file match; those without any are left out. Raises as `find_places`."""
    found: dict[str, int] = {}
    for data, _ in _ask(program, root, ("--count", *_to_globs(skipped)), pattern, paths, timeout_s):
        found.update((_to_path(path), int(count)) for path, count in _COUNT.findall(data))
    return found


def _ask(
    program: str, root: str, options: Sequence[str], pattern: str, paths: Sequence[str], timeout_s: float
) -> Iterator[tuple[bytes, bool]]:
    """What it says of each portion of the paths, and whether that is all."""
    for portion in _in_portions(paths):
        argv = [program, *_OPTIONS, *options, f"--regexp={pattern}", "--", *portion]
        done = run(argv, cwd=root, timeout_s=timeout_s, limit_bytes=_MOST_BYTES, keeps_session=True)
        if done.timed_out:
            raise StoreError(f"the search took longer than {timeout_s:g} s", hint="narrow the path or the glob")
        if done.code == 2 and done.stderr and not done.stdout:
            raise Refused(f"ripgrep refused the pattern: {os.fsdecode(done.stderr)[:300]}")
        yield done.stdout, not done.truncated


def _to_globs(skipped: Sequence[str]) -> list[str]:
    return [f"--glob=!{glob}" for glob in skipped]


def _to_path(said: bytes) -> str:
    return os.fsdecode(said.removeprefix(b"./"))


def _in_portions(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for number, path in enumerate(paths):
        size += len(path) * (1 if path.isascii() else 4) + 9
        if size > _MOST_ARGUMENT_BYTES:
            yield paths[start:number]
            start, size = number, len(path) + 9
    yield paths[start:]
