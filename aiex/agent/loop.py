"""The loop: ask the model, run what it calls, tell it what came of it, until it has nothing more to do.

It tells events and keeps nothing: the log does, and each request is made of the log. Wishes live in files beside it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiex.agent.answering import Heard, hear, to_failed
from aiex.agent.composer import load_words
from aiex.agent.progress import WARN_AT, Progress
from aiex.budget import Exhausted
from aiex.errors import AiexError, BudgetEnded, ContextOverflow, Rejected
from aiex.events import BudgetHit, Compacted, Failed, FileEdited, ToolFinished, UserSpoke
from aiex.messages import Text, ToolCall
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

    from aiex.agent.answering import Stream
    from aiex.agent.calls import Calls
    from aiex.agent.compaction import Compaction
    from aiex.agent.composer import Composer
    from aiex.budget import Budget
    from aiex.events import Event
    from aiex.messages import Request
    from aiex.sessions.state import SessionState

T = TypeVar("T")


@record
class Closed:
    """How the loop ended."""

    answer: str
    """The last words of the model."""
    failure: Failed | None


@record
class Crew:
    """Who takes part in a loop."""

    composer: Composer
    calls: Calls
    stream: Stream
    conversation: Callable[[], SessionState]
    """The session with everything that was told so far."""
    budget: Budget
    compaction: Compaction


class Loop:
    """One piece of work: what the person said is in the conversation already.

    Args:
        crew: Who takes part.
        schema: Of the last answer, which is asked for once more as data; None for words alone.
    """

    def __init__(self, crew: Crew, *, schema: Mapping[str, Any] | None = None) -> None:
        self._crew = crew
        self._schema = schema
        self._progress = Progress()
        self._goes_on = True
        self._answer = ""
        self.closed = Closed("", None)
        """How it ended, when all events were told."""

    async def run(self) -> AsyncGenerator[Event, None]:
        """Work until the model is done, or cannot go on; every failure is how it closed."""
        failure: Failed | None = None
        try:
            while self._goes_on:
                self._crew.budget.take_turn()
                if self._crew.compaction.is_due(self._crew.conversation):
                    async with aclosing(self._shorten()) as made:
                        async for event in made:
                            yield event
                request = self._crew.composer.compose(self._crew.conversation())
                async with aclosing(hear(self._stream, request)) as events:
                    async for told in events:
                        if not isinstance(told, Heard):
                            yield told
                            continue
                        async with aclosing(self._heed(told)) as happened:
                            async for event in happened:
                                yield event
            if self._schema is not None:
                async with aclosing(self._ask_for_data(self._schema)) as events:
                    async for event in events:
                        yield event
        except AiexError as error:
            if ended := self._ended_by(error):
                if hit := hit_of(ended):
                    yield hit
                failure = to_ended(ended)
            else:
                failure = error.failed if isinstance(error, _Told) else to_failed(error)
        self.closed = Closed(self._answer, failure)

    def _ended_by(self, error: AiexError) -> BudgetEnded | None:
        """The budget that ended, be it before a request or in the middle of an answer; None for other errors."""
        if isinstance(error, _Told) and error.exit_code == BudgetEnded.exit_code:
            return self._crew.budget.ended
        return error if isinstance(error, BudgetEnded) else None

    def _stream(self, request: Request) -> AsyncGenerator[Event, None]:
        return until(cast("AsyncGenerator[Event, None]", self._crew.stream(request)), self._crew.budget)

    def _shorten(self) -> AsyncGenerator[Event, None]:
        return until(self._crew.compaction.shorten(self._crew.conversation), self._crew.budget)

    def _heed(self, heard: Heard) -> AsyncGenerator[Event, None]:
        """What comes of an answer; where the request was too long, there is room for the next one."""
        if isinstance(heard.error, BudgetEnded):  # what was said until the time was over is no answer
            raise heard.error
        if _is_overflow(heard) and self._crew.compaction.may_try():
            return self._make_room(heard)
        self._crew.compaction.note(heard.usage)
        return self._go_on(heard)

    async def _make_room(self, heard: Heard) -> AsyncGenerator[Event, None]:
        is_shorter = False
        async with aclosing(self._shorten()) as made:
            async for event in made:
                is_shorter = is_shorter or isinstance(event, Compacted)
                yield event
        if not is_shorter:
            async with aclosing(self._go_on(heard)) as happened:
                async for event in happened:
                    yield event

    async def _go_on(self, heard: Heard) -> AsyncGenerator[Event, None]:
        """Run the calls of an answer, or say why none of them runs."""
        self._answer = heard.answer or self._answer
        calls = [part for part in heard.parts if isinstance(part, ToolCall)]
        self._goes_on = _goes_on(heard, calls, self._progress)
        if not calls or heard.reason != "tool_use":
            for event in _tell_not_run(heard, calls) if self._goes_on else ():
                yield event
            return
        by_id = {call.id: call for call in calls}
        finished: list[ToolFinished] = []
        counts: list[int] = []
        async with aclosing(until(self._crew.calls.run(calls), self._crew.budget)) as events:
            async for event in events:
                if isinstance(event, FileEdited):
                    self._progress.note_change()
                if not isinstance(event, ToolFinished):
                    yield event
                    continue
                finished.append(event)
                counts.append(self._progress.count_result(by_id[event.call_id], event))
                yield _remark(event, counts[-1])
        self._progress.note_turn(finished, counts)

    async def _ask_for_data(self, schema: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
        crew = self._crew
        crew.budget.take_turn()
        async with aclosing(hear(self._stream, crew.composer.compose_data(crew.conversation(), schema))) as events:
            async for told in events:
                if isinstance(told, Heard):
                    _require_end(told)
                    _require_data(told.answer)
                    self._answer = told.answer
                else:
                    yield told


def _is_overflow(heard: Heard) -> bool:
    return isinstance(heard.error, ContextOverflow) or heard.reason == "context_overflow"


def _goes_on(heard: Heard, calls: Sequence[ToolCall], progress: Progress) -> bool:
    """Whether there is more to do after an answer.

    Raises:
        AiexError: where the answer is none.
    """
    if heard.reason == "tool_use" and calls:
        return True
    if heard.reason == "max_tokens":
        if progress.may_be_cut():
            return True
        raise Rejected("the model's answers were cut at its limit again and again", hint="ask for less at a time")
    if heard.reason == "pause":
        return True
    if heard.reason == "malformed_tool_call" or (not heard.answer.strip() and heard.reason in _ENDS):
        if progress.may_be_empty():
            return True
        hint = "try again, or another model"
        if heard.reason == "malformed_tool_call":
            raise Rejected("the model's calls could not be read: their arguments are no valid JSON", hint=hint)
        raise Rejected("the model gave nothing but empty answers", hint=hint)
    _require_end(heard)
    return False


_ENDS = ("end_turn", "stop_sequence", "tool_use")


def _tell_not_run(heard: Heard, calls: Sequence[ToolCall]) -> Iterator[Event]:
    """Why the calls of an answer did not run; of one that could not even be read nothing else tells the model."""
    if why := _WHY_NOT_RUN.get(heard.reason):
        for call in calls:
            yield ToolFinished(call.id, call.name, load_words(why), is_error=True)
    if not calls and heard.reason == "malformed_tool_call":
        yield UserSpoke((Text(load_words("unread")),))


_WHY_NOT_RUN = {"malformed_tool_call": "malformed", "max_tokens": "cut"}
"""The words on the calls of an answer of which none runs, by how it ended."""


def _require_end(heard: Heard) -> None:
    """Raise what a bad end of an answer means."""
    if heard.error is not None:
        raise heard.error
    if isinstance(heard.end, Failed):
        raise _Told(heard.end)
    if heard.reason not in _ENDS:
        raise Rejected(f"the model stopped with {heard.reason}", hint="ask in other words, or another model")


def _require_data(answer: str) -> None:
    """Raise Rejected for words or calls where data was asked for."""
    try:
        json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise Rejected("the model gave no data in the end", hint="try again, or another model") from error


class _Told(AiexError):
    """A failure that came as an event."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message, hint=failed.hint)
        self.exit_code = failed.exit_code
        self.failed = failed


def _remark(finished: ToolFinished, count: int) -> ToolFinished:
    """A result that came again and again says so."""
    if count < WARN_AT:
        return finished
    return replace(finished, text=f"{finished.text}\n{load_words('stuck', count=str(count))}")


def hit_of(error: BudgetEnded) -> BudgetHit | None:
    """Which kind ended, as an event."""
    return BudgetHit(error.budget, error.used, error.limit) if isinstance(error, Exhausted) else None


def to_ended(error: BudgetEnded) -> Failed:
    """A budget that ended as how a loop closed: nothing is lost, so somebody can go on."""
    failed = to_failed(error)
    return replace(failed, hint=f"what was done is kept: go on with aiex run -c, and {failed.hint or 'allow more'}")


def until(events: AsyncGenerator[T, None], budget: Budget) -> AsyncGenerator[T, None]:
    """The same events, as long as there is time. Raises Exhausted when there is none any more."""
    return events if budget.left("time") is None else _until(events, budget)


async def _until(events: AsyncGenerator[T, None], budget: Budget) -> AsyncGenerator[T, None]:
    async with aclosing(events):
        while True:
            try:
                async with asyncio.timeout(budget.left("time")):
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise budget.out_of_time() from error
            yield event
