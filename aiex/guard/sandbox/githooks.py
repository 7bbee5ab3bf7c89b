"""What git runs or obeys beside its own directory: hooks and settings that its configuration puts elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from aiex.guard.sandbox.gitdirs import read_git_file
from aiex.guard.sandbox.paths import real_path, upwards
from aiex.guard.sandbox.peeking import peek
from aiex.patterns import late

_MOST_BYTES = 1 << 18
_MOST_LINE_BYTES = 4096
_SECTION = late(r'\s*\[\s*([\w.-]+)(?:\s*"[^"]*")?\s*\]')
_SETTING = late(r"\s*(\w[\w-]*)\s*=\s*(.*)")
_NAMING = frozenset({("core", "hookspath"), ("core", "fsmonitor"), ("include", "path"), ("includeif", "path")})
"""Settings whose value is a path that git runs, or reads more settings from (git-config(1))."""


def configured_paths(git: str) -> Iterator[str]:
    """The real paths that git takes hooks or more settings from, after the links that lead there.

    Args:
        git: A git directory, or a `.git` file, beside which the work tree lies; for anything else there are none.

    Cost: five attempts to open a file, and one for each that these name.
    """
    tree = os.path.dirname(git)
    waiting, seen = list(_setting_files(git)), set[str]()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for setting, value in _settings(peek(file, _MOST_BYTES)):
            if value and "\0" not in value and (setting != "fsmonitor" or "/" in value):
                base = os.path.dirname(file) if setting == "path" else tree
                *links, real = _follow(os.path.join(base, os.path.expanduser(value)))
                yield from links
                yield real
                if setting == "path":
                    waiting.append(real)


def _setting_files(git: str) -> Iterator[str]:
    """Those of a git directory itself, and of the one whose work tree is linked to it (gitrepository-layout(5))."""
    named = read_git_file(peek(git, _MOST_LINE_BYTES))
    folder = git if named is None else os.path.normpath(os.path.join(os.path.dirname(git), named))
    common = peek(os.path.join(folder, "commondir"), _MOST_LINE_BYTES).strip().replace("\0", "")
    for place in dict.fromkeys((folder, os.path.normpath(os.path.join(folder, common)))):
        yield from (os.path.join(place, name) for name in ("config", "config.worktree"))


def _follow(path: str) -> Iterator[str]:
    """The links through which a path leads, and the real path."""
    for at in upwards(os.path.normpath(path)):
        if os.path.islink(at):
            yield os.path.join(real_path(os.path.dirname(at)), os.path.basename(at))
    yield real_path(path)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.replace("\\\n", "").split("\n"):
        at = 0
        if head := _SECTION.match(line):
            section, at = head[1].lower().partition(".")[0], head.end()
        if (found := _SETTING.match(line, at)) and (section, found[1].lower()) in _NAMING:
            yield found[1].lower(), _plain(found[2])


def _plain(value: str) -> str:
    """A value without quotes and without a comment."""
    quoted = re.match(r'\s*"((?:[^"\\]|\\.)*)"', value)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    return re.split(r"[#;]", value, maxsplit=1)[0].strip()
