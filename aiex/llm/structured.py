"""Answers that must fit a JSON schema: checked here, and asked for once more when they do not fit."""

from __future__ import annotations

import json
import os
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aiex.errors import UsageError
from aiex.events import Failed, PartEnded, Retrying, Stopped, TextDelta
from aiex.messages import Message, Text
from aiex.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiex.events import StreamEvent
    from aiex.llm.wire import Stream
    from aiex.messages import Request

MOST_PROBLEMS = 5
"""Problems told to the model; the first ones usually cause the others."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Nothing, when this is a JSON schema (2020-12 unless it names another) that an answer can be checked against.

    Raises:
        UsageError: if it is none, or does not describe an object.
    """
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    kind = validator_for(schema)
    try:
        kind.check_schema(dict(schema))
    except SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path) or "its top"
        raise UsageError(
            f"not a valid JSON schema: at {place}: {error.message[:300]}", hint="see https://json-schema.org"
        ) from error
    if schema.get("type") != "object":
        raise UsageError(
            "the schema of an answer must describe an object", hint='give it "type": "object" and its properties'
        )


def problems_with(answer: str, schema: Mapping[str, Any]) -> list[str]:
    """Where an answer departs from the schema, a few places in words; empty when it fits."""
    from jsonschema.validators import validator_for

    try:
        value = json.loads(strip_fence(answer), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return [f"it is not JSON: {error}"]
    found = sorted(validator_for(schema)(dict(schema)).iter_errors(value), key=lambda error: list(map(str, error.path)))
    return [f"at /{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in found[:MOST_PROBLEMS]]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def strip_fence(answer: str) -> str:
    """An answer without the code fence that some models put around JSON."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text[text.index("\n") + 1 : -3].strip()
    return text


def ask_for_data(stream: Stream) -> Stream:
    """A stream whose answers fit `Request.response_schema`; requests without one pass through.

    The words are held back until they fit. An answer that does not is sent back once with what is wrong with it; when
    the second does not fit either, the stream ends with `Failed`.
    """

    def asked(request: Request) -> AsyncGenerator[StreamEvent, None]:
        return _repaired(stream, request)

    return asked


async def _repaired(stream: Stream, request: Request) -> AsyncGenerator[StreamEvent, None]:
    if request.response_schema is None:
        async with aclosing(cast("Any", stream(request))) as events:
            async for event in events:
                yield event
        return
    check_schema(request.response_schema)
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
        stopped = held[-1] if held else None
        problems = problems_with(answer, request.response_schema)
        if problems and isinstance(stopped, Stopped) and stopped.reason == "end_turn":
            request = replace(request, messages=(*request.messages, *_returned(answer, problems)))
            continue
        for event in held if problems else _cleaned(held, strip_fence(answer)):
            yield event
        return
    yield Failed(
        "Rejected",
        f"the answer does not fit the schema, twice: {problems[0]}",
        "simplify the schema, or ask another model",
        1,
    )


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
