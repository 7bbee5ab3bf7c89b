"""Answers that must fit a schema: checked, repaired once, told when they do not fit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiex.errors import UsageError
from aiex.events import Failed, PartEnded, Retrying, Started, Stopped, StreamEvent, TextDelta
from aiex.llm.structured import ask_for_data, check_schema, problems_with
from aiex.messages import Message, Reasoning, Request, Text

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["name", "count"],
    "additionalProperties": False,
}
ASKED = Request("m", (Message("user", (Text("Give it."),)),), response_schema=SCHEMA)
GOOD = '{"name": "a", "count": 2}'


class Scripted:
    """A model that says what it was told to, and keeps the requests."""

    def __init__(self, *answers: str, ends: str = "end_turn") -> None:
        self.answers = list(answers)
        self.ends = ends
        self.requests: list[Request] = []

    async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        self.requests.append(request)
        answer = self.answers[len(self.requests) - 1]
        yield Started("p", "m")
        yield PartEnded(Reasoning("hm"))
        for half in (answer[: len(answer) // 2], answer[len(answer) // 2 :]):
            yield TextDelta(half)
        yield PartEnded(Text(answer))
        yield Stopped(self.ends)  # type: ignore[arg-type]


def ask(model: Scripted, request: Request = ASKED) -> list[StreamEvent]:
    async def collect() -> list[StreamEvent]:
        return [event async for event in ask_for_data(model.stream)(request)]

    return asyncio.run(collect())


@pytest.mark.parametrize("answer", [GOOD, f"```json\n{GOOD}\n```", f"  \n{GOOD}\n"])
def test_an_answer_that_fits_comes_bare(answer: str) -> None:
    model = Scripted(answer)
    assert ask(model) == [
        Started("p", "m"),
        PartEnded(Reasoning("hm")),
        TextDelta(GOOD),
        PartEnded(Text(GOOD)),
        Stopped("end_turn"),
    ]
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "bad", ["no JSON", '{"name": "a"}', '{"name": 1, "count": 2}', "[]", '{"name":"a","count":NaN}', ""]
)
def test_an_answer_that_does_not_fit_is_sent_back_once(bad: str) -> None:
    model = Scripted(bad, GOOD)
    events = ask(model)
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta(GOOD)]
    assert sum(isinstance(event, Stopped) for event in events) == 1
    assert any(isinstance(event, Retrying) and "does not fit" in event.reason for event in events)
    repair = model.requests[1].messages[-1]
    assert repair.role == "user"
    assert problems_with(bad, SCHEMA)[0] in repair.parts[0].text  # type: ignore[union-attr]


def test_a_second_answer_that_does_not_fit_ends_the_stream() -> None:
    model = Scripted("no", "still no")
    *others, last = ask(model)
    assert isinstance(last, Failed)
    assert (last.exit_code, len(model.requests)) == (1, 2)
    assert not any(isinstance(event, TextDelta | Stopped) for event in others)


def test_an_answer_that_was_cut_is_not_asked_for_again() -> None:
    model = Scripted('{"name": "a', ends="max_tokens")
    assert ask(model)[-1] == Stopped("max_tokens")
    assert len(model.requests) == 1


def test_a_request_without_a_schema_passes_through() -> None:
    request = Request("m", (Message("user", (Text("Hi"),)),))
    assert TextDelta("anyt") in ask(Scripted("anything"), request)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, "not a valid JSON schema"),
        ({"type": "object", "properties": []}, "at properties"),
        ({"type": "array"}, "must describe an object"),
        ({}, "must describe an object"),
    ],
)
def test_what_is_no_schema_of_an_object_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_schema(schema)
