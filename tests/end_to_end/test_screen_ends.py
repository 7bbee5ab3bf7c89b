"""The screen in a real terminal, and every way in which it may end: clean, and with nothing left behind."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiex.sessions.keeping import Sessions, open_sessions
from aiex.settings import load
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.processes import is_gone
from tests.fakes.screen import flags_of
from tests.fakes.server import call

termios = pytest.importorskip("termios")

from tests.fakes.storms import ENDS, ride  # noqa: E402  (needs a POSIX terminal)
from tests.fakes.terminals import Terminal, processes_with  # noqa: E402

READY = "one/fake-1"


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


def test_lines_that_are_pasted_without_a_mark_are_not_sent(vendor: FakeOpenAI, shop: Path) -> None:
    with Terminal(*flags_of(vendor), cwd=shop) as terminal:
        terminal.until("one/fake-1")
        terminal.type("remove it\ry\rand the rest zz9")
        terminal.until("zz9")
        assert vendor.requests == []


def test_a_closed_terminal_ends_the_process_and_closes_the_turn(
    vendor: FakeOpenAI, shop: Path, sessions: Sessions
) -> None:
    silent(vendor)
    with Terminal(*flags_of(vendor), "tell me all", cwd=shop) as terminal:
        terminal.until("I think about it")
        terminal.hang_up()
        assert terminal.process.wait(timeout=60) == 129
    assert not sessions.state(only_session(sessions, shop)).interrupted


def test_a_command_dies_with_a_screen_that_is_killed(vendor: FakeOpenAI, shop: Path, sessions: Sessions) -> None:
    (shop / "wait.py").write_text("import time\nprint('now', flush=True)\ntime.sleep(3600)\n")
    vendor.say("", calls=(call("run", command="python3 wait.py"),))
    with Terminal(*flags_of(vendor), "--permission-mode", "bypass", "wait here", cwd=shop) as terminal:
        terminal.until(lambda: processes_with("wait.py"))
        running = processes_with("wait.py")
        terminal.process.kill()
        assert terminal.process.wait() == -signal.SIGKILL
    assert all(is_gone(pid) for pid in running)
    session = only_session(sessions, shop)
    assert sessions.state(session).interrupted
    with Terminal(*flags_of(vendor), "-c", cwd=shop) as terminal:  # the next one takes it up
        terminal.until("Enter: choose")
        terminal.tap("\r", lambda: not sessions.state(session).interrupted)
        terminal.type("\x04")
        assert terminal.wait() == 0
    assert not sessions.state(session).interrupted


def test_ctrl_z_gives_the_terminal_back_and_fg_draws_anew(vendor: FakeOpenAI, shop: Path) -> None:
    with Terminal(*flags_of(vendor), cwd=shop) as terminal:
        terminal.until(READY)
        terminal.type("\x1a")
        terminal.until("\x1b[?1049l")
        until_stopped(terminal.process.pid)
        assert terminal.attributes() == terminal.before
        terminal.forget()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until("\x1b[?1049h")
        terminal.until(READY)
        terminal.type("\x03\x03")
        assert terminal.wait() == 0
        assert terminal.attributes() == terminal.before


def until_stopped(pid: int) -> None:
    os.waitpid(pid, os.WUNTRACED)


BROKEN = """
import sys
sys.argv = ["aiex", *sys.argv[1:]]
from aiex import _entry
{break_it}
_entry.script()
"""
BREAKS = {
    "screen": "from aiex.tui.screens.chat import Chat\ndef take(self, items): raise ValueError('SECRET=1')\n"
    "Chat.take = take",
    "work": "from aiex.tui.backstage import Backstage\ndef _greet(self): raise ValueError('SECRET=1')\n"
    "Backstage._greet = _greet",
    "worker": "from aiex.tui.screens.chat import Chat\nasync def fail(): raise ValueError('SECRET=1')\n"
    "before = Chat.on_mount\ndef on_mount(self): self.run_worker(fail())\nChat.on_mount = on_mount",
    "thread": "import threading\nfrom aiex.tui.app import AiexApp\nbegin = AiexApp._begin\n"
    "def _begin(self): begin(self); threading.Thread(target=lambda: 1 / 0).start()\nAiexApp._begin = _begin",
    "callback": "import asyncio\nfrom aiex.tui.app import AiexApp\nbegin = AiexApp._begin\n"
    "def _begin(self): begin(self); asyncio.get_running_loop().call_soon(lambda: 1 / 0)\nAiexApp._begin = _begin",
    "start": "from aiex.tui.app import AiexApp\ndef __init__(self, *_): raise ValueError('SECRET=1')\n"
    "AiexApp.__init__ = __init__",
}


@pytest.mark.parametrize("where", BREAKS)
def test_a_bug_leaves_a_report_and_no_traceback(where: str, vendor: FakeOpenAI, shop: Path, home: Path) -> None:
    with Terminal(*flags_of(vendor), cwd=shop, code=BROKEN.format(break_it=BREAKS[where])) as terminal:
        assert terminal.wait() == 70
        assert terminal.attributes() == terminal.before
        assert b"Traceback" not in terminal.seen
        assert b"SECRET" not in terminal.seen
        shown = terminal.seen.rpartition(b"\x1b[?1049l")[2].decode()
    (report,) = (home / "state" / "reports").iterdir()
    assert str(report) in shown.replace("\r\n", "")


def test_typed_ahead_is_in_the_prompt(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("Here I am.")
    with Terminal(*flags_of(vendor), cwd=shop) as terminal:
        terminal.until(lambda: not terminal.attributes()[3] & termios.ECHO, "a quiet terminal")
        terminal.type("hello\r")
        terminal.until("Here I am.")
        terminal.type("\x03\x03")
        assert terminal.wait() in (0, 130)
        assert terminal.seen.startswith(b"\x1b")


@pytest.mark.parametrize("way", ENDS)
def test_nothing_is_left_or_lost_at_a_random_moment(way: str, shop: Path, sessions: Sessions) -> None:
    assert ride(7, shop, sessions, only=way) == []


DEAF = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.argv = ["aiex", *sys.argv[1:]]
from aiex import _entry
_entry.script()
"""


def test_a_lost_terminal_is_noticed_where_no_signal_tells(vendor: FakeOpenAI, shop: Path, sessions: Sessions) -> None:
    silent(vendor)
    with Terminal(*flags_of(vendor), "tell me all", cwd=shop, code=DEAF) as terminal:
        terminal.until("I think about it")
        terminal.hang_up()
        assert terminal.process.wait(timeout=60) == 129
    assert not sessions.state(only_session(sessions, shop)).interrupted


FROZEN = """
import sys, time
sys.argv = ["aiex", *sys.argv[1:]]
from aiex import _entry
from aiex.tui import leaving
from aiex.tui.app import AiexApp
leaving.SCREEN_S = 0.1
def draw(self):
    sys.__stderr__.write("frozen\\n")
    time.sleep(3600)
AiexApp._draw = draw
_entry.script()
"""


def test_a_screen_that_hangs_is_ended_and_the_terminal_put_back(vendor: FakeOpenAI, shop: Path) -> None:
    with Terminal(*flags_of(vendor), cwd=shop, code=FROZEN) as terminal:
        terminal.until("frozen")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 143
        assert terminal.attributes() == terminal.before
        assert b"\x1b[?1049l" in terminal.seen


def test_a_storm_of_sizes_in_a_terminal_breaks_nothing(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("# Title\n\nSome `words` in a row.\n\n- one\n- two\n" * 40, piece_bytes=100)
    chance = random.Random(3)
    with Terminal(*flags_of(vendor), "tell me all", cwd=shop) as terminal:
        terminal.until(READY)
        for _ in range(40):
            terminal.resize(*chance.choice([(1, 1), (40, 10), (300, 100), (80, 24), (2, 60)]))
            terminal.read(chance.uniform(0, 0.03))
        terminal.forget()
        terminal.resize(90, 28)  # no size of the storm, so that all is drawn again
        terminal.until("two")
        terminal.type("\x03\x03")
        assert terminal.wait() in (0, 130)
        assert terminal.attributes() == terminal.before


def test_ctrl_c_in_an_editor_means_the_editor(vendor: FakeOpenAI, shop: Path) -> None:
    begun, may_end, editor = shop / "begun", shop / "may-end", shop / "editor.sh"
    editor.write_text(f"#!/bin/sh\ntouch {begun}\nwhile ! test -e {may_end}; do sleep 0.05; done\n")
    editor.chmod(0o755)
    with Terminal(*flags_of(vendor), cwd=shop, environ={"EDITOR": str(editor), "VISUAL": str(editor)}) as terminal:
        terminal.until(READY)
        terminal.type("\x07")
        terminal.until(begun.exists)
        terminal.process.send_signal(signal.SIGINT)
        terminal.forget()
        may_end.touch()
        terminal.until("\x1b[?1049h")
        terminal.type("\x04")
        assert terminal.wait() == 0
        assert terminal.attributes() == terminal.before
