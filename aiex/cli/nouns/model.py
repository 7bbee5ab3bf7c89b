"""Models: their windows, abilities and prices."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Job, Work, answered
from aiex.errors import UsageError
from aiex.events import Event, Warned
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.llm.catalogue import Catalogue, ModelInfo, Prices
    from aiex.llm.wire import ModelCard


@click.command("list")
@click.argument("pattern", default="")
@click.option("--live", is_flag=True, help="Ask the server of the provider in use, or of PATTERN.")
@click.option("--refresh", is_flag=True, help="Fetch a newer catalogue first, from the address in catalogue.url.")
def list_models(pattern: str, *, live: bool, refresh: bool) -> Work:
    """List known models, or those whose provider/model contains PATTERN.

    \b
    aiex list models anthropic
    aiex list models --live ollama
    """

    def prepare(services: Services) -> Job:
        return lambda: _list_live(services, pattern) if live else _list(services, pattern, refresh=refresh)

    return Work("list models", prepare, waits=live or refresh)


@click.command("show")
@click.argument("name", metavar="PROVIDER/MODEL")
def show_model(name: str) -> Work:
    """Show what is known of one model: window, abilities, prices for a million tokens."""
    return Work("show model", lambda services: lambda: _show(services, name))


async def _list(services: Services, pattern: str, *, refresh: bool) -> AsyncIterator[Event]:
    path = catalogue_path(services)
    if refresh:
        from aiex.llm.discovery import refresh_catalogue

        url = services.settings.origin("catalogue.url")
        refreshed = await refresh_catalogue(
            str(url.value), os.path.dirname(path), place=url.place, visit=services.visit
        )
        if not refreshed.is_new:
            yield Warned("the catalogue is the newest already")
    catalogue, warned = _open(path)
    for warning in warned:
        yield warning
    found = [info for info in catalogue if pattern.lower() in info.name]
    if not found:
        raise UsageError(f"no known model is like {pattern!r}", hint="unknown models work too; --live asks the server")
    rows = [(info.name, _count(info.context_tokens), _count(info.output_tokens), *_money(info)) for info in found]
    head = ("MODEL", "WINDOW", "OUTPUT", "$/M IN", "$/M OUT", "CAN")
    text = columns(
        [(*row, " ".join(sorted(info.capabilities))) for row, info in zip(rows, found, strict=True)], head=head
    )
    note = f"From {catalogue.source}, {catalogue.made_on}. Models that are not listed work too; their cost is unknown."
    yield answered(
        f"{text}\n\n{note}",
        {"source": catalogue.source, "made_on": catalogue.made_on, "models": [_data(info) for info in found]},
    )


async def _list_live(services: Services, pattern: str) -> AsyncIterator[Event]:
    from aiex.llm.discovery import ask_for_models

    provider = pattern or services.settings.provider_and_model()[0]
    if provider == "offline":
        raise UsageError("no provider is in use that could be asked", hint="aiex list models --live PROVIDER")
    cards = await ask_for_models(services.settings, provider, services.environ, visit=services.visit)
    rows = [
        (
            f"{provider}/{card.id}",
            _count(card.context_tokens),
            _count(card.output_tokens),
            " ".join(sorted(card.capabilities)),
        )
        for card in cards
    ]
    text = columns(rows, head=("MODEL", "WINDOW", "OUTPUT", "CAN"))
    yield answered(text, {"provider": provider, "models": [_card_data(provider, card) for card in cards]})


def _card_data(provider: str, card: ModelCard) -> dict[str, Any]:
    return {
        "name": f"{provider}/{card.id}",
        "context_tokens": card.context_tokens,
        "output_tokens": card.output_tokens,
        "capabilities": sorted(card.capabilities),
    }


async def _show(services: Services, name: str) -> AsyncIterator[Event]:
    provider, _, model = name.partition("/")
    if not model:
        raise UsageError(f"{name!r} names no model", hint="write PROVIDER/MODEL, as in `aiex list models`")
    catalogue, warned = _open(catalogue_path(services))
    for warning in warned:
        yield warning
    info = catalogue.find(provider, model)
    if info is None:
        raise UsageError(f"{name} is not in the catalogue", hint=_nearest(name, catalogue))
    rows = [
        ("model", info.name),
        ("window", f"{_count(info.context_tokens)} tokens"),
        ("output", f"at most {_count(info.output_tokens)} tokens"),
    ]
    rows += [("can", ", ".join(sorted(info.capabilities)) or "unknown")]
    rows += [(_tier_name(prices), _price_words(prices)) for prices in info.prices] or [("price", "unknown")]
    if info.retires_on:
        rows.append(("retires", info.retires_on))
    rows.append(("source", f"{catalogue.source}, {catalogue.made_on}"))
    yield answered(columns(rows), _data(info) | {"source": catalogue.source, "made_on": catalogue.made_on})


def catalogue_path(services: Services) -> str:
    """Where a catalogue lies that was fetched."""
    from aiex import dirs

    return os.path.join(dirs.cache_dir(services.environ), "models.json")


def _open(path: str) -> tuple[Catalogue, list[Warned]]:
    """The catalogue; the packaged one with a warning when the one that was fetched is damaged."""
    from aiex.errors import StoreError
    from aiex.llm.catalogue import Catalogue, open_catalogue

    try:
        return open_catalogue(path), []
    except StoreError as error:
        return Catalogue(), [Warned(f"{error.message}; the packaged one is used", error.hint)]


def _nearest(name: str, catalogue: Iterable[ModelInfo]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [info.name for info in catalogue], n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else "it can be used all the same; its cost is unknown"


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"


def _money(info: ModelInfo) -> tuple[str, str]:
    first = info.prices[0] if info.prices else None
    return (_dollars(first.input), _dollars(first.output)) if first else ("unknown", "unknown")


def _dollars(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:.10g}"


def _tier_name(prices: Prices) -> str:
    return f"above {prices.above_tokens:,}" if prices.above_tokens else "price"


def _price_words(prices: Prices) -> str:
    words = [f"${_dollars(prices.input)} in", f"${_dollars(prices.output)} out"]
    if prices.cache_read is not None:
        words.append(f"${_dollars(prices.cache_read)} cache read")
    if prices.cache_write is not None:
        words.append(f"${_dollars(prices.cache_write)} cache write")
    return ", ".join(words) + " for a million tokens"


def _data(info: ModelInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "kind": info.kind,
        "context_tokens": info.context_tokens,
        "output_tokens": info.output_tokens,
        "capabilities": sorted(info.capabilities),
        "retires_on": info.retires_on or None,
        "prices": [
            {
                "above_tokens": prices.above_tokens,
                "input": prices.input,
                "output": prices.output,
                "cache_read": prices.cache_read,
                "cache_write": prices.cache_write,
            }
            for prices in info.prices
        ],
    }


NOUN = Noun({"list": list_models, "show": show_model})
