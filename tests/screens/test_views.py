"""The views beside the talk, through the real program: what is seen in them, and what comes of their keys."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from textual.app import ComposeResult
from textual.widgets import Static

from aiex.guard.trust import trust
from aiex.tui.screens.chat import Chat
from aiex.tui.screens.listing import Listing, Row
from aiex.tui.widgets.page import Page
from aiex.wiring import Services
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import Shown, flags_of, open_screen_in
from tests.fakes.server import call
from tests.screens.conftest import OpenScreen

EDIT = {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}
WIDE = (120, 30)


def view(screen: Shown) -> Listing:
    front = screen.app.screen
    assert isinstance(front, Listing)
    return front


def lines(screen: Shown) -> list[str]:
    """The rows of the view in front, as they read."""
    return ["".join(text for text, _ in row.pieces) for row in view(screen).found]


def look(screen: Shown) -> str:
    return view(screen).query_one(Page).text


async def open_view(screen: Shown, *keys: str) -> None:
    await screen.press(*keys)
    await screen.until(lambda: isinstance(screen.app.screen, Listing), "for a view")
    await settled(screen)


async def settled(screen: Shown) -> None:
    await screen.until(lambda: view(screen).query("#rows") and not view(screen)._is_loading, "for its rows")


async def test_a_session_is_found_by_what_was_said_and_gone_on_with(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    vendor.say("The zebra crosses.")
    vendor.say("Something else.")
    async with open_screen(size=WIDE) as screen:
        await screen.finish("first wish")
        await screen.say("/new")
        await screen.until(lambda: not screen.chat.status.glance.session, "for a new session")
        await screen.finish("second wish")
        await open_view(screen, "f3")
        assert [line.split("  ")[1] for line in lines(screen)] == ["second wish", "first wish"]
        assert "open here" in lines(screen)[0]
        await screen.type("zebra")
        await screen.until(lambda: len(lines(screen)) == 1, "for what was said")
        assert "first wish" in lines(screen)[0]
        assert "zebra" in lines(screen)[0]
        await screen.until(lambda: "The zebra crosses." in look(screen), "for a look")
        await screen.press("enter")
        await screen.until(lambda: "The zebra crosses." in screen.talk, "for the session")
    assert "second wish" not in screen.talk


async def test_what_was_said_is_searched_while_the_work_is_at_something(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    vendor.say("The zebra crosses.")
    async with open_screen(size=WIDE) as screen:
        await screen.finish("first wish")
        await open_view(screen, "f3")
        goes_on = threading.Event()
        held = screen.chat.backstage.ask(lambda _: goes_on.wait(30))
        try:
            await screen.type("zebra")
            await screen.until(lambda: any("zebra" in line for line in lines(screen)), "for what was said")
            assert not held.done()
        finally:
            goes_on.set()


async def test_a_session_is_renamed_put_aside_and_fetched_back(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("Yes.")
    async with open_screen(size=(80, 24)) as screen:
        await screen.finish("a wish")
        await screen.say("/new")
        await screen.until(lambda: not screen.chat.status.glance.session)
        await open_view(screen, "f3")
        await screen.press("ctrl+e")
        await screen.until(lambda: screen.top == "Naming")
        await screen.type("Prices")
        await screen.press("enter")
        await screen.until(lambda: screen.top == "SessionsView" and "Prices" in lines(screen)[0])
        await screen.press("ctrl+x")
        await screen.until(lambda: not lines(screen), "for its going")
        await screen.press("ctrl+a")
        await screen.until(lambda: lines(screen), "for those put aside")
        assert "put aside" in screen.picture
        await screen.press("enter")
        await screen.until(lambda: "a wish" in screen.talk, "for the session")


async def test_undo_and_rewind_show_what_still_stands(open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("Hello.")
    vendor.say("", calls=(call("edit", **EDIT), call("todo", items=["one", "two"])))
    vendor.say("Dearer.")
    async with open_screen("--permission-mode", "accept-edits", size=WIDE) as screen:
        desk = screen.chat.desk
        await screen.finish("hi")
        await screen.finish("raise it")
        assert desk.files == {"shop/prices.py": "changed"}
        await screen.finish("/undo")
        assert "to take this back: /redo" in screen.talk
        await screen.until(lambda: not desk.files, "for the files to be as before")
        assert "went back" in screen.talk
        await screen.finish("/redo")
        await screen.until(lambda: desk.files == {"shop/prices.py": "changed"})
        await screen.say("/timeline")
        await screen.until(lambda: screen.top == "TimelineView")
        await settled(screen)
        await screen.type("user hi")
        await screen.until(lambda: len(lines(screen)) == 1)
        await screen.press("enter")
        await screen.until(lambda: not desk.files and not desk.items, "for the rewind")
        await screen.until_idle()
        gone = {block.words() for block in screen.chat.story.blocks if block.is_gone}
        assert {"raise it", "Dearer."} <= gone
        assert "hi" not in gone
    assert '"apple": 40' in (shop / "shop/prices.py").read_text()
    async with open_screen("-c", size=WIDE) as screen:
        await screen.until(lambda: any(block.is_gone for block in screen.chat.story.blocks), "for what is gone")
        assert screen.chat.desk.files == {}
        await screen.say("/rewind")
        await screen.until(lambda: screen.top == "TimelineView")
        await settled(screen)
        assert [line for line in lines(screen) if "taken back" in line and "raise it" in line]


async def test_files_fold_find_and_go_into_the_prompt(open_screen: OpenScreen, shop: Path) -> None:
    (shop / "new.txt").write_text("one\ntwo\n")
    (shop / os.fsdecode(b"odd\xe9\x1b.txt")).write_text("odd\n")
    (shop / ".gitignore").write_text("secret/\n")
    (shop / "secret").mkdir()
    (shop / "secret/key.txt").write_text("k")
    async with open_screen(size=WIDE) as screen:
        await open_view(screen, "f4")
        assert "▸ shop/" in "".join(lines(screen))
        assert "prices.py" not in "".join(lines(screen))
        assert "secret" not in "".join(lines(screen))
        assert "odd\\xe9" in screen.picture
        await screen.until(lambda: "+ " in lines(screen)[-1], "for marks")
        await screen.press("right")
        await screen.until(lambda: "prices.py" in "".join(lines(screen)))
        await screen.press("left")
        await screen.until(lambda: "prices.py" not in "".join(lines(screen)))
        await screen.type("pric")
        await screen.until(lambda: lines(screen)[0].endswith("shop/prices.py"))
        await screen.until(lambda: look(screen).startswith("1 "), "for a look with numbers")
        await screen.press("enter")
        assert screen.chat.prompt.text == "@shop/prices.py "
        await open_view(screen, "f4")
        await screen.type("odd")
        await screen.until(lambda: len(lines(screen)) == 1)
        await screen.press("enter")
        assert screen.top == "FilesView"


async def test_what_is_left_out_of_the_window_is_not_sent_also_after_reopening(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    for answer in ("Blue is nice.", "Yes.", "Sure."):
        vendor.say(answer)
    async with open_screen(size=WIDE) as screen:
        await screen.finish("my word is flamingo")
        await open_view(screen, "f6")
        await screen.type("flamingo")
        await screen.until(lambda: len(lines(screen)) == 1)
        await screen.press("ctrl+x")
        await screen.until(lambda: "left out" in lines(screen)[0], "for the mark")
        await screen.press("escape")
        await screen.finish("go on")
        assert "flamingo" not in json.dumps(vendor.requests[-1].body)
    async with open_screen("-c", size=WIDE) as screen:
        await screen.finish("and on")
        assert "flamingo" not in json.dumps(vendor.requests[-1].body)
        await open_view(screen, "f6")
        await screen.type("left")
        await screen.press("escape")


async def test_a_setting_goes_into_the_file_that_was_chosen(open_screen: OpenScreen, shop: Path) -> None:
    trust(str(shop))
    async with open_screen(size=(80, 24)) as screen:
        await open_view(screen, "f8")
        await screen.type("budget.cost")
        await screen.press("enter")
        await screen.until(lambda: screen.top == "Naming")
        assert "your own file" in screen.picture
        await screen.press("backspace")
        await screen.type("3")
        await screen.press("enter")
        await screen.until(
            lambda: screen.top == "SettingsView" and "3" in lines(screen)[0] and "user" in lines(screen)[0]
        )
        assert "cost_usd = 3" in Path(os.environ["AIEX_CONFIG_DIR"], "config.toml").read_text()
        await screen.press("ctrl+p")
        await screen.until(lambda: screen.top == "Naming")
        await screen.press("backspace")
        await screen.type("4")
        await screen.press("enter")
        await screen.until(lambda: screen.top == "SettingsView" and "local" in lines(screen)[0], "for the project")
        assert "cost_usd = 4" in (shop / ".aiex/config.local.toml").read_text()


async def test_a_job_in_the_background_is_looked_at_and_stopped(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("", calls=(call("run", command="echo begun; sleep 60", background=True),))
    vendor.say("", calls=(call("ask", question="go on?"),))
    vendor.say("Over.")
    async with open_screen("--permission-mode", "bypass", size=WIDE) as screen:
        await screen.say("begin")
        await screen.until_asked("Question")
        assert list(screen.chat.desk.jobs) == ["1"]
        screen.chat.command("jobs")
        await screen.until(lambda: screen.top == "BackgroundView")
        await screen.until(lambda: lines(screen) and "runs" in lines(screen)[0], "for the job")
        await screen.until(lambda: "begun" in look(screen), "for its output")
        await screen.press("ctrl+x")
        await screen.until(lambda: "stopped" in lines(screen)[0], "for its end")
        await screen.press("escape", "escape")
        await screen.until_idle()
        assert screen.chat.desk.jobs["1"].state != "running"


class Lingering(Static):
    """A part that is long in going, so that what was begun could wake up beside parts that are gone."""

    def __init__(self, goes: asyncio.Event) -> None:
        super().__init__()
        self.goes = goes

    async def on_unmount(self) -> None:
        self.goes.set()
        for _ in range(30):
            await asyncio.sleep(0)


class LateView(Listing):
    """Looks for its parts as late as it can, and does two things: one that is asked for, one that is decided."""

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self.goes, self.done = asyncio.Event(), threading.Event()

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Lingering(self.goes)

    def load(self, services: Services) -> Iterator[Row]:
        yield Row(1, (("one", "text"),), "one")

    def choose(self, row: Row) -> None:
        self.begin(self.look_late, "late")
        self.run_worker(self.decide())

    async def look_late(self) -> None:
        await self.goes.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        self.query_one("#beside", Page)

    async def decide(self) -> None:
        await self.do(lambda _: self.done.set())


async def test_what_a_view_began_ends_with_it_and_what_was_decided_is_done(open_screen: OpenScreen) -> None:
    async with open_screen(size=WIDE) as screen:
        shown = LateView(screen.chat)
        screen.app.push_screen(shown)
        await screen.until(lambda: screen.top == "LateView", "for the view")
        await settled(screen)
        await screen.press("enter", "escape")
        await screen.until(lambda: screen.top == "Chat" and shown.goes.is_set() and not shown.is_running, "for its end")
        await screen.until(shown.done.is_set, "for what was decided")
        assert screen.app.crash is None


async def test_every_view_opens_and_closes_where_there_is_little_room(open_screen: OpenScreen) -> None:
    async with open_screen(size=(40, 10)) as screen:
        for key in ("f1", "f2", "f3", "f4", "f6", "f7", "f8"):
            await screen.press(key)
            await screen.until(lambda: screen.top != "Chat", key)
            if isinstance(screen.app.screen, Listing):
                await settled(screen)
                await screen.press("ctrl+l", "down", "pagedown", "ctrl+l")
                await screen.resize(*((20, 5) if screen.app.size.width == 40 else (40, 10)))
            await screen.press("escape", "escape")
            await screen.until(lambda: screen.top == "Chat", key)
        await screen.press("f9", "shift+tab")
        await screen.until(lambda: screen.chat.status.glance.mode == "accept-edits")


async def test_without_git_and_without_sessions_views_say_so(tmp_path: Path, vendor: FakeOpenAI) -> None:
    (tmp_path / "bare").mkdir()
    async with open_screen_in(tmp_path / "bare", *flags_of(vendor)) as screen:
        await open_view(screen, "f3")
        assert "there is none yet" in screen.picture
        await screen.press("escape")
        await open_view(screen, "f4")
        assert "there are none that are not ignored" in screen.picture
