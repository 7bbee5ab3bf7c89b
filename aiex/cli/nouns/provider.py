"""Model vendors and servers that are configured, and how they fare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import monotonic, strftime
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Job, Work, answered, report
from aiex.errors import AiexError, ConfigError, Transient, UsageError
from aiex.events import Event, Failed, Progressed, Stopped, TextDelta, TurnEnded
from aiex.wiring import OFFLINE, Services

if TYPE_CHECKING:
    from aiex.llm.health import Standing

TEST_TOKENS = 400
"""Room for an answer of one word, with some thinking before it."""


@click.command("list")
def list_providers() -> Work:
    """List the configured providers; asks none of them."""
    return report("list providers", _list)


@click.command("show")
@click.argument("name", metavar="PROVIDER")
def show_provider(name: str) -> Work:
    """Show where a provider is, what it speaks, its limits, and how its models fared lately; asks nobody."""
    return report("show provider", lambda services: _show(services, name))


@click.command("test")
@click.argument("name", metavar="PROVIDER[/MODEL]")
def test_provider(name: str) -> Work:
    """Ask a provider: list its models, or let MODEL say one word, which may cost a little."""

    def prepare(services: Services) -> Job:
        return lambda: _test(services, name)

    return Work("test provider", prepare, waits=True)


def _list(services: Services) -> TurnEnded:
    settings = services.settings
    in_use, _model = settings.provider_and_model()
    providers = [_describe(services, name) for name in settings.providers()]
    standings = _standings(services)
    rows = [
        (entry["name"], entry["base_url"], _key_state(entry), _health_words(entry["name"], standings))
        for entry in providers
    ]
    rows.append((OFFLINE, "no network", "needs none", ""))
    marked = [("*" if row[0] == in_use else "", *row) for row in rows]
    text = columns(marked, head=("", "PROVIDER", "ADDRESS", "KEY", "LATELY"))
    for entry in providers:
        entry["health"] = [_standing_data(one) for one in standings if one.name.startswith(f"{entry['name']}/")]
    return answered(f"{text}\n\n* answers now; change it with: aiex set config model PROVIDER/MODEL",
                    {"in_use": in_use, "providers": providers})  # fmt: skip


def _describe(services: Services, name: str) -> dict[str, Any]:
    def get(field: str) -> str:
        return str(services.settings.get(f"providers.{name}.{field}"))

    variable = get("api_key_env")
    return {
        "name": name,
        "protocol": get("protocol"),
        "base_url": get("base_url"),
        "api_key_env": variable,
        "has_key": bool(variable and services.environ.get(variable)),
        "kept_in": _kept_in(services, name),
    }


def _kept_in(services: Services, name: str) -> str:
    """Where a key or a sign-in is kept, opening nothing; empty for none, or when that cannot be read."""
    from aiex.cli.nouns.key import store_of
    from aiex.errors import StoreError
    from aiex.llm.credentials import login_name

    try:
        places = store_of(services).places()
    except StoreError:
        return ""
    return places.get(f"key:{name}") or ("sign-in" if login_name(name) in places else "")


def _key_state(entry: dict[str, Any]) -> str:
    if entry["kept_in"] and not entry["has_key"]:
        return "signed in" if entry["kept_in"] == "sign-in" else f"kept ({entry['kept_in']})"
    if not entry["api_key_env"]:
        return "needs none"
    return f"{entry['api_key_env']} ({'set' if entry['has_key'] else 'not set'})"


# --- health ---------------------------------------------------------------------------------------------------------


def _standings(services: Services, provider: str = "") -> list[Standing]:
    """How models fared, those of one provider or all; none when nothing was asked yet."""
    import os

    from aiex.llm.health import open_store, read_standings

    store = open_store(services.environ)
    if not os.path.exists(store.path):
        return []
    return [one for one in read_standings(store) if one.name.startswith(f"{provider}/" if provider else "")]


def _health_words(provider: str, standings: list[Standing]) -> str:
    own = [one for one in standings if one.name.startswith(f"{provider}/")]
    if not own:
        return ""
    failures = sum(sum(one.failures.values()) for one in own)
    words = f"{sum(one.successes for one in own)} answered, {failures} failed"
    waiting = [one.name.partition("/")[2] for one in own if one.breaker != "closed"]
    return f"{words}; left alone for now: {', '.join(waiting)}" if waiting else words


def _show(services: Services, name: str) -> TurnEnded:
    _require(services, name)
    settings, entry = services.settings, _describe(services, name)
    rows = [("provider", name), ("address", entry["base_url"] or "not set")]
    rows += [("protocol", _protocol_words(entry)), ("key", _key_state(entry))]
    for field in ("connect", "first_byte", "idle", "total"):
        rows.append(
            (f"{field.replace('_', ' ')} timeout", f"{settings.get(f'providers.{name}.{field}_timeout_s'):g} s")
        )
    for field in ("requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day"):
        limit = settings.get(f"providers.{name}.{field}")
        if limit:
            rows.append((field.replace("_", " "), f"{limit:,}"))
    standings = _standings(services, name)
    text = columns(rows)
    if standings:
        head = ("MODEL", "ANSWERED", "FAILED", "FIRST BYTE", "BREAKER", "LAST ERROR")
        text += "\n\n" + columns([_standing_row(one) for one in standings], head=head)
    return answered(text, entry | {"health": [_standing_data(one) for one in standings]})


def _require(services: Services, name: str) -> None:
    from aiex.settingkeys import nearest

    known = services.settings.providers()
    if name not in known:
        raise ConfigError(f"there is no provider {name!r}", hint=nearest(name, known))


def _protocol_words(entry: dict[str, Any]) -> str:
    from aiex.llm.endpoints import load_codec

    try:
        codec = load_codec(entry["protocol"], entry["name"], entry["base_url"])
    except AiexError as error:
        return f"{entry['protocol']} ({error.message})"
    return codec.name


def _standing_row(one: Standing) -> tuple[str, ...]:
    failures = ", ".join(f"{count} {kind or 'other'}" for kind, count in sorted(one.failures.items()))
    from aiex.guard.neutral import neutralise

    return (
        one.name,
        str(one.successes),
        failures or "0",
        "unknown" if one.first_byte_s is None else f"{one.first_byte_s:.2f} s",
        one.breaker,
        neutralise(one.last_error).replace("\n", " ")[:100],
    )


def _standing_data(one: Standing) -> dict[str, Any]:
    return {
        "model": one.name,
        "base_url": one.base_url,
        "successes": one.successes,
        "failures": dict(one.failures),
        "first_byte_s": one.first_byte_s,
        "longest_gap_s": one.longest_gap_s,
        "last_success_at": _moment(one.last_success_at),
        "last_failure_at": _moment(one.last_failure_at),
        "last_error": one.last_error,
        "breaker": one.breaker,
    }


def _moment(seconds: float | None) -> str | None:
    from time import gmtime

    return None if seconds is None else strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))


# --- test -----------------------------------------------------------------------------------------------------------


async def _test(services: Services, name: str) -> AsyncIterator[Event]:
    provider, _, model = name.partition("/")
    if provider == OFFLINE:
        raise UsageError("offline asks nobody, so there is nothing to test", hint="aiex doctor looks at this machine")
    _require(services, provider)
    if model:
        async for event in _test_model(services, provider, model):
            yield event
        return
    from aiex.llm.discovery import ask_for_models

    yield Progressed(f"asking {provider}", 0, 0)
    began = monotonic()
    cards = await ask_for_models(services.settings, provider, services.environ, visit=services.visit)
    took_s = monotonic() - began
    shown = ", ".join(card.id for card in cards[:5]) + (" …" if len(cards) > 5 else "")
    yield answered(
        f"{provider} answers in {took_s * 1000:.0f} ms and lists {len(cards)} models: {shown}\n\n"
        f"A word of one of them: aiex test provider {provider}/MODEL",
        {"provider": provider, "latency_ms": round(took_s * 1000), "models": [card.id for card in cards]},
    )


async def _test_model(services: Services, provider: str, model: str) -> AsyncIterator[Event]:
    """Let the model say a word, past breaker, retries and fallbacks."""
    from aiex.llm.router import open_stream
    from aiex.messages import Message, Request, Text

    words = (Message("user", (Text("Answer with the one word: ready"),)),)
    request = Request(f"{provider}/{model}", words, max_output_tokens=TEST_TOKENS)
    stream = open_stream(services.settings, request.model, environ=services.environ, fallbacks=(), visit=services.visit)
    yield Progressed(f"asking {request.model}", 0, 0)
    began, first_s, said, stopped = monotonic(), 0.0, "", ""
    async for event in stream(request):
        first_s = first_s or monotonic() - began
        match event:
            case TextDelta(text):
                said += text
            case Stopped(reason):
                stopped = reason
            case Failed():
                raise Transient(event.message, hint=event.hint)
            case _:
                pass
    first_ms, whole_ms = round(first_s * 1000), round((monotonic() - began) * 1000)
    yield answered(
        f"{request.model} answers: first words after {first_ms} ms, the whole after {whole_ms} ms",
        {"model": request.model, "first_ms": first_ms, "whole_ms": whole_ms, "answer": said, "stop": stopped},
    )


NOUN = Noun({"list": list_providers, "show": show_provider, "test": test_provider})
