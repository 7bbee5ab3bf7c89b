"""How the views beside the talk look; what changes from run to run is none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiex import events as told
from aiex.events import AssistantSpoke, SessionStarted, TurnEnded, UserSpoke
from aiex.messages import Text
from aiex.tui.screens.listing import Listing
from aiex.wiring import Services
from tests.fakes.screen import Shown, open_screen_in

AT_MS = 1_760_000_000_000
LOOKS = (((80, 24), "dark"), ((120, 40), "light"))
WISHES = ("Raise the price of apples", "Why does the total include the shipping?", "Rename the cart\neverywhere")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def kept(shop: Path) -> Path:
    """The shop with three sessions of known times."""
    services = Services(str(shop))
    for number, wish in enumerate(WISHES, 1):
        said: list[told.Event] = [
            SessionStarted("1.0", str(shop), "chat", "one", "fake-1", root=str(shop)),
            UserSpoke((Text(wish),)),
            AssistantSpoke((Text("**Done.** See `shop/prices.py`."),), "one", "fake-1"),
            *([TurnEnded("success", "done", 1, answer="Done.")] if number != 2 else []),
        ]
        at_ms = AT_MS + number * 3_600_000
        services.sessions.log.append(f"{number:016x}", said, after_seq=0, turn=1, at_ms=at_ms)
    services.close()
    return shop


async def show(screen: Shown, key: str, typed: str = "", wait: str = "") -> None:
    """Open a view, narrow it down, and wait until nothing of it moves."""
    await screen.press(key)
    await screen.until(lambda: screen.top != "Chat", key)
    if isinstance(front := screen.app.screen, Listing):
        await screen.until(lambda: front.query("#rows") and not front._is_loading and front.rows, "for rows")
        await screen.type(typed)
    await screen.until(lambda: wait in screen.picture, f"for {wait}")
    if isinstance(front, Listing) and front.PREVIEWS and screen.app.size.width > 100:
        await until_seen(screen)


async def show_rows(screen: Shown) -> None:
    """Wait for all rows of the view in front, and where there is room for the look at one."""
    front = screen.app.screen
    assert isinstance(front, Listing)
    await screen.until(lambda: front.query("#rows") and not front._is_loading and front.rows, "for rows")
    if front.PREVIEWS and screen.app.size.width > 100:
        await until_seen(screen)
    await screen.pilot.pause()


async def until_seen(screen: Shown) -> None:
    """Wait for all of the look beside the list."""
    front = screen.app.screen
    assert isinstance(front, Listing)
    await screen.pilot.pause()
    await screen.until(lambda: front.looked_at is not None and front.looked_at == front.current, "for a look")
    await screen.pilot.pause()


async def leave(screen: Shown) -> None:
    while screen.top != "Chat":
        await screen.press("escape")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
async def test_views_look_as_they_did(
    kept: Path, matches: Callable[[Shown], bool], size: tuple[int, int], theme: str
) -> None:
    is_wide = size[0] > 100
    words = ("-m", "offline", "--set", f"screen.theme={theme}")
    async with open_screen_in(kept, *words, size=size) as screen:
        for key, typed, wait in (
            ("f1", "", "What can be typed"),
            ("f2", "tim", "/timeline"),
            ("f3", "", "Done." if is_wide else "Raise the price"),
            ("f7", "", "offline"),
            ("f8", "screen.", "from:" if is_wide else "screen.theme"),
        ):
            await show(screen, key, typed, wait)
            assert matches(screen), key
            await leave(screen)
        await show(screen, "f4", "", "▸ shop/")
        await screen.until(lambda: "~ ▸ shop/" in screen.picture, "for marks")
        await screen.press("right")
        await screen.until(lambda: "prices.py" in screen.picture)
        await screen.press("down", "down")
        if is_wide:
            await until_seen(screen)
            assert "What a customer wants" in screen.picture
        assert matches(screen), "files"
        await leave(screen)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
async def test_views_of_one_session_look_as_they_did(
    kept: Path, matches: Callable[[Shown], bool], size: tuple[int, int], theme: str
) -> None:
    async with open_screen_in(kept, "-m", "offline", "--set", f"screen.theme={theme}", size=size) as screen:
        await show(screen, "f3", "raise", "Raise the price")
        await screen.press("ctrl+e")
        await screen.until(lambda: screen.top == "Naming" and "Title of the session" in screen.picture, "for a name")
        assert matches(screen), "a name"
        await screen.press("escape", "ctrl+t")
        await screen.until(lambda: screen.top == "TimelineView", "for the time line")
        await show_rows(screen)
        await screen.type("done")
        await screen.until(lambda: "chat began" not in screen.picture, "for what fits")
        await show_rows(screen)
        assert matches(screen), "a time line"
        await leave(screen)

        screen.chat.command("jobs")
        await screen.until(lambda: screen.top == "BackgroundView" and "there are none" in screen.picture, "for jobs")
        assert matches(screen), "no jobs"
        await leave(screen)

        await screen.say(f"/theme {theme}")
        await screen.press("ctrl+r")
        await screen.until(lambda: screen.top == "PastPrompts", "for what was typed")
        await show_rows(screen)
        assert matches(screen), "what was typed before"


@pytest.mark.parametrize(("size", "theme"), LOOKS)
async def test_the_panel_and_what_is_gone_look_as_they_did(
    kept: Path, matches: Callable[[Shown], bool], size: tuple[int, int], theme: str
) -> None:
    async with open_screen_in(kept, "-m", "offline", "--set", f"screen.theme={theme}", size=size) as screen:
        todo = {"items": [{"text": "look", "state": "done"}, {"text": "mend", "state": "doing"}, "check"]}
        for event in (
            UserSpoke((Text("mend the total"),)),
            told.ToolStarted("1", "todo", todo),
            told.ToolFinished("1", "todo", "3 items"),
            told.ToolStarted("2", "run", {"command": "make serve", "background": True}),
            told.ToolFinished("2", "run", 'runs in the background as job "1"'),
            told.FileEdited("shop/prices.py", "changed", 1, 1),
            told.CheckRan("pytest", False, True, "1 failed"),
            told.CheckRan("ruff check", True, False, ""),
            told.Progressed("indexing", 30, 120),
        ):
            screen.app.bus.post(event)
        await screen.until(lambda: "30/120" in screen.picture)
        screen.chat.panel.display = False
        await screen.press("f9")
        await screen.until(lambda: "Checks" in screen.picture)
        screen.chat.story.stand(frozenset({1}))
        screen.chat.transcript.update()
        await screen.pilot.pause()
        assert matches(screen)
