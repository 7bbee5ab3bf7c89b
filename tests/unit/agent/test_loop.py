"""The loop: on while there is something to do, ended by every limit with a history that can be gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiex.agent.loop import hit_of, until
from aiex.agent.progress import MOST_CUT, MOST_EMPTY, MOST_FAILED_TURNS, STOP_AT, WARN_AT
from aiex.budget import Allotment, Budget, Exhausted
from aiex.errors import BudgetEnded, ContextOverflow, Transient, Unavailable
from aiex.events import AssistantSpoke, BudgetHit, Failed, TextDelta, ToolFinished, ToolStarted, UserSpoke
from aiex.messages import Text, Usage
from aiex.sessions.requests import GO_ON, NOT_RUN, project_request
from tests.fakes.legality import faults_of_request, faults_of_session
from tests.fakes.scripted_model import Bench, Script, results_in, says, words_of

Open = Callable[..., Bench]
LOOK = ("list", {"path": "shop"})


# --- answers of every kind --------------------------------------------------------------------------------------------


async def test_it_goes_on_until_the_model_has_nothing_to_call(bench: Open) -> None:
    made = bench(says("I look.", LOOK), says("", ("read", {"path": "shop/prices.py"})), says("It sells two things."))
    ran = await made.work("what is sold?")
    assert (ran.end.status, ran.end.exit_code, ran.end.answer) == ("success", 0, "It sells two things.")
    assert (ran.end.num_turns, ran.data["calls"], ran.end.usage) == (3, 2, Usage(60, 21))
    assert ran.end.total_cost_usd == pytest.approx(0.03)
    assert [len(results_in(request)) for request in made.requests] == [0, 1, 2]


async def test_a_call_that_was_cut_at_the_limit_never_runs_and_is_told_so(bench: Open, workspace: Path) -> None:
    edit = ("edit", {"path": "shop/prices.py", "old": "40", "new": "45"})
    made = bench(says("I mend it.", edit, reason="max_tokens"), says("Done."))
    ran = await made.work()
    assert ran.of(ToolStarted) == []
    assert "40" in (workspace / "shop/prices.py").read_text()
    [result] = results_in(made.requests[1])
    assert (result.is_error, NOT_RUN in result.text, "cut at the limit" in result.text) == (True, True, True)
    assert (ran.end.exit_code, ran.end.files_changed) == (0, ())


async def test_calls_beside_a_malformed_one_do_not_run_and_are_told_why(bench: Open, workspace: Path) -> None:
    edit = ("edit", {"path": "shop/prices.py", "old": "40", "new": "45"})
    made = bench(says("I mend it.", edit, LOOK, reason="malformed_tool_call"), says("Done."))
    ran = await made.work()
    assert ran.of(ToolStarted) == []
    assert "40" in (workspace / "shop/prices.py").read_text()
    results = results_in(made.requests[1])
    assert [(one.is_error, NOT_RUN in one.text, "no valid JSON" in one.text) for one in results] == [(True,) * 3] * 2
    assert faults_of_session(made.state) == []


async def test_a_malformed_call_alone_is_told_of(bench: Open) -> None:
    made = bench(says("", reason="malformed_tool_call"), says("Done."))
    ran = await made.work()
    last = made.requests[1].messages[-1]
    assert (last.role, "no valid JSON" in str(last.parts[0])) == ("user", True)
    assert ran.end.exit_code == 0


async def test_words_that_were_cut_are_gone_on_with(bench: Open) -> None:
    made = bench(says("Half an ans", reason="max_tokens"), says("wer."))
    ran = await made.work()
    said = [part.text for message in made.requests[1].messages[1:] for part in message.parts if isinstance(part, Text)]
    assert said == ["do it", "Half an ans", GO_ON]
    assert ran.end.exit_code == 0


async def test_answers_that_are_cut_again_and_again_end_it(bench: Open) -> None:
    made = bench(*[says("Half", reason="max_tokens")] * (MOST_CUT + 1))
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.subtype) == (1, "Rejected")
    assert "cut at its limit" in ran.end.error
    assert made.script.answers == []
    assert faults_of_session(made.state) == []


EMPTY = "the model gave nothing but empty answers"
UNREAD = "the model's calls could not be read: their arguments are no valid JSON"


@pytest.mark.parametrize(
    ("answer", "told"),
    [(says(""), EMPTY), (says("  \n"), EMPTY), (says("", reason="tool_use"), EMPTY),
     (says("", reason="malformed_tool_call"), UNREAD), (says("I look.", reason="malformed_tool_call"), UNREAD)],
)  # fmt: skip
async def test_answers_that_are_none_are_asked_for_again_twice(bench: Open, answer: Any, told: str) -> None:
    made = bench(*[answer] * MOST_EMPTY, says("Now I speak."))
    assert (await made.work()).end.answer == "Now I speak."
    made = bench(*[answer] * (MOST_EMPTY + 1))
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.error) == (1, told)
    assert faults_of_session(made.state) == []


async def test_a_pause_is_gone_on_from(bench: Open) -> None:
    made = bench(says("I think", reason="pause"), says("Done."))
    ran = await made.work()
    assert (ran.end.answer, ran.end.num_turns) == ("Done.", 2)
    assert [faults_of_request(request) for request in made.requests] == [[], []]


@pytest.mark.parametrize("reason", ["refusal", "content_filter", "other"])
async def test_other_ends_of_an_answer_are_failures_and_keep_its_words(bench: Open, reason: Any) -> None:
    ran = await bench(says("I would rather", reason=reason)).work()
    assert (ran.end.status, ran.end.exit_code, ran.end.answer) == ("error", 1, "I would rather")
    assert reason in ran.end.error


async def test_failures_of_the_vendor_keep_their_codes(bench: Open) -> None:
    broken = Failed("Transient", "the answer broke off", "try again", 75)
    for answer, code in [
        (says(error=Unavailable("nobody is left to ask")), 69),
        (says(error=Transient("too many requests")), 75),
        (says("I look", failed=broken), 75),
    ]:
        made = bench(says("", LOOK), answer)
        ran = await made.work()
        assert (ran.end.exit_code, ran.data["complete"], ran.data["calls"]) == (code, False, 1)
        assert faults_of_session(made.state) == []


async def test_calls_of_an_answer_that_broke_off_never_run(bench: Open) -> None:
    broken = Failed("Transient", "the answer broke off", "try again", 75)
    made = bench(says("I do", ("write", {"path": "new.py", "content": "1"}), failed=broken))
    ran = await made.work()
    assert (ran.of(ToolStarted), (made.root / "new.py").exists()) == ([], False)
    assert faults_of_session(made.state) == []


# --- going round in circles -------------------------------------------------------------------------------------------


async def test_the_same_call_with_the_same_result_is_warned_of_and_then_ended(bench: Open) -> None:
    made = bench(*[says("", LOOK)] * STOP_AT)
    ran = await made.work()
    remarks = [text.rpartition("\n")[2] for text in ran.results]
    assert [remark.startswith("note: this same call") for remark in remarks] == [False] * (WARN_AT - 1) + [True] * 4
    assert f"same result {WARN_AT} times" in remarks[WARN_AT - 1]
    assert (ran.end.exit_code, ran.end.subtype) == (1, "Stuck")
    assert f"the same call {STOP_AT} times" in ran.end.error
    assert faults_of_session(made.state) == []


async def test_a_change_makes_the_same_call_a_new_one(bench: Open) -> None:
    def edit(before: int) -> Any:
        return ("edit", {"path": "shop/prices.py", "old": f'"apple": {before}', "new": f'"apple": {before + 1}'})

    answers = [says("", LOOK, edit(40 + at)) for at in range(STOP_AT + 2)]
    ran = await bench(*answers, says("Done.")).work()
    assert (ran.end.exit_code, [one for one in ran.results if "note: this same" in one]) == (0, [])


async def test_nothing_but_failures_ends_it(bench: Open) -> None:
    answers = [says("", ("read", {"path": f"missing{at}.py"})) for at in range(MOST_FAILED_TURNS)]
    made = bench(*answers)
    ran = await made.work()
    assert (ran.end.exit_code, ran.data["failed_calls"]) == (1, MOST_FAILED_TURNS)
    assert "missing11.py" in ran.end.error


async def test_one_call_that_works_starts_the_count_of_failures_anew(bench: Open) -> None:
    missing = [says("", ("read", {"path": f"missing{at}.py"})) for at in range(2 * MOST_FAILED_TURNS - 2)]
    middle = MOST_FAILED_TURNS - 1
    ran = await bench(*missing[:middle], says("", LOOK), *missing[middle:], says("I give up.")).work()
    assert (ran.end.exit_code, ran.end.answer) == (0, "I give up.")


# --- budgets ----------------------------------------------------------------------------------------------------------


async def ended_by(bench: Bench, kind: str) -> None:
    ran = await bench.work()
    (hit,) = ran.of(BudgetHit)
    assert (hit.kind, ran.end.exit_code, ran.end.status) == (kind, 5, "error")
    assert hit.used >= hit.limit > 0
    assert ran.data["complete"] is False
    assert ran.end.hint
    assert faults_of_session(bench.state) == []


async def test_each_budget_ends_with_its_name_and_a_history_to_go_on_with(bench: Open) -> None:
    look = says("I look.", LOOK)
    await ended_by(bench(look, look, overrides=("budget.turns=2",)), "turns")
    await ended_by(bench(look, says("", LOOK, LOOK, LOOK), overrides=("budget.tool_calls=3",)), "calls")
    await ended_by(bench(look, look, overrides=("budget.calls=2",)), "requests")
    await ended_by(bench(look, look, overrides=("budget.tokens=54",)), "tokens")
    await ended_by(bench(look, look, overrides=("budget.cost_usd=0.02",)), "money")


async def test_time_ends_it_wherever_it_is(bench: Open) -> None:
    slow = says("", ("run", {"command": "sleep 600"}))
    await ended_by(bench(slow, overrides=("budget.time_s=0.4",)), "time")


async def test_time_ends_a_silent_model(bench: Open) -> None:
    class Silent(Script):
        async def stream(self, request: Any) -> Any:
            async for event in super().stream(request):
                yield event
                if isinstance(event, TextDelta):
                    await asyncio.Event().wait()

    made = bench(overrides=("budget.time_s=0.05",))
    made.services.script = Silent(says("I think about it."))
    await ended_by(made, "time")
    assert "I think" in words_of(project_request(made.state, model="m").messages[1])


async def test_what_the_last_turn_of_a_budget_wanted_is_told_as_not_run(bench: Open) -> None:
    """The one answer runs its calls; another one is not asked for."""
    made = bench(says("", LOOK), overrides=("budget.turns=1",))
    ran = await made.work()
    assert ([one.is_error for one in ran.of(ToolFinished)], ran.end.exit_code) == ([False], 5)


def test_only_known_budgets_have_an_event() -> None:
    assert hit_of(BudgetEnded("enough")) is None
    assert hit_of(Exhausted("money", 2, 1)) == BudgetHit("money", 2, 1)


async def test_events_are_told_as_long_as_there_is_time() -> None:
    now = [0.0]
    budget = Budget(Allotment(time_s=2), clock=lambda: now[0])

    async def tell() -> Any:
        for at in range(9):
            await asyncio.sleep(0)
            now[0] = float(at)
            yield at

    heard = []

    async def listen() -> None:
        async for at in until(tell(), budget):
            heard.append(at)

    with pytest.raises(Exhausted, match="2 s"):
        await listen()
    assert heard == [0, 1, 2]
    assert [at async for at in until(tell(), Budget())] == list(range(9))


# --- data -------------------------------------------------------------------------------------------------------------


async def test_data_is_asked_for_behind_the_work_without_tools(bench: Open) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    made = bench(says("", LOOK), says("There are two."), says('{"n": 2}'))
    ran = await made.work(schema=schema)
    assert (ran.data["data"], ran.end.answer) == ({"n": 2}, '{"n": 2}')
    last = made.requests[-1]
    assert (last.response_schema, last.tool_choice, last.tools) == (schema, "none", made.requests[0].tools)
    assert faults_of_request(last) == []


async def test_words_in_place_of_data_are_a_failure(bench: Open) -> None:
    ran = await bench(says("There are two."), says("As I said: two.")).work(schema={"type": "object"})
    assert (ran.end.status, ran.end.exit_code) == ("error", 1)
    assert "data" not in ran.data


async def test_calls_in_place_of_data_never_run(bench: Open) -> None:
    made = bench(says("There are two."), says("", ("write", {"path": "n.json", "content": "{}"})))
    ran = await made.work(schema={"type": "object"})
    assert (ran.end.status, (made.root / "n.json").exists()) == ("error", False)
    assert faults_of_session(made.state) == []


# --- the beginning of each request ------------------------------------------------------------------------------------


async def test_a_second_wish_goes_on_with_the_conversation(bench: Open) -> None:
    made = bench(says("", LOOK), says("Two files."), says("Both."))
    await made.work("how many?")
    ran = await made.work("which are in Python?")
    assert ran.end.answer == "Both."
    assert made.requests[2].messages[: len(made.requests[1].messages)] == made.requests[1].messages
    assert len(ran.of(UserSpoke)) == 1
    assert ran.end.num_turns == 1


async def test_an_overflow_that_cannot_be_helped_is_told(bench: Open) -> None:
    made = bench(says(error=ContextOverflow("too long", needed_tokens=9, limit_tokens=8)))
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.subtype) == (1, "ContextOverflow")
    assert ran.of(AssistantSpoke) == []
