"""What a whole answer was and cost, over several calls and vendors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiex.agent.answering import Outcome, listen
from aiex.errors import Transient
from aiex.events import (
    AssistantSpoke,
    Event,
    Failed,
    FailedOver,
    PartEnded,
    Started,
    Stopped,
    TextDelta,
    UsageUpdated,
    Warned,
)
from aiex.messages import Message, Request, Text, Usage

REQUEST = Request("a/m", (Message("user", (Text("Hi"),)),))


def hear(*events: Event, error: Exception | None = None) -> tuple[list[Event], Outcome]:
    """What a listener passes on, and the outcome."""

    async def stream(_request: Request) -> AsyncIterator[Event]:
        for event in events:
            yield event
        if error:
            raise error

    async def collect() -> list[Event | Outcome]:
        return [news async for news in listen(stream, REQUEST, advice="ask for less")]

    *told, outcome = asyncio.run(collect())
    assert isinstance(outcome, Outcome)
    return [event for event in told if not isinstance(event, Outcome)], outcome


def test_an_answer_over_two_vendors_is_one_answer_and_the_sum_of_both() -> None:
    switch = FailedOver("a/m", "b/n", "silent", mid_answer=True)
    told, outcome = hear(
        Started("a", "m"),
        TextDelta("One, "),
        UsageUpdated(Usage(10, 1, 4, None, 0), 0.5),
        UsageUpdated(Usage(10, 2, 4, None, 0), 0.6),
        PartEnded(Text("One, ")),
        switch,
        Started("b", "n"),
        TextDelta("two."),
        UsageUpdated(Usage(20, 5, 8, 1, 2), 1.0),
        PartEnded(Text("two.")),
        Stopped("end_turn"),
    )
    assert told[-1] == AssistantSpoke((Text("One, two."),), "b", "n")
    assert outcome.answer == "One, two."
    assert outcome.usage == Usage(30, 7, 12, None, 2)
    assert outcome.cost_usd == pytest.approx(1.6)
    assert outcome.failovers == ({"from": "a/m", "to": "b/n", "reason": "silent", "mid_answer": True},)
    ended = outcome.to_end({"more": 1})
    assert (ended.status, ended.total_cost_usd, ended.data) == (
        "success",
        outcome.cost_usd,
        {"more": 1, "answer": "One, two.", "complete": True},
    )


def test_a_call_that_did_not_tell_its_use_leaves_the_sum_unknown() -> None:
    _, outcome = hear(
        Started("a", "m"), TextDelta("x"), FailedOver("a/m", "b/n", "cut", mid_answer=True), Started("b", "n"),
        TextDelta("y"), UsageUpdated(Usage(1, 1), 0.1), Stopped("end_turn"),
    )  # fmt: skip
    assert (outcome.usage, outcome.cost_usd) == (Usage(), None)


def test_words_of_a_part_that_never_ended_are_kept() -> None:
    told, outcome = hear(Started("a", "m"), TextDelta("Half a"), Failed("Transient", "cut", "again", 75))
    assert told[-1] == AssistantSpoke((Text("Half a"),), "a", "m")
    ended = outcome.to_end({})
    assert (ended.exit_code, ended.error, ended.hint) == (75, "cut", "again")
    assert ended.answer == "Half a\n\n*The answer is incomplete: cut.*\n"


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((Started("a", "m"), TextDelta("x")), 75),
        ((Started("a", "m"), Stopped("end_turn")), 1),
        ((Started("a", "m"), TextDelta("x"), Stopped("refusal")), 1),
        ((Started("a", "m"), TextDelta("x"), Stopped("tool_use")), 1),
    ],
)
def test_an_answer_that_is_none_is_a_failure(events: tuple[Event, ...], code: int) -> None:
    assert hear(*events)[1].to_end({}).exit_code == code


def test_an_error_before_the_answer_is_the_outcome() -> None:
    told, outcome = hear(error=Transient("busy", hint="later"))
    assert told == []
    assert outcome.failure == Failed("Transient", "busy", "later", 75)


def test_an_answer_cut_at_the_limit_is_good_with_a_warning() -> None:
    told, outcome = hear(Started("a", "m"), TextDelta("x"), Stopped("max_tokens"))
    assert Warned("the answer was cut at the model's limit for output", "ask for less") in told
    assert outcome.failure is None
