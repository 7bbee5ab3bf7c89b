"""What git runs or obeys beside its own directory: hooks and settings that its configuration puts elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from aiex.guard.sandbox.peeking import peek

_MOST_BYTES = 1 << 18
_SECTION = re.compile(r'\s*\[\s*([\w.-]+)(?:\s*"[^"]*")?\s*\]')
_SETTING = re.compile(r"\s*(\w[\w-]*)\s*=\s*(.*)")
_NAMING = frozenset({("core", "hookspath"), ("core", "fsmonitor"), ("include", "path"), ("includeif", "path")})
"""Settings whose value is a path that git runs, or reads more settings from (git-config(1))."""


def configured_paths(git: str) -> Iterator[str]:
    """The absolute paths that a git directory names as hooks or as more settings; nothing for anything else.

    Cost: two attempts to open a file.
    """
    for name in ("config", "config.worktree"):
        text = peek(os.path.join(git, name), _MOST_BYTES)
        for setting, value in _settings(text):
            if value and (setting != "fsmonitor" or "/" in value):
                base = git if setting == "path" else os.path.dirname(git)
                yield os.path.normpath(os.path.join(base, os.path.expanduser(value)))


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
