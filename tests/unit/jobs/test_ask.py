"""A question without a path: what would go with it, within every budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from aiex.context.engine import Engine
from aiex.context.retrieval import Retrieval
from aiex.events import Event, PartEnded, Started, Stopped, TextDelta, TurnEnded, Warned
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.ask import AskTask, ask
from aiex.jobs.gathering import MAP_TITLE, TITLE
from aiex.messages import Document, Request, Text

Open = Callable[[dict[str, str | bytes]], Retrieval]
OpenTree = Callable[[dict[str, str | bytes]], tuple[Engine, Workspace]]
Files = dict[str, str | bytes]
Hear = Callable[..., tuple[list[Event], list[Request]]]

FILES: dict[str, str | bytes] = {
    "shop/basket.py": '"""A basket."""\n\n\nclass Basket:\n    """Things."""\n'
    + "".join(f"\n    def total_{n}(self):\n        return self.items[{n}] * {n}\n" for n in range(12)),
    "shop/paint.py": "def paint():\n    return 1\n",
}
QUESTION = "How is Basket.total_3 computed?"


@pytest.fixture
def hear(open_tree: OpenTree, open_retrieval: Open) -> Hear:
    """Ask over a small tree; gives what was told and what was sent."""

    def run(task: AskTask, *, finds_code: bool = True, more: Files | None = None) -> tuple[list[Event], list[Request]]:
        engine, workspace = open_tree({**FILES, **(more or {})})
        sent: list[Request] = []

        async def stream(request: Request) -> AsyncIterator[Event]:
            sent.append(request)
            for event in (Started("a", "m"), TextDelta("So."), PartEnded(Text("So.")), Stopped("end_turn")):
                yield event

        async def collect() -> list[Event]:
            retrieval = open_retrieval({}) if finds_code else None
            asking = ask(task, engine=engine, workspace=workspace, stream=stream, retrieval=retrieval)
            return [event async for event in asking]

        return asyncio.run(collect()), sent

    return run


def last_of(told: list[Event]) -> TurnEnded:
    assert isinstance(told[-1], TurnEnded)
    return told[-1]


def documents(request: Request) -> list[str]:
    return [part.title for message in request.messages for part in message.parts if isinstance(part, Document)]


def said_to_the_model(request: Request) -> str:
    first = request.messages[0].parts[0]
    assert isinstance(first, Text)
    return first.text


def test_the_code_goes_with_the_question_and_is_named_in_the_result(hear: Hear) -> None:
    told, sent = hear(AskTask(QUESTION, model="a/m"))
    assert documents(sent[0]) == [TITLE]
    assert "was found for the question" in said_to_the_model(sent[0])
    assert "shop/basket.py" in {part["path"] for part in last_of(told).data["code"]}


def test_without_a_retrieval_the_question_goes_alone(hear: Hear) -> None:
    told, sent = hear(AskTask(QUESTION, model="a/m"), finds_code=False)
    assert documents(sent[0]) == []
    assert "No file of the project" in said_to_the_model(sent[0])
    assert last_of(told).data["code"] == []


def test_what_a_question_names_goes_and_nothing_is_looked_for(hear: Hear) -> None:
    _, sent = hear(AskTask(QUESTION, ("shop/paint.py",), model="a/m"))
    assert documents(sent[0]) == ["shop/paint.py"]


def test_a_question_that_matches_nothing_goes_alone_and_says_so_to_the_model(hear: Hear) -> None:
    _, sent = hear(AskTask("zyxwvut?", model="a/m"))
    assert documents(sent[0]) == []
    assert "No file of the project" in said_to_the_model(sent[0])


@pytest.mark.parametrize("model", ["offline", "openai/gpt-5", "anthropic/claude"])
@pytest.mark.parametrize("budget", [*range(190, 700, 41), 4_000])
def test_a_request_never_passes_its_budget_and_never_promises_code_that_does_not_come(
    hear: Hear, model: str, budget: int
) -> None:
    done = last_of(hear(AskTask(QUESTION, model=model, budget_tokens=budget, show_request=True))[0])
    if done.exit_code:
        assert "too small" in done.error
        return
    request = done.data["request"]
    assert request["tokens"] <= budget
    comes = TITLE in [part["title"] for part in request["parts"]]
    assert comes == ("was found for the question" in request["parts"][0]["text"])
    assert comes == bool(done.data["code"])
    assert comes != (TITLE in request["cut"])


def test_code_that_found_no_room_is_told_to_the_person(hear: Hear) -> None:
    told, sent = hear(AskTask(QUESTION, model="a/m", budget_tokens=250))
    assert documents(sent[0]) == []
    assert [event.message for event in told if isinstance(event, Warned)] == [
        "no code goes with the question: the budget leaves no room for it"
    ]


MANY: Files = {
    f"shop/basket_{n}.py": "".join(f"def basket_total_{n}_{m}():\n" + "    x = 'total'\n" * 20 for m in range(12))
    for n in range(12)
}


@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude"])
@pytest.mark.parametrize("budget", [8_300, 9_001, 12_000])
def test_a_map_ends_the_request_and_counts(hear: Hear, model: str, budget: int) -> None:
    asked = AskTask("Which basket total?", model=model, budget_tokens=budget, show_request=True)
    done = last_of(hear(asked, more=MANY)[0])
    request = done.data["request"]
    assert [part["title"] for part in request["parts"]] == ["prompt", "question", TITLE, MAP_TITLE]
    assert request["tokens"] <= budget
    assert request["parts"][3]["tokens"] == done.data["map"]["tokens"] <= budget // 10
    assert f"| {MAP_TITLE} | user | {done.data['map']['tokens']:,} |" in done.answer


def test_a_map_is_sent_behind_the_code_and_told_in_the_result(hear: Hear) -> None:
    told, sent = hear(AskTask("Which basket total?", model="a/m"), more=MANY)
    assert documents(sent[0]) == [TITLE, MAP_TITLE]
    assert last_of(told).data["map"]["definitions"] > 10


def test_a_small_budget_goes_to_code_alone(hear: Hear) -> None:
    done = last_of(hear(AskTask("Which basket total?", budget_tokens=4_000, show_request=True), more=MANY)[0])
    assert done.data["map"] is None
    assert done.data["request"]["tokens"] > 3_500
