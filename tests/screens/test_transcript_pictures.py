"""What a talk looks like: every kind of block, in two sizes and two themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aiex import events as told
from aiex.messages import Text, ToolCall, Usage
from aiex.tui.highlight import warm
from aiex.tui.theme import ThemeName
from tests.fakes.screen import Shown
from tests.screens.conftest import OpenScreen

SAID = """# The prices

They come from `shop/prices.py`, and **one** of them is *wrong*:

- the apple, at `40`
- the pear is right

```python
def price(name: str) -> int:
    return PRICES[name]  # in cents
```

| fruit | price |
|-------|------:|
| apple | 40    |

> asked for by the till
"""


def talk() -> list[told.Event]:
    call = ToolCall("c1", "run", {"command": "pytest -q", "timeout_s": 60})
    edit = ToolCall("c2", "edit", {"path": "shop/prices.py", "old": "40", "new": "45"})
    return [
        told.UserSpoke((Text("raise the price of apples\nand run the tests"),)),
        told.ReasoningDelta("I should look at the prices first."),
        told.TextDelta(SAID),
        told.FailedOver("one/fake-1", "two/fake-1", "the connection broke", mid_answer=True),
        told.TextDelta("Now I change it."),
        told.AssistantSpoke((Text(SAID), edit, call), "two", "fake-1"),
        told.ApprovalAsked("a", "write shop/prices.py", "ask: write *"),
        told.ApprovalGiven("a", True, "once", "person"),
        told.CheckpointTaken("0123456789abcdef", "edit shop/prices.py"),
        told.ToolStarted("c2", "edit", edit.arguments),
        told.FileEdited("shop/prices.py", "changed", 1, 1),
        told.ToolFinished("c2", "edit", "changed shop/prices.py", False, 12),
        told.ToolStarted("c1", "run", call.arguments),
        told.ToolFinished("c1", "run", "exit code 1\nE   assert 45 == 40", False, 2_300),
        told.CheckRan("pytest", False, True, "1 failed", 2_300, "pytest -q", 1),
        told.BudgetHit("money", 0.5, 0.5),
        told.TurnEnded("error", "BudgetEnded", 5, error="the budget ended", hint="raise it", usage=Usage(900, 100),
                       duration_ms=4_200, total_cost_usd=0.5, files_changed=("shop/prices.py",)),
    ]  # fmt: skip


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_talk(
    open_screen: OpenScreen, matches: Callable[[Shown], bool], size: tuple[int, int], theme: ThemeName
) -> None:
    warm("python")
    async with open_screen(size=size) as screen:
        screen.app.use_theme(theme)
        for below in (screen.chat.prompt, screen.chat.status):  # they have pictures of their own
            below.display = False
        height = size[1]
        await screen.until(lambda: screen.chat.transcript.size.height == height, "for room")
        screen.chat.take(talk())
        await screen.pilot.pause()
        if size == (80, 24):
            screen.chat.transcript.jump(1)
            await screen.pilot.pause()
        assert matches(screen)
