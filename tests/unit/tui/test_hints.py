"""Hints say what can be typed on the screen."""

from __future__ import annotations

from aiex.tui.hints import said_here


def test_hints_name_what_can_be_typed_here() -> None:
    assert said_here("to take this back: aiex redo") == "to take this back: /redo"
    assert said_here("set another key: aiex set key one") == "set another key: /set key one"
    assert said_here("name one with -m provider/model, or set it: aiex set config") == (
        "name one with /model provider/model, or set it: /set config"
    )


def test_what_needs_a_shell_and_other_words_stay() -> None:
    for hint in ("in a shell: aiex login one", "update aiex and try again", "rm -m a",
                 "see https://example.org/aiex list", "aiex -r 12ab"):  # fmt: skip
        assert said_here(hint) == hint
