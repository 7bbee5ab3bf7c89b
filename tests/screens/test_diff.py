"""What was changed is looked at afterwards, and put back part by part."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.agent.edits.applying import FileChange
from aiex.jobs.revisiting import Changed
from aiex.tui.hunks import review
from aiex.tui.screens.diff import DiffScreen
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import Shown
from tests.fakes.server import call
from tests.screens.conftest import OpenScreen
from tests.screens.test_approvals import AFTER, BEFORE, PATH, TWO, is_shown


def accept(vendor: FakeOpenAI) -> None:
    vendor.say("", calls=(call("patch", patch=TWO),))
    vendor.say("Both are done.")


async def test_one_change_of_a_turn_is_put_back_and_that_can_be_undone(
    open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path
) -> None:
    accept(vendor)
    async with open_screen("--set", "policy.mode=accept-edits") as screen:
        await screen.finish("change both")
        changed = (shop / PATH).read_text()
        await screen.press("f5")
        await screen.until(lambda: screen.top == "DiffScreen" and is_shown(screen))
        assert "what turn 1 changed: 2 changes" in screen.picture
        await screen.press("v", "space", "w")
        await screen.until(lambda: "1 file put back" in screen.talk)
        await screen.until_idle()
        put_back = (shop / PATH).read_text()
        assert '"apple": 45' in put_back
        assert "return PRICES[name]" in put_back
        await screen.finish("/undo")
        assert (shop / PATH).read_text() == changed


@pytest.mark.parametrize("is_undone", [False, True])
async def test_the_model_hears_with_the_next_wish_what_was_put_back(
    open_screen: OpenScreen, vendor: FakeOpenAI, is_undone: bool
) -> None:
    accept(vendor)
    vendor.say("I see.")
    async with open_screen("--set", "policy.mode=accept-edits") as screen:
        await screen.finish("change both")
        await screen.press("f5")
        await screen.until(lambda: screen.top == "DiffScreen" and is_shown(screen))
        await screen.press("v", "space", "w")
        await screen.until(lambda: "1 file put back" in screen.talk)
        await screen.until_idle()
        if is_undone:
            await screen.finish("/undo")
        await screen.finish("go on")
        await screen.finish("and on")
        assert ("+ what was put back" in screen.talk) is not is_undone
    said = json.dumps(vendor.requests[-1].body["messages"])
    told = [said.count("the person put back parts"), said.count("-    return PRICES.get(name, 0)\\n+")]
    assert told == ([0, 0] if is_undone else [1, 1])


async def test_nothing_is_put_back_over_what_was_changed_since(
    open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path
) -> None:
    accept(vendor)
    async with open_screen("--set", "policy.mode=accept-edits") as screen:
        await screen.finish("change both")
        mine = (shop / PATH).read_text() + "# mine\n"
        (shop / PATH).write_text(mine)
        await screen.say("/diff 1")
        await screen.until(lambda: screen.top == "DiffScreen" and is_shown(screen))
        await screen.press("space", "w")
        await screen.until(lambda: "changed since: shop/prices.py; nothing was put back" in screen.talk)
        await screen.until_idle()
        await screen.say("/diff 7")
        await screen.until(lambda: "turn 7 changed no files" in screen.talk)
    assert (shop / PATH).read_text() == mine


FOUND = Changed(
    "what turn 1 changed",
    (FileChange("shop/prices.py", BEFORE, AFTER), FileChange("shop/old.py", b"import os\n", None)),
    ("link",),
)


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((120, 40), "light"), ((40, 10), "plain")])
async def test_diffs_look_as_they_did(
    open_screen: OpenScreen, matches: Callable[[Shown], bool], size: tuple[int, int], theme: str
) -> None:
    async with open_screen("--set", f"screen.theme={theme}", size=size) as screen:
        screen.app.push_screen(DiffScreen(screen.chat, FOUND, review(FOUND.changes, "open")))
        await screen.until(lambda: screen.top == "DiffScreen" and is_shown(screen) and "apples" in screen.picture)
        await screen.press("v", "space")
        await screen.until(lambda: is_shown(screen))
        assert matches(screen)
        if size[0] >= 100:
            await screen.press("s")
            await screen.until(lambda: is_shown(screen))
            assert matches(screen)
