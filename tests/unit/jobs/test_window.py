"""What fills the window, and a summary in the place of old talk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aiex.events import AssistantSpoke, Compacted, Noted, ToolFinished, ToolStarted, TurnEnded, UserSpoke
from aiex.jobs.window import Piece, compact, survey
from aiex.messages import Document, Text, ToolCall
from aiex.runs.opening import Opening
from aiex.runs.outcomes import to_outcome
from aiex.runs.talking import open_session
from aiex.sessions.decisions import LeaveOut, Pin
from aiex.wiring import Services
from tests.fakes.openai_server import FakeOpenAI


@pytest.fixture
def made(workspace: Path, vendor: FakeOpenAI) -> Iterator[Services]:
    services = Services(
        str(workspace),
        overrides=[f"providers.one.base_url={vendor.base_url}", "model=one/fake-1", "retry.max_attempts=1"],
    )
    recording = open_session(Opening(), services, to_outcome).recording
    with recording:
        yield services
    services.close()


def said(services: Services, *turns: str) -> None:
    assert services.recorder is not None
    for text in turns:
        services.recorder.record(UserSpoke((Text(text),)))
        services.recorder.record(AssistantSpoke((Text(f"about {text}"),), "one", "fake-1"))
        services.recorder.record(TurnEnded("success", "done", 1))


def talk(services: Services) -> list[Piece]:
    return [piece for piece in survey(services).pieces if piece.seq]


def test_every_source_is_named_and_counted(made: Services) -> None:
    recorder = made.recorder
    assert recorder is not None
    recorder.record(UserSpoke((Document("a.py", "text/plain", "x" * 300), Text("look"))))
    recorder.record(AssistantSpoke((ToolCall("1", "read", {"path": "b.py"}),), "one", "fake-1"))
    recorder.record(ToolStarted("1", "read", {"path": "b.py"}))
    recorder.record(ToolFinished("1", "read", "y" * 600))
    found = survey(made)
    assert {piece.source for piece in found.pieces} == {"instructions", "tools", "files", "model", "results"}
    names = {piece.source: piece.name for piece in found.pieces if piece.seq}
    assert names["files"] == "a.py"
    assert names["results"] == "read b.py"
    assert found.tokens == sum(piece.tokens for piece in found.pieces)
    assert not found.is_known


def test_what_is_pinned_and_left_out_is_marked_and_keeps_its_name(made: Services) -> None:
    said(made, "flamingo")
    recorder = made.recorder
    assert recorder is not None
    first = talk(made)[0]
    recorder.do(Pin(first.seq), made.gate.judge.role)
    recorder.do(LeaveOut(first.seq), made.gate.judge.role)
    piece = talk(made)[0]
    assert (piece.name, piece.is_pinned, piece.is_left_out) == ("flamingo", True, True)


@pytest.mark.parametrize("agrees", [True, False])
async def test_a_summary_counts_only_when_a_person_agrees(made: Services, vendor: FakeOpenAI, *, agrees: bool) -> None:
    said(made, *(f"wish {number} {'long ' * 400}" for number in range(8)))
    vendor.say("They wished for things.")
    shown: list[Compacted] = []

    async def agree(found: Compacted) -> bool:
        shown.append(found)
        return agrees

    events = [event async for event in compact(made, agree)]
    assert [one.summary for one in shown] == [next(iter(shown)).summary]
    assert shown[0].after_tokens < shown[0].before_tokens
    assert any(isinstance(event, Compacted) for event in events) is agrees
    assert isinstance(events[-1], TurnEnded)
    assert events[-1].subtype == ("compacted" if agrees else "left")


async def test_a_short_talk_says_that_it_stays(made: Services, vendor: FakeOpenAI) -> None:
    said(made, "hi")
    events = [event async for event in compact(made, _never)]
    assert Noted("there is too little to shorten") in events


async def _never(_: Compacted) -> bool:
    raise AssertionError("nobody is to be asked")


async def test_nothing_said_is_told(workspace: Path, vendor: FakeOpenAI) -> None:
    services = Services(str(workspace), overrides=[f"providers.one.base_url={vendor.base_url}", "model=one/fake-1"])
    events = [event async for event in compact(services, _never)]
    assert isinstance(events[-1], TurnEnded)
    assert "nothing was said yet" in events[-1].error
    services.close()
