"""Lets a model work on a wish with tools: hires who takes part, runs the loop, checks what was done, and reports."""

from __future__ import annotations

import platform
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from aiex.agent.approvals import Approvals
from aiex.agent.calls import Calls
from aiex.agent.compaction import Compaction
from aiex.agent.composer import Composer, introduce, load_tools
from aiex.agent.kit import Kit, Means
from aiex.agent.loop import Closed, Crew, Loop
from aiex.agent.meter import Allotment, Meter
from aiex.agent.overlay import Overlay
from aiex.agent.report import Report
from aiex.errors import AiexError, Rejected
from aiex.events import UserSpoke
from aiex.record import record
from aiex.tokens import OFFLINE

if TYPE_CHECKING:
    from aiex.agent.answering import Stream
    from aiex.agent.kit import Person, Step
    from aiex.events import Event, TurnEnded
    from aiex.messages import Part
    from aiex.sessions.recorder import Recorder
    from aiex.sessions.state import SessionState


class Hirer(Means, Protocol):
    """The services that a loop needs beside those of its tools."""

    @property
    def stream(self) -> Stream: ...
    @property
    def is_offline(self) -> bool: ...
    @property
    def recorder(self) -> Recorder | None: ...


@record
class Wish:
    """What is to be done, and how."""

    parts: tuple[Part, ...]
    """What the person says."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the last answer has to fit."""
    is_dry: bool = False
    """Nothing is written; what would be is shown as a diff."""
    tools: tuple[str, ...] = ()
    """The names of the tools that are offered; all when empty."""
    allotment: Allotment = Allotment()


async def work(
    wish: Wish, hirer: Hirer, *, person: Person | None = None, step: Callable[[str], Step | None] = lambda _: None
) -> AsyncIterator[Event]:
    """Do what a person wants; every outcome, errors included, is the `TurnEnded` at the end.

    Args:
        wish: What, and within which limits.
        hirer: The services.
        person: Whoever can be asked; None where what needs a person is refused.
        step: Makes what looks after the files during a call.
    """
    report = Report()
    try:
        require_model(hirer)
        kit = Kit(
            hirer, files=Overlay(hirer.workspace) if wish.is_dry else None, step=step, person=person, is_dry=wish.is_dry
        )
        crew = hire(kit, hirer, wish)
    except AiexError as error:
        from aiex.agent.answering import failed

        yield failed(error)
        return
    try:
        yield UserSpoke(wish.parts)
        closed = Closed("", None)
        async with aclosing(_noted(Loop(crew, schema=wish.schema).run(), report, kit)) as events:
            async for told in events:
                if isinstance(told, Closed):
                    closed = told
                else:
                    yield told
    finally:
        await kit.leave()
    for event in _drain(kit, report):
        yield event
    yield _end(report, closed, wish, kit)


async def _noted(
    events: AsyncGenerator[Event | Closed, None], report: Report, kit: Kit
) -> AsyncGenerator[Event | Closed, None]:
    """The same events, each in the report, with what happened beside them between."""
    async with aclosing(events):
        async for event in events:
            if not isinstance(event, Closed):
                report.note(event)
            yield event
            for news in _drain(kit, report):
                yield news


def _drain(kit: Kit, report: Report) -> Iterable[Event]:
    while kit.news:
        event = kit.news.pop(0)
        report.note(event)
        yield event


def hire(kit: Kit, hirer: Hirer, wish: Wish, above: Meter | None = None) -> Crew:
    """Who takes part in a loop on a wish. Raises AiexError where somebody cannot."""
    from aiex.agent.tools import is_offered

    tools = {name: tool for name, tool in load_tools(wish.tools).items() if is_offered(tool, kit)}
    today = datetime.now(UTC).date().isoformat()
    said = introduce(root=hirer.root, platform=platform.system(), today=today)
    composer = Composer(hirer.model, said, tools, hirer.session)
    meter = Meter(wish.allotment, above)
    approvals = Approvals(hirer.gate, kit.person)
    calls = Calls(kit, tools, approvals, meter)
    compaction = Compaction(composer, hirer.stream, meter, lambda: find_window(hirer))
    return Crew(composer, calls, hirer.stream, lambda: _state_of(hirer), meter, compaction)


def _state_of(hirer: Hirer) -> SessionState:
    if hirer.recorder is None:
        raise RuntimeError("a loop works on a session, and nothing records one")
    return hirer.recorder.state


def find_window(hirer: Hirer) -> int | None:
    """How many tokens the model in use takes; None where nobody knows."""
    from aiex import dirs
    from aiex.llm.pricing import find_catalogue

    provider, _, model = hirer.model.partition("/")
    info = find_catalogue(dirs.cache_dir(hirer.environ)).find(provider, model)
    return info.context_tokens if info else None


def require_model(hirer: Hirer) -> None:
    """Raise Rejected where no model is in use."""
    if hirer.is_offline or hirer.model == OFFLINE:
        raise Rejected(
            "this needs a model, and none is in use", hint="name one with -m provider/model, or set it: aiex set config"
        )


def _end(report: Report, closed: Closed, wish: Wish, kit: Kit) -> TurnEnded:
    data: dict[str, Any] = {}
    if wish.schema is not None and closed.failure is None:
        import json

        data["data"] = json.loads(closed.answer)
    if isinstance(kit.files, Overlay):
        data["patch"] = patch_of(kit.files)
    return report.end(closed, data)


def patch_of(files: Overlay) -> str:
    """What a dry run would have written, as a patch; bytes that are not UTF-8 come as surrogate escapes."""
    from aiex.agent.patches import render_change

    patch = b"".join(render_change(path, before, after) for path, before, after in files.changes())
    return patch.decode("utf-8", "surrogateescape")
