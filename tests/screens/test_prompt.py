"""The prompt on the real screen: what is typed, completed, mentioned, pasted, recalled and given back."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual import events

from aiex.sessions.keeping import FILE
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import Shown
from tests.screens.conftest import OpenScreen

KEYS = (
    *"ab/@![ .:\"'", "enter", "tab", "shift+tab", "escape", "up", "down", "left", "right", "home", "end", "backspace",
    "delete", "ctrl+j", "ctrl+w", "ctrl+u", "ctrl+k", "ctrl+underscore", "ctrl+y", "ctrl+a", "ctrl+left", "ctrl+x",
    "ctrl+v", "shift+left", "pageup", "alt+enter", "é", "字",
)  # fmt: skip


def said_by(vendor: FakeOpenAI) -> list[str]:
    """The texts of the last request that a person is the author of."""
    messages: Any = vendor.requests[-1].body["messages"]
    content = [message["content"] for message in messages if message["role"] == "user"]
    return [part["text"] if "text" in part else part["type"] for parts in content for part in _parts(parts)]


def _parts(content: Any) -> list[Any]:
    return [{"text": content}] if isinstance(content, str) else content


async def paste(screen: Shown, text: str) -> None:
    screen.chat.prompt.post_message(events.Paste(text))
    await screen.pilot.pause()


async def test_lines_are_begun_in_several_ways(open_screen: OpenScreen):
    async with open_screen() as screen:
        await screen.press("a", "ctrl+j", "b", "shift+enter", "c", "alt+enter", "d", "backslash", "enter", "e")
        assert screen.chat.prompt.text == "a\nb\nc\nd\ne"


async def test_it_grows_to_a_part_of_the_screen(open_screen: OpenScreen):
    async with open_screen(size=(40, 10)) as screen:
        for _ in range(12):
            await screen.press("x", "ctrl+j")
        assert screen.chat.prompt.outer_size.height == 4
        assert screen.chat.transcript.size.height > 0


async def test_lines_are_taken_back_together_with_what_scrolls_them(open_screen: OpenScreen):
    async with open_screen(size=(40, 10)) as screen:
        prompt = screen.chat.prompt
        await screen.press("a", "ctrl+j")
        await paste(screen, "b\nc\nd")
        await screen.press("ctrl+underscore")
        taken_back = prompt.text
        await screen.press("ctrl+y")
        assert (taken_back, prompt.text) == ("a\n", "a\nb\nc\nd")


async def test_what_was_typed_comes_back_in_the_next_run(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("Yes.")
    async with open_screen() as screen:
        await screen.finish("first wish\nof two lines")
    async with open_screen() as screen:
        prompt = screen.chat.prompt
        await screen.until(lambda: prompt.walk.known)
        await screen.type("draft")
        await screen.press("up")
        recalled = prompt.text
        await screen.press("down", "down")
        assert (recalled, prompt.text) == ("first wish\nof two lines", "draft")


async def test_history_is_searched_while_one_types(open_screen: OpenScreen, vendor: FakeOpenAI):
    async with open_screen() as screen:
        for text in ("/theme dark", "/theme light", "/theme dark"):
            await screen.say(text)
        await screen.press("ctrl+r")
        await screen.until(lambda: screen.top == "PastPrompts" and "/theme light" in screen.picture)
        await screen.type("light")
        await screen.press("enter")
        await screen.until(lambda: screen.top == "Chat")
        assert screen.chat.prompt.text == "/theme light"


async def test_enter_changes_no_word_behind_a_command(open_screen: OpenScreen, vendor: FakeOpenAI):
    async with open_screen() as screen:
        await screen.type("/theme drk")
        await screen.until(lambda: "▸ dark" in screen.picture)
        await screen.press("enter")
        await screen.until(lambda: "drk" in screen.talk)
        await screen.type("/theme lig")
        await screen.until(lambda: "▸ light" in screen.picture)
        await screen.press("enter")
        assert screen.chat.prompt.text == "/theme light "


async def test_a_mention_is_completed_and_comes_along(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("I see.")
    async with open_screen() as screen:
        await screen.type("what is in @pric")
        await screen.until(lambda: "▸ shop/prices.py" in screen.picture)
        await screen.press("enter")
        assert screen.chat.prompt.text == "what is in @shop/prices.py "
        await screen.press("enter")
        await screen.until_idle()
        await screen.until(lambda: "I see." in screen.talk)
        assert "+ shop/prices.py" in screen.picture
    assert any('"apple": 40' in text for text in said_by(vendor))


async def test_tab_takes_what_is_not_found_yet(open_screen: OpenScreen):
    async with open_screen() as screen:
        await screen.press("slash", "q", "u", "i", "tab")
        await screen.until(lambda: screen.chat.prompt.text == "/quit ")


async def test_a_secret_refuses_the_wish_and_gives_it_back(open_screen: OpenScreen, shop: Path, vendor: FakeOpenAI):
    (shop / ".env").write_text("TOKEN=abc")
    async with open_screen() as screen:
        await screen.say("what is in @.env")
        await screen.until(lambda: "refused to read .env" in screen.talk)
        await screen.until(lambda: screen.chat.prompt.text == "what is in @.env")
    assert vendor.requests == []


async def test_a_wish_that_cannot_be_kept_is_given_back(open_screen: OpenScreen, vendor: FakeOpenAI, home: Path):
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        asked = len(vendor.requests)
        with closing(sqlite3.connect(next(home.rglob(FILE)))) as store:
            store.execute(
                "create trigger full before insert on events begin select raise(abort, 'the disk is full'); end"
            )
        await screen.say("and what else?")
        await screen.until(lambda: screen.chat.prompt.text == "and what else?")
        assert "✗ cannot use" in screen.talk
        assert len(vendor.requests) == asked


async def test_a_wish_that_another_process_holds_up_is_stopped_with_one_key(
    open_screen: OpenScreen, vendor: FakeOpenAI, home: Path
):
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        with closing(sqlite3.connect(next(home.rglob(FILE)), isolation_level=None)) as other:
            other.execute("begin immediate")
            await screen.say("and what else?")
            await screen.until(lambda: "waiting for the file of sessions" in screen.picture)
            await screen.press("ctrl+c")
            await screen.until(lambda: screen.chat.prompt.text == "and what else?")
        await screen.until_idle()
        assert "you stopped the wait" in screen.talk
        await screen.press("enter")
        await screen.until(lambda: screen.talk.count("It is a shop.") == 2)


async def test_a_long_paste_is_a_token_that_opens_when_sent(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("Long.")
    async with open_screen() as screen:
        await screen.type("why ")
        await paste(screen, "line of a log\r\n" * 10_000)
        assert screen.chat.prompt.text == "why [pasted 10,000 lines]"
        await screen.press("enter")
        await screen.until(lambda: "Long." in screen.talk)
        assert "+ pasted 10,000 lines" in screen.talk
    assert any(text.count("line of a log\n") == 10_000 for text in said_by(vendor))


async def test_a_token_is_deleted_as_one(open_screen: OpenScreen):
    async with open_screen() as screen:
        await paste(screen, "x\n" * 20)
        await screen.press("backspace")
        assert screen.chat.prompt.text == ""


async def test_control_signs_of_a_paste_are_spelled_out(open_screen: OpenScreen):
    async with open_screen() as screen:
        await paste(screen, "a\x1b[31mb\x07\udcff")
        assert screen.chat.prompt.text == "a␛[31mb␇\\xff"


async def test_commands_are_completed_and_escape_closes(open_screen: OpenScreen):
    async with open_screen() as screen:
        await screen.type("/qui")
        await screen.until(lambda: "▸ quit" in screen.picture)
        assert "Leave the screen" in screen.picture
        assert "command" in screen.picture
        await screen.press("escape")
        assert "▸ quit" not in screen.picture
        await screen.type("x")
        await screen.press("backspace")
        await screen.until(lambda: "▸ quit" in screen.picture)
        await screen.press("tab")
        assert screen.chat.prompt.text == "/quit "


async def test_a_shell_command_is_marked(open_screen: OpenScreen):
    async with open_screen(size=(40, 10)) as screen:
        await screen.type("!ls")
        await screen.pilot.pause()
        assert "shell" in screen.picture


async def test_tab_completes_a_path_of_a_shell_command(open_screen: OpenScreen):
    async with open_screen() as screen:
        await screen.type("!cat pric")
        await screen.press("tab")
        await screen.until(lambda: screen.chat.prompt.text == "!cat shop/prices.py ")
        await screen.press("tab")
        await screen.until(lambda: "▸" in screen.picture)
        await screen.press("x")
        await screen.press("escape")
        await screen.until(lambda: "▸" not in screen.picture)
        assert screen.chat.prompt.text == "!cat shop/prices.py x"


async def test_what_is_suggested_is_taken_by_tab(open_screen: OpenScreen):
    async with open_screen() as screen:
        await screen.until(lambda: "explain this project" in screen.picture)
        await screen.press("tab")
        assert screen.chat.prompt.text.startswith("explain this project")


async def test_changes_suggest_to_look_at_them(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("", calls=(("write", '{"path": "shop/new.py", "content": "x = 1\\n"}'),))
    vendor.say("Written.")
    async with open_screen("--permission-mode", "accept-edits") as screen:
        await screen.finish("write it")
        await screen.until(lambda: "1 file changed" in str(screen.chat.prompt.placeholder))
        await screen.press("right")
        assert screen.chat.prompt.text in ("/diff", "/gen commit")


async def test_a_talk_that_goes_on_suggests_what_comes_next(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("", calls=(("write", '{"path": "shop/new.py", "content": "x = 1\\n"}'),))
    vendor.say("Written.")
    async with open_screen("--permission-mode", "accept-edits") as screen:
        await screen.finish("write it")
    async with open_screen("-c") as screen:
        await screen.until(lambda: "/diff" in str(screen.chat.prompt.placeholder))


async def test_the_wish_that_opens_the_screen_mentions_files_too(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("Read.")
    async with open_screen("what is in @shop/prices.py") as screen:
        await screen.until(lambda: "Read." in screen.talk)
        assert "+ shop/prices.py" in screen.talk


async def test_the_text_stays_while_something_is_asked(open_screen: OpenScreen, vendor: FakeOpenAI):
    vendor.say("", calls=(("write", '{"path": "a.py", "content": "x"}'),))
    vendor.say("Fine.")
    async with open_screen() as screen:
        await screen.say("write it")
        screen.chat.prompt.insert("and then")
        await screen.until_asked()
        await screen.press("escape")
        await screen.until(lambda: screen.top == "Chat")
        assert screen.chat.prompt.text == "and then"
        await screen.until_idle()


async def test_keys_of_vi(open_screen: OpenScreen):
    async with open_screen("--set", "screen.keys=vim") as screen:
        await screen.until(lambda: "INSERT" in screen.picture)
        await screen.type("one two")
        await screen.press("escape", "0", "d", "w", "A", "x")
        await screen.until(lambda: "INSERT" in screen.picture)
        assert screen.chat.prompt.text == "twox"
        screen.chat.prompt.post_message(events.Key("alt+x", "x"))
        await screen.until(lambda: "NORMAL" in screen.picture)
        assert screen.chat.prompt.text == "two"
        await screen.say("/mode plan")
        await screen.until(lambda: "plan" in screen.picture)
        assert screen.chat.prompt.vim is not None


async def test_without_an_editor_it_says_what_to_do(open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    async with open_screen() as screen:
        await screen.type("text")
        await screen.press("ctrl+g")
        await screen.until(lambda: "no editor is set" in screen.talk)
        assert screen.chat.prompt.text == "text"


@pytest.mark.parametrize(("seed", "size", "keys"), [(1, (40, 10), "plain"), (2, (12, 4), "vim")])
async def test_any_keys_do_no_harm(
    open_screen: OpenScreen, vendor: FakeOpenAI, seed: int, size: tuple[int, int], keys: str
):
    chance = random.Random(seed)
    async with open_screen("--set", f"screen.keys={keys}", "--permission-mode", "plan", size=size) as screen:
        for _ in range(60):
            key = chance.choice(KEYS)
            if key == "enter" and chance.random() < 0.7:
                continue
            if chance.random() < 0.03:
                await paste(screen, chance.choice(["x\n" * 9, "/tmp/a.png", "\x1b[2J", "@", "字" * 50]))
            await screen.press(key)
            while screen.top != "Chat":
                await screen.press("escape")
        row, column = screen.chat.prompt.cursor_location
        assert 0 <= column <= len(screen.chat.prompt.document.get_line(row))


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 30), (3, 30), (4, 30)], ids=str)
async def test_a_suggestion_for_which_there_is_no_room_any_more_does_no_harm(
    size: tuple[int, int], open_screen: OpenScreen
) -> None:
    async with open_screen() as screen:
        await screen.until(lambda: "explain this project" in screen.picture)
        said, prompt = screen.chat.prompt.placeholder, screen.chat.prompt
        await screen.resize(*size)
        prompt.placeholder = said  # as it is for a moment, until the new size is heard of
        prompt.refresh()
        await screen.pilot.pause()
        await screen.resize(80, 24)
        await screen.until(lambda: "explain this project" in screen.picture)
