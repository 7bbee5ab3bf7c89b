"""Servers that are asked beside conversations: each is on record, and none is asked that a rule denies."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aiex.cli.driver import execute
from aiex.cli.main import parse
from aiex.errors import Denied, Transient, Unavailable
from aiex.events import TurnEnded
from aiex.guard.actions import Decision
from aiex.guard.audit.entries import Outcome, Verdict
from aiex.guard.audit.log import find_places, open_keys
from aiex.guard.audit.reading import Reading, Wanted
from aiex.llm.issuers import discover
from aiex.llm.oauth import renew, revoke, sign_in_by_device
from aiex.wiring import Services
from tests.fakes.issuer import CLIENT, FakeIssuer
from tests.fakes.openai_server import FakeOpenAI

pytestmark = pytest.mark.usefixtures("own_keys")
ASKS = [("test", "key", "corp"), ("test", "provider", "corp"), ("list", "models", "--live", "corp")]


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def run(cwd: Path, words: tuple[str, ...], chosen: dict[str, str]) -> TurnEnded:
    invocation = parse([*words, *(f"--set={name}={value}" for name, value in chosen.items())])
    flags, environ = invocation.flags, {**os.environ, "CORP_KEY": "k-1234567890"}
    services = Services(str(cwd), overrides=flags.overrides, flags=flags.to_settings(), environ=environ)
    with closing(services):
        return execute(invocation.work.prepare(services)(), lambda _event: None, waits=True)


def corp(server: FakeOpenAI) -> dict[str, str]:
    return {"providers.corp.base_url": server.base_url, "providers.corp.api_key_env": "CORP_KEY"}


def on_record() -> list[tuple[str, str, dict[str, str]]]:
    places = find_places()
    found = [one.entry for one in Reading(places.log, open_keys(places), Wanted(kind="network")) if one.entry]
    return [(effect_of(entry.verdict), entry.action.subject, dict(entry.action.detail)) for entry in found]


def effect_of(verdict: Verdict) -> str:
    return verdict.effect if isinstance(verdict, Decision) else verdict.status if isinstance(verdict, Outcome) else ""


@pytest.mark.parametrize("words", ASKS)
def test_asking_for_models_is_on_record(tmp_path: Path, server: FakeOpenAI, words: tuple[str, ...]) -> None:
    assert run(tmp_path, words, corp(server)).exit_code == 0
    host = urlsplit(server.base_url).netloc
    detail = {"for": "list of models", "set in": "--set"}
    assert on_record() == [("allow", host, detail), ("done", host, detail)]


@pytest.mark.parametrize("words", ASKS)
def test_a_rule_keeps_it_from_being_asked(tmp_path: Path, server: FakeOpenAI, words: tuple[str, ...]) -> None:
    run(tmp_path, ("add", "policy", "deny network 127.0.0.1"), {})
    with pytest.raises(Denied, match="deny network"):
        run(tmp_path, words, corp(server))
    assert server.requests == []
    assert [effect for effect, _host, _detail in on_record()] == ["deny"]


def test_fetching_a_catalogue_is_on_record(tmp_path: Path, closed_port: int) -> None:
    with pytest.raises(Transient):
        run(tmp_path, ("list", "models", "--refresh"), {"catalogue.url": f"http://127.0.0.1:{closed_port}/models.json"})
    host, detail = f"127.0.0.1:{closed_port}", {"for": "catalogue", "set in": "--set"}
    assert on_record() == [("allow", host, detail), ("failed", host, detail)]


async def test_every_request_to_an_issuer_is_a_visit() -> None:
    told: list[tuple[str, int]] = []

    @asynccontextmanager
    async def visit(host: str, place: str, name: str) -> AsyncIterator[Any]:
        assert (host, name) == (urlsplit(issuer.url).netloc, "sign-in")
        told.append((place, len(issuer.requests)))
        yield None

    async def wait(_seconds: float) -> None:
        return

    with FakeIssuer() as issuer:
        described = await discover(issuer.url, CLIENT, ("openid", "offline_access"), place="a file", visit=visit)
        tokens = await sign_in_by_device(described, "https://x", lambda *_: None, sleep=wait, visit=visit)
        await revoke(await renew(tokens, name="corp", visit=visit), name="corp", visit=visit)
        assert [count for _, count in told] == list(range(len(issuer.requests)))
    assert [place for place, _ in told] == ["a file"] * 4 + ["the sign-in of corp"] * 2


async def test_an_answer_of_an_issuer_that_is_none_is_a_visit_that_failed() -> None:
    ended: list[str] = []

    @asynccontextmanager
    async def visit(_host: str, _place: str, _name: str) -> AsyncIterator[Any]:
        try:
            yield None
        except Unavailable:
            ended.append("failed")
            raise
        ended.append("done")

    async def wait(_seconds: float) -> None:
        return

    with FakeIssuer() as issuer:
        with pytest.raises(Unavailable, match="does not describe this issuer"):
            await discover(f"{issuer.url}/elsewhere", CLIENT, ("openid",), visit=visit)
        described = await discover(issuer.url, CLIENT, ("openid",))
        keyless = replace(described, jwks_url=f"{issuer.url}/elsewhere")
        with pytest.raises(Unavailable, match="does not show the keys"):
            await sign_in_by_device(keyless, "https://x", lambda *_: None, sleep=wait, visit=visit)
    assert ended == ["failed", "done", "done", "failed"]
