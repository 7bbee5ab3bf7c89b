"""Says what was left out of what was looked at: once for each reason, with the first names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from aiex.events import Warned
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.context.listing import Listing
    from aiex.errors import AiexError

MOST_NAMED = 3
"""More are counted."""


def tell_left_out(listing: Listing) -> Iterator[Warned]:
    """Say how many files rules keep out of a listing, and which places it could not look into."""
    if count := listing.kept_out:
        files = (
            "1 file is left out: a rule keeps it" if count == 1 else f"{count:,} files are left out: rules keep them"
        )
        yield Warned(f"{files} from being read", "aiex list policy shows the rules")
    if listing.unreadable:
        yield Warned(f"left out what cannot be read: {name_first(listing.unreadable)}")


def tell_failed(failed: Mapping[str, AiexError]) -> Iterator[Warned]:
    """Say which files could not be read, by path; the reason of most comes first."""
    groups: dict[str, list[str]] = {}
    for path, error in sorted(failed.items()):
        groups.setdefault(to_reason(error, path), []).append(path)
    for reason, paths in sorted(groups.items(), key=lambda group: -len(group[1])):
        if len(paths) == 1:
            yield Warned(f"left out {printable_path(paths[0])}: {failed[paths[0]].message}")
        else:
            yield Warned(f"left out {len(paths):,} files that cannot be read: {name_first(paths)}: {reason}")


def to_reason(error: AiexError, path: str) -> str:
    """What an error says without the path that it is about."""
    return error.message.partition(f" {printable_path(path)}: ")[2] or error.message


def name_first(paths: Sequence[str]) -> str:
    """The first of some paths, and how many more there are."""
    named = ", ".join(map(printable_path, paths[:MOST_NAMED]))
    more = len(paths) - MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named
