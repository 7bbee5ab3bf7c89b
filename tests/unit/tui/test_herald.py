from __future__ import annotations

import pytest
from textual import events

from aiex.tui.herald import BELL, Herald, notification


def make(**environ: str) -> tuple[Herald, list[str]]:
    written: list[str] = []
    return Herald(written.append, {"TERM": "xterm-256color", **environ}), written


def test_the_title_says_how_it_stands_and_only_when_that_changes() -> None:
    herald, written = make()
    herald.show("rests", "/home/me/shop")
    herald.show("rests", "/home/me/shop")
    herald.show("works", "/home/me/shop", "run")
    herald.show("asks", "/home/me/shop", "waits for an answer")
    assert written == [
        "\x1b]0;aiex shop\x07",
        "\x1b]0;● aiex shop: run\x07",
        "\x1b]0;? aiex shop: waits for an answer\x07",
    ]


def test_a_name_cannot_end_the_title_and_begin_something_else() -> None:
    herald, written = make()
    herald.show("works", "/home/a\x07\x1b]2;b\udce9", "x\ny\x9c")
    assert written[0].count("\x1b") == 1
    assert written[0].count("\x07") == 1
    assert "\x9c" not in written[0]
    written[0].encode()


@pytest.mark.parametrize("term", ["linux", "dumb", ""])
def test_a_terminal_without_a_title_gets_none(term: str) -> None:
    herald, written = make(TERM=term)
    herald.show("works", "/home/me/shop")
    assert written == []


def test_who_looks_is_not_called() -> None:
    herald, written = make()
    assert herald.call("done")
    herald.note_focus(events.AppFocus())
    assert not herald.call("done")
    herald.note_focus(events.AppBlur())
    assert herald.call("done")
    assert written == [BELL, BELL]


@pytest.mark.parametrize(
    ("environ", "sequence"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]9;done\x07"),
        ({"TERM_PROGRAM": "WezTerm"}, "\x1b]9;done\x07"),
        ({"TERM": "xterm-ghostty"}, "\x1b]9;done\x07"),
        ({"TERM": "xterm-kitty"}, "\x1b]99;;done\x1b\\"),
        ({"TERM": "foot"}, "\x1b]777;notify;aiex;done\x07"),
        ({"VTE_VERSION": "7600"}, "\x1b]777;notify;aiex;done\x07"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0"}, ""),
        ({"TERM_PROGRAM": "iTerm.app", "STY": "1.pts"}, ""),
        ({"TERM": "xterm-256color"}, ""),
    ],
)
def test_the_desktop_is_told_where_the_terminal_is_known_to_do_it(environ: dict[str, str], sequence: str) -> None:
    assert notification("done", environ) == sequence
