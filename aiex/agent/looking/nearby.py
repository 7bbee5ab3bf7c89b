"""What may have been meant by a name that is not there."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.guard.sandbox.files import Workspace

MOST: Final = 3


def suggest(workspace: Workspace, path: str) -> str:
    """The nearest names in the deepest directory of a path that exists, as a hint; names of secrets are not told."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        folder = "/".join(parts[:depth]) or ("/" if path.startswith("/") else ".")
        try:
            names = workspace.list(folder)
        except AiexError:
            continue
        near = [name for name in _nearest(parts[depth], names) if not _is_secret(workspace, folder, name)]
        if not near:
            return f"list shows what is in {printable_path(folder)}"
        prefix = "" if folder == "." else f"{folder}/"
        return f"did you mean {' or '.join(printable_path(prefix + name) for name in near)}?"
    return 'list with path "." shows what is there'


def _nearest(name: str, names: list[str]) -> list[str]:
    """Those that differ by case alone, else by little, else those with the same stem."""
    folded = {other.casefold(): other for other in names}
    if name.casefold() in folded:
        return [folded[name.casefold()]]
    near = get_close_matches(name.casefold(), list(folded)[:5_000], MOST, cutoff=0.6)
    if near:
        return [folded[one] for one in near]
    stem = name.partition(".")[0]
    return [other for other in names if stem and other.partition(".")[0] == stem][:MOST]


def _is_secret(workspace: Workspace, folder: str, name: str) -> bool:
    try:
        return workspace.is_secret(name if folder == "." else f"{folder}/{name}")
    except AiexError:
        return True
