"""The list of what is to be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiex.agent.kit import Kit
from aiex.agent.tools.todo import TOOL
from aiex.errors import ToolError
from aiex.wiring import Services
from tests.fakes.toolcalls import call


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(Services(str(tmp_path)))


async def test_each_call_replaces_the_list(kit: Kit) -> None:
    items = [
        {"text": "look", "state": "done"},
        {"text": "mend\nthe basket", "state": "doing"},
        {"text": "test", "state": "open"},
    ]
    called = await call(TOOL, kit, items=items)
    assert called.text == "1 open, 1 doing, 1 done; now: mend the basket"
    assert kit.todo == [("look", "done"), ("mend the basket", "doing"), ("test", "open")]
    assert (await call(TOOL, kit, items=[])).text == "nothing to do"
    assert kit.todo == []


async def test_what_is_only_planned_changes_nothing(kit: Kit) -> None:
    TOOL.plan({"items": [{"text": "look", "state": "open"}]}, kit)
    assert kit.todo == []


@pytest.mark.parametrize(
    "items",
    [
        [{"text": "", "state": "open"}],
        [{"text": "look", "state": "never"}],
        [{"state": "open"}],
        [3],
        [{"text": "x" * 501, "state": "open"}],
        [{"text": "x", "state": "open"}] * 101,
    ],
)
def test_what_is_no_list_of_things_to_do_is_refused(kit: Kit, items: list[Any]) -> None:
    with pytest.raises(ToolError):
        TOOL.plan({"items": items}, kit)
