"""A helper works with a part of the budget, within the same rules; what it does to the world is its sender's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from aiex.events import (
    ApprovalGiven,
    AssistantSpoke,
    BudgetHit,
    CheckRan,
    FileEdited,
    StreamEvent,
    ToolFinished,
    ToolStarted,
    ToolWrote,
    UsageUpdated,
    UserSpoke,
)
from aiex.messages import Request, ToolResult, Usage
from tests.fakes.legality import faults_of_request, faults_of_session
from tests.fakes.scripted_model import USAGE, Bench, Script, says, words_of

Open = Callable[..., Bench]
LOOK = ("list", {"path": "shop"})
EDIT = ("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'})


def task(text: str = "find the prices", **more: Any) -> tuple[str, dict[str, Any]]:
    return "task", {"task": text, **more}


async def test_what_it_says_stays_with_it_and_its_last_words_are_the_answer(bench: Open) -> None:
    made = bench(says("I send somebody.", task()), says("I look.", LOOK), says("In shop/prices.py:3."), says("Thanks."))
    ran = await made.work()
    assert ran.results == ["In shop/prices.py:3."]
    assert [words_of_event(one) for one in ran.of(AssistantSpoke)] == ["I send somebody.", "Thanks."]
    assert [one.name for one in ran.of(ToolStarted)] == ["task"]
    assert "list shop" in "".join(one.text for one in ran.of(ToolWrote))
    assert len(ran.of(UserSpoke)) == 1
    assert [words_of(message) for message in made.requests[1].messages[1:]] == ["find the prices"]
    assert (ran.end.exit_code, ran.data["calls"]) == (0, 1)
    assert ran.end.total_cost_usd == pytest.approx(0.04)
    assert faults_of_session(made.state) == []


def words_of_event(spoke: AssistantSpoke) -> str:
    return "".join(getattr(part, "text", "") for part in spoke.parts)


async def test_each_of_its_requests_is_in_the_session_with_what_it_used(bench: Open) -> None:
    made = bench(says("", task()), says("", LOOK), says("Here.", usage=Usage(300, 40), cost_usd=0.5), says("Thanks."))
    ran = await made.work()
    (sent,) = ran.of(ToolStarted)
    assert [one for one in ran.of(UsageUpdated) if one.model] == [
        UsageUpdated(USAGE, 0.01, "one/fake-1", sent.call_id),
        UsageUpdated(Usage(300, 40), 0.5, "one/fake-1", sent.call_id),
    ]
    assert ran.of(ToolWrote)[-1].text == "2 requests, 367 tokens, $0.5100\n"
    spent = made.state.spent
    assert (spent.calls, spent.usage) == (4, Usage(360, 61))
    assert (ran.end.usage, ran.end.total_cost_usd) == (spent.usage, pytest.approx(0.53))
    assert spent.cost_usd == pytest.approx(0.53)
    used = {one.kind: one.used for one in made.services.budget.readings()}
    assert (used["requests"], used["tokens"], used["money"]) == (4, 421, pytest.approx(0.53))


async def test_what_its_last_request_used_is_told_when_it_is_cut_off(bench: Open) -> None:
    class Silent(Script):
        async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
            async for event in super().stream(request):
                yield event
                if isinstance(event, UsageUpdated) and len(self.requests) == 2:
                    await asyncio.Event().wait()

    made = bench(overrides=("budget.time_s=0.3",))
    made.services.script = Silent(says("", task()), says("I look."))
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.usage) == (5, Usage(40, 14))
    assert made.state.spent.calls == 2


async def test_one_that_looks_cannot_change_run_or_send_anybody(bench: Open, workspace: Path) -> None:
    wanted = [EDIT, ("write", {"path": "n", "content": "x"}), ("run", {"command": "touch n"}), task(), ("fetch", {})]
    made = bench(says("", task()), says("", *wanted), says("I could not."), says("Well."))
    ran = await made.work()
    assert [tool.name for tool in made.requests[1].tools] == ["context", "list", "read", "search", "symbols"]
    results = [part for message in made.requests[2].messages for part in message.parts if isinstance(part, ToolResult)]
    assert all(part.is_error and part.text.startswith("there is no tool") for part in results)
    assert (len(results), ran.of(FileEdited), (workspace / "n").exists()) == (5, [], False)


async def test_one_that_works_changes_the_same_files_and_that_is_told(bench: Open, workspace: Path) -> None:
    (workspace / "Makefile").write_text("test:\n\ttrue\n")
    made = bench(says("", task("mend it", role="work")), says("", EDIT), says("", ("run", {"command": "make test"})),
                 says("Mended."), says("Good."), overrides=('checks.commands=["true"]',))  # fmt: skip
    ran = await made.work()
    assert '"apple": 45' in (workspace / "shop/prices.py").read_text()
    assert ran.end.files_changed == ("shop/prices.py",)
    assert "make test" in [one.name for one in ran.of(CheckRan)]
    assert not {"task", "fetch", "ask"} & {tool.name for tool in made.requests[1].tools}


async def test_it_asks_the_same_rules(bench: Open, workspace: Path) -> None:
    made = bench(says("", task("mend it", role="work")), says("", EDIT), says("I may not."), says("Then not."),
                 mode="ask")  # fmt: skip
    ran = await made.work()
    assert [one.allowed for one in ran.of(ApprovalGiven)] == [False]
    assert (ran.end.exit_code, ran.end.files_changed, len(ran.data["denied"])) == (4, (), 1)
    assert '"apple": 40' in (workspace / "shop/prices.py").read_text()
    assert [kind for kind, _ in made.ledger.refused] == ["write"]


async def test_it_lives_in_the_same_sandbox(bench: Open, workspace: Path) -> None:
    outside = workspace.parent / "outside"
    made = bench(says("", task("x", role="work")), says("", ("run", {"command": f"touch {outside}"})), says("No."),
                 says("No."))  # fmt: skip
    await made.work()
    assert len(made.requests) == 4
    assert not outside.exists()


async def test_it_ends_with_its_own_budget_and_its_sender_goes_on(bench: Open) -> None:
    made = bench(says("", task(max_turns=2)), says("one", LOOK), says("two", LOOK), says("It found little."))
    ran = await made.work()
    (finished,) = ran.of(ToolFinished)
    assert finished.is_error
    assert finished.text.startswith("the errand did not come to its end: the budget of 2 ")
    assert finished.text.endswith("What it said last:\ntwo")
    assert (ran.end.exit_code, ran.end.answer) == (0, "It found little.")


@pytest.mark.parametrize(
    ("setting", "kind", "asked"),
    [
        ("budget.turns=3", "turns", 3),
        ("budget.tool_calls=3", "calls", 5),
        ("budget.calls=3", "requests", 3),
        ("budget.tokens=90", "tokens", 3),
        ("budget.cost_usd=0.03", "money", 3),
    ],
)
async def test_it_cannot_use_more_than_its_sender_has(bench: Open, setting: str, kind: str, asked: int) -> None:
    looks = [says("", LOOK)] * 4
    made = bench(says("", task(max_turns=30)), *looks, overrides=(setting,))
    ran = await made.work()
    assert {hit.kind for hit in ran.of(BudgetHit)} == {kind}
    assert ran.end.exit_code == 5
    assert len(made.requests) == asked
    assert faults_of_session(made.state) == []


async def test_time_ends_it_and_whatever_it_started(bench: Open) -> None:
    made = bench(says("", task("x", role="work")), says("", ("run", {"command": "sleep 600"})),
                 overrides=("budget.time_s=0.5",))  # fmt: skip
    ran = await made.work()
    assert ran.end.exit_code == 5
    assert made.ledger.left_open == []


async def test_a_dry_run_is_dry_for_it_as_well(bench: Open, workspace: Path) -> None:
    made = bench(says("", task("mend it", role="work")), says("", EDIT, ("run", {"command": "touch n"})), says("Done."),
                 says("Done."))  # fmt: skip
    ran = await made.work(is_dry=True)
    assert '"apple": 40' in (workspace / "shop/prices.py").read_text()
    assert not (workspace / "n").exists()
    assert '+PRICES = {"apple": 45' in ran.data["patch"]


async def test_several_of_them_one_behind_the_other(bench: Open) -> None:
    made = bench(says("", task("one"), task("two")), says("1"), says("2"), says("Both."))
    ran = await made.work()
    assert ran.results == ["1", "2"]
    assert [faults_of_request(request) for request in made.requests] == [[]] * 4
