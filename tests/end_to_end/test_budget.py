"""A run keeps to its budget in money, its helpers included, and what it spent is said wherever it is asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from aiex import dirs
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import call

Run = Callable[..., CompletedProcess[str]]
MODELS = {
    "form": 1,
    "source": "a price list of one's own",
    "made_on": "2026-09-01",
    "models": {"one/fake-1": {"context": 100_000, "prices": [[0, 1_000, 2_000, None, None]]}},
}
"""A thousandth of a dollar for a token in, two for one out."""
COUNTS = {"prompt_tokens": 3_000, "completion_tokens": 500, "total_tokens": 3_500}
"""Of each answer, for 4 dollars; a request takes at least 2 by its estimate, and less than 4."""
LOOK = call("list", path=".")
TASK = call("task", task="find the prices")


@pytest.fixture
def aiex(run_warm: Run, vendor: FakeOpenAI, workspace: Path) -> Run:
    """`aiex run look …` with a model that has a price."""
    folder = Path(dirs.cache_dir(os.environ))
    folder.mkdir(parents=True)
    (folder / "models.json").write_text(json.dumps(MODELS))
    server = ("--set", f"providers.one.base_url={vendor.base_url}", "--set", "providers.one.protocol=openai-chat")
    return lambda *words: run_warm("run", "look", *server, "-m", "one/fake-1", *words, cwd=workspace)


def lines_of(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def usage(run_warm: Run) -> dict[str, Any]:
    """What `aiex list usage` says of the one model."""
    (row,) = json.loads(run_warm("list", "usage", "-o", "json").stdout)["structured_output"]["usage"]
    return {name: row[name] for name in ("model", "calls", "input_tokens", "output_tokens", "cost_usd")}


def test_money_ends_a_run_before_the_request_for_which_none_is_left(aiex: Run, vendor: FakeOpenAI) -> None:
    for _ in range(4):
        vendor.say("I look.", calls=(LOOK,), usage=COUNTS)
    done = aiex("--max-cost", "9", "-o", "stream-json")
    *_, hit, result = lines_of(done)
    assert (done.returncode, result["exit_code"], result["subtype"]) == (5, 5, "BudgetEnded")
    assert (hit["type"], hit["kind"], hit["used"], hit["limit"]) == ("budget", "money", 8.0, 9.0)
    assert "the budget of $9.0000 is used up ($8.0000, and the next request takes at least $" in result["error"]
    assert "-c" in result["hint"]
    assert "--max-cost" in result["hint"]
    assert (len(vendor.requests), result["total_cost_usd"], result["usage"]["input_tokens"]) == (2, 8.0, 6_000)


def test_what_a_helper_spends_is_of_the_same_money_and_in_every_sum(
    aiex: Run, vendor: FakeOpenAI, run_warm: Run
) -> None:
    vendor.say("I send somebody.", calls=(TASK,), usage=COUNTS)
    for _ in range(9):
        vendor.say("I look.", calls=(LOOK,), usage=COUNTS)
    done = aiex("--max-cost", "13", "-o", "stream-json")
    told = lines_of(done)
    assert (done.returncode, len(vendor.requests)) == (5, 3)
    (sent,) = [line["call_id"] for line in told if line["type"] == "tool_use"]
    of_helper = [line for line in told if line["type"] == "usage" and line.get("call_id") == sent]
    assert [(line["model"], line["input_tokens"], line["cost_usd"]) for line in of_helper] == [
        ("one/fake-1", 3_000, 4)
    ] * 2
    assert any("2 requests, 7,000 tokens, $8.0000" in line.get("text", "") for line in told)
    (failed,) = [line for line in told if line["type"] == "tool_result" and line.get("subtype") == "finished"]
    assert (failed["is_error"], "the budget of $13.0000 is used up" in failed["text"]) == (True, True)
    assert {line["used"] for line in told if line["type"] == "budget"} == {12.0}
    result = told[-1]
    assert (result["total_cost_usd"], result["usage"]["input_tokens"], result["usage"]["output_tokens"]) == (
        12,
        9_000,
        1_500,
    )
    assert usage(run_warm) == {
        "model": "one/fake-1", "calls": 3, "input_tokens": 9_000, "output_tokens": 1_500, "cost_usd": 12.0,
    }  # fmt: skip


def test_a_helper_that_comes_to_its_end_is_in_every_sum(aiex: Run, vendor: FakeOpenAI, run_warm: Run) -> None:
    vendor.say("I send somebody.", calls=(TASK,), usage=COUNTS)
    vendor.say("I look.", calls=(LOOK,), usage=COUNTS)
    vendor.say("In the shop.", usage=COUNTS)
    vendor.say("Thanks.", usage=COUNTS)
    done = aiex("--max-cost", "50", "-o", "json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["result"], len(vendor.requests)) == (0, "Thanks.", 4)
    assert (result["total_cost_usd"], result["usage"]["input_tokens"]) == (16, 12_000)
    assert usage(run_warm) == {
        "model": "one/fake-1", "calls": 4, "input_tokens": 12_000, "output_tokens": 2_000, "cost_usd": 16.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "kind", "sent"),
    [
        (("--max-tokens", "8000"), "tokens", 2),
        (("--set", "budget.calls=2"), "requests", 2),
        (("--max-turns", "2"), "turns", 2),
        (("--set", "budget.tool_calls=1"), "calls", 2),
    ],
)
def test_every_other_kind_ends_it_in_the_same_way(
    flags: tuple[str, ...], kind: str, sent: int, aiex: Run, vendor: FakeOpenAI
) -> None:
    for _ in range(4):
        vendor.say("I look.", calls=(LOOK,), usage=COUNTS)
    done = aiex(*flags, "-o", "stream-json")
    *_, hit, result = lines_of(done)
    assert (done.returncode, hit["type"], hit["kind"], len(vendor.requests)) == (5, "budget", kind, sent)
    assert (result["subtype"], "is used up" in result["error"], "go on with" in result["hint"]) == (
        "BudgetEnded", True, True,
    )  # fmt: skip


def test_a_budget_that_ends_in_the_middle_of_an_answer_is_named_too(aiex: Run, vendor: FakeOpenAI) -> None:
    vendor.say("I think about it for a long while. " * 20, cut_at_byte=3_000)
    done = aiex("--set", "budget.calls=1", "-o", "stream-json")
    told = lines_of(done)
    assert (done.returncode, len(vendor.requests)) == (5, 1)
    assert [(line["kind"], line["used"], line["limit"]) for line in told if line["type"] == "budget"] == [
        ("requests", 1, 1)
    ]
    assert told[-1]["subtype"] == "BudgetEnded"
    assert "go on with" in told[-1]["hint"]


def test_money_is_not_kept_by_guessing_a_price(aiex: Run, vendor: FakeOpenAI) -> None:
    vendor.models = ("fake-1", "fake-2")
    done = aiex("--max-cost", "9", "-m", "one/fake-2")
    assert (done.returncode, vendor.requests) == (78, [])
    assert "the price of one/fake-2 is unknown" in done.stderr
