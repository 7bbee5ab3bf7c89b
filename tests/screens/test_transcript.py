"""Reading a talk: following it, scrolling, folding, looking for words, copying."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App, ComposeResult
from textual.widgets import Input

from aiex import events as told
from aiex.messages import Text, ToolCall
from aiex.tui.draw import Drawer
from aiex.tui.render import render
from aiex.tui.story import Story
from aiex.tui.theme import PALETTES, styles_of
from aiex.tui.widgets.transcript import Transcript
from tests.fakes.openai_server import FakeOpenAI
from tests.screens.conftest import OpenScreen


class Reading(App[None]):
    """A transcript alone, above something that takes the focus."""

    CSS = "Transcript { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; } Input { height: 3; }"

    def compose(self) -> ComposeResult:
        yield Transcript(Story(), Drawer(styles_of("dark"), PALETTES["dark"].syntax), id="transcript")
        yield Input(id="prompt")

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)

    @property
    def lines(self) -> list[str]:
        """What is seen of the talk."""
        strips = self.screen._compositor.render_strips()[: self.transcript.size.height]
        return [strip.text[:-1].strip() for strip in strips]

    def tell(self, *events: told.Event) -> None:
        for event in events:
            render(self.transcript.story, event)
        self.transcript.update()


@asynccontextmanager
async def reading(*events: told.Event, size: tuple[int, int] = (60, 23)) -> AsyncIterator[tuple[Reading, Any]]:
    app = Reading()
    async with app.run_test(size=size) as pilot:
        app.tell(*events)
        app.query_one("#prompt").focus()
        await pilot.pause()
        yield app, pilot


def turns(count: int, words: str = "word " * 30) -> list[told.Event]:
    """Wishes with answers of a few rows."""
    events: list[told.Event] = []
    for number in range(1, count + 1):
        events.append(told.UserSpoke((Text(f"wish {number}"),)))
        events.append(told.AssistantSpoke((Text(f"answer {number} {words}"),), "one", "m"))
    return events


async def test_the_end_is_followed_until_the_reader_scrolls_away() -> None:
    async with reading(*turns(30)) as (app, pilot):
        assert app.transcript.follows
        assert "answer 30" in "\n".join(app.lines)
        app.transcript.action_page(-1)
        await pilot.pause()
        before = app.lines[:-1]
        app.tell(told.TextDelta("more\n\n" * 5))
        await pilot.pause()
        assert app.lines[:-1] == before
        assert "↓ 10 new lines, End" in app.lines[-1]
        app.transcript.action_end()
        await pilot.pause()
        assert "more" in app.lines
        app.tell(told.TextDelta("the very last"))
        await pilot.pause()
        assert app.lines[-1] == "the very last"


async def test_scrolling_up_shows_every_line_once() -> None:
    async with reading(*turns(40, "words of another length " * 9)) as (app, _):
        transcript = app.transcript

        def window() -> list[str]:
            return [transcript.render_line(y).text for y in range(transcript.size.height)]

        seen = window()
        while transcript.scroll_offset.y:
            before = transcript.scroll_offset.y
            transcript.action_move(-1)
            now = window()
            assert now == seen or (now[1:] == seen[:-1] and transcript.scroll_offset.y != before)
            seen = now
        assert "> wish 1" in seen[:3]


async def test_another_width_keeps_what_is_read() -> None:
    async with reading(*turns(60)) as (app, pilot):
        assert app.transcript.jump(20)
        await pilot.pause()
        assert app.lines[1] == "> wish 20"
        for width in (30, 100, 12, 60):
            await pilot.resize_terminal(width, 23)
            await pilot.pause()
            assert "wish 20" in "\n".join(app.lines[:3])
        for width, height in ((1, 1), (3, 2), (2, 40), (60, 23)):
            await pilot.resize_terminal(width, height)
            app.tell(told.TextDelta("and **more** "))
            await pilot.pause()
        assert "wish" in "\n".join(app.lines)


async def test_turns_are_reached_by_keys() -> None:
    async with reading(*turns(30)) as (app, pilot):
        app.transcript.focus()
        await pilot.press("home")
        assert app.lines[1] == "> wish 1"
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert app.lines[1] == "> wish 3"
        await pilot.press("left_square_bracket")
        assert app.lines[1] == "> wish 2"
        assert not app.transcript.jump(31)
        await pilot.press("end")
        assert app.transcript.follows


def calling() -> list[told.Event]:
    call = ToolCall("c", "run", {"command": "make"})
    return [
        told.AssistantSpoke((call,), "one", "m"), told.ToolStarted("c", "run", {"command": "make"}),
        told.ToolFinished("c", "run", "exit code 0\nall of the output", False, 5),
    ]  # fmt: skip


async def test_a_block_is_opened_by_key_by_click_and_with_all_others() -> None:
    async with reading(*calling()) as (app, pilot):
        app.transcript.focus()
        await pilot.press("enter")
        assert "all of the output" in app.lines
        await pilot.press("space")
        assert "all of the output" not in app.lines
        await pilot.click(Transcript, offset=(4, 1))
        assert "all of the output" in app.lines
        app.transcript.fold_all()
        await pilot.pause()
        assert "all of the output" not in app.lines


async def test_words_are_found_counted_and_gone_to() -> None:
    async with reading(*turns(50), *calling()) as (app, pilot):
        app.transcript.focus()
        await pilot.press("slash")
        search = app.query_one("#search-words", Input)
        search.value = "wish 1"
        await pilot.pause()
        assert "11" in str(app.query_one("#search-count").render())
        await pilot.press("enter")
        assert any("wish 19" in line for line in app.lines)
        await pilot.press("N")
        assert any("wish 18" in line for line in app.lines)
        await pilot.press("n")
        row = next(y for y, line in enumerate(app.lines) if "wish 19" in line)
        segments = app.screen._compositor.render_strips()[row]
        assert [one.text for one in segments if one.style and one.style.reverse and "wish" in one.text] == ["wish 1"]
        search.value = "all of the output"
        await pilot.pause()
        await pilot.press("n")
        assert any("all of the output" in line for line in app.lines)
        await pilot.press("escape")
        assert not app.query("#search")
        await pilot.press("escape")
        assert app.query_one("#prompt").has_focus


async def test_what_is_selected_is_copied_without_marks_and_line_breaks() -> None:
    answer = "one two three four five six seven eight nine ten eleven twelve\n\n```\nx = 1\n  y = 2\n```"
    async with reading(told.AssistantSpoke((Text(answer),), "one", "m"), size=(40, 23)) as (app, pilot):
        await pilot.mouse_down(Transcript, offset=(1, 1))
        await pilot.hover(Transcript, offset=(20, 6))
        await pilot.mouse_up(Transcript, offset=(20, 6))
        app.transcript.action_copy()
        assert app.clipboard == ("one two three four five six seven eight nine ten eleven twelve\n\nx = 1\n  y = 2")
        assert app.transcript.last_answer().startswith("one two")


async def test_code_gets_its_colours_when_its_language_is_loaded() -> None:
    async with reading(told.TextDelta("```python\nreturn None\n```\n\nend")) as (app, pilot):
        drawer = app.transcript._layout.drawer

        def colors() -> set[Any]:
            row = next(y for y, line in enumerate(app.lines) if "return" in line)
            strip = app.screen._compositor.render_strips()[row]
            return {one.style.color for one in strip if one.style and one.text.strip()}

        while not drawer.highlighter.is_idle or len(colors()) < 2:
            await pilot.pause(0.01)
        assert len(colors()) == 2


async def test_a_session_is_told_again_from_its_end(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    for number in range(3):
        vendor.say(f"answer {number}")
    async with open_screen() as screen:
        for number in range(3):
            await screen.finish(f"wish {number}")
    async with open_screen("-c") as screen:
        await screen.until(lambda: "wish 0" in screen.talk)
        assert [f"answer {number}" in screen.talk for number in range(3)] == [True] * 3
        await screen.say("/jump 2")
        await screen.until(lambda: screen.chat.transcript._cursor)
        await screen.say("/copy")
        await screen.until(lambda: screen.app.clipboard == "answer 2")
