"""Settings become a chain of models."""

from typing import Any

import pytest

from aiex import settings
from aiex.errors import AiexError, ConfigError, NotSignedIn
from aiex.events import Failed, FailedOver, Stopped
from aiex.llm.retry import Policy
from aiex.llm.router import Router, open_stream
from aiex.llm.stores.health import HealthStore
from aiex.messages import Document, Message, Request
from tests.fakes.vendors import ASK, SERVERS, shown
from tests.fakes.wires import InProcess


def open_chain(*models: str, overrides: tuple[str, ...] = (), environ: Any = None, **how: Any) -> Router:
    local = ["providers.a.base_url=http://127.0.0.1:1/v1", "providers.b.base_url=http://127.0.0.1:1/v1"]
    loaded = settings.load(None, overrides=[*local, *overrides], environ={})
    policy = Policy(max_attempts=1)
    return open_stream(loaded, models[0], environ=environ or {}, store=HealthStore(), policy=policy, **how)


async def collect(stream: Router, request: Request = ASK) -> list[Any]:
    return [event async for event in stream(request)]


async def chain_of(stream: Router) -> str:
    """What everybody in the chain said, when nobody can be reached."""
    with pytest.raises(AiexError) as caught:
        await collect(stream)
    return caught.value.message


async def test_the_settings_name_the_chain() -> None:
    told = await chain_of(open_chain("a/one", overrides=('fallback_models=["b/two", "a/three"]',)))
    assert [name in told for name in ("a/one: ", "b/two: ", "a/three: ")] == [True] * 3


async def test_words_of_the_caller_outdo_the_settings() -> None:
    told = await chain_of(open_chain("a/one", overrides=('fallback_models=["b/two"]',), fallbacks=("b/other",)))
    assert "b/other: " in told
    assert "b/two" not in told


async def test_nobody_is_in_the_chain_twice() -> None:
    assert "nobody of the chain" not in await chain_of(open_chain("a/one", fallbacks=("a/one",)))


def test_a_model_without_a_key_is_an_error_when_it_is_alone() -> None:
    with pytest.raises(NotSignedIn):
        open_chain("openai/x")
    with pytest.raises(NotSignedIn):
        open_chain("openai/x", fallbacks=("openai/y",))


def test_a_fallback_that_is_not_configured_is_an_error_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError):
        open_chain("a/one", fallbacks=("nowhere/x",))


async def test_a_model_without_a_key_is_passed_over_when_others_follow() -> None:
    server = SERVERS["openai-chat"]()
    server.say("Hi")
    events = await collect(open_chain("openai/x", fallbacks=("a/fake-1",), connect=InProcess(server).connect))
    server._http.server_close()
    assert isinstance(events[0], FailedOver)
    assert (events[0].from_provider, events[0].to_provider) == ("openai/x", "a/fake-1")
    assert "no key for openai" in events[0].reason
    assert shown(events) == "Hi"


async def test_offline_can_be_the_last_of_a_chain() -> None:
    request = Request("m", (Message("user", (Document("briefing", "text/markdown", "# A\n\nOne.\n"),)),))
    events = await collect(open_chain("a/one", fallbacks=("offline",)), request)
    assert events[0].to_provider == "offline"
    assert events[-1] == Stopped("end_turn")
    assert not any(isinstance(event, Failed) for event in events)


async def test_closing_may_be_done_at_any_time() -> None:
    for stream in (open_chain("a/one"), open_chain("offline")):
        await stream.aclose()
        await stream.aclose()
