"""Whole flows through the real program: from the prompt to what is left of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.openai_server import FakeOpenAI
from tests.screens.conftest import OpenScreen

EDIT = {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}


def call(name: str, **arguments: Any) -> tuple[str, str]:
    return name, json.dumps(arguments)


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
