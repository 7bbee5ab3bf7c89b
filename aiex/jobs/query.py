"""Which code a task needs: spans of files, best first, with the reasons."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.agent.answering import failed
from aiex.errors import AiexError, UsageError
from aiex.events import Event, TurnEnded, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.inspect import to_table
from aiex.jobs.relaying import tell_indexing

if TYPE_CHECKING:
    from aiex.context.ranking.rank import Result
    from aiex.context.retrieval import Retrieval


class QueryTask(NamedTuple):
    """What to look for."""

    text: str
    budget_tokens: int = 8_000
    as_lines: bool = False
    """Answer in JSON lines instead of a table."""
    full: bool = False
    """Wait for the full index, however long that takes."""


def query(task: QueryTask, retrieval: "Retrieval") -> Iterator[Event]:
    """Bring the index up to date and rank; every outcome, errors included, is the `TurnEnded` at the end."""
    try:
        if not task.text.strip():
            raise UsageError("the task is empty", hint="say what you want to do: aiex query context --task TEXT")
        ranked = yield from tell_indexing(retrieval.find(task.text, full=task.full))
        results = retrieval.fit(ranked, task.budget_tokens)
        yield from retrieval.index.warnings
        if retrieval.partial:
            yield Warned(
                "this answer comes from a first map of the code, and only what it puts first was read in full",
                "aiex create index makes the full index, and query context --full waits for it",
            )
        yield _answer(task, results)
    except AiexError as error:
        yield failed(error)


def _answer(task: QueryTask, results: "list[Result]") -> TurnEnded:
    spans = [to_data(result) for result in results]
    data = {"spans": spans, "budget_tokens": task.budget_tokens}
    if task.as_lines:
        import json

        return TurnEnded("success", "answered", 0, "\n".join(map(json.dumps, spans)), data)
    return TurnEnded("success", "answered", 0, _table(results) or "nothing in this workspace matches", data)


def to_data(result: "Result") -> dict[str, Any]:
    """A result as one JSON object."""
    return {
        "path": result.path,
        "start_line": result.start_line,
        "end_line": result.end_line,
        "symbol": result.symbol,
        "score": result.score,
        "why": list(result.why),
    }


def _table(results: "list[Result]") -> str:
    rows = [
        (
            f"{printable_path(result.path)}:{result.start_line}-{result.end_line}",
            result.symbol,
            "; ".join(result.why),
        )
        for result in results
    ]
    return to_table(rows, ("PLACE", "SYMBOL", "WHY"))
