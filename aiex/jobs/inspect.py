"""What the context engine knows of a workspace, and what it would send for a task."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aiex.errors import AiexError
from aiex.events import Event, Progressed, TurnEnded
from aiex.guard.neutral import printable_path
from aiex.jobs.answering import failed
from aiex.jobs.gathering import Gathered, pack_gathered, reading

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.packing.packed import Pack
    from aiex.context.retrieval import Retrieval
    from aiex.context.search.index import Index
    from aiex.tokens import Count


def list_files(index: "Index") -> Iterator[Event]:
    """The files that the index knows, in path order."""
    pieces: dict[str, int] = {}
    for live in index.segments():
        for number, (path, _) in enumerate(live.head.files):
            if number not in live.dead:
                pieces[path] = 0
        for owner in live.head.owners:
            if owner not in live.dead:
                pieces[live.head.files[owner][0]] += 1
    stale = {entry.path for entry in index.stale()}
    paths = sorted(pieces.keys() | stale)
    files = [{"path": path, "pieces": pieces.get(path, 0), "fresh": path not in stale} for path in paths]
    yield from index.warnings
    rows = [(printable_path(path), f"{pieces.get(path, 0):,}", "changed" if path in stale else "") for path in paths]
    table = to_table(rows, ("FILE", "PIECES", "STATE"))
    text = table or "nothing is known yet; aiex create index reads it"
    yield TurnEnded("success", "answered", 0, text, {"files": files})


def show_known(retrieval: "Retrieval", engine: "Engine") -> Iterator[Event]:
    """Sizes by tier, the state of the index, and what git told."""
    index = retrieval.index
    lives, stale = index.segments(), index.stale()
    history = retrieval.history
    data: dict[str, Any] = {
        "index": {
            "files": sum(len(live.head.files) - len(live.dead) for live in lives),
            "pieces": sum(len(live.head.owners) - live.dead_documents for live in lives),
            "size_bytes": index.size_bytes(),
            "listed": len(index.listing.files),
            "stale": len(stale),
        },
        "history": {"commits": len(history), "reason": history.reason},
        "tiers": engine.memory.statistics(),
    }
    yield from index.warnings
    yield from engine.warnings
    yield TurnEnded("success", "answered", 0, _describe(data), data)


def _describe(data: dict[str, Any]) -> str:
    index, history = data["index"], data["history"]
    fresh = "up to date" if not index["stale"] else f"{index['stale']:,} of {index['listed']:,} files new or changed"
    known = f"{index['files']:,} files, {index['pieces']:,} pieces, {_megabytes(index['size_bytes'])}; {fresh}"
    commits = f"{history['commits']:,} commits" if history["commits"] else history["reason"] or "none"
    rows = [
        (tier["tier"], f"{tier['items']:,}", _megabytes(tier["size_bytes"]), f"{tier['hits']:,}", f"{tier['misses']:,}")
        for tier in data["tiers"]
    ]
    return "\n".join(
        (f"index    {known}", f"history  {commits}", "", to_table(rows, ("TIER", "ITEMS", "SIZE", "HITS", "MISSES")))
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def show_pack(
    task: str, budget_tokens: int, retrieval: "Retrieval", counting: "Callable[[str], Count]"
) -> Iterator[Event]:
    """What would be sent for a task, piece by piece; every outcome, errors included, is the `TurnEnded` at the end."""
    try:
        for progress in retrieval.refresh():
            yield Progressed("indexing", progress.done, progress.total)
        gathered = Gathered(retrieval.rank(task), reading(retrieval.index.workspace))
        packed = pack_gathered(gathered, budget_tokens, lambda text: counting(text).tokens)
    except AiexError as error:
        yield failed(error)
        return
    yield from retrieval.index.warnings
    if packed is None:
        yield TurnEnded(
            "success", "answered", 0, "nothing in this workspace fits the task and the budget", {"parts": []}
        )
        return
    yield TurnEnded("success", "answered", 0, _describe_pack(packed, budget_tokens), packed.to_data())


def _describe_pack(packed: "Pack", budget_tokens: int) -> str:
    rows = [
        (
            f"{printable_path(part.path)}:{part.start_line}-{part.end_line}",
            part.level,
            f"{part.tokens:,}",
            "; ".join(part.why),
        )
        for part in packed.parts
    ]
    saved = packed.effect.to_data()["saved_share"]
    summary = (
        f"{packed.tokens:,} of {budget_tokens:,} tokens; {len(packed.parts)} pieces of {len(packed.files)} files, "
        f"{len(packed.dropped)} left out; {saved:.0%} less than all of them whole"
    )
    return f"{to_table(rows, ('PLACE', 'LEVEL', 'TOKENS', 'WHY'))}\n\n{summary}"


def to_table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """Rows under a head, every column as wide as its longest cell but for the last; empty without rows."""
    if not rows:
        return ""
    whole = [tuple(head), *map(tuple, rows)]
    widths = [max(len(row[column]) for row in whole) for column in range(len(head) - 1)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1])).rstrip()
        for row in whole
    )
