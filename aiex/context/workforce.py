"""How many processes read and parse files, and how much there must be for them."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiex.context.listing import FileEntry

POOL_FROM_BYTES = 400_000
"""Less is parsed as fast in this process: workers load the grammars anew. With uses half of this takes as long."""
MOST_WORKERS = 64
"""Whatever the settings say: more only fight for memory."""


def count_workers(wanted: int) -> int:
    """How many processes there are for large work; one per core when 0 are wanted."""
    return min(wanted or os.cpu_count() or 1, MOST_WORKERS)


def is_much(entries: "Sequence[FileEntry]", *, uses: bool = False) -> bool:
    """Whether files are read sooner by worker processes.

    Args:
        uses: They are parsed with their uses.
    """
    return sum(entry.size_bytes for entry in entries) >= POOL_FROM_BYTES / (2 if uses else 1)
