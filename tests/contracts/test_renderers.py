"""Every event has exactly one renderer, which takes whatever stands in the event."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from aiex import events as told
from aiex.messages import Text, ToolCall, Usage
from aiex.tui.draw import Drawer
from aiex.tui.render import RENDERERS, render
from aiex.tui.story import Story
from aiex.tui.theme import PALETTES, styles_of

HOSTILE = "a\x1b]52;c;x\x07\u202e中\udc80\t\r\nb"
EVENTS = get_args(told.Event)


def made_of(kind: Any, name: str) -> Any:
    """A value for a field, as hostile as its type allows."""
    origin, inner = get_origin(kind), get_args(kind)
    if name == "parts":
        return (Text(HOSTILE), ToolCall(HOSTILE, HOSTILE, {HOSTILE: HOSTILE, "b": [1]}))
    if name == "part":
        return Text(HOSTILE)
    if kind is str:
        return HOSTILE
    if kind in (int, float):
        return 3
    if kind is bool:
        return True
    if kind is Usage:
        return Usage()
    if inner and origin is not None and str(origin) == "typing.Literal":
        return inner[0]
    if inner and type(None) in inner:
        return made_of(next(one for one in inner if one is not type(None)), name)
    if origin is tuple:
        return (HOSTILE,) if inner[0] is str else ({HOSTILE: HOSTILE},) if name != "images" else ()
    return {HOSTILE: HOSTILE}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_an_event_has_one_renderer_that_nothing_can_break(kind: type) -> None:
    assert kind in RENDERERS
    hints = get_type_hints(kind)
    event = kind(**{field.name: made_of(hints[field.name], field.name) for field in dataclasses.fields(kind)})
    story, drawer = Story(), Drawer(styles_of("plain"), PALETTES["plain"].syntax)
    for _ in range(2):
        render(story, event)
    story.take_changes()
    rows = [row.text for block in story.blocks for row in drawer.draw(block, 40)]
    assert not any(sign in row for row in rows for sign in "\x1b\x07\u202e\udc80\r\n")


def test_no_renderer_is_for_what_is_no_event() -> None:
    assert set(RENDERERS) == set(EVENTS)
