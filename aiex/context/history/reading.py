"""The history of a workspace: from the store when nothing was committed since, else what is new, else all of it.

Never an error: where there is no history, or git cannot be asked, there is an empty one that says why.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.history.columns import Columns, from_parts, to_columns, to_commits, to_parts
from aiex.context.history.log import Commit, Log, find_head, read_log, rename_in
from aiex.context.history.model import History, no_history
from aiex.digest import fingerprint
from aiex.errors import AiexError

if TYPE_CHECKING:
    from aiex.context.shelf import Shelf
    from aiex.context.stores.history import HistoryStore
    from aiex.guard.sandbox.files import Workspace

VERSION = 2
"""Raised when the same commits would be packed otherwise, so that older packings are not taken."""
COMMITS = 3_000
"""Commits that are read: with a handful of files each, that is where a repository of 30,000 files was worked on."""
TIMEOUT_S = 10.0
LIMIT_BYTES = 16_000_000
_ABOUT = "about"


class _Kept(NamedTuple):
    """What the store knows."""

    head: str
    reason: str
    whole: str
    """What the commits were read under: this version, how many, and where a shallow clone ends."""
    columns: Columns


def read_history(
    workspace: Workspace,
    shelf: Shelf[HistoryStore] | None = None,
    *,
    commits: int = COMMITS,
    timeout_s: float = TIMEOUT_S,
    limit_bytes: int = LIMIT_BYTES,
) -> History:
    """The last commits that lead to what is checked out in a workspace.

    Args:
        workspace: Its root is the top of the repository; a folder below one has no history of its own.
        shelf: Where it is kept between runs; one that fails costs time only.
        commits: Most commits, merges and those without a parent not counted.
        timeout_s: Git is stopped after so long, and what it told by then is taken.
        limit_bytes: And after it told so much.

    Cost: a few milliseconds from the store; else a process of git, about 0.1 ms a commit, and as much to pack it.
    """
    head, reason = find_head(workspace)
    if not head:
        return no_history(reason)
    whole = f"{VERSION}/{commits}/{_edge(workspace)}"
    kept = shelf.ask(_load, None) if shelf is not None else None
    if kept is not None and (kept.head, kept.whole) == (head, whole):
        return History(kept.columns, head=head, reason=kept.reason)
    bounds = _Bounds(commits, timeout_s, limit_bytes)
    read = _read_on(workspace, head, kept, bounds) if kept is not None and kept.whole == whole else None
    if read is None:
        log = read_log(workspace, head, **bounds._asdict()) or Log([], {})
        read = to_columns(log.commits), log.said or _say_nothing(log)
    columns, reason = read
    if columns.times and shelf is not None:
        shelf.tell(partial(_save, kept=_Kept(head, reason, whole, columns)))
    return History(columns, head=head, reason=reason)


class _Bounds(NamedTuple):
    commits: int
    timeout_s: float
    limit_bytes: int


def _read_on(workspace: Workspace, head: str, kept: _Kept, bounds: _Bounds) -> tuple[Columns, str] | None:
    """The kept commits and those since; None when the kept ones do not lead to this head, or reading broke off."""
    log = read_log(workspace, head, since=kept.head, **bounds._asdict())
    if log is None or log.strangers or log.said:
        return None
    older = rename_in(to_commits(kept.columns), log.renamed)
    both: islice[Commit] = islice(chain(log.commits, older), bounds.commits)
    return to_columns(both), kept.reason


def _say_nothing(log: Log) -> str:
    return "" if log.commits else "no commit has an earlier one to compare it with"


def _edge(workspace: Workspace) -> str:
    """Where a shallow clone ends; empty when the clone is whole. Its commits change when more is fetched."""
    try:
        edge = workspace.read(".git/shallow", limit_bytes=4_000_000)
    except AiexError:
        return ""
    return fingerprint(edge, size_bytes=8)


def _save(store: HistoryStore, kept: _Kept) -> None:
    about = json.dumps([kept.head, kept.reason, kept.whole]).encode()
    store.save(to_parts(kept.columns) | {_ABOUT: about})


def _load(store: HistoryStore) -> _Kept | None:
    """What the store knows; None when that is nothing, or not whole."""
    parts = store.load()
    try:
        head, reason, whole = json.loads(parts[_ABOUT])
    except (KeyError, ValueError, TypeError):
        return None
    columns = from_parts(parts)
    return None if columns is None else _Kept(str(head), str(reason), str(whole), columns)
