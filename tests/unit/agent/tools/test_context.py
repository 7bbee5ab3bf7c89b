"""The code that a task needs: found over the whole workspace, within its tokens, without secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiex.agent.kit import Kit
from aiex.agent.overlay import Overlay
from aiex.agent.tools.context import TOOL
from aiex.errors import ToolError
from aiex.events import Progressed
from aiex.tokens import estimate
from tests.fakes.toolcalls import call, open_kit


@pytest.fixture
async def kit(workspace: Path) -> AsyncIterator[Kit]:
    async with open_kit(workspace) as kit:
        yield kit


async def test_code_for_a_task_comes_with_its_places(kit: Kit) -> None:
    called = await call(TOOL, kit, task="refuse counts below one when something is added to the basket")
    assert "## shop/basket.py" in called.text
    assert "12     def add(self, name: str, count: int = 1) -> None:" in called.text
    assert isinstance(called.events[0], Progressed)
    assert called.passages[0].admitted.action.subject == "."


async def test_a_dry_run_is_told_what_it_does_not_show(kit: Kit) -> None:
    layer = Overlay(kit.means.workspace)
    dry = Kit(kit.means, files=layer, is_dry=True)
    assert "held in memory" not in (await call(TOOL, dry, task="the basket")).text
    layer.write("shop/basket.py", b"def newcomer():\n    return 1\n")
    text = (await call(TOOL, dry, task="the basket")).text
    assert text.endswith("(as it lies on disk, without what is held in memory of shop/basket.py: read these)")


async def test_the_budget_is_kept(kit: Kit, workspace: Path) -> None:
    body = "".join(f"    basket_{number} = {number}\n" for number in range(400))
    (workspace / "shop" / "long.py").write_text(f"def fill_basket():\n{body}")
    text = (await call(TOOL, kit, task="fill the basket", budget=600)).text
    assert estimate(text).tokens <= 620


async def test_what_was_shown_in_part_does_not_count_as_read(kit: Kit, workspace: Path) -> None:
    await call(TOOL, kit, task="the basket")
    assert kit.seen.compare("shop/basket.py", (workspace / "shop" / "basket.py").read_bytes()) == "unseen"


async def test_secrets_do_not_come_along(kit: Kit, workspace: Path) -> None:
    key = "sk-ant-api03-" + "Zx9" * 31 + "AA"
    (workspace / "shop" / "client.py").write_text(f'def open_client():\n    return connect("{key}")\n')
    text = (await call(TOOL, kit, task="open_client connect")).text
    assert "open_client" in text
    assert key not in text


async def test_nothing_to_find_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with open_kit(tmp_path / "empty") as kit:
        assert (await call(TOOL, kit, task="anything")).text.startswith("nothing in this workspace matches")
        with pytest.raises(ToolError, match="the task is empty"):
            TOOL.plan({"task": " "}, kit)
