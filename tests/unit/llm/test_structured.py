"""Answers that must fit a schema: checked, repaired once, told when they do not fit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from aiex.errors import UsageError
from aiex.events import Failed, PartEnded, Retrying, Started, Stopped, StreamEvent, TextDelta
from aiex.llm import structured
from aiex.llm.schemas import problems_with
from aiex.llm.structured import ask_for_data
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
    *others, last = ask(model)
    assert isinstance(last, Failed)
    assert "cut at the model's limit" in last.message
    assert TextDelta('{"nam') in others
    assert len(model.requests) == 1


def test_a_request_without_a_schema_passes_through() -> None:
    request = Request("m", (Message("user", (Text("Hi"),)),))
    assert TextDelta("anyt") in ask(Scripted("anything"), request)


CATASTROPHIC = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^(a+)+$"}}}


@pytest.mark.parametrize("answer", ['{"name": "aaa"}', '```\n{"name": "aaa"}\n```'])
def test_an_answer_is_checked_against_patterns(answer: str) -> None:
    assert TextDelta('{"name": "aaa"}') in ask(Scripted(answer), replace(ASKED, response_schema=CATASTROPHIC))


def test_an_answer_that_does_not_match_a_pattern_is_sent_back() -> None:
    model = Scripted('{"name": "b"}', '{"name": "a"}')
    assert TextDelta('{"name": "a"}') in ask(model, replace(ASKED, response_schema=CATASTROPHIC))
    assert "at /name: 'b' does not match" in model.requests[1].messages[-1].parts[0].text  # type: ignore[union-attr]


def test_an_answer_that_cannot_be_checked_in_time_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured, "CHECK_S", 2.0)
    model = Scripted(json.dumps({"name": "a" * 200 + "!"}))
    *others, last = ask(model, replace(ASKED, response_schema=CATASTROPHIC))
    assert isinstance(last, Failed)
    assert (last.error, last.exit_code) == ("UsageError", 2)
    assert "took more than 2 s" in last.message
    assert "pattern" in last.hint
    assert not any(isinstance(event, TextDelta | Stopped) for event in others)


def test_nothing_is_asked_with_a_schema_that_is_none() -> None:
    model = Scripted(GOOD)
    with pytest.raises(UsageError, match="leads nowhere"):
        ask(model, replace(ASKED, response_schema={"type": "object", "$ref": "#/gone"}))
    assert model.requests == []
