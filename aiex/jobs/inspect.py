"""What the context engine knows of a workspace, and what it would send for a task."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.agent.answering import failed
from aiex.context.gathering import SIMILAR, Gathered, Sent, gather, pack_with_map
from aiex.errors import AiexError, UsageError
from aiex.events import Event, TurnEnded, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing import words
from aiex.jobs.gathering import MAP_TITLE, tell_map, to_map
from aiex.jobs.relaying import tell_indexing

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.packing.packed import Dropped
    from aiex.context.retrieval import Retrieval
    from aiex.context.search.index import Index
    from aiex.tokens import Count


def list_files(index: "Index") -> Iterator[Event]:
    """The files that the index knows or lacks, in path order."""
    pieces = _count_pieces(index)
    states = {entry.path: "changed" if entry.path in pieces else "new" for entry in index.changed()}
    paths = sorted(pieces.keys() | states)
    files = [{"path": path, "pieces": pieces.get(path, 0), "state": states.get(path, "fresh")} for path in paths]
    yield from index.warnings
    rows = [(printable_path(path), f"{pieces.get(path, 0):,}", states.get(path, "")) for path in paths]
    table = to_table(rows, ("FILE", "PIECES", "STATE"))
    yield TurnEnded("success", "answered", 0, table or "there is no file here that could be read", {"files": files})


def _count_pieces(index: "Index") -> dict[str, int]:
    """How many pieces the index has of each file."""
    pieces: dict[str, int] = {}
    for live in index.segments():
        for number, (path, _) in enumerate(live.head.files):
            if number not in live.dead:
                pieces[path] = 0
        for owner in live.head.owners:
            if owner not in live.dead:
                pieces[live.head.files[owner][0]] += 1
    return pieces


SIMILAR_SAID = "similar to what is there"


class IndexState(NamedTuple):
    """What the index holds, and how much of the workspace it lacks."""

    files: int
    pieces: int
    segments: int
    listed: int
    """Files of the workspace."""
    stale: int
    """Those of them that are new or changed."""
    size_bytes: int
    place: str
    """The file of the index; empty when it is in memory only."""


def index_state(index: "Index") -> IndexState:
    """What the index holds now. Cost: a walk of the workspace, unless one was made already."""
    lives = index.segments()
    return IndexState(
        files=sum(len(live.head.files) - len(live.dead) for live in lives),
        pieces=sum(len(live.head.owners) - live.dead_documents for live in lives),
        segments=len(lives),
        listed=len(index.listing.files),
        stale=len(index.changed()),
        size_bytes=index.size_bytes(),
        place=index.path or "",
    )


def show_known(retrieval: "Retrieval", engine: "Engine") -> Iterator[Event]:
    """Sizes by tier, the state of the index, what git told, whose vectors there are, and what packing saved."""
    from aiex.context.packing.account import read_account

    state, history = index_state(retrieval.index), retrieval.history
    told = ("files", "pieces", "size_bytes", "listed", "stale")
    data: dict[str, Any] = {
        "index": {name: getattr(state, name) for name in told},
        "history": {"commits": len(history), "reason": history.reason},
        "vectors": {
            "model": retrieval.meaning.model if retrieval.meaning is not None else "",
            "known": _count_vectors(retrieval),
        },
        "packing": read_account(engine).to_data(),
        "tiers": engine.memory.statistics(),
    }
    yield from dict.fromkeys((*retrieval.index.warnings, *engine.warnings))
    yield TurnEnded("success", "answered", 0, _describe(data), data)


def _count_vectors(retrieval: "Retrieval") -> dict[str, int]:
    """How many vectors there are of each model; a file that cannot be read is a warning."""
    from aiex.context.meaning import count_vectors

    try:
        return count_vectors(retrieval.vectors_path or "")
    except AiexError as error:
        retrieval.index.warnings.append(Warned(error.message, error.hint))
        return {}


def _describe_vectors(data: dict[str, Any]) -> str:
    model, known = data["model"], dict(data["known"])
    counts = {model: known.pop(model, 0)} if model else {}
    told = [f"{count:,} of {printable_path(name)}" for name, count in counts.items()]
    told += [f"{count:,} of {printable_path(name)}, not in use" for name, count in known.items()]
    return "; ".join(told) or "none; context.embeddings names who makes them"


def _describe_packing(data: dict[str, Any]) -> str:
    if not data["packs"]:
        return "no code was sent to a model yet"
    sent = f"{words.count(data['packs'], 'pack')} sent, {data['after_tokens']:,} tokens"
    return f"{sent}; {data['saved_share']:.0%} less than what was found for them, whole"


def _describe(data: dict[str, Any]) -> str:
    index, history = data["index"], data["history"]
    fresh = "up to date" if not index["stale"] else f"{index['stale']:,} of {index['listed']:,} files new or changed"
    files, pieces = words.count(index["files"], "file"), words.count(index["pieces"], "piece")
    known = f"{files}, {pieces}, {show_size(index['size_bytes'])}"
    commits = words.count(history["commits"], "commit") if history["commits"] else history["reason"] or "none"
    rows = [
        (tier["tier"], f"{tier['items']:,}", show_size(tier["size_bytes"]), f"{tier['hits']:,}", f"{tier['misses']:,}")
        for tier in data["tiers"]
    ]
    tiers = to_table(rows, ("TIER", "ITEMS", "SIZE", "HITS", "MISSES"))
    vectors, packing = _describe_vectors(data["vectors"]), _describe_packing(data["packing"])
    return f"index    {known}; {fresh}\nhistory  {commits}\nvectors  {vectors}\npacking  {packing}\n\n{tiers}"


def show_size(size_bytes: int) -> str:
    """A size for a person."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1_000_000 else f"{-(-size_bytes // 1_000)} kB"


def show_pack(
    task: str, budget_tokens: int, retrieval: "Retrieval", counting: "Callable[[str], Count]"
) -> Iterator[Event]:
    """What would be sent for a task, piece by piece; every outcome, errors included, is the `TurnEnded` at the end."""
    try:
        if not task.strip():
            raise UsageError("the task is empty", hint="say what you want to do: aiex show context --task TEXT")
        sent: Sent | None = None
        found = False
        for news in gather(task, retrieval):
            if not isinstance(news, Gathered):
                yield news
                continue
            found = bool(news.results)
            sent = pack_with_map(news, budget_tokens, lambda text: counting(text).tokens)
    except AiexError as error:
        yield failed(error)
        return
    if sent is None:
        why = f"{budget_tokens:,} tokens are too few for any code" if found else "nothing in this workspace matches"
        yield TurnEnded("success", "answered", 0, why, {"parts": []})
        return
    data = {**sent.code.to_data(), "map": to_map(sent.map)}
    yield TurnEnded("success", "answered", 0, _describe_sent(sent, budget_tokens), data)


def _describe_sent(sent: Sent, budget_tokens: int) -> str:
    packed, made = sent
    rows = [
        (
            f"{printable_path(part.path)}:{part.start_line}-{part.end_line}",
            part.level,
            f"{part.tokens:,}",
            "; ".join(part.why),
        )
        for part in packed.parts
    ]
    rows += [
        (f"{one.path}:{one.start_line}-{one.end_line}", "left out", "0", one.reason)
        for one in packed.dropped
        if one.reason.startswith(SIMILAR)
    ]
    if made is not None:
        rows.append((MAP_TITLE, "names", f"{made.tokens:,}", tell_map(made)))
    held = f"{words.count(len(packed.parts), 'piece')} of {words.count(len(packed.files), 'file')}"
    left_out = _describe_dropped(packed.dropped)
    saved = f"{packed.effect.to_data()['saved_share']:.0%} less than all of them whole"
    tokens = packed.tokens + (made.tokens if made else 0)
    summary = f"{tokens:,} of {budget_tokens:,} tokens; {held}, {left_out}; {saved}"
    return f"{to_table(rows, ('PLACE', 'LEVEL', 'TOKENS', 'WHY'))}\n\n{summary}"


def _describe_dropped(dropped: "Sequence[Dropped]") -> str:
    """How many were left out for which reasons, most first."""
    reasons = Counter(SIMILAR_SAID if one.reason.startswith(SIMILAR) else one.reason for one in dropped)
    told = [f"{count:,} {reason}" for reason, count in reasons.most_common()]
    return f"left out: {', '.join(told)}" if told else "nothing left out"


def show_map(
    task: str, budget_tokens: int, retrieval: "Retrieval", counting: "Callable[[str], Count]"
) -> Iterator[Event]:
    """The definitions that tell most about the workspace, or about a task in it; errors included, the `TurnEnded` at
    the end is the outcome.

    Args:
        task: What ranks high for it comes first; empty for the workspace as a whole.
    """
    from aiex.context.repomap import make_map

    try:
        if task.strip():
            results = yield from tell_indexing(retrieval.find(task))
        else:
            yield from tell_indexing(retrieval.prepare())
            results = None
        made = make_map(retrieval.name_files(results), budget_tokens, lambda text: counting(text).tokens)
        yield from retrieval.index.warnings
    except AiexError as error:
        yield failed(error)
        return
    data = to_map(made) or {}
    why = f"nothing in this workspace that fits {budget_tokens:,} tokens has a name"
    yield TurnEnded("success", "answered", 0, made.text.removesuffix("\n") or why, {"map": data})


def to_table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """Rows under a head, every column as wide as its longest cell but for the last; empty without rows.

    A cell stays on its line, whatever is in a name.
    """
    if not rows:
        return ""
    whole = [tuple(head), *(tuple(map(printable_path, row)) for row in rows)]
    widths = [max(_count_cells(row[column]) for row in whole) for column in range(len(head) - 1)]
    return "\n".join(
        "  ".join(
            (*(cell + " " * (width - _count_cells(cell)) for cell, width in zip(row, widths, strict=False)), row[-1])
        ).rstrip()
        for row in whole
    )


def _count_cells(text: str) -> int:
    """The cells of a terminal that a text takes: two for a wide character, none for one that combines."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)
