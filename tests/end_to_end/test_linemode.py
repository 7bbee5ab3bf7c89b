"""The talk line by line on a terminal that can only print, and what happens where there is no terminal at all."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aiex.sessions.keeping import FILE
from tests.conftest import RunAiex
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import flags_of
from tests.fakes.server import call

pytest.importorskip("termios")

from tests.fakes.terminals import Terminal

EDIT = {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}
DUMB = {"TERM": "dumb"}
PROMPT = b"\n> "


def prompts(terminal: Terminal) -> int:
    return terminal.seen.replace(b"\r", b"").count(PROMPT)


def say(terminal: Terminal, line: str) -> None:
    """Type a line and wait until the next may be typed."""
    before = prompts(terminal)
    terminal.type(f"{line}\n")
    terminal.until(lambda: prompts(terminal) > before, f"the end of {line}")


def test_a_dumb_terminal_gets_a_talk_of_lines_in_one_session(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("It is a shop.")
    with Terminal(*flags_of(vendor), cwd=shop, environ=DUMB) as terminal:
        terminal.until(lambda: prompts(terminal) == 1)
        say(terminal, "what is this?")
        say(terminal, "and what else?")
        say(terminal, "/model two/fake-2")
        say(terminal, "/mode plan")
        say(terminal, "!echo from the shell")
        say(terminal, "/nonsense")
        terminal.type("\x04")
        assert terminal.wait() == 0
        seen = terminal.seen.decode()
    assert "\x1b" not in seen
    assert seen.count("It is a shop.") == 2
    assert "mode: plan" in seen
    assert "from the shell" in seen
    assert "error: " in seen
    assert "to go on: aiex -r " in seen
    assert len(vendor.requests[1].body["messages"]) > len(vendor.requests[0].body["messages"])


def test_approvals_are_asked_in_lines(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("", calls=(call("edit", **EDIT),))
    vendor.say("It is dearer.")
    with Terminal(*flags_of(vendor), "raise the price", cwd=shop, environ=DUMB) as terminal:
        terminal.until("answer [n]: ")
        terminal.type("1\n")
        terminal.until("It is dearer.")
        terminal.type("\x04")
        assert terminal.wait() == 0
    assert '"apple": 45' in (shop / "shop/prices.py").read_text()


def test_a_reader_gets_lines_on_any_terminal(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("It is a shop.")
    with Terminal(*flags_of(vendor), "--set", "screen.reader=on", "what is this?", cwd=shop) as terminal:
        terminal.until("It is a shop.")
        terminal.type("/quit\n")
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.seen


def test_ctrl_c_stops_the_turn_and_twice_leaves(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("I think about it. " * 50, silent_at_byte=1_500)
    with Terminal(*flags_of(vendor), cwd=shop, environ=DUMB) as terminal:
        terminal.until(lambda: prompts(terminal) == 1)
        terminal.type("tell me all\n")
        terminal.until(lambda: vendor.requests)
        terminal.type("\x03")
        terminal.until(lambda: prompts(terminal) == 2)
        assert b"interrupted" in terminal.seen
        terminal.type("\x03")
        assert terminal.wait() == 130
        assert terminal.attributes() == terminal.before


def test_a_file_that_another_process_has_is_told_of_and_ctrl_c_ends_the_wait(
    vendor: FakeOpenAI, shop: Path, home: Path
) -> None:
    vendor.say("It is a shop.")
    with Terminal(*flags_of(vendor), cwd=shop, environ=DUMB) as terminal:
        terminal.until(lambda: prompts(terminal) == 1)
        say(terminal, "what is this?")
        with closing(sqlite3.connect(next(home.rglob(FILE)), isolation_level=None)) as other:
            other.execute("begin immediate")
            before = prompts(terminal)
            terminal.type("and what else?\n")
            terminal.until("waiting for the file of sessions")
            terminal.tap("\x03", lambda: prompts(terminal) > before)
        say(terminal, "and now?")
        terminal.type("\x04")
        assert terminal.wait() == 0
        assert terminal.seen.count(b"It is a shop.") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_signal_ends_the_talk(number: int, vendor: FakeOpenAI, shop: Path) -> None:
    with Terminal(*flags_of(vendor), cwd=shop, environ=DUMB) as terminal:
        terminal.until(lambda: prompts(terminal) == 1)
        terminal.process.send_signal(number)
        assert terminal.wait() == 143
        assert b"Traceback" not in terminal.seen


@pytest.mark.parametrize("words", [("two words",), ("-c",), ("-r",), ("chat",)], ids=str)
def test_without_a_terminal_nothing_is_opened(words: tuple[str, ...], run_warm: RunAiex, shop: Path) -> None:
    done = run_warm(*words, cwd=shop, input="x\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "aiex run" in done.stderr


def test_a_session_that_was_cut_off_is_taken_up_in_lines(vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("I think about it. " * 50, silent_at_byte=1_500)
    with Terminal(*flags_of(vendor), "tell me all", cwd=shop, environ=DUMB) as terminal:
        terminal.until(lambda: vendor.requests)
        terminal.process.kill()
    vendor._replies.clear()
    vendor.say("It is a shop.")
    with Terminal(*flags_of(vendor), "-c", cwd=shop, environ=DUMB) as terminal:
        terminal.until("was cut off in the middle of a turn")
        terminal.until("answer: ")
        terminal.type("1\n")
        terminal.until(lambda: prompts(terminal) == 1)
        say(terminal, "and now?")
        terminal.type("\x04")
        assert terminal.wait() == 0
        assert b"It is a shop." in terminal.seen
    assert "tell me all" in json.dumps(vendor.requests[-1].body["messages"])
