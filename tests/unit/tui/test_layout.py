"""Where blocks lie, those that were not looked at by an estimate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiex import events as told
from aiex.messages import Text
from aiex.tui.blocks import Note
from aiex.tui.draw import Drawer
from aiex.tui.layout import ROWS_KEPT, Layout
from aiex.tui.render import render
from aiex.tui.story import Story
from aiex.tui.theme import PALETTES, styles_of

HEIGHT = 12


def layout_of(texts: list[str], width: int = 30) -> Layout:
    story = Story()
    for text in texts:
        story.note(text)
    layout = Layout(story, Drawer(styles_of("dark"), PALETTES["dark"].syntax))
    layout.renew(width=width)
    return layout


def window(layout: Layout, top: int) -> list[str]:
    rows = []
    for row in range(top, min(top + HEIGHT, layout.total)):
        found = layout.find(row)
        assert found is not None
        rows.append(layout.laid(found[0]).rows[found[1]].text)
    return rows


def everything(layout: Layout) -> list[str]:
    return [row.text for at in range(len(layout.heights)) for row in layout.laid(at).rows]


WORDS = st.lists(st.text("ab \n中", max_size=120), min_size=1, max_size=30)


@given(WORDS)
def test_going_up_row_by_row_shows_every_row(texts: list[str]) -> None:
    layout = layout_of(texts)
    whole = everything(layout_of(texts))
    top = layout.settle_end(HEIGHT)
    assert window(layout, top) == whole[-HEIGHT:]
    seen = list(reversed(window(layout, top)))
    while top:
        below = layout.total - top
        top = layout.settle(top - 1, HEIGHT, seen=top)
        assert layout.total - top == below + 1
        seen.append(window(layout, top)[0])
    assert list(reversed(seen)) == whole


@given(WORDS, WORDS, st.integers(0, 40))
def test_a_past_that_is_put_before_moves_nothing(past: list[str], texts: list[str], row: int) -> None:
    layout = layout_of(texts)
    top = layout.settle(min(row, max(layout.total - 1, 0)), HEIGHT)
    before = window(layout, top)
    top = layout.settle(top + layout.prepend([Note(text) for text in past]), HEIGHT)
    assert window(layout, top)[: len(before)] == before
    assert everything(layout)[-len(before) :]


def test_only_what_is_seen_is_drawn_and_little_is_kept() -> None:
    layout = layout_of([f"note {number}" for number in range(9_000)])
    layout.settle_end(HEIGHT)
    assert len(layout._laid) <= HEIGHT + 1
    for top in range(0, 9_000, HEIGHT):
        layout.settle(top, HEIGHT)
    assert layout._rows <= ROWS_KEPT


def test_what_streams_in_is_drawn_again_from_its_first_new_row() -> None:
    layout = layout_of(["before"])
    for _ in range(40):
        render(layout.story, told.TextDelta("one two three "))
    layout.update(0)
    layout.settle_end(HEIGHT)
    drawn = layout.total
    render(layout.story, told.TextDelta("four"))
    update = layout.update(0)
    assert update is not None
    assert update.first >= drawn - 1


def test_another_look_keeps_all_heights() -> None:
    layout = layout_of(["long " * 40] * 5)
    layout.settle_end(200)
    total = layout.total
    layout.renew(drawer=Drawer(styles_of("light"), PALETTES["light"].syntax))
    assert layout.total == total
    assert layout._rows == 0


def test_a_turn_at_the_end_counts() -> None:
    layout = layout_of(["one"])
    render(layout.story, told.UserSpoke((Text("wish"),)))
    layout.update(0)
    assert window(layout, layout.settle_end(HEIGHT))[-1] == "> wish"
