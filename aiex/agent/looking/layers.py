"""What a layer in memory holds over the files: a dry run's edits, and what an editor has open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiex.agent.kit import Kit

_MOST_NAMED: Final = 5


def held(kit: Kit) -> Mapping[str, bytes | None]:
    """What is not as it lies on disk, by path; None for a file that was deleted."""
    if kit.files is kit.means.workspace:
        return {}
    from aiex.agent.overlay import Overlay

    return kit.files.held if isinstance(kit.files, Overlay) else {}


def held_beneath(kit: Kit, path: str) -> dict[str, bool]:
    """The files of the layer beneath a directory that may be looked at, and whether they are there."""
    top = "" if path == "." else f"{path}/"
    return {
        name: data is not None and may_be_seen(kit, name)
        for name, data in held(kit).items()
        if name.startswith(top) and (top or name[0] != "/")
    }


def may_be_seen(kit: Kit, path: str) -> bool:
    """Whether a file may be read, judged by its name."""
    workspace = kit.means.workspace
    try:
        return not workspace.is_secret(path) and not workspace.is_kept_out(path)
    except AiexError:
        return False


def name_some(paths: Iterable[str]) -> str:
    """The first of some paths, and how many more there are."""
    shown = [printable_path(path) for path in sorted(paths)]
    more = len(shown) - _MOST_NAMED
    return ", ".join(shown[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
