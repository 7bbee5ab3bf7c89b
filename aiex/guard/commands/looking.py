"""What a path inside the workspace really is: links are followed, as the command would follow them."""

import re
from collections.abc import Callable

from aiex.errors import AiexError, Denied
from aiex.guard.commands.globs import is_pattern
from aiex.guard.commands.places import EVERYTHING
from aiex.guard.sandbox.files import Workspace

MOST_NAMES = 20_000
"""Names that are looked at for one pattern or one directory with all below it: a tenth of a second."""


def look_in(workspace: Workspace) -> Callable[[str], str]:
    """A `look` for `classify`: why a path may not be read, when a link leads out or to a secret.

    Cost: an open each, for a pattern a listing of each directory that it goes through.
    """

    def look(path: str) -> str:
        parts = path.split("/")
        return _Looking(workspace).why(parts) if any(map(is_pattern, parts)) else _why_not_path(workspace, path)

    return look


class _Looking:
    """Looks at all names that a pattern stands for, as far as they could surprise: links, and names of secrets."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.left = workspace, MOST_NAMES

    def why(self, parts: list[str]) -> str:
        at = next((at for at, part in enumerate(parts) if is_pattern(part)), len(parts))
        folder, rest = "/".join(parts[:at]) or ".", parts[at + 1 :]
        if at == len(parts):
            return _why_not_path(self.workspace, folder)
        everything = parts[at] == EVERYTHING and not rest
        try:
            entries = self.workspace.scan(folder)
        except Denied as error:
            return error.message
        except AiexError:  # no directory, so that nothing matches
            return ""
        self.left -= len(entries)
        if self.left < 0:
            return "there are too many names to look at"
        matches = re.compile(".*" if everything else _to_regex(parts[at]), re.DOTALL).fullmatch
        for entry in entries:
            if matches(entry.name) and (why := self._entry([*parts[:at], entry.name], entry.kind, rest, everything)):
                return why
        return ""

    def _entry(self, parts: list[str], kind: str, rest: list[str], everything: bool) -> str:
        path = "/".join(parts)
        if kind == "link":
            return _why_not_path(self.workspace, "/".join([path, *rest]))
        if everything and self.workspace.is_secret(path):
            return f"{path} is a secret"
        if kind == "dir" and (everything or rest):
            return self.why([*parts, *(rest or [EVERYTHING])])
        return ""


def _to_regex(pattern: str) -> str:
    """What the shell may take a pattern for, and a little more: a bracket and all behind it match anything."""
    opened = pattern.find("[")
    pattern = pattern[:opened] + "*" if opened >= 0 else pattern
    hidden = "(?!\\.)" if pattern[:1] in ("*", "?") else ""
    return hidden + "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _why_not_path(workspace: Workspace, path: str) -> str:
    try:
        workspace.read_head(path, 0)
    except Denied as error:
        return error.message
    except AiexError:  # a directory, or nothing yet
        return _why_not_folder(workspace, path)
    return ""


def _why_not_folder(workspace: Workspace, path: str) -> str:
    try:
        workspace.stat(path, follow_links=True)
    except Denied as error:
        return error.message
    except AiexError:
        return ""
    return ""
