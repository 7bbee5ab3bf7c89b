"""Embeddings within limits and budget, past a breaker, with what they cost."""

from __future__ import annotations

import os
from typing import Any

import pytest

from aiex.budget import Allotment, Budget, Exhausted
from aiex.errors import AiexError, ConfigError, NotSignedIn, Transient
from aiex.events import Retrying
from aiex.llm.embedder import Embedder, open_embedder
from aiex.llm.embedding import MOST_TEXTS
from aiex.llm.failover import Skipped
from aiex.llm.gate import Gate, OpenGate
from aiex.llm.retry import Policy
from aiex.llm.toll import Toll
from aiex.messages import Usage
from aiex.settings import load
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import Answer, Asked


def cost_of(name: str, usage: Usage) -> float | None:
    """A cent a token."""
    return None if usage.input_tokens is None else usage.input_tokens / 100


async def no_wait(seconds: float) -> None:
    """Time passes at once."""


def embedder_of(server: FakeOpenAI, *settings: str, gate: Gate | None = None, model: str = "p/fake-1") -> Embedder:
    overrides = [f"providers.p.base_url={server.base_url}", "providers.p.api_key_env=P_KEY", *settings]
    loaded = load(None, overrides=overrides, environ={})
    embedder = open_embedder(loaded, model, environ=os.environ, gate=gate or OpenGate(), cost_of=cost_of)
    embedder._policy = Policy(loaded.get("retry.max_attempts"), sleep=no_wait)
    return embedder


class Failing(FakeOpenAI):
    """Fails so many times, then embeds."""

    failures = 0
    status = 500

    def route(self, asked: Asked) -> Answer:
        if len(self.requests) <= self.failures:
            return self.complain(self.status, "oops", "rate_limit_exceeded" if self.status == 429 else "")
        return super().route(asked)


class Noting(OpenGate):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def before(self, target_name: str, key_id: str, tokens: int) -> object:
        self.told.append(("before", target_name, tokens))
        return None

    async def after(self, lease: object, usage: Usage | None) -> None:
        self.told.append(("after", usage))

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        self.told.append(("pushed", target_name))


async def test_what_was_used_is_added_up() -> None:
    with FakeOpenAI() as server:
        embedder = embedder_of(server)
        vectors = await embedder(["word"] * (MOST_TEXTS + 1))
        await embedder.aclose()
    assert len(vectors) == MOST_TEXTS + 1
    assert embedder.questions == len(server.requests) == 2
    assert embedder.input_tokens == 3 * (MOST_TEXTS + 1)
    assert embedder.cost_usd == pytest.approx(3 * (MOST_TEXTS + 1) / 100)


async def test_the_gate_is_asked_before_each_question_and_told_what_it_used() -> None:
    gate = Noting()
    with FakeOpenAI() as server:
        await embedder_of(server, gate=gate)(["a word"])
    assert gate.told == [("before", "p/fake-1", 3), ("after", Usage(3, 0))]


@pytest.mark.parametrize("allotment", [Allotment(requests=1), Allotment(tokens=4), Allotment(cost_usd=0.04)])
async def test_a_budget_ends_between_questions(allotment: Allotment) -> None:
    with FakeOpenAI() as server:
        embedder = embedder_of(server, gate=Toll(Budget(allotment), cost_of))
        await embedder(["a"])
        with pytest.raises(Exhausted):
            await embedder(["b" * 9])
        await embedder.aclose()
    assert len(server.requests) == 1


async def test_a_failure_is_asked_again_and_each_wait_told() -> None:
    told: list[Retrying] = []
    gate = Noting()
    with Failing() as server:
        server.failures = 2
        embedder = embedder_of(server, gate=gate)
        embedder.tell = told.append
        assert len(await embedder(["a"])) == 1
    assert [event.attempt for event in told] == [2, 3]
    assert [kind for kind, *_ in gate.told] == ["before", "after"] * 3


async def test_a_limit_of_the_vendor_is_told_to_the_gate() -> None:
    gate = Noting()
    with Failing() as server:
        server.failures, server.status = 1, 429
        await embedder_of(server, gate=gate)(["a"])
    assert ("pushed", "p/fake-1") in gate.told


async def test_a_server_that_stays_broken_is_given_up_and_left_alone() -> None:
    with Failing() as server:
        server.failures = 10**6
        embedder = embedder_of(server)
        with pytest.raises(Transient, match="oops"):
            await embedder(["a"])
        asked = len(server.requests)
        with pytest.raises(Skipped, match="was not asked"):
            await embedder_of(server)(["a"])
    assert asked == len(server.requests) == 5


@pytest.mark.parametrize(
    ("model", "error"), [("nobody/m", ConfigError), ("openai/text-embedding-3-small", NotSignedIn)]
)
async def test_whom_to_ask_is_looked_up_when_it_is_needed(model: str, error: type[AiexError]) -> None:
    with FakeOpenAI() as server:
        embedder = embedder_of(server, model=model)
        with pytest.raises(error):
            await embedder(["a"])
    assert server.requests == []


async def test_faults_on_purpose_reach_embeddings_too() -> None:
    with FakeOpenAI() as server:
        embedder = embedder_of(server, "chaos.rate=1", "retry.max_attempts=1")
        with pytest.raises(AiexError):
            await embedder(["a"])
        await embedder.aclose()
