"""The screen in a real terminal, and every way in which it may end: clean, and with nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex.sessions.keeping import Sessions, open_sessions
from aiex.settings import load
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import flags_of

pytest.importorskip("termios")

from tests.fakes.terminals import Terminal

READY = "one/fake-1"


def call(name: str, **arguments: Any) -> tuple[str, str]:
    return name, json.dumps(arguments)


@pytest.fixture
def vendor() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def shop(workspace: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    return workspace


@pytest.fixture
def sessions(home: Path) -> Iterator[Sessions]:
    opened = open_sessions(load(None, environ=dict(os.environ)), dict(os.environ))
    yield opened
    opened.close()


def only_session(sessions: Sessions, root: Path) -> str:
    (found,) = sessions.views.listed(root=str(root))
    return found.id


def silent(vendor: FakeOpenAI) -> None:
    """The answer begins and does not go on."""
    vendor.say("I think about it for a long time. " * 20, silent_at_byte=1_500)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)], ids=str
)
def test_a_signal_in_mid_turn_leaves_a_clean_terminal_and_a_closed_turn(
    number: int, code: int, vendor: FakeOpenAI, shop: Path, sessions: Sessions
) -> None:
    silent(vendor)
    with Terminal(*flags_of(vendor), "tell me all", cwd=shop) as terminal:
        terminal.until("I think about it")
        terminal.process.send_signal(number)
        assert terminal.wait() == code
        assert terminal.attributes() == terminal.before
        assert b"\x1b[?1049l" in terminal.seen
        assert b"Traceback" not in terminal.seen
        session = only_session(sessions, shop)
        assert f"to go on: aiex -r {session}".encode() in terminal.seen
        assert terminal.members() == []
    state = sessions.state(session)
    assert (state.interrupted, state.turn) == (False, 1)
