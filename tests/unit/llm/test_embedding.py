"""Embeddings over a real socket, by every protocol that has them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from aiex.errors import AiexError, NotSignedIn, Rejected, Transient, Unavailable, UsageError
from aiex.events import Retrying
from aiex.llm import embedding
from aiex.llm.embedding import Embedded, embed
from aiex.llm.endpoints import Target, find_target
from aiex.llm.retry import Policy
from aiex.messages import Usage
from aiex.settings import load
from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.gemini_server import FakeGemini
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.responses_server import FakeResponses
from tests.fakes.server import Answer, Asked

FAKES = {
    "openai-chat": FakeOpenAI,
    "openai-responses": FakeResponses,
    "gemini": FakeGemini,
    "ollama": FakeOllama,
}
TEXTS = ["a", "bbbb", "ccc", "dd", "eeeee", "", "wörd\ud800"]


def target_of(server: Any, protocol: str, key: str = "") -> Target:
    overrides = [f"providers.p.base_url={server.base_url}", f"providers.p.protocol={protocol}"]
    overrides.append("providers.p.api_key_env=P_KEY")
    return find_target(load(None, overrides=overrides, environ={}), "p/fake-1", {"P_KEY": key} if key else {})


class Broken(FakeOpenAI):
    """Gives the queued answers first, then embeds as usual."""

    def __init__(self, *answers: tuple[int, dict[str, str], Any], **how: Any) -> None:
        super().__init__(**how)
        self.answers = list(answers)

    def route(self, asked: Asked) -> Answer:
        if not self.answers:
            return super().route(asked)
        status, headers, body = self.answers.pop(0)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer((data,), status, {"content-type": "application/json", **headers})


def rows(*vectors: Any) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"data": [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]}


async def _no_wait(seconds: float) -> None:
    """Time passes at once."""


AT_ONCE = Policy(sleep=_no_wait)


@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("protocol", FAKES)
def test_each_text_gets_its_own_vector_however_they_are_grouped(protocol: str, batch: int) -> None:
    with FAKES[protocol]() as server:
        result = asyncio.run(embed(TEXTS[:5], target_of(server, protocol), batch=batch))
    assert [vector[0] for vector in result.vectors] == [1.0, 4.0, 3.0, 2.0, 5.0]
    assert {len(vector) for vector in result.vectors} == {result.dimensions}
    assert result.model == "p/fake-1"
    assert len(server.requests) == -(-5 // batch)


@pytest.mark.parametrize("protocol", FAKES)
def test_empty_texts_and_halves_of_pairs_are_sent_as_something_that_vendors_take(protocol: str) -> None:
    with FAKES[protocol]() as server:
        result = asyncio.run(embed(TEXTS, target_of(server, protocol)))
    assert len(result.vectors) == len(TEXTS)


def test_usage_is_the_sum_of_all_questions() -> None:
    with FakeOpenAI() as server:
        result = asyncio.run(embed(TEXTS, target_of(server, "openai-chat"), batch=2))
    assert result.usage == Usage(input_tokens=3 * len(TEXTS))


def test_usage_is_unknown_when_one_answer_did_not_tell_it() -> None:
    with Broken(rows([1.0, 0.5])) as server:
        result = asyncio.run(embed(["a", "b"], target_of(server, "openai-chat"), batch=1))
    assert result.usage == Usage()


def test_large_texts_are_spread_over_several_questions() -> None:
    texts = ["ä" * (embedding.MOST_BYTES // 4), "b", "c" * (embedding.MOST_BYTES * 2), "d"]
    with FakeOpenAI() as server:
        result = asyncio.run(embed(texts, target_of(server, "openai-chat")))
    assert [len(asked.body["input"]) for asked in server.requests] == [2, 1, 1]
    assert [vector[0] for vector in result.vectors] == [float(len(text)) for text in texts]


def test_nothing_is_asked_for_no_text() -> None:
    with FakeOpenAI() as server:
        assert asyncio.run(embed([], target_of(server, "openai-chat"))) == Embedded((), Usage(0), "p/fake-1", 0)
    assert server.requests == []


def test_a_protocol_without_embeddings_names_providers_that_have_them() -> None:
    with FakeAnthropic() as server, pytest.raises(UsageError) as caught:
        asyncio.run(embed(["a"], target_of(server, "anthropic")))
    assert "p has no embeddings" in caught.value.message
    assert "openai, gemini, ollama" in caught.value.hint
    assert "deepseek" not in caught.value.hint
    assert "anthropic" not in caught.value.hint


def test_a_batch_has_at_least_one_text() -> None:
    with FakeOpenAI() as server, pytest.raises(UsageError, match="not 0"):
        asyncio.run(embed(["a"], target_of(server, "openai-chat"), batch=0))


@pytest.mark.parametrize(
    "answer",
    [
        rows([1.0, 0.5]),
        rows([1.0, 0.5], [1.0]),
        rows([], []),
        rows([1.0, float("nan")], [1.0, 2.0]),
        (200, {}, {"data": "none"}),
        (200, {}, b"<html>"),
        rows(["x"], [1.0]),
    ],
    ids=["too few", "odd lengths", "empty", "not a number", "no rows", "a page", "words"],
)
def test_answers_that_are_no_embeddings_are_refused(answer: Any) -> None:
    with Broken(answer) as server, pytest.raises(Rejected):
        asyncio.run(embed(["a", "b"], target_of(server, "openai-chat"), policy=AT_ONCE))


def test_vectors_of_another_length_in_a_later_answer_are_refused() -> None:
    with Broken(rows([1.0, 0.5, 0.25])) as server, pytest.raises(Rejected, match="vectors of 3 and of 2 numbers"):
        asyncio.run(embed(["a", "b"], target_of(server, "openai-chat"), batch=1))


def test_a_rate_limit_is_waited_for_as_long_as_the_vendor_wishes_and_told() -> None:
    told: list[Retrying] = []
    limited = (429, {"retry-after": "7"}, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}})
    with Broken(limited) as server:
        result = asyncio.run(embed(["a"], target_of(server, "openai-chat"), policy=AT_ONCE, tell=told.append))
    assert result.vectors == ((1.0, 0.5),)
    assert [(wait.attempt, wait.wait_s) for wait in told] == [(2, 7.0)]
    assert "slow down" in told[0].reason


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (401, NotSignedIn), (404, AiexError)], ids=["bad", "key", "unknown model"]
)
def test_what_will_not_get_better_is_asked_once(status: int, kind: type[AiexError]) -> None:
    refusal = (status, {}, {"error": {"message": "no"}})
    with Broken(refusal, refusal, refusal) as server, pytest.raises(kind):
        asyncio.run(embed(["a"], target_of(server, "openai-chat"), policy=AT_ONCE))
    assert len(server.requests) == 1


def test_a_server_that_stays_broken_is_given_up() -> None:
    down = (500, {}, {"error": {"message": "oops"}})
    with Broken(*[down] * 9) as server, pytest.raises(Transient, match="oops"):
        asyncio.run(embed(["a"], target_of(server, "openai-chat"), policy=AT_ONCE))
    assert len(server.requests) == 5


def test_nobody_there_is_unavailable() -> None:
    with FakeOpenAI() as server:
        target = target_of(server, "openai-chat")
    with pytest.raises(Unavailable):
        asyncio.run(embed(["a"], target, policy=AT_ONCE))


def test_the_key_is_in_no_word_of_an_error() -> None:
    with FakeOpenAI(key="right") as server, pytest.raises(NotSignedIn) as caught:
        asyncio.run(embed(["a"], target_of(server, "openai-chat", key="my-wrong-key")))
    assert "my-wrong-key" not in caught.value.message + caught.value.hint + str(caught.value)


def test_leaving_early_asks_no_further_and_leaves_no_task_behind() -> None:
    async def cancelled(ask: Callable[[], Any]) -> None:
        task = asyncio.create_task(ask())
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert len(asyncio.all_tasks()) == 1

    with FakeOpenAI() as server:
        target = target_of(server, "openai-chat")
        asyncio.run(cancelled(lambda: embed(["a"] * 50, target, batch=1)))
    assert len(server.requests) < 50
