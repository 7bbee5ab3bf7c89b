"""The catalogue of models: lookup, cost, making it, fetching a newer one."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aiex.errors import StoreError, Transient, Unavailable
from aiex.llm.catalogue import SNAPSHOT, Catalogue, ModelInfo, Prices, cost_usd
from aiex.llm.cataloguing import to_catalogue, to_text
from aiex.llm.discovery import refresh_catalogue
from aiex.messages import Usage

LISTED = {
    "sample_spec": {"litellm_provider": "one of many", "mode": "chat"},
    "claude-x": {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "max_input_tokens": 1000,
        "max_output_tokens": 100,
        "input_cost_per_token": 4e-06,
        "output_cost_per_token": 2e-05,
        "cache_read_input_token_cost": 2e-07,
        "input_cost_per_token_above_200k_tokens": 8e-06,
        "supports_vision": True,
        "deprecation_date": "2027-01-31",
    },
    "gemini/embed-1": {"litellm_provider": "gemini", "mode": "embedding", "input_cost_per_token": 1e-07},
    "gemini/paint": {"litellm_provider": "gemini", "mode": "image_generation"},
    "odd": "not an entry",
}
CLAUDE = ModelInfo(
    "anthropic",
    "claude-x",
    context_tokens=1000,
    output_tokens=100,
    capabilities=frozenset({"images"}),
    prices=(Prices(4.0, 20.0, 0.2), Prices(8.0, 20.0, 0.2, above_tokens=200_000)),
    retires_on="2027-01-31",
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    path = tmp_path / "models.json"
    path.write_text(to_text(to_catalogue(LISTED, "a list")), encoding="utf-8")
    return Catalogue(str(path))


def test_the_list_becomes_what_we_use_of_it(catalogue: Catalogue) -> None:
    embedding = ModelInfo("gemini", "embed-1", "embedding", prices=(Prices(0.1),))
    assert list(catalogue) == [CLAUDE, embedding]
    assert catalogue.source == "a list"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-x"),
        ("anthropic", "Claude-X"),
        ("anthropic", "claude-x-20260101"),
        ("anthropic", "claude-x-latest"),
        ("openrouter", "anthropic/claude.x"),
        ("openrouter", "anthropic/claude-x:beta"),
    ],
)
def test_a_model_is_found_by_the_names_it_goes_by(catalogue: Catalogue, provider: str, model: str) -> None:
    assert catalogue.find(provider, model) == CLAUDE


@pytest.mark.parametrize(("provider", "model"), [("openai", "claude-x"), ("anthropic", "claude"), ("local", "x/y")])
def test_an_unknown_model_is_unknown(catalogue: Catalogue, provider: str, model: str) -> None:
    assert catalogue.find(provider, model) is None


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(1_000_000, 0), 8.0),
        (Usage(100_000, 100_000), 0.4 + 2.0),
        (Usage(100_000, 0, cache_read_tokens=50_000), 0.2 + 0.01),
        (Usage(100_000, 0, cache_write_tokens=100_000), 0.4),
        (Usage(100_000, None), None),
        (Usage(), None),
    ],
)
def test_the_cost_is_what_the_counts_and_prices_say(usage: Usage, dollars: float | None) -> None:
    assert cost_usd(usage, CLAUDE) == (None if dollars is None else pytest.approx(dollars))


def test_embeddings_cost_what_goes_in() -> None:
    assert cost_usd(Usage(1_000_000, 0), ModelInfo("a", "b", "embedding", prices=(Prices(0.1),))) == pytest.approx(0.1)


def test_the_cost_of_an_unknown_model_is_unknown() -> None:
    assert cost_usd(Usage(1, 1), None) is None
    assert cost_usd(Usage(1, 1), ModelInfo("a", "b")) is None
    assert cost_usd(Usage(1, 1), ModelInfo("a", "b", prices=(Prices(1.0),))) is None


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"form": 2, "source": "", "made_on": "", "models": {}}',
        '{"form": 1, "source": "", "made_on": "", "models": []}',
        '{"form": 1, "source": "", "made_on": "", "models": {"a/b": {"context": -1}}}',
        '{"form": 1, "source": "", "made_on": "", "models": {"a/b": {"prices": [[0, "much"]]}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_catalogue_is_told_as_such(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "models.json"
    path.write_text(damage, encoding="utf-8")
    with pytest.raises(StoreError, match="is damaged"):
        Catalogue(str(path))


def test_the_packaged_catalogue_is_small_and_knows_every_vendor() -> None:
    assert os.path.getsize(SNAPSHOT) < 200_000
    known = list(Catalogue())
    assert {info.provider for info in known} >= {"anthropic", "openai", "gemini", "deepseek", "mistral", "groq"}
    assert all(info.prices[0].above_tokens == 0 for info in known if info.prices)


@contextmanager
def served(status: int, body: bytes, etag: str = "") -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers everything alike, and the tags that were sent to it."""
    tags: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tags.append(self.headers["if-none-match"])
            same = bool(etag) and self.headers["if-none-match"] == etag
            self.send_response(304 if same else status)
            self.send_header("content-length", "0" if same else str(len(body)))
            if etag:
                self.send_header("etag", etag)
            self.end_headers()
            if not same:
                self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/models.json", tags
        server.shutdown()


def test_a_newer_catalogue_is_fetched_once(tmp_path: Path) -> None:
    with served(200, json.dumps(LISTED).encode(), '"tag-1"') as (url, tags):
        first = asyncio.run(refresh_catalogue(url, str(tmp_path)))
        again = asyncio.run(refresh_catalogue(url, str(tmp_path)))
    assert (first.is_new, again.is_new, tags) == (True, False, [None, '"tag-1"'])
    assert Catalogue(first.path).find("anthropic", "claude-x") == CLAUDE


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(404, b"", Unavailable), (200, b"<html>", StoreError), (200, b"{}", StoreError), (200, b"[1]", StoreError)],
)
def test_what_is_no_price_list_leaves_the_catalogue_alone(
    tmp_path: Path, status: int, body: bytes, error: type[Exception]
) -> None:
    with served(status, body) as (url, _tags), pytest.raises(error):
        asyncio.run(refresh_catalogue(url, str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_no_server_is_a_transient_failure(tmp_path: Path, closed_port: int) -> None:
    with pytest.raises(Transient, match="cannot fetch"):
        asyncio.run(refresh_catalogue(f"http://127.0.0.1:{closed_port}/", str(tmp_path)))
