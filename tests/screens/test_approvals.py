"""What may happen is asked about on the screen: an edit part by part, a command in full."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import TextArea

from aiex.agent.edits.applying import FileChange
from aiex.agent.kit import ApprovalRequest
from aiex.guard.actions import Action, Decision
from aiex.guard.policy.offers import Offer
from aiex.tui.screens.dialog import Dialog
from aiex.tui.told import AnswerWanted, ApprovalWanted
from aiex.tui.widgets.diff import DiffView
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import Shown
from tests.fakes.server import call
from tests.screens.conftest import OpenScreen

PATH = "shop/prices.py"
TWO = (
    "*** Begin Patch\n*** Update File: shop/prices.py\n@@\n"
    '-PRICES = {"apple": 40, "pear": 55}\n+PRICES = {"apple": 45, "pear": 55}\n@@\n'
    "-    return PRICES[name]\n+    return PRICES.get(name, 0)\n*** End Patch"
)


def heard(vendor: FakeOpenAI) -> str:
    """The last result that the model was told."""
    results = [one for one in vendor.requests[-1].body["messages"] if one["role"] == "tool"]
    return str(results[-1]["content"])


def is_shown(screen: Shown) -> bool:
    """Whether the changes of an edit are there."""
    views = screen.app.screen.query(DiffView)
    return all(view.sheet.height and view.is_settled for view in views)


async def test_of_two_changes_one_is_taken_and_the_model_hears_which(
    open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path
) -> None:
    vendor.say("", calls=(call("patch", patch=TWO),))
    vendor.say("Half is done.")
    async with open_screen() as screen:
        await screen.say("change both")
        await screen.until_asked()
        await screen.until(lambda: is_shown(screen))
        assert '+ PRICES = {"apple": 45, "pear": 55}' in screen.picture
        await screen.press("right", "space")
        await screen.until(lambda: "a yes writes 1 of 2 changes" in screen.picture)
        await screen.press("y")
        await screen.until(lambda: "Half is done." in screen.talk)
        await screen.until_idle()
    written = (shop / PATH).read_text()
    assert '"apple": 45' in written
    assert "return PRICES[name]" in written
    done, missing = heard(vendor).split("NOT in the files:")
    assert '+PRICES = {"apple": 45' in done
    assert "PRICES.get" not in done
    assert "+    return PRICES.get(name, 0)" in missing


async def test_a_change_is_worded_otherwise_before_it_is_written(
    open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path
) -> None:
    vendor.say("", calls=(call("edit", path=PATH, old='"apple": 40', new='"apple": 45'),))
    vendor.say("I see 44.")
    async with open_screen() as screen:
        await screen.say("raise it")
        await screen.until_asked()
        await screen.until(lambda: is_shown(screen))
        await screen.press("e")
        await screen.until(lambda: screen.top == "Wording")
        screen.app.screen.query_one("#text", TextArea).text = 'PRICES = {"apple": 44}\n'
        await screen.press("ctrl+s")
        await screen.until(lambda: "1 in your words" in screen.picture)
        await screen.press("enter")
        await screen.until_idle()
    assert 'PRICES = {"apple": 44}\n' in (shop / PATH).read_text()
    assert '+PRICES = {"apple": 44}' in heard(vendor)


async def test_a_no_with_words_reaches_the_model(open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path) -> None:
    before = (shop / PATH).read_text()
    vendor.say("", calls=(call("edit", path=PATH, old='"apple": 40', new='"apple": 45'),))
    vendor.say("Then not.")
    async with open_screen() as screen:
        await screen.say("raise it")
        await screen.until_asked()
        await screen.press("w")
        await screen.type("apples stay")
        await screen.press("enter")
        await screen.until(lambda: "Then not." in screen.talk)
        await screen.until_idle()
    assert "in their words: apples stay" in heard(vendor)
    assert (shop / PATH).read_text() == before


async def test_a_command_is_shown_in_full_and_what_hides_in_it_is_spelled_out(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    command = "echo " + "long-" * 30 + "end \u202e\x1b[2J > shop/out"
    vendor.say("", calls=(call("run", command=command),))
    vendor.say("Not run.")
    async with open_screen(size=(60, 24)) as screen:
        await screen.say("run it")
        await screen.until_asked()
        seen = screen.picture.replace("│", "").replace("\n", "").replace(" ", "")
        assert "long-" * 30 + "end\\u202e␛[2J>shop/out" in seen
        await screen.press("escape")
        await screen.until_idle()
    assert "the person said no" in heard(vendor)


async def test_a_question_of_a_turn_that_is_stopped_goes_away(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("", calls=(call("edit", path=PATH, old='"apple": 40', new='"apple": 45'),))
    async with open_screen() as screen:
        await screen.say("raise it")
        await screen.until(lambda: screen.top == "Approval")
        screen.chat.prompt.insert("half a ")
        await screen.type("wish")
        await screen.press("enter", "ctrl+c")
        await screen.until(lambda: screen.top == "Chat")
        await screen.until_idle()
        assert screen.chat.prompt.text == "half a wish"
        assert "not asked any more: edit shop/prices.py" in screen.talk


async def test_what_is_typed_as_a_question_comes_up_answers_nothing(open_screen: OpenScreen) -> None:
    async with open_screen() as screen:
        screen.app.take_question(AnswerWanted(901, "Which one?", ("this", "that")))
        screen.app.take_question(AnswerWanted(902, "And then?", ("now", "later")))
        await screen.until(lambda: screen.top == "Question")
        await screen.press("1", "enter", "escape")
        assert (screen.top, screen.chat.prompt.text) == ("Question", "1")
        await screen.until_asked("Question")
        assert "Which one?" in screen.picture
        await screen.press("1")
        await screen.until(lambda: "And then?" in screen.picture)
        await screen.until_asked("Question")
        await screen.press("escape")
        await screen.until(lambda: screen.top == "Chat")


async def test_the_answer_to_a_question_of_the_model(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("", calls=(call("ask", question="Which colour?", options=["red", "blue"]),))
    vendor.say("Blue it is.")
    async with open_screen() as screen:
        await screen.say("paint it")
        await screen.until_asked("Question")
        assert "● waits for you  " in screen.chat.status.render().plain
        await screen.press("2")
        await screen.until_idle()
        assert "  blue" in screen.talk.splitlines()
    assert heard(vendor) == "blue"


BEFORE = b"".join(b"%d apples\n" % number for number in range(40)) + b"def price(name):\n    return 1\n"
AFTER = BEFORE.replace(b"3 apples\n", b"3 ripe apples\n", 1).replace(b"return 1\n", b"return PRICES[name]\n")
OFFERS = (Offer("once", ()), Offer("session", ('allow write "shop/**"',)), Offer("user", ('allow write "shop/**"',)))
ASKS = Decision("ask", "built-in: writes inside the workspace", "built-in")
QUESTIONS = (
    ApprovalWanted(801, ApprovalRequest(
        Action("write", "shop/prices.py"), ASKS, OFFERS, "edit shop/prices.py", "",
        (FileChange("shop/prices.py", BEFORE, AFTER), FileChange("new.txt", None, b"one\n")))),
    ApprovalWanted(802, ApprovalRequest(
        Action("command", "npm install && \\\n  npm test -- --all\u200b", {"isolation": "bubblewrap"}),
        Decision("ask", "ask command", "project", "it downloads"),
        (Offer("once", ()), Offer("session", ('allow command "npm install"',))), "run npm install …", "")),
    AnswerWanted(803, "Which database\nshall it be?", ("SQLite", "PostgreSQL")),
)  # fmt: skip


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((120, 40), "light")])
async def test_dialogs_look_as_they_did(
    open_screen: OpenScreen, matches: Callable[[Shown], bool], size: tuple[int, int], theme: str
) -> None:
    async with open_screen("--set", f"screen.theme={theme}", size=size) as screen:
        for question in QUESTIONS:
            screen.app.take_question(question)
            await screen.until(lambda: isinstance(screen.app.screen, Dialog) and screen.app.screen.takes_keys)
            await screen.until(
                lambda: is_shown(screen) and ("runs in" not in screen.picture or "network" in screen.picture)
            )
            assert matches(screen)
            await screen.press("escape")
            await screen.until(lambda: screen.top == "Chat")


async def test_a_change_is_in_sight_on_the_smallest_screen(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("", calls=(call("edit", path=PATH, old="return PRICES[name]", new="return 7"),))
    vendor.say("Well.")
    async with open_screen(size=(40, 10)) as screen:
        await screen.say("seven")
        await screen.until_asked()
        await screen.until(lambda: "return 7" in screen.picture)
        await screen.resize(100, 30)
        await screen.resize(40, 10)
        await screen.until(lambda: "return 7" in screen.picture)
        await screen.press("n")
        await screen.until_idle()
