"""The screen in a terminal of tmux, typed into and read as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import flags_of
from tests.fakes.server import call

pytest.importorskip("termios")

from tests.fakes.terminals import HAS_TMUX, Tmux

pytestmark = pytest.mark.skipif(not HAS_TMUX, reason="tmux is not installed")
EDIT = {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}


@pytest.fixture
def tmux(shop: Path) -> Iterator[Tmux]:
    with TemporaryDirectory() as folder, Tmux(Path(folder), cwd=shop) as opened:
        opened.until("$")
        yield opened


def test_a_wish_is_typed_an_edit_accepted_and_the_shell_is_as_it_was(
    tmux: Tmux, vendor: FakeOpenAI, shop: Path
) -> None:
    vendor.say("I look at it.", calls=(call("read", path="shop/prices.py"),))
    vendor.say("", calls=(call("edit", **EDIT),))
    vendor.say("The apple is dearer.")
    tmux.type("stty -a > before.txt; clear")
    tmux.press("Enter")
    tmux.start(*flags_of(vendor))
    tmux.until("one/fake-1  ask")
    tmux.type("raise the price of apples")
    tmux.until("raise the price of apples")
    tmux.press("Enter")
    tmux.until("this time")
    assert '"apple": 40' in (shop / "shop/prices.py").read_text()
    tmux.tap("Enter", lambda picture: "The apple is dearer." in picture)
    assert '"apple": 45' in (shop / "shop/prices.py").read_text()
    tmux.resize(40, 10)
    tmux.until("one/fake-1")
    tmux.resize(100, 30)
    tmux.until("The apple is dearer.")
    tmux.press("C-d")
    tmux.until("to go on: aiex -r ")
    tmux.type("clear; stty -a > after.txt; echo left $?")
    tmux.press("Enter")
    tmux.until("left 0")
    before, after = ((shop / name).read_text().partition(";")[2] for name in ("before.txt", "after.txt"))
    assert before.partition("line =")[2] == after.partition("line =")[2]


def test_it_stops_with_ctrl_z_and_comes_back(tmux: Tmux, vendor: FakeOpenAI) -> None:
    vendor.say("It is a shop.")
    tmux.start(*flags_of(vendor), "what is this?")
    tmux.until("It is a shop.")
    tmux.press("C-z")
    tmux.until("Stopped")
    tmux.type("clear; fg")
    tmux.press("Enter")
    tmux.until(lambda picture: "It is a shop." in picture and "one/fake-1" in picture)
    tmux.press("C-d")
    tmux.until("to go on: aiex -r ")
