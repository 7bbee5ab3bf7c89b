"""What is typed, and what is pasted without a mark."""

from __future__ import annotations

from aiex.tui.driver import BETWEEN_S, Pasting


def test_a_line_end_with_more_behind_it_is_pasted_and_what_follows_at_once() -> None:
    now = [0.0]
    pasting = Pasting(lambda: now[0])
    typed = ["a", "do it\r", "\r", "\x1b[A", "\x1b[200~one\rtwo\x1b[201~", "é"]
    assert [pasting.takes(text) for text in typed] == [False] * len(typed)
    assert pasting.takes("one\rtwo\rth")
    now[0] += BETWEEN_S / 2
    assert pasting.takes("ree\r")
    now[0] += BETWEEN_S * 2
    assert not pasting.takes("y")
