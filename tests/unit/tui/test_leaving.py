"""Which terminals get lines, and how the terminal is put back by whoever ends the process."""

from __future__ import annotations

import os
import sys

import pytest

from aiex.cli.drawing import needs_lines
from aiex.tui.terminal import Before

termios = pytest.importorskip("termios")


@pytest.mark.parametrize(
    ("reader", "name", "expected"),
    [
        ("off", "xterm-256color", False),
        ("off", "tmux-256color", False),
        ("off", "linux", False),
        ("off", "dumb", True),
        ("off", "", True),
        ("off", "unknown", True),
        ("on", "xterm-256color", True),
        ("off", "a-terminal-of-tomorrow", False),
    ],
)
def test_lines_are_for_terminals_that_cannot_draw_and_for_readers(reader: str, name: str, expected: bool) -> None:
    assert needs_lines(reader, {"TERM": name}) is expected


def test_a_quiet_terminal_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "__stdin__", stdin)
        first = termios.tcgetattr(theirs)
        before = Before()
        before.quieten()
        quiet = termios.tcgetattr(theirs)
        assert not quiet[3] & (termios.ECHO | termios.ICANON)
        assert quiet[3] & termios.ISIG
        before.put_back()
        assert termios.tcgetattr(theirs) == first
    os.close(ours)


def test_without_a_terminal_there_is_nothing_to_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, encoding="ascii") as stdin:
        monkeypatch.setattr(sys, "__stdin__", stdin)
        before = Before()
        before.quieten()
        before.put_back()
        assert before.attributes is None
