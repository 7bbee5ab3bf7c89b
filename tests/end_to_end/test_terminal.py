"""The command on a terminal of its own (a pseudo-terminal): layout, colour, progress."""

from __future__ import annotations

import os
import re

import pytest

from tests.fakes.started import start_python

pty = pytest.importorskip("pty")

ERASE = "\x1b[2K"
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-9]|9[0-9])(?:;[0-9]+)*m")


def on_terminal(*words: str, cwd: os.PathLike[str], code: str = "", **environment: str) -> tuple[int, str]:
    """Run `aiex` with all three standard streams on one terminal; its exit code and what was on the screen."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    command = ["-c", code] if code else ["-m", "aiex"]
    environ = {"TERM": "xterm-256color", **environment}
    terminal = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = start_python(*command, *words, cwd=cwd, environ=environ, **terminal, start_new_session=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux tells in this way that the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.wait(timeout=60), shown.decode("utf-8").replace("\r\n", "\n")


def test_a_briefing_is_laid_out_in_colour_and_fits_the_width(workspace):
    code, shown = on_terminal("explain", "shop/basket.py", cwd=workspace)
    assert code == 0
    assert COLOUR.search(shown)
    assert "## " not in shown
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown)
    assert max(len(line.rpartition("\r")[2]) for line in plain.split("\n")) <= 80


@pytest.mark.parametrize("words", [{"NO_COLOR": "1"}, {"AIEX_OUTPUT__COLOR": "never"}])
def test_without_colour_the_layout_stays(words, workspace):
    _code, shown = on_terminal("explain", "shop/basket.py", cwd=workspace, **words)
    assert not COLOUR.search(shown)
    assert "## " not in shown
    assert "\x1b[1m" in shown


def test_a_dumb_terminal_gets_plain_text(workspace):
    _code, shown = on_terminal("explain", "shop/basket.py", cwd=workspace, TERM="dumb")
    assert "\x1b" not in shown
    assert "## " in shown


def test_json_on_a_terminal_is_json(workspace):
    import json

    _code, shown = on_terminal("explain", "shop/basket.py", "--json", "-q", cwd=workspace)
    assert json.loads(shown)["exit_code"] == 0


PROGRESSING = """
import sys, click
from aiex import _entry
from aiex.cli import registry
from aiex.cli.work import Work, answered
from aiex.events import Progressed, Warned
def work():
    yield Progressed("counting", 1, 4)
    yield Warned("careful")
    yield Progressed("counting", 4, 4)
    yield answered("done")
@click.command()
def command():
    return Work("count", lambda services: work)
registry.verb_names = lambda: ("count",)
registry.load_verb = lambda name: registry.with_globals(command)
sys.argv = ["aiex", "count", *sys.argv[1:]]
sys.exit(_entry.main())
"""


def test_progress_is_drawn_on_one_line_and_wiped_before_other_words(tmp_path):
    _code, shown = on_terminal(cwd=tmp_path, code=PROGRESSING)
    drawn, _erase, rest = shown.partition(f"\r{ERASE}warning: careful\n")
    assert drawn.startswith(f"\r{ERASE}counting ")
    assert "1/4" in drawn
    assert rest.endswith("done\n")


@pytest.mark.parametrize(("words", "environment"), [(["-q"], {}), ([], {"CI": "1"}), ([], {"TERM": "dumb"})])
def test_no_progress_is_drawn_where_it_would_disturb(words, environment, tmp_path):
    _code, shown = on_terminal(*words, cwd=tmp_path, code=PROGRESSING, **environment)
    assert "1/4" not in shown
    assert shown.endswith("done\n")
