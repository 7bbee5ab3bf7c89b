"""A question about code ends in one answer: a table for a person, lines for a program, or what went wrong."""

import json
from pathlib import Path

import pytest

from aiex.context.facts import PARSE_LIMIT_BYTES
from aiex.context.ranking.rank import Result
from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.events import Event, Progressed, TurnEnded, Warned
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.query import QueryTask, query, to_data

TASK = "put something in the basket"


def retrieval_on(root: Path, store: Path | None = None) -> Retrieval:
    place = str(store) if store else None
    return Retrieval(Index(Workspace(str(root)), place, version="v", workers=1, limit_bytes=PARSE_LIMIT_BYTES))


def ask(root: Path, task: QueryTask, store: Path | None = None) -> tuple[list[Event], TurnEnded]:
    *told, end = query(task, retrieval_on(root, store))
    assert isinstance(end, TurnEnded)
    return told, end


def test_progress_and_an_answer_with_its_data(workspace: Path):
    told, end = ask(workspace, QueryTask(TASK))
    assert told == [Progressed("indexing", 0, 8), Progressed("indexing", 8, 8)]
    assert (end.status, end.exit_code) == ("success", 0)
    assert end.data is not None
    assert end.data["budget_tokens"] == 8_000
    assert end.data["spans"][0]["symbol"] == "Basket.add"
    assert "shop/basket.py:" in end.answer
    assert "Basket.add" in end.answer


def test_lines_hold_the_same_as_the_data(workspace: Path):
    _, end = ask(workspace, QueryTask(TASK, as_lines=True))
    assert end.data is not None
    assert [json.loads(line) for line in end.answer.splitlines()] == end.data["spans"]


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\N{NO-BREAK SPACE}"])
def test_an_empty_task_is_refused_before_anything_is_read(workspace: Path, tmp_path: Path, text: str):
    told, end = ask(workspace, QueryTask(text), tmp_path / "index.db")
    assert (told, end.status, end.exit_code) == ([], "error", 2)
    assert not (tmp_path / "index.db").exists()


@pytest.mark.parametrize("text", ["?", "the of and", "\0", "\x1b[31m", "zzyzx", "\udcff", "💣" * 9, "(" * 50_000])
def test_a_task_that_matches_nothing_or_is_no_words_is_answered(workspace: Path, text: str):
    _, end = ask(workspace, QueryTask(text))
    assert end.exit_code == 0
    assert end.data is not None
    assert end.data["spans"] or end.answer == "nothing in this workspace matches"
    assert ask(workspace, QueryTask(text, as_lines=True))[1].answer.count("{") >= len(end.data["spans"])


def test_the_smallest_budget_gives_one_span_and_a_larger_one_more(workspace: Path):
    counts = []
    for budget in (1, 30, 200, 10**9):
        data = ask(workspace, QueryTask(TASK, budget))[1].data
        assert data is not None
        counts.append(len(data["spans"]))
    assert (counts[0], counts) == (1, sorted(counts))
    assert counts[-1] > 1


def test_what_could_not_be_read_is_said_before_the_answer(workspace: Path, tmp_path: Path):
    store = tmp_path / "index.db"
    store.write_bytes(b"no database" * 999)
    told, end = ask(workspace, QueryTask(TASK), store)
    assert end.exit_code == 0
    assert [type(event) for event in told] == [Progressed, Progressed, Warned]


def test_a_path_cannot_steer_a_terminal(workspace: Path):
    (workspace / "shop/\x1b]0;basket\x07.py").write_text("def put_something_in_the_basket():\n    pass\n")
    _, end = ask(workspace, QueryTask(TASK))
    assert "\x1b" not in end.answer
    assert end.data is not None
    assert any("\x1b" in span["path"] for span in end.data["spans"])


def test_a_result_is_plain_data():
    result = Result("a.py", 1, 2, "f", 0.5, ("one", "two"))
    assert to_data(result) == {
        "path": "a.py", "start_line": 1, "end_line": 2, "symbol": "f", "score": 0.5, "why": ["one", "two"],
    }  # fmt: skip
