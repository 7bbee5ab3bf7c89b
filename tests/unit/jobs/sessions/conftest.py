"""Sessions of a person, and one in which a bit of everything happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    CheckpointTaken,
    Event,
    FileEdited,
    TextDelta,
    ToolFinished,
    ToolStarted,
    ToolWrote,
    TurnEnded,
    UserSpoke,
)
from aiex.messages import Text, ToolCall
from aiex.sessions.keeping import Sessions
from tests.fakes.histories import START_MS, answered, said, started, used

ONE, TWO = "5e55000000000001", "5e55000000000002"
Tell = Callable[..., None]

STORY: tuple[Event, ...] = (
    started(),
    said("why does the parser fail?"),
    TextDelta("Because of "),
    TextDelta("the bracket"),
    used(1200, 340),
    AssistantSpoke((Text("Because of the bracket"), ToolCall("c1", "run", {"argv": ["ls"]})), "anthropic", "claude-x"),
    ApprovalAsked("a1", "run ls", "rule ask"),
    ApprovalGiven("a1", True, "session", "person"),
    CheckpointTaken("aaaaaaaaaaaa", "before ls"),
    ToolStarted("c1", "run", {"argv": ["ls"]}),
    ToolWrote("c1", "stdout", "a.py\n"),
    FileEdited("src/a.py", "changed", 3, 1),
    FileEdited("src/a.py", "changed", 1, 0),
    ToolFinished("c1", "run", "a.py\n"),
    answered("it is done"),
    TurnEnded("success", "answered", 0),
)
"""A whole turn."""
CUT: tuple[Event, ...] = (
    said("now build it"),
    AssistantSpoke((ToolCall("c2", "make", {}),), "anthropic", "claude-x"),
    ApprovalAsked("a2", "run make", "rule ask"),
    ToolStarted("c2", "make", {}),
)
"""A turn whose process died in the middle of a call."""


def damage(sessions: Sessions, seq: int) -> None:
    """Change an event behind the back of the log."""
    with closing(sqlite3.connect(Path(sessions.folder, "sessions.db"))) as file, file:
        assert file.execute("UPDATE events SET turn = turn + 7 WHERE seq = ?", [seq]).rowcount == 1


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    opened = Sessions(str(tmp_path / "sessions"))
    yield opened
    opened.close()


@pytest.fixture
def tell(sessions: Sessions) -> Tell:
    """Append to a session, an event a second: `tell(ONE, said("hello"))`."""

    def append(session: str, *events: Event, at_ms: int = START_MS) -> None:
        for event in events:
            head = sessions.log.head(session)
            seq, turn = (head.seq, head.turn) if head else (0, 0)
            turn += isinstance(event, UserSpoke)
            sessions.log.append(session, [event], after_seq=seq, turn=turn, at_ms=at_ms + seq * 1000)

    return append


@pytest.fixture
def story(tell: Tell) -> str:
    """A session with one whole turn."""
    tell(ONE, *STORY)
    return ONE
