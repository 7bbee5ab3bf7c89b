"""Lists of what models cost and what sessions wait for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex import dirs
from aiex.cli.driver import execute
from aiex.cli.main import parse
from aiex.errors import UsageError
from aiex.events import ApprovalAsked, Event, SessionStarted, TurnEnded, UsageUpdated, UserSpoke
from aiex.messages import Text, Usage
from aiex.sessions.keeping import Sessions
from aiex.wiring import Services

Ask = Callable[..., TurnEnded]


@pytest.fixture
def ask(workspace: Path) -> Ask:
    def run(*words: str) -> TurnEnded:
        services = Services(str(workspace))
        try:
            return execute(parse(list(words)).work.prepare(services)(), lambda _: None, waits=False)
        finally:
            services.close()

    return run


@pytest.fixture
def sessions(home: Path) -> Iterator[Sessions]:
    opened = Sessions(os.path.join(dirs.data_dir(os.environ), "sessions"))
    yield opened
    opened.close()


def add(sessions: Sessions, *events: Event) -> str:
    session = sessions.new_id()
    for number, event in enumerate(events):
        sessions.log.append(session, [event], after_seq=number, turn=1, at_ms=1_795_000_000_000)
    return session


def spend(model: str, root: str, tokens: int, cost: float | None) -> tuple[Event, ...]:
    return (
        SessionStarted("1", root, "ask", "one", model, root=root),
        UserSpoke((Text("What?"),)),
        UsageUpdated(Usage(tokens, 10), cost),
        TurnEnded("success", "answered", 0),
    )


def rows(ended: TurnEnded) -> Any:
    assert ended.data is not None
    return [
        {name: row[name] for name in row if name in ("model", "project", "day", "calls", "input_tokens", "cost_usd")}
        for row in ended.data["usage"]
    ]


def test_nothing_was_used_where_nothing_was_said(ask: Ask) -> None:
    assert ask("list", "usage").answer == "no model was used"
    assert ask("list", "approvals").answer == "no approval is waited for"


def test_what_was_used_is_added_up(ask: Ask, sessions: Sessions) -> None:
    add(sessions, *spend("small", "/a", 100, 0.25))
    add(sessions, *spend("small", "/b", 50, 0.5))
    add(sessions, *spend("large", "/a", 10, None))
    assert rows(ask("list", "usage")) == [
        {"model": "one/small", "calls": 2, "input_tokens": 150, "cost_usd": 0.75},
        {"model": "one/large", "calls": 1, "input_tokens": 10, "cost_usd": 0.0},
    ]
    ended = ask("list", "usage", "--by", "project,day")
    assert [(row["project"], row["day"]) for row in rows(ended)] == [("/b", "2026-11-18"), ("/a", "2026-11-18")]
    assert "the price of 1 of the calls is not known" in ended.answer
    assert rows(ask("list", "usage", "--here")) == []
    assert rows(ask("list", "usage", "--since", "2026-11-19")) == []


def test_what_is_waited_for_is_listed(ask: Ask, sessions: Sessions) -> None:
    session = add(
        sessions, *spend("small", "/a", 1, None)[:2], ApprovalAsked("a1", "write \x1b[31msrc/a.py", "rule"),
    )  # fmt: skip
    ended = ask("list", "approvals")
    assert session in ended.answer
    assert "\x1b" not in ended.answer


@pytest.mark.parametrize("ways", ["moon", "", "model,moon"])
def test_ways_that_are_none_are_refused(ways: str) -> None:
    with pytest.raises(UsageError, match="usage"):
        parse(["list", "usage", "--by", ways])


def test_a_call_is_counted_with_what_its_last_word_says(ask: Ask, sessions: Sessions) -> None:
    start, asked, usage, ended = spend("small", "/a", 100, 0.25)
    add(sessions, start, asked, UsageUpdated(Usage(1, 1), 0.01), usage, ended)
    assert rows(ask("list", "usage"))[0]["input_tokens"] == 100
