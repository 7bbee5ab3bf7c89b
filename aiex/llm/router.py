"""Whom to ask, and in which order: joins settings, breakers, retries, limits and the chain of models to one stream.

How a stream ends: exactly one `Stopped` or `Failed`, last, once anything of the answer was shown. A failure before the
first visible word is raised as an `AiexError` instead, so that the caller may still do something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aiex.errors import NotSignedIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence

    from aiex.events import StreamEvent
    from aiex.llm.attempt import Connect
    from aiex.llm.failover import Link, Means
    from aiex.llm.gate import Gate
    from aiex.llm.retry import Policy
    from aiex.llm.stores.health import HealthStore
    from aiex.llm.toll import CostOf
    from aiex.llm.visits import Visiting
    from aiex.llm.wire import Speaker, Stream
    from aiex.messages import Request, Usage
    from aiex.settings import Settings

OFFLINE = "offline"


class Router:
    """Answers requests; sockets stay open from one to the next until `aclose` or the end of the event loop."""

    def __init__(
        self,
        stream: Stream,
        close: Callable[[], Awaitable[None]] | None = None,
        past: Callable[[Gate], Stream] | None = None,
    ) -> None:
        self._stream = stream
        self._close = close
        self._past = past

    def __call__(self, request: Request) -> AsyncIterator[StreamEvent]:
        """The events of one answer; leaving them early closes the socket at once."""
        return self._stream(request)

    def past(self, gate: Gate) -> Stream:
        """The same way over the same sockets, past another gate."""
        return self._past(gate) if self._past else self._stream

    async def aclose(self) -> None:
        """Close the sockets of this event loop."""
        if self._close is not None:
            await self._close()


def open_stream(
    settings: Settings,
    model: str,
    *,
    environ: Mapping[str, str],
    fallbacks: Sequence[str] | None = None,
    store: HealthStore | None = None,
    count: Callable[[Request], int] | None = None,
    cost_of: CostOf | None = None,
    connect: Connect | None = None,
    policy: Policy | None = None,
    silence_s: float | None = None,
    visit: Visiting | None = None,
    record: str = "",
    replay: str = "",
) -> Router:
    """A way to ask `model`, written `provider/model`, `model` (of openai) or `offline`, and then the others in turn.

    The model of a `Request` is not looked at; it goes to these. Nothing is sent, and for `offline` no event loop is
    needed then or later: that stream never awaits.

    Args:
        fallbacks: Who answers when `model` cannot, in order; those of the settings when None.
        store: Where health is kept; the file of this person when None.
        count: Estimates the tokens of a request for the gate of `Router.past`; nothing is estimated when None.
        cost_of: What usage costs, told with it; unknown when None.
        connect: The way to a server; the network when None.
        policy: How patient to be; as the settings say when None.
        silence_s: After how much silence `Waiting` is told.
        visit: Says whether a server may be asked, and keeps a record of it; a recording asks none.
        record: A file that takes down what is sent and what comes back.
        replay: Such a file, which answers instead of the network; no key is needed then.

    Raises:
        ConfigError: if a provider is not configured, its address or protocol is not usable, or `replay` is no record.
        NotSignedIn: if nobody of the chain has the key that it needs.
    """
    if model.partition("/")[0] == OFFLINE:
        return Router(_speaker().stream)
    chosen = settings.get("fallback_models") if fallbacks is None else fallbacks
    links = _find_links(settings, [model, *chosen], environ, is_replay=bool(replay))
    from aiex.llm import attempt, visits
    from aiex.llm.failover import Means
    from aiex.llm.health import Monitor, open_store
    from aiex.llm.http import Pool

    pool = Pool()
    means = Means(
        connect=_through(settings, connect or pool.connect, record, replay),
        monitor=Monitor(store or open_store(environ)),
        count=count or _count_nothing,
        cost_of=cost_of or _price_nothing,
        policy=policy or _find_policy(settings),
        silence_s=attempt.SILENCE_S if silence_s is None else silence_s,
        visit=visits.visit_freely if visit is None or replay else visit,
    )
    return _join(links, means, pool.aclose)


def _join(links: Sequence[Link], means: Means, close: Callable[[], Awaitable[None]]) -> Router:
    """What asks a chain, past whatever gate."""
    from aiex.llm.failover import answer

    def past(gate: Gate) -> Stream:
        bound = replace(means, gate=gate)
        return lambda request: answer(links, request, bound)

    return Router(past(means.gate), close, past)


def _find_links(
    settings: Settings, models: Sequence[str], environ: Mapping[str, str], *, is_replay: bool
) -> list[Link]:
    """The chain without repetitions. A missing key is a problem of its link only, unless all have one."""
    from aiex.llm.failover import Link

    links: list[Link] = []
    for model in dict.fromkeys(models):
        if model.partition("/")[0] == OFFLINE:
            links.append(Link(OFFLINE, speaker=_speaker()))
            continue
        try:
            links.append(_find_link(settings, model, environ, is_replay=is_replay))
        except NotSignedIn as error:
            links.append(Link("/".join(settings.provider_and_model(model)), problem=error))
    if all(link.problem for link in links):
        raise links[0].problem or AssertionError
    return links


def _find_link(settings: Settings, model: str, environ: Mapping[str, str], *, is_replay: bool) -> Link:
    from aiex.llm.endpoints import find_target
    from aiex.llm.failover import Link

    if is_replay:
        provider, _ = settings.provider_and_model(model)
        environ = {str(settings.get(f"providers.{provider}.api_key_env")): "replayed", **environ}
    target = find_target(settings, model, environ)
    return Link(target.name, target)


def _speaker() -> Speaker:
    from aiex.llm.providers.offline import PROVIDER

    return PROVIDER


def _find_policy(settings: Settings) -> Policy:
    from aiex.llm.retry import Policy

    return Policy(settings.get("retry.max_attempts"), settings.get("retry.max_wait_s"))


def _through(settings: Settings, connect: Connect, record: str, replay: str) -> Connect:
    """The way to a server: replayed or not, with faults where the settings want them, and recorded at the end."""
    if replay:
        from aiex.llm.tape import Player

        connect = Player(replay).connect
    if settings.get("chaos.rate"):
        from aiex.llm.chaos import Chaos

        connect = Chaos(connect, rate=settings.get("chaos.rate"), seed=settings.get("chaos.seed")).connect
    if record:
        from aiex.llm.tape import Recorder

        connect = Recorder(record, connect).connect
    return connect


def _count_nothing(request: Request) -> int:
    return 0


def _price_nothing(name: str, usage: Usage) -> None:
    return None
