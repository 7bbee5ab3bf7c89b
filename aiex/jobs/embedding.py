"""Before a job that looks for code: the vectors that its index and its question lack are asked for.

Without them the code is found by its words alone, so whatever goes wrong is a warning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from aiex.errors import AiexError
from aiex.events import Event, Progressed, TurnEnded, Warned
from aiex.jobs.relaying import Events, tell_indexing, to_async
from aiex.messages import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiex.context.meaning import Meaning
    from aiex.context.retrieval import Retrieval
    from aiex.llm.embedder import Embedder


def with_vectors(
    start: Callable[[], Events], retrieval: Retrieval, embedder: Embedder | None, question: str = ""
) -> Events:
    """The events of a job, after those of bringing the index and its vectors up to date.

    Args:
        start: Starts the job.
        embedder: What `retrieval` asks for vectors; without one nothing is asked, and a question without is a warning.
        question: Gets a vector too.
    """
    meaning = retrieval.meaning
    if meaning is None:
        return start()
    if embedder is not None:
        return _prepared(start, retrieval, meaning, embedder, question)
    return start() if not question or meaning.knows(question) else _warned(start(), meaning)


def then_vectors(job: Iterator[Event], retrieval: Retrieval, embedder: Embedder | None) -> Events:
    """The events of a job that brings the index up to date; before a good outcome the vectors are brought up too."""
    meaning = retrieval.meaning
    return job if embedder is None or meaning is None else _completed(job, retrieval, meaning, embedder)


async def _completed(
    job: Iterator[Event], retrieval: Retrieval, meaning: Meaning, embedder: Embedder
) -> AsyncIterator[Event]:
    made = 0
    async with aclosing(to_async(job)) as events:
        async for event in events:
            if not (isinstance(event, TurnEnded) and event.status == "success"):
                yield event
                continue
            async with aclosing(_learn(retrieval, meaning, embedder)) as news:
                async for told in news:
                    made = told.done if isinstance(told, Progressed) else made
                    yield told
            answer = f"{event.answer}\n{made:,} vectors made by {meaning.model}" if made else event.answer
            ended = replace(event, answer=answer, data={**(event.data or {}), "vectors_made": made})
            yield _complete(ended, embedder)


def _warned(job: Events, meaning: Meaning) -> Events:
    warning = Warned(f"the task has no vector of {meaning.model}, and nobody is asked: code is found by words alone")
    return chain([warning], job) if isinstance(job, Iterator) else _after(warning, job)


async def _after(event: Event, job: AsyncIterator[Event]) -> AsyncIterator[Event]:
    yield event
    async with aclosing(to_async(job)) as stream:
        async for other in stream:
            yield other


async def _prepared(
    start: Callable[[], Events], retrieval: Retrieval, meaning: Meaning, embedder: Embedder, question: str
) -> AsyncIterator[Event]:
    async with aclosing(to_async(tell_indexing(retrieval.refresh()))) as indexing:
        async for progressed in indexing:
            yield progressed
    async with aclosing(_learn(retrieval, meaning, embedder, question)) as events:
        async for told in events:
            yield told
    async with aclosing(to_async(start())) as job:
        async for event in job:
            yield _complete(event, embedder)


async def _learn(
    retrieval: Retrieval, meaning: Meaning, embedder: Embedder, question: str = ""
) -> AsyncGenerator[Event, None]:
    """Progress, waits and what went wrong, as they happen."""
    import asyncio

    told: asyncio.Queue[Event | None] = asyncio.Queue()
    embedder.tell = told.put_nowait

    async def learn() -> None:
        try:
            async for learned in meaning.learn(retrieval.index, question):
                told.put_nowait(Progressed("embedding", learned.done, learned.total))
        except AiexError as error:
            told.put_nowait(Warned(f"{meaning.model} gives no meaning to compare: {error.message}", error.hint))
        finally:
            told.put_nowait(None)

    task = asyncio.create_task(learn())
    try:
        while (event := await told.get()) is not None:
            yield event
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await embedder.aclose()
    for warning in meaning.warnings:
        yield warning
    meaning.warnings.clear()


def _complete(event: Event, embedder: Embedder) -> Event:
    """The outcome with what the vectors took; other events as they are."""
    if not isinstance(event, TurnEnded) or not embedder.questions:
        return event
    tokens, cost = embedder.input_tokens, embedder.cost_usd
    if event.usage == Usage():  # nobody else was asked
        return replace(event, usage=Usage(tokens, 0), total_cost_usd=cost)
    before = event.usage.input_tokens
    usage = replace(event.usage, input_tokens=None if before is None or tokens is None else before + tokens)
    spent = None if cost is None or event.total_cost_usd is None else event.total_cost_usd + cost
    return replace(event, usage=usage, total_cost_usd=spent)
