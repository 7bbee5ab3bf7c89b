"""Whole flows through the real program: from the prompt to what is left of it."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aiex.events import UserSpoke
from aiex.guard.keys import KeyStore, StoredKey, keep_key
from aiex.messages import Text
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import Shown, flags_of, open_screen_in
from tests.fakes.server import call
from tests.screens.conftest import OpenScreen

if TYPE_CHECKING:
    from aiex.wiring import Services

KEY = "sk-ant-api03-" + "aB3dE5fG7hI9jK1l" * 3
EDIT = {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}


async def test_a_wish_becomes_an_accepted_edit(open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("", calls=(call("edit", **EDIT),))
    vendor.say("The apple is dearer.")
    async with open_screen() as screen:
        await screen.say("raise the price of apples")
        await screen.until_asked()
        assert "shop/prices.py" in screen.picture
        await screen.press("enter")
        await screen.until(lambda: "The apple is dearer." in screen.talk)
        await screen.until_idle()
    assert '"apple": 45' in (shop / "shop/prices.py").read_text()


async def test_a_denied_edit_is_told_to_the_model(open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("", calls=(call("edit", **EDIT),))
    vendor.say("Then I leave it.")
    async with open_screen() as screen:
        await screen.say("raise the price of apples")
        await screen.until_asked()
        await screen.press("escape")
        await screen.until(lambda: "Then I leave it." in screen.talk)
        await screen.until_idle()
    assert '"apple": 40' in (shop / "shop/prices.py").read_text()
    assert "refused" in json.dumps(vendor.requests[-1].body["messages"])


async def test_a_budget_that_ends_is_told_and_the_screen_stays(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("I look.", calls=(call("list", path="."),))
    async with open_screen("--max-turns", "2") as screen:
        await screen.finish("look around for ever")
        assert "budget of 2 answers" in " ".join(screen.talk.split())
        await screen.finish("!echo still here")
        assert "still here" in screen.talk


async def test_another_vendor_answers_when_the_first_cannot(shop: Path, vendor: FakeOpenAI) -> None:
    vendor.say(status=503)
    with FakeOpenAI() as other:
        other.say("I answer instead.")
        async with open_screen_in(shop, *flags_of(vendor, other)) as screen:
            await screen.finish("hello")
            assert "I answer instead." in screen.talk
            assert "two" in screen.talk


async def test_a_stopped_turn_keeps_what_was_said_and_the_next_goes_on(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    vendor.say("The beginning of it. " * 40, silent_at_byte=6_000)
    vendor.say("The other answer.")
    async with open_screen() as screen:
        await screen.say("tell me all")
        await screen.until(lambda: "The beginning of it." in screen.talk)
        await screen.say("and then this")
        await screen.until(lambda: screen.chat.status.glance.waiting == 1)
        await screen.press("escape")
        await screen.until(lambda: "The other answer." in screen.talk)
        await screen.until_idle()
        assert screen.talk.count("and then this") == 1
    said = [one["content"] for one in vendor.requests[-1].body["messages"] if one["role"] == "user"]
    assert "tell me all" in json.dumps(said)
    assert "and then this" in json.dumps(said)


async def test_another_model_counts_from_the_next_wish(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("Slow. " * 100, silent_at_byte=6_000)
    vendor.say("Quick.")
    async with open_screen() as screen:
        await screen.say("tell me all")
        await screen.until(lambda: "Slow." in screen.talk)
        await screen.say("/model one/fake-2")
        await screen.until(lambda: screen.chat.status.glance.model == "one/fake-2")
        await screen.press("escape")
        await screen.until_idle()
        await screen.finish("and now?")
        assert "Quick." in screen.talk
    assert [one.body["model"] for one in vendor.requests] == ["fake-1", "fake-2"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/mode reckless", "reckless"),
        ("/model nobody/none", "nobody"),
        ("/use budget.cost_usd much", "budget.cost_usd"),
        ("/diff no-such-one", "no checkpoint"),
    ],
)
async def test_what_a_command_of_the_screen_cannot_do_is_told(open_screen: OpenScreen, line: str, said: str) -> None:
    async with open_screen() as screen:
        await screen.say(line)
        await screen.until(lambda: said in screen.talk)
        assert screen.top == "Chat"


async def test_rules_for_a_session_do_not_reach_the_next(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("", calls=(call("edit", **EDIT),))
    vendor.say("Dearer.")
    vendor.say("", calls=(call("edit", path="shop/prices.py", old='"apple": 45', new='"apple": 50'),))
    vendor.say("Dearest.")
    async with open_screen() as screen:
        await screen.say("raise the price")
        await screen.until_asked()
        await screen.press("2")
        await screen.until(lambda: "Dearer." in screen.talk)
        await screen.until_idle()
        await screen.say("/new")
        await screen.until(lambda: "Dearer." not in screen.talk)
        await screen.say("raise it again")
        await screen.until_asked()
        await screen.press("escape")
        await screen.until_idle()


async def test_a_storm_of_sizes_breaks_nothing(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say(
        "# Title\n\n"
        + "Some `words` in a row. " * 60
        + "\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    chance = random.Random(8)
    async with open_screen() as screen:
        await screen.say("write")
        for _ in range(10):
            await screen.resize(*chance.choice([(1, 1), (2, 3), (40, 10), (80, 24), (300, 100), (7, 200)]))
        await screen.until_idle()
        await screen.resize(80, 24)
        assert "Some words in a row." in screen.picture


async def test_a_session_on_a_full_disk_goes_on_when_there_is_room(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("It is a shop.")
    vendor.say("It is large. " * 20_000)
    vendor.say("Here I am.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        await limit_pages(screen, 1)  # no more than there are
        await screen.finish("how large?")
        assert "full" in screen.talk
        await limit_pages(screen, 1 << 30)
        await screen.finish("and now?")
        assert "Here I am." in screen.talk
        session = screen.app.backstage.kept_session
        state = await asyncio.wrap_future(screen.app.backstage.ask(lambda services: services.sessions.state(session)))
        assert not state.interrupted


async def limit_pages(screen: Shown, count: int) -> None:
    """Let the file of sessions grow to so many pages, as a disk would that is full."""

    def limit(services: Services) -> None:
        services.sessions.store.live._connection.execute(f"PRAGMA max_page_count={count}")  # type: ignore[attr-defined]

    await asyncio.wrap_future(screen.app.backstage.ask(limit))


async def cut_off(screen: Shown) -> str:
    """Leave a turn without an end in the log, as a process that dies does; the session."""
    await screen.finish("what is this?")
    begin = UserSpoke((Text("and what else?"),))
    await asyncio.wrap_future(screen.app.backstage.ask(lambda services: services.recorder.keep(begin)))
    return screen.app.backstage.kept_session


async def test_a_session_that_was_cut_off_is_taken_up(open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path) -> None:
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        session = await cut_off(screen)
    async with open_screen("-c") as screen:
        await screen.until_asked("Question")
        assert "was cut off" in screen.picture
        await screen.press("enter")
        await screen.until(lambda: "It is a shop." in screen.talk)
        await screen.finish("go on")
        assert screen.app.backstage.kept_session == session
    assert "and what else?" in json.dumps(vendor.requests[-1].body["messages"])


async def test_what_a_session_used_counts_on_and_not_in_the_next(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        used = screen.chat.status.glance.tokens
    assert used
    async with open_screen("-c") as screen:
        await screen.until(lambda: f"{used:,} tokens" in screen.picture)
        await screen.finish("and what else?")
        assert screen.chat.status.glance.tokens == 2 * used
        await screen.say("/new")
        await screen.until(lambda: not screen.chat.story.blocks)
        assert screen.chat.status.glance.tokens is None


async def test_what_a_command_of_a_person_wrote_is_shown_again(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        await screen.finish("!echo new > moon.txt; echo from the $(echo shell); exit 3")
        before = screen.talk
    assert "from the shell" in before
    async with open_screen("-c") as screen:
        await screen.until(lambda: "from the shell" in screen.talk)
        assert "the command ended with 3" in screen.talk
        assert "no check ran" not in screen.talk


async def test_a_session_that_was_cut_off_can_be_left(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        session = await cut_off(screen)
    async with open_screen("-c") as screen:
        await screen.until_asked("Question")
        await screen.press("escape")
        await screen.finish("something else")
        assert screen.app.backstage.kept_session not in ("", session)


async def test_a_session_is_chosen_from_a_list(open_screen: OpenScreen, vendor: FakeOpenAI) -> None:
    vendor.say("It is a shop.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        session = screen.app.backstage.kept_session
    async with open_screen("-r") as screen:
        await screen.until(lambda: "what is this?" in screen.picture)
        await screen.press("enter")
        await screen.until(lambda: "It is a shop." in screen.talk)
        assert screen.app.backstage.kept_session == session


async def test_without_a_model_it_is_told_what_helps_and_what_works(
    open_screen: OpenScreen, shop: Path, vendor: FakeOpenAI
) -> None:
    async with open_screen_in(shop) as screen:
        await screen.finish("what is this?")
        assert "name one with /model" in screen.picture
        await screen.press("ctrl+u")
        await screen.finish("/doctor")
        assert "encoding" not in screen.talk
        assert "python" in screen.talk
        assert "hit a bug" not in screen.talk
    assert not vendor.requests


async def test_end_and_what_is_sent_lead_back_to_the_end_of_the_talk(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    vendor.say("\n\n".join(f"line {n}" for n in range(60)))
    vendor.say("The answer.")
    async with open_screen() as screen:
        await screen.finish("count")
        await screen.press("pageup", "pageup")
        await screen.until(lambda: "line 59" not in screen.picture)
        await screen.press("end")
        await screen.until(lambda: "line 59" in screen.picture)
        await screen.press("pageup", "pageup")
        await screen.finish("and now?")
        await screen.until(lambda: "The answer." in screen.picture)


async def test_a_key_is_typed_unseen_and_kept(open_screen: OpenScreen) -> None:
    async with open_screen() as screen:
        await screen.say("/set key anthropic --in file")
        await screen.until(
            lambda: screen.top == "Question" and "Key of anthropic" in screen.picture, "for the question"
        )
        await screen.type(KEY)
        await screen.until(lambda: "•" * 20 in screen.picture, "for the signs in its place")
        assert KEY not in screen.picture
        await screen.press("enter")
        await screen.until(lambda: "the key of anthropic is kept in" in screen.talk, "for the end")
        await screen.finish("/list keys")
        assert f"…{KEY[-4:]}" in screen.talk
        assert KEY not in screen.talk
        await screen.press("up")
        assert KEY not in screen.picture
    kept = [path for path in Path(os.environ["AIEX_DATA_DIR"]).parent.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if KEY.encode() in path.read_bytes()], "it is in no file as it was typed"


async def test_the_passphrase_of_the_keys_is_asked_for_in_the_same_way(open_screen: OpenScreen) -> None:
    folder = os.path.join(os.environ["AIEX_DATA_DIR"], "keys")
    other = KeyStore(folder, ask=lambda _: "open sesame", may_ask=lambda: True, find_keyring=lambda: None)
    keep_key(other, "gemini", StoredKey("AIza" + "b4" * 17, "https://example.org"), "file")
    async with open_screen() as screen:
        await screen.say("/set key anthropic --in file")
        await screen.until_asked("Question")
        await screen.type(KEY)
        await screen.press("enter")
        await screen.until(lambda: "Passphrase of the keys" in screen.picture, "for the second question")
        await screen.type("open sesame")
        await screen.press("enter")
        await screen.until(lambda: "the key of anthropic is kept in" in screen.talk, "for the end")
        assert "sesame" not in screen.talk


async def test_a_key_that_is_not_typed_is_not_kept(open_screen: OpenScreen) -> None:
    async with open_screen() as screen:
        await screen.say("/set key anthropic --in file")
        await screen.until_asked("Question")
        await screen.press("escape")
        await screen.until(lambda: "no key was typed" in screen.talk, "for the end")


async def test_a_large_project_is_read_by_several_processes(
    open_screen: OpenScreen, vendor: FakeOpenAI, shop: Path
) -> None:
    for number in range(400):
        (shop / f"many{number}.py").write_text(f"def f{number}():\n    return {number}\n" * 200)
    async with open_screen("--set", "context.workers=2") as screen:
        await screen.finish("/query context --task f17")
        assert "many17.py" in screen.talk


async def test_beside_a_session_that_is_open_elsewhere_another_begins(
    open_screen: OpenScreen, vendor: FakeOpenAI
) -> None:
    vendor.say("Here I am.")
    async with open_screen() as screen:
        await screen.finish("what is this?")
        session = screen.app.backstage.kept_session
        async with open_screen("-c") as other:
            await other.until(lambda: f"session {session} is open in" in other.talk)
            await other.finish("then without it")
            assert "Here I am." in other.talk
            assert other.app.backstage.kept_session not in ("", session)
