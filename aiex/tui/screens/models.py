"""The models that one can go on with, and how they fare: breakers, waits, failures, windows, prices, what they cost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.errors import AiexError, StoreError
from aiex.tui.screens.listing import Leaf, Listing, Row
from aiex.tui.widgets.page import to_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.llm.catalogue import Catalogue, ModelInfo
    from aiex.llm.health import Standing
    from aiex.sessions.summary import Spent
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_BREAKERS = {
    "closed": ("✓", "works", "good"),
    "open": ("✗", "left alone", "error"),
    "half-open": ("!", "being tried", "warning"),
}
_UNTRIED = ("·", "not asked yet", "muted")


class Known(NamedTuple):
    """All that is known of one model."""

    name: str
    role: str
    """`in use`, `fallback 1`; empty for neither."""
    info: ModelInfo | None
    standing: Standing | None
    spent: Spent | None


class ModelsView(Listing):
    """Models of the providers that are set, those in use first; Enter goes on with one."""

    HEADING = "Models"
    ENTER = "go on with it"
    EMPTY = "no provider is set: aiex set config providers.NAME.base_url URL, or aiex login"

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self._catalogue: Catalogue | None = None

    async def fetch(self) -> None:
        """The catalogue is large, and is read beside the work."""
        from aiex import dirs
        from aiex.llm.pricing import find_catalogue

        if self._catalogue is None:
            environ = await self.ask(lambda services: services.environ)
            self._catalogue = await asyncio.to_thread(lambda: find_catalogue(dirs.cache_dir(environ)))
        await super().fetch()

    def load(self, services: Services) -> Iterator[Row]:
        """Those in use, those that were asked before, and those of the catalogue whose provider can be asked."""
        for known in _find(services, self._catalogue):
            yield Row(known, _pieces(known), f"{known.name} {known.role}".casefold())

    def preview(self, services: Services, row: Row) -> Leaf:
        """Everything that is known of it."""
        facts = [*_facts(row.value), *_limits(services, row.value.name)]
        if row.value.role == "in use":
            facts += _budget(services)
        return to_facts(facts)

    def choose(self, row: Row) -> None:
        """Go on with it."""
        self.dismiss(None)
        self.chat.command(f"model {row.value.name}")


def name_models(services: Services, catalogue: Catalogue | None) -> list[tuple[str, str]]:
    """The models of the list, each with its role."""
    return [(known.name, known.role) for known in _find(services, catalogue)]


def _find(services: Services, catalogue: Catalogue | None) -> Iterator[Known]:
    from aiex.llm.health import open_store, read_standings

    fallbacks: list[str] = services.settings.get("fallback_models")
    roles = {services.model: "in use"}
    for at, name in enumerate(fallbacks, 1):
        roles.setdefault(name, f"fallback {at}")
    try:
        store = open_store(services.environ)
        standings = {one.name: one for one in read_standings(store)}
        store.close()
    except StoreError:
        standings = {}
    usable = _usable_providers(services)
    listed = {info.name: info for info in catalogue or () if info.kind == "chat" and info.provider in usable}
    spent = _spent(services)
    names = dict.fromkeys([*roles, *standings, *sorted(listed), "offline"])
    for name in names:
        provider, _, model = name.partition("/")
        info = listed.get(name) or (catalogue.find(provider, model) if model and catalogue else None)
        yield Known(name, roles.get(name, ""), info, standings.get(name), spent.get(name))


def _usable_providers(services: Services) -> set[str]:
    """Providers that have a key in the environment, or whose address a person set."""
    settings = services.settings
    usable = {settings.provider_and_model()[0]}
    for name in settings.providers():
        variable = settings.get(f"providers.{name}.api_key_env")
        is_set = settings.origin(f"providers.{name}.base_url").source != "built-in"
        if is_set or (variable and services.environ.get(variable)):
            usable.add(name)
    return usable


def _spent(services: Services) -> dict[str, Any]:
    sessions = services.sessions
    if not sessions.exist:
        return {}
    try:
        return {account.model: spent for account, spent in sessions.views.usage(["model"])}
    except AiexError:
        return {}


def _pieces(known: Known) -> tuple[tuple[str, str], ...]:
    sign, word, role = _BREAKERS[known.standing.breaker] if known.standing else _UNTRIED
    pieces = [(f"{sign} ", role), (known.name, "bold" if known.role == "in use" else "text")]
    if known.role:
        pieces.append((f"  {known.role}", "accent"))
    if known.standing and word != "works":
        pieces.append((f"  {word}", role))
    if known.info and known.info.context_tokens:
        pieces.append((f"  {known.info.context_tokens // 1000}k", "muted"))
    if known.info and known.info.prices:
        price = known.info.prices[0]
        pieces.append((f"  {_money(price.input)}/{_money(price.output)}", "muted"))
    return tuple(pieces)


def _limits(services: Services, name: str) -> Iterator[tuple[str, str]]:
    """How much of it may be asked in a time, where somebody set that."""
    provider = name.partition("/")[0]
    if provider not in services.settings.providers():
        return
    for what in ("requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day"):
        if limit := services.settings.get(f"providers.{provider}.{what}"):
            yield "limit", f"{limit:,} {what.replace('_', ' ').replace('per', 'a')}"


def _budget(services: Services) -> Iterator[tuple[str, str]]:
    """What the run may use still, each as it counts."""
    for reading in services.budget.readings():
        if reading.limit:
            yield "budget", f"{reading.kind}: {reading.used:,.6g} of {reading.limit:,.6g} used"


def _facts(known: Known) -> Iterator[tuple[str, str]]:
    yield "model", known.name
    if known.role:
        yield "role", known.role
    if info := known.info:
        if info.context_tokens:
            yield "window", f"{info.context_tokens:,} tokens"
        if info.output_tokens:
            yield "output", f"at most {info.output_tokens:,} tokens"
        if info.prices:
            price = info.prices[0]
            yield "price", f"{_money(price.input)} in, {_money(price.output)} out for a million tokens"
        if info.capabilities:
            yield "can", ", ".join(sorted(info.capabilities))
        if info.retires_on:
            yield "retires", info.retires_on
    else:
        yield "catalogue", "not in it: window and price are unknown"
    if spent := known.spent:
        yield "used", f"{spent.calls:,} calls, {spent.input_tokens:,} tokens in, {spent.output_tokens:,} out"
        cost = f"${spent.cost_usd:.4f}"
        yield "cost", f"{cost}, and {spent.unpriced:,} calls of unknown price" if spent.unpriced else cost
    if known.standing:
        yield from _fares(known.standing)


def _fares(one: Standing) -> Iterator[tuple[str, str]]:
    yield "server", one.base_url
    yield "breaker", _BREAKERS[one.breaker][1]
    failures = ", ".join(f"{count} {kind}" for kind, count in sorted(one.failures.items())) or "none"
    yield "answers", f"{one.successes:,}; failures: {failures}"
    if one.first_byte_s is not None:
        yield "first byte", f"{one.first_byte_s:.1f} s"
    if one.longest_gap_s is not None:
        yield "longest gap", f"{one.longest_gap_s:.1f} s"
    if one.last_failure_at is not None:
        yield "last failure", f"{(time.time() - one.last_failure_at) / 60:.0f} minutes ago: {one.last_error}"


def _money(usd: float | None) -> str:
    return "$?" if usd is None else f"${usd:g}"
