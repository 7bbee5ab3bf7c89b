"""A person at a terminal is asked before something happens, and what they answer is what happens."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import call
from tests.fakes.started import start_python

pty = pytest.importorskip("pty")
ASKED = b"answer [n]: "
CTRL_C = b"\x03"


def _answer(workspace: Path, server: FakeOpenAI, keys: Sequence[bytes]) -> tuple[int, str]:
    """Run on a terminal and type a piece at each question; the exit code and what was on the screen."""
    ours, theirs = pty.openpty()
    settings = ["--set", f"providers.one.base_url={server.base_url}", "-m", "one/fake-1"]
    terminal = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    environ = {"TERM": "xterm", "CI": ""}
    words = ("-m", "aiex", "run", "mend the sum", *settings)
    process = start_python(*words, cwd=workspace, environ=environ, **terminal, start_new_session=True)
    os.close(theirs)
    shown, typed = b"", list(keys)
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
        if shown.count(ASKED) > len(keys) - len(typed) and typed:
            key = typed.pop(0)
            if key == CTRL_C:  # no terminal of a session sends it
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, key)
    os.close(ours)
    return process.wait(timeout=60), re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")


def _vendor(server: FakeOpenAI) -> None:
    arguments = {"path": "total.py", "old": "return 0", "new": "return sum(items)"}
    server.say("I mend it.", calls=(call("edit", **arguments),))
    server.say("That is all.")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "total.py").write_text("def total(items):\n    return 0\n")
    return root


def test_yes_once_shows_the_change_and_makes_it(shop: Path) -> None:
    with FakeOpenAI() as server:
        _vendor(server)
        code, shown = _answer(shop, server, [b"1\n"])
    assert code == 0
    assert "-    return 0\n+    return sum(items)\nasked because of: built-in: writes inside the workspace\n" in shown
    assert "  1  yes, this time\n" in shown
    assert (shop / "total.py").read_text().endswith("return sum(items)\n")


def test_no_leaves_the_file_and_the_run_is_blocked(shop: Path) -> None:
    with FakeOpenAI() as server:
        _vendor(server)
        code, shown = _answer(shop, server, [b"what?\n"])
        heard = server.requests[-1].body["messages"][-1]["content"]
    assert code == 4
    assert "refused to write total.py" in shown
    assert heard.removeprefix("error: ").startswith("the person said no: write total.py may not happen")
    assert (shop / "total.py").read_text().endswith("return 0\n")


def test_ctrl_c_at_a_question_ends_the_run_and_changes_nothing(shop: Path) -> None:
    with FakeOpenAI() as server:
        _vendor(server)
        code, shown = _answer(shop, server, [CTRL_C])
    assert code == 130
    assert shown.endswith("interrupted\n")
    assert (shop / "total.py").read_text().endswith("return 0\n")
