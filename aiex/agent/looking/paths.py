"""Paths as a model writes them and as it is shown them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from aiex.errors import ToolError
from aiex.guard.actions import Action
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.agent.kit import Kit

LONGEST_PATH: Final = 4_096
"""PATH_MAX of Linux."""
_SHOWN_BYTE: Final = re.compile(r"\\x([89a-f][0-9a-f])")


def read_action(asked: str, kit: Kit) -> Action:
    """The action of reading, for the model that asks, a path that it named; what is opened later is its subject.

    A name that is not UTF-8 is understood as it was shown, with `\\xe9` for a byte.

    Raises:
        ToolError: where it can be no path.
    """
    from aiex.guard.policy.places import path_action

    root = kit.root
    path = asked.strip() if asked != asked.strip() and not _is_there(root, asked) else asked
    require_path(path)
    if _SHOWN_BYTE.search(path) and not _is_there(root, path):
        spelled = _SHOWN_BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)
        path = spelled if _is_there(root, spelled) else path
    action = path_action("read", path, root)
    return Action(action.kind, action.subject, {**action.detail, "for": kit.means.model})


def require_path(path: str) -> None:
    """Raise ToolError where a text can be no path."""
    if not path:
        raise ToolError("the path is empty", hint='write one relative to the workspace, "." for the workspace itself')
    if "\0" in path or len(path) > LONGEST_PATH or not (path.isascii() or _is_encodable(path)):
        raise ToolError(f"{show(path[:80])} is no path", hint="write a path relative to the workspace")


def show(path: str) -> str:
    """A path as a model is told it."""
    return printable_path(path)


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _is_there(root: str, path: str) -> bool:
    """Whether there is such a name; what it leads to does not matter."""
    try:
        return bool(path) and os.path.lexists(os.path.join(root, path))
    except ValueError:
        return False
