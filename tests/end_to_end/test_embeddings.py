"""Code is found by its meaning too where a provider of embeddings is set; whatever goes wrong there is a warning."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex.digest import fingerprint
from tests.conftest import RunAiex
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import Answer, Asked
from tests.fakes.started import start_aiex

DIMENSIONS = 128
SAME = {"expense": "price", "prices": "price"}
"""Words that mean the same to the model, which no search for words can know."""


def embed(text: str) -> list[float]:
    """Adds up signs of each word, the same for words that mean the same."""
    vector = [0.0] * DIMENSIONS
    for word in "".join(sign if sign.isalnum() else " " for sign in text.lower()).split():
        bits = int(fingerprint(SAME.get(word, word).encode(), size_bytes=DIMENSIONS // 8), 16)
        for place in range(DIMENSIONS):
            vector[place] += 1.0 if bits >> place & 1 else -1.0
    return vector


class Embedding(FakeOpenAI):
    """A model that knows synonyms; `refuses` answers with a status instead, `silent_after` keeps later ones waiting."""

    refuses = 0
    silent_after = 10**9

    def route(self, asked: Asked) -> Answer:
        if self.refuses:
            return self.complain(self.refuses, "out of order")
        if asked.path == "/v1/embeddings" and len(self.requests) > self.silent_after:
            self.stopping.wait()
        if asked.path != "/v1/embeddings":
            return super().route(asked)
        rows = [{"index": place, "embedding": embed(text)} for place, text in enumerate(asked.body["input"])]
        return self.tell({"object": "list", "data": rows, "usage": {"prompt_tokens": 10 * len(rows)}})

    @property
    def texts(self) -> list[str]:
        """Everything that was embedded, in order."""
        return [text for asked in self.requests if asked.path == "/v1/embeddings" for text in asked.body["input"]]


@pytest.fixture
def server() -> Iterator[Embedding]:
    with Embedding() as running:
        yield running


@pytest.fixture
def shop(workspace: Path) -> Path:
    (workspace / ".git").mkdir()
    return workspace


def settings(server: FakeOpenAI) -> list[str]:
    return [
        *("--set", "context.embeddings=local/words", "--set", f"providers.local.base_url={server.base_url}"),
        *("--set", "retry.max_attempts=1"),
    ]


QUESTION = "expense"


def spans(answer: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.splitlines()]


def test_a_synonym_is_found_by_meaning_and_not_by_words(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    by_words = run_warm("query", "context", "--task", QUESTION, "--json", cwd=shop)
    by_meaning = run_warm("query", "context", "--task", QUESTION, "--json", *settings(server), cwd=shop)
    assert (by_words.stdout, by_words.returncode) == ("", 0)
    found = spans(by_meaning.stdout)
    assert (found[0]["path"], found[0]["symbol"]) == ("shop/prices.py", "price_of")
    assert found[0]["why"][0].startswith("means what ")
    assert (by_meaning.stderr, by_meaning.returncode) == ("", 0)


def test_nothing_is_asked_twice(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    (shop / "shop/again.py").write_text((shop / "shop/prices.py").read_text())
    first = run_warm("create", "index", "--json", *settings(server), cwd=shop)
    made = json.loads(first.stdout)["structured_output"]["vectors_made"]
    assert len(server.texts) == len(set(server.texts)) == made > 5
    again = run_warm("create", "index", "--json", *settings(server), cwd=shop)
    assert json.loads(again.stdout)["structured_output"]["vectors_made"] == 0
    for _ in range(2):
        run_warm("query", "context", "--task", QUESTION, *settings(server), cwd=shop)
    assert server.texts[made:] == [QUESTION]


def test_only_what_changed_is_asked_again(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    run_warm("create", "index", *settings(server), cwd=shop)
    made = len(server.texts)
    path = shop / "shop/basket.py"
    path.write_text(path.read_text().replace("The sum in cents.", "All of it."))
    run_warm("create", "index", *settings(server), cwd=shop)
    (changed,) = server.texts[made:]
    assert changed.startswith("shop/basket.py\nBasket.total\n")
    assert "All of it." in changed


def test_a_damaged_index_costs_no_vector(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    run_warm("create", "index", *settings(server), cwd=shop)
    made = len(server.texts)
    run_warm("create", "index", "--anew", *settings(server), cwd=shop)
    assert len(server.texts) == made


def test_tokens_of_vectors_are_told(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    result = json.loads(run_warm("create", "index", "--json", *settings(server), cwd=shop).stdout)
    assert result["usage"]["input_tokens"] == 10 * len(server.texts)
    assert "vectors made by local/words" in result["result"]


def test_offline_asks_nobody_and_compares_what_is_known(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    words = ("query", "context", "--task", QUESTION, *settings(server))
    unknown = run_warm(*words, "--offline", cwd=shop)
    assert server.requests == []
    assert "nobody is asked: code is found by words alone" in unknown.stderr
    online = run_warm(*words, cwd=shop)
    asked = len(server.requests)
    known = run_warm(*words, "--offline", cwd=shop)
    assert len(server.requests) == asked
    assert (known.stdout, known.stderr, known.returncode) == (online.stdout, "", 0)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_provider_that_fails_is_a_warning(status: int, server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    task = ("query", "context", "--task", "price_of", "--json")
    plain = run_warm(*task, cwd=shop)
    server.refuses = status
    asked = run_warm(*task, *settings(server), cwd=shop)
    assert (asked.stdout, asked.returncode) == (plain.stdout, 0)
    assert asked.stderr.startswith("warning: local/words gives no meaning to compare: ")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [("nobody/m", "no provider 'nobody' is configured"), ("openai/m", "no key for openai"), ("x", "expected provider")],
)
def test_a_provider_that_cannot_be_asked_is_told(model: str, said: str, shop: Path, run_warm: RunAiex) -> None:
    ended = run_warm("query", "context", "--task", "price_of", "--set", f"context.embeddings={model}", cwd=shop)
    assert said in ended.stderr
    assert ended.returncode == (78 if model == "x" else 0)


def test_a_budget_ends_the_asking_and_not_the_work(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    ended = run_warm("create", "index", *settings(server), "--max-tokens", "5", cwd=shop)
    assert server.requests == []
    assert "the budget of 5 tokens is used up" in ended.stderr
    assert ended.returncode == 0


def test_a_project_that_is_not_trusted_names_nobody(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    (shop / ".aiex").mkdir()
    (shop / ".aiex/config.toml").write_text(
        f'[context]\nembeddings = "local/words"\n[providers.local]\nbase_url = "{server.base_url}"\n'
    )
    ended = run_warm("query", "context", "--task", QUESTION, cwd=shop)
    assert server.requests == []
    assert "not trusted" in ended.stderr


def test_a_key_stays_at_home_when_a_project_moves_the_server(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    (shop / ".aiex").mkdir()
    (shop / ".aiex/config.toml").write_text(
        f'[context]\nembeddings = "openai/words"\n[providers.openai]\nbase_url = "{server.base_url}"\n'
    )
    run_warm("add", "trust", cwd=shop)
    run_warm("query", "context", "--task", QUESTION, cwd=shop, env={"OPENAI_API_KEY": "sk-of-the-person"})
    assert server.texts[-1] == QUESTION
    assert all("sk-of-the-person" not in str(asked.headers) for asked in server.requests)


def test_secret_files_are_not_sent(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    (shop / ".env").write_text("PASSWORD=hunter2\n")
    run_warm("create", "index", *settings(server), cwd=shop)
    assert server.texts
    assert all("hunter2" not in text for text in server.texts)


def test_the_vectors_of_each_model_are_shown(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    assert "none; context.embeddings names who makes them" in run_warm("show", "context", cwd=shop).stdout
    run_warm("create", "index", *settings(server), cwd=shop)
    count = len(server.texts)
    assert f"vectors  {count} of local/words\n" in run_warm("show", "context", *settings(server), cwd=shop).stdout
    assert f"vectors  {count} of local/words, not in use\n" in run_warm("show", "context", cwd=shop).stdout


def test_what_would_be_sent_is_shown_by_what_is_known(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    words = ("show", "context", "--task", QUESTION, *settings(server))
    before = run_warm(*words, cwd=shop)
    assert server.requests == []
    assert "nobody is asked" in before.stderr
    run_warm("query", "context", "--task", QUESTION, *settings(server), cwd=shop)
    after = run_warm(*words, cwd=shop)
    assert "shop/prices.py" in after.stdout
    assert after.stderr == ""


def test_a_question_is_sent_with_what_its_meaning_finds(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    server.say("40 cents.")
    words = ("ask", QUESTION, *settings(server), "-m", "local/fake-1", "--json")
    shown = run_warm(*words, "--explain", cwd=shop)
    assert server.requests == []
    assert "nobody is asked" in shown.stderr
    ended = json.loads(run_warm(*words, cwd=shop).stdout)
    question = json.dumps(server.requests[-1].body)
    assert "def price_of" in question
    assert ended["usage"]["input_tokens"] == 20 + 10 * len(server.texts)


def test_a_recording_holds_no_vectors(server: Embedding, shop: Path, run_warm: RunAiex, tmp_path: Path) -> None:
    tape = str(tmp_path / "tape")
    ended = run_warm("query", "context", "--task", QUESTION, *settings(server), "--record", tape, cwd=shop)
    assert server.requests == []
    assert "a recording holds no vectors" in ended.stderr


def test_ctrl_c_keeps_what_was_paid_for(server: Embedding, shop: Path, run_warm: RunAiex) -> None:
    for number in range(150):
        (shop / f"module{number}.py").write_text(f"def function{number}():\n    return {number}\n")
    server.silent_after = 1
    process = start_aiex("create", "index", *settings(server), cwd=shop)
    while len(server.requests) < 2:
        assert process.poll() is None, process.stderr and process.stderr.read()
        server.client_left.wait(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"interrupted\n")
    server.silent_after = 10**9
    paid = server.requests[0].body["input"]
    run_warm("create", "index", *settings(server), cwd=shop)
    later = [text for asked in server.requests[2:] for text in asked.body["input"]]
    assert len(paid) == 96
    assert not set(paid) & set(later)
    assert len(later) > 50
