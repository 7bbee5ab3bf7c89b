"""The calls of an answer: looks beside each other, changes in their order, one result each, whatever comes of them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from aiex.agent.approvals import Approvals
from aiex.agent.calls import MOST_TEXT_CHARS, Calls
from aiex.agent.kit import Kit
from aiex.agent.tools import Answer, Kind, Plan
from aiex.budget import Budget
from aiex.errors import Denied, Rejected, StoreError, ToolError
from aiex.events import Event, PartEnded, StreamEvent, ToolFinished, ToolStarted, ToolWrote
from aiex.guard.audit.entries import Outcome
from aiex.messages import Request, ToolCall
from tests.fakes.legality import faults_of_request, faults_of_session
from tests.fakes.scripted_model import Bench, Script, results_in, says

Open = Callable[..., Bench]


class Odd:
    """A tool that does what a test says, as a plugin may."""

    parameters: Mapping[str, Any] = {"type": "object", "properties": {"word": {"type": "string"}}}

    def __init__(self, act: Callable[[str], AsyncIterator[Event | Answer]], kind: Kind = "look") -> None:
        self.kind = kind
        self._act = act

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        return Plan("odd", lambda going: self._act(arguments.get("word", going.call_id)))


def calls_of(bench: Bench, tools: Mapping[str, Any]) -> Calls:
    return Calls(Kit(bench.services), tools, Approvals(bench.services.gate), Budget())


async def run(calls: Calls, *wanted: str) -> list[Event]:
    given = [ToolCall(f"c{at}", "odd", {"word": word}) for at, word in enumerate(wanted)]
    return [event async for event in calls.run(given)]


def brief(events: list[Event]) -> list[tuple[str, str]]:
    """Which call began and ended in which order."""
    kinds = {ToolStarted: "began", ToolFinished: "ended", ToolWrote: "wrote"}
    known = (ToolStarted, ToolFinished, ToolWrote)
    return [(kinds[type(event)], event.call_id) for event in events if isinstance(event, known)]


# --- order ------------------------------------------------------------------------------------------------------------


async def test_looks_run_together_and_answer_in_their_order(bench: Open) -> None:
    arrived = asyncio.Barrier(3)

    async def meet(word: str) -> AsyncIterator[Event | Answer]:
        await arrived.wait()  # nobody comes here before the others began
        yield Answer(word)

    events = await run(calls_of(bench(), {"odd": Odd(meet)}), "a", "b", "c")
    assert brief(events) == [("began", "c0"), ("began", "c1"), ("began", "c2"),
                             ("ended", "c0"), ("ended", "c1"), ("ended", "c2")]  # fmt: skip
    assert [event.text for event in events if isinstance(event, ToolFinished)] == ["a", "b", "c"]


async def test_one_look_that_fails_leaves_the_others_alone(bench: Open) -> None:
    async def look(word: str) -> AsyncIterator[Event | Answer]:
        if word == "b":
            raise StoreError("cannot read b", hint="look at a")
        yield Answer(word)

    events = await run(calls_of(bench(), {"odd": Odd(look)}), "a", "b", "c")
    ended = [(event.text, event.is_error) for event in events if isinstance(event, ToolFinished)]
    assert ended == [("a", False), ("cannot read b\nhint: look at a", True), ("c", False)]


async def test_what_changes_something_runs_one_behind_the_other(bench: Open) -> None:
    going_on: list[str] = []

    async def change(word: str) -> AsyncIterator[Event | Answer]:
        assert not going_on
        going_on.append(word)
        await asyncio.sleep(0)
        yield ToolWrote(f"c{'abc'.index(word)}", "stdout", word)
        going_on.remove(word)
        yield Answer(word)

    events = await run(calls_of(bench(), {"odd": Odd(change, "change")}), "a", "b", "c")
    each = ("began", "wrote", "ended")
    assert brief(events) == [(what, f"c{at}") for at in range(3) for what in each]


async def test_looks_behind_a_change_see_it(bench: Open) -> None:
    run = bench(
        says(
            "",
            ("read", {"path": "shop/prices.py"}),
            ("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}),
            ("read", {"path": "shop/prices.py"}),
            ("search", {"pattern": '"apple": 45'}),
        ),
        says("Done."),
    )
    ran = await run.work()
    before, _, after, found = ran.results
    assert '"apple": 40' in before
    assert '"apple": 45' in after
    assert "shop/prices.py" in found
    assert ran.end.files_changed == ("shop/prices.py",)


# --- results of every kind --------------------------------------------------------------------------------------------


async def test_an_unknown_tool_is_answered_with_the_tools_there_are(bench: Open) -> None:
    ran = await bench(says("", ("bash", {"command": "ls"}), ("list", {})), says("I see.")).work()
    unknown, listed = ran.of(ToolFinished)
    assert unknown.is_error
    assert unknown.text.startswith("there is no tool 'bash'\nhint: there are: context, ")
    assert not listed.is_error
    assert [event.name for event in ran.of(ToolStarted)] == ["list"]
    assert (ran.end.exit_code, ran.data["failed_calls"]) == (0, 1)


async def test_arguments_that_do_not_fit_are_said_and_nothing_begins(bench: Open, workspace: Path) -> None:
    made = bench(
        says(
            "",
            ("read", {}),
            ("read", {"path": 7}),
            ("read", {"pth": "README.md", "path": "README.md"}),
            ("edit", {"path": "README.md", "old": "# Shop"}),
        ),
        says("I see."),
    )
    ran = await made.work()
    assert ran.of(ToolStarted) == []
    assert [text.partition("\n")[0] for text in ran.results] == [
        "path is missing",
        "path is 7, not text",
        'there is no argument "pth"',
        "new is missing",
    ]
    assert (workspace / "README.md").read_text().startswith("# Shop")
    assert faults_of_session(made.state) == []


async def test_an_edit_that_misses_is_a_result_and_the_model_goes_on(bench: Open, workspace: Path) -> None:
    made = bench(
        says("", ("edit", {"path": "shop/prices.py", "old": '"apple": 41', "new": '"apple": 45'})),
        says("", ("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'})),
        says("Done."),
    )
    ran = await made.work()
    first, second = ran.of(ToolFinished)
    assert (first.is_error, second.is_error) == (True, False)
    assert '"apple": 45' in (workspace / "shop/prices.py").read_text()
    assert [(row["path"], row["added"], row["removed"]) for row in ran.data["files"]] == [("shop/prices.py", 1, 1)]


async def test_a_tool_that_says_nothing_and_one_that_says_too_much(bench: Open) -> None:
    async def nothing(word: str) -> AsyncIterator[Event | Answer]:
        if word == "never":
            yield Answer(word)

    async def much(word: str) -> AsyncIterator[Event | Answer]:
        yield Answer("x" * (MOST_TEXT_CHARS + 5))

    for wanted in (("a",), ("a", "b")):
        events = await run(calls_of(bench(), {"odd": Odd(nothing)}), *wanted)
        assert [(one.text, one.is_error) for one in events if isinstance(one, ToolFinished)] == [
            ("the tool said nothing", True)
        ] * len(wanted)
    (ended,) = [one for one in await run(calls_of(bench(), {"odd": Odd(much)}), "a") if isinstance(one, ToolFinished)]
    assert ended.text.endswith("x\n… cut: 5 characters more")


async def test_an_error_in_the_middle_of_a_call_is_its_result(bench: Open) -> None:
    async def break_off(word: str) -> AsyncIterator[Event | Answer]:
        yield ToolWrote("c0", "stdout", "half")
        raise {"tool": ToolError("no"), "rejected": Rejected("no"), "denied": Denied("no")}[word]

    for word in ("tool", "rejected", "denied"):
        kinds: tuple[Kind, ...] = ("look", "change")
        for kind in kinds:
            events = await run(calls_of(bench(), {"odd": Odd(break_off, kind)}), word)
            assert brief(events) == [("began", "c0"), ("wrote", "c0"), ("ended", "c0")]
            assert isinstance(events[-1], ToolFinished)
            assert (events[-1].text, events[-1].is_error) == ("no", True)


async def test_instructions_of_a_folder_are_said_once_behind_the_first_look_there(
    bench: Open, workspace: Path, run_aiex: Any
) -> None:
    (workspace / "AGENTS.md").write_text("Prices are whole cents.\n")
    (workspace / "shop/AGENTS.md").write_text("No floats in here.\n")
    (workspace / ".git").mkdir()
    assert run_aiex("add", "trust", cwd=workspace).returncode == 0
    made = bench(
        says("", ("read", {"path": "shop/prices.py"})), says("", ("read", {"path": "shop/basket.py"})), says("Done.")
    )
    ran = await made.work()
    first = json.dumps([part.text for part in made.requests[0].messages[0].parts if hasattr(part, "text")])
    assert "whole cents" in first
    assert "No floats" not in first
    assert "No floats in here." in ran.results[0]
    assert "No floats" not in ran.results[1]


async def test_ids_that_a_vendor_gives_twice_get_their_own_results(bench: Open) -> None:
    class Careless(Script):
        async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
            async for event in super().stream(request):
                if isinstance(event, PartEnded) and isinstance(event.part, ToolCall):
                    yield PartEnded(ToolCall("same", event.part.name, event.part.arguments))
                else:
                    yield event

    looks = [("read", {"path": path}) for path in ("README.md", "shop/prices.py")]
    made = bench()
    made.services.script = script = Careless(says("", *looks), says("", *looks[::-1]), says("Done."))
    assert (await made.work()).end.exit_code == 0
    assert [faults_of_request(request) for request in script.requests] == [[]] * 3
    told = [part.text.splitlines()[0] for part in results_in(script.requests[-1])]
    assert told == ["    1\t# Shop", '    1\t"""Prices in cents."""', '    1\t"""Prices in cents."""', "    1\t# Shop"]


async def test_words_that_are_no_unicode_reach_no_file_and_break_nothing(bench: Open, workspace: Path) -> None:
    odd = "x\ud800"
    calls: list[Any] = [
        ("read", {"path": odd}), ("write", {"path": odd, "content": "x"}), ("write", {"path": "new", "content": odd}),
        ("run", {"command": f"touch {odd}"}), ("search", {"pattern": odd}), ("symbols", {"name": odd}),
        ("fetch", {"url": f"http://{odd}/"}), (odd, {odd: odd}), ("read", {"path": "a\0b"}),
    ]  # fmt: skip
    before = sorted(os.listdir(workspace))
    made = bench(says("", *calls), says("Done."))
    ran = await made.work()
    assert [one.is_error for one in ran.of(ToolFinished)] == [True] * len(calls)
    assert (sorted(os.listdir(workspace)), faults_of_session(made.state)) == (before, [])


# --- budgets ----------------------------------------------------------------------------------------------------------


async def test_looks_for_which_there_was_a_call_left_run_before_the_budget_ends(bench: Open) -> None:
    made = bench(says("", *[("list", {})] * 3), overrides=("budget.tool_calls=2",))
    ran = await made.work()
    assert [(one.call_id, one.is_error) for one in ran.of(ToolFinished)] == [("c1", False), ("c2", False)]
    assert ran.end.exit_code == 5
    assert faults_of_session(made.state) == []


async def test_what_was_admitted_and_never_began_is_on_record_as_that(bench: Open) -> None:
    answer = says("", ("read", {"path": "README.md"}), ("read", {"path": "shop/prices.py"}))
    for stop in (ToolStarted, ToolFinished):
        made = bench(answer)
        async with aclosing(made.begin()) as events:
            async for event in events:
                if isinstance(event, stop):
                    break
        assert len(made.ledger.rows) >= 4
        assert made.ledger.left_open == []
    statuses = [verdict.status for _, verdict in made.ledger.rows if isinstance(verdict, Outcome)]
    assert statuses == ["done", "done"]
