"""Answers that must fit a JSON schema: checked here, and asked for once more when they do not fit."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from aiex.errors import AiexError, UsageError
from aiex.events import Failed, PartEnded, Retrying, Stopped, TextDelta
from aiex.llm.schemas import check_schema, is_quick, problems_with, strip_fence
from aiex.messages import Message, Text
from aiex.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiex.events import StreamEvent
    from aiex.llm.wire import Stream
    from aiex.messages import Request

CHECK_S: Final = 5.0
"""Longest check of one answer; usual ones take milliseconds, and the start of a process 0.4 s."""


def ask_for_data(stream: Stream) -> Stream:
    """A stream whose answers fit `Request.response_schema`; requests without one pass through.

    The words are held back until they fit. An answer that does not is sent back once with what is wrong with it; when
    the second does not fit either, when it was cut, or when it cannot be checked, the stream ends with `Failed`.
    """

    def asked(request: Request) -> AsyncGenerator[StreamEvent, None]:
        schema = request.response_schema
        return cast("Any", stream(request)) if schema is None else _repaired(stream, request, schema)

    return asked


async def _repaired(stream: Stream, request: Request, schema: Mapping[str, Any]) -> AsyncGenerator[StreamEvent, None]:
    await asyncio.to_thread(check_schema, schema)
    problems: list[str] = []
    for attempt in (1, 2):
        if attempt == 2:
            yield Retrying(f"the answer does not fit the schema: {problems[0]}", attempt, 0.0)
        held: list[StreamEvent] = []
        async with aclosing(cast("Any", stream(request))) as events:
            async for event in events:
                if isinstance(event, TextDelta | PartEnded | Stopped):
                    held.append(event)
                else:
                    yield event
                if isinstance(event, Failed):
                    return
        answer = "".join(event.text for event in held if isinstance(event, TextDelta))
        given, problems = await _weigh(answer, held, schema)
        for event in given:
            yield event
        if not problems:
            return
        request = replace(request, messages=(*request.messages, *_returned(answer, problems)))
    yield Failed(
        "Rejected",
        f"the answer does not fit the schema, twice: {problems[0]}",
        "simplify the schema, or ask another model",
        1,
    )


async def _weigh(
    answer: str, held: list[StreamEvent], schema: Mapping[str, Any]
) -> tuple[list[StreamEvent], list[str]]:
    """The events to give, or else the problems to send back."""
    try:
        problems = await _find_problems(answer, schema)
    except AiexError as error:
        return [Failed(type(error).__name__, error.message, error.hint, error.exit_code)], []
    if not problems:
        return _cleaned(held, strip_fence(answer)), []
    match held[-1] if held else None:
        case Stopped("end_turn" | "stop_sequence"):
            return [], problems
        case Stopped("max_tokens"):
            said = "the answer does not fit the schema: it was cut at the model's limit for output"
            return [*held[:-1], Failed("Rejected", said, "ask for less at a time", 1)], []
        case _:
            return held, []


async def _find_problems(answer: str, schema: Mapping[str, Any]) -> list[str]:
    """Where an answer departs from the schema; what may take forever is done in a process that can be ended.

    Raises:
        UsageError: if the two cannot be checked, or not in time.
    """
    if is_quick(answer, schema):
        return await asyncio.to_thread(problems_with, answer, schema)
    from threading import Event

    from aiex.guard.sandbox.workers import Died, Overran, run_within

    given_up = Event()
    try:
        found = await asyncio.to_thread(
            run_within, _check, (answer, dict(schema)), timeout_s=CHECK_S, given_up=given_up
        )
    finally:
        given_up.set()
    what = "cannot check the answer against its schema"
    match found:
        case Died(exit_code):
            raise UsageError(f"{what}: the process that did it ended with {exit_code}", hint="simplify the schema")
        case Overran(timeout_s):
            hint = "simplify the schema: a pattern such as (a+)+$ may try for hours"
            raise UsageError(f"{what}: it took more than {timeout_s:g} s", hint=hint)
        case _:
            return found


def _check(wanted: tuple[str, Mapping[str, Any]]) -> list[str]:
    return problems_with(*wanted)


def _cleaned(held: list[StreamEvent], answer: str) -> list[StreamEvent]:
    """The events with the words replaced by the bare JSON."""
    others = [
        event
        for event in held
        if not isinstance(event, TextDelta) and not (isinstance(event, PartEnded) and isinstance(event.part, Text))
    ]
    return [*others[:-1], TextDelta(answer), PartEnded(Text(answer)), others[-1]]


def _returned(answer: str, problems: list[str]) -> tuple[Message, ...]:
    """The answer, and what is wrong with it."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    said = fill_template(os.path.join(os.path.dirname(__file__), "prompts", "repair.md"), problems=listed)
    spoken = (Message("assistant", (Text(answer),)),) if answer.strip() else ()
    return (*spoken, Message("user", (Text(said),)))
