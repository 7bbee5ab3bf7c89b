"""Embeddings for a run: within its limits and its budget, past a breaker, and with what they cost added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, Denied, Transient
from aiex.events import Retrying
from aiex.llm.credentials import credential_for
from aiex.llm.embedding import embed, groups
from aiex.llm.failover import Skipped, key_id
from aiex.llm.retry import Policy, Retries
from aiex.llm.visits import note_usage, visit_freely, visit_of
from aiex.messages import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiex.llm.attempt import Connect
    from aiex.llm.endpoints import Target
    from aiex.llm.gate import Gate
    from aiex.llm.health import Monitor
    from aiex.llm.http import Pool
    from aiex.llm.toll import CostOf
    from aiex.llm.visits import Visiting
    from aiex.settings import Settings

_ONCE: Final = Policy(max_attempts=1)
_CHARACTERS_PER_TOKEN: Final = 3
"""For limits, which are settled by what the vendor counts; code has 3 to 4."""


class Embedder:
    """Embeds texts by one model, which is looked up when it is first asked."""

    def __init__(
        self,
        find: Callable[[], Target],
        *,
        gate: Gate,
        cost_of: CostOf,
        monitor: Monitor,
        policy: Policy | None = None,
        through: Callable[[Connect], Connect] = lambda connect: connect,
        visit: Visiting = visit_freely,
    ) -> None:
        """Prepare to ask.

        Args:
            find: Who is asked; may raise what `find_target` raises.
            gate: Limits and budgets, shared with whatever else the run asks for.
            through: Puts something between this and the network.
            visit: Says whether the server may be asked, and keeps a record of it.
        """
        self.questions = 0
        """Answered ones."""
        self.input_tokens: int | None = 0
        """Of all answers; None when one of them did not tell."""
        self.cost_usd: float | None = 0.0
        """None when a price or a count is unknown."""
        self.tell: Callable[[Retrying], object] = lambda event: None
        """Told of every wait before it begins."""
        self._find = find
        self._gate = gate
        self._cost_of = cost_of
        self._monitor = monitor
        self._policy = policy or Policy()
        self._through = through
        self._visit = visit
        self._target: Target | None = None
        self._pool: Pool | None = None

    async def __call__(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """One vector for each text, in their order.

        Raises:
            AiexError: what was wrong with the model, the limits, the budget, the server or the network.
        """
        vectors: list[Sequence[float]] = []
        for group in groups(texts):
            vectors += await self._ask(group)
        return vectors

    async def aclose(self) -> None:
        """Close the sockets of this event loop."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _ask(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of one question, asked again where that may help."""
        self._target = target = self._target or self._find()
        retries, number = Retries(self._policy, has_successor=False), 1
        while True:
            try:
                return await self._ask_once(target, texts)
            except AiexError as error:
                wait_s = await retries.after(error)
                if wait_s is None:
                    raise
                reason = error.message
            number += 1
            self.tell(Retrying(reason, number, wait_s))
            await self._policy.sleep(wait_s)

    async def _ask_once(self, target: Target, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        outlook, owner = await self._monitor.look(target)
        if not outlook.allowed:
            raise Skipped(f"{target.name} was not asked: {outlook.reason}", hint="wait a moment, or ask another model")
        settled, usage = False, None
        try:
            lease = await self._gate.before(target.name, key_id(target), _rough_count(texts))
            try:
                await credential_for(target, visit=self._visit)
                async with visit_of(self._visit, target) as visit:
                    result = await embed(texts, target, connect=self._connect(), policy=_ONCE)
                    usage = Usage(result.usage.input_tokens, 0)
                    note_usage(visit, usage)
                settled = True
                await self._monitor.note(target, owner, None, None)
            except Denied:
                raise  # says nothing about the server
            except AiexError as error:
                settled = True
                await self._monitor.note(target, owner, None, error)
                if isinstance(error, Transient) and error.kind == "rate_limit":
                    await self._gate.pushed(target.name, key_id(target), error.retry_after_s)
                raise
            finally:
                await self._gate.after(lease, usage)
        finally:
            if outlook.is_probe and not settled:
                self._monitor.release(target, owner)
        self._add(target.name, usage)
        return result.vectors

    def _connect(self) -> Connect:
        from aiex.llm.http import Pool

        self._pool = self._pool or Pool()
        network: Connect = self._pool.connect
        return self._through(network)

    def _add(self, name: str, usage: Usage) -> None:
        self.questions += 1
        cost = self._cost_of(name, usage)
        self.cost_usd = None if self.cost_usd is None or cost is None else self.cost_usd + cost
        tokens, added = self.input_tokens, usage.input_tokens
        self.input_tokens = None if tokens is None or added is None else tokens + added


def open_embedder(
    settings: Settings,
    model: str,
    *,
    environ: Mapping[str, str],
    gate: Gate,
    cost_of: CostOf,
    visit: Visiting = visit_freely,
) -> Embedder:
    """A way to embed by `provider/model`; nothing is looked up or sent before it is asked.

    Args:
        gate: Limits and budgets, shared with whatever else the run asks for.
        visit: Says whether the server may be asked, and keeps a record of it.
    """
    from aiex.llm.endpoints import find_target
    from aiex.llm.health import Monitor, open_store

    def through(connect: Connect) -> Connect:
        if not settings.get("chaos.rate"):
            return connect
        from aiex.llm.chaos import Chaos

        return Chaos(connect, rate=settings.get("chaos.rate"), seed=settings.get("chaos.seed")).connect

    return Embedder(
        lambda: find_target(settings, model, environ),
        gate=gate,
        cost_of=cost_of,
        monitor=Monitor(open_store(environ)),
        policy=Policy(settings.get("retry.max_attempts"), settings.get("retry.max_wait_s")),
        through=through,
        visit=visit,
    )


def _rough_count(texts: Sequence[str]) -> int:
    return sum(map(len, texts)) // _CHARACTERS_PER_TOKEN + 1
