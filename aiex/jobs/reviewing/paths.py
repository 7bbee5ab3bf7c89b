"""The paths that a person names for a review, as the repository has them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiex.errors import Denied, StoreError, UsageError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.guard.sandbox.files import Workspace


def find_paths(asked: Iterable[str], workspace: Workspace, base: str) -> tuple[str, ...]:
    """The paths relative to the root, each once; `.` for the root itself.

    A file that is deleted is a change too, so a path need not exist where its directory does.

    Raises:
        UsageError: if there is nothing of this name and no directory that could have held it.
        Denied: if it lies outside the workspace.
    """
    return tuple(dict.fromkeys(_find(one, workspace, base) for one in asked))


def _find(asked: str, workspace: Workspace, base: str) -> str:
    whole = os.path.join(base, asked)
    try:
        path = workspace.relative(whole)
    except Denied:
        path = workspace.relative(os.path.join(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole)))
    path = os.path.normpath(path)
    for place in (path, os.path.dirname(path) or "."):
        try:
            workspace.stat(place)
        except StoreError:
            continue
        return path.replace(os.sep, "/")
    raise UsageError(f"no such file or directory: {printable_path(asked)}", hint="paths are relative to where you are")
