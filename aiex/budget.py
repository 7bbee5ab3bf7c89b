"""What a run may use, what it used, and what is left: money, tokens, requests, answers, calls of tools, and time.

One object counts for everything that works for a run. Whoever is sent to do a part of the work gets a part of it: what
that uses counts here as well, and it ends where this one does. One event loop uses it at a time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from aiex.errors import BudgetEnded
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.settings import Settings

Kind = Literal["money", "tokens", "requests", "turns", "calls", "time"]
KINDS: Final[tuple[Kind, ...]] = ("money", "tokens", "requests", "turns", "calls", "time")
_FORMS: Final[dict[Kind, tuple[str, str]]] = {
    "money": ("${:.4f}", "--max-cost"),
    "tokens": ("{:,.0f} tokens", "--max-tokens"),
    "requests": ("{:,.0f} requests", "--set budget.calls=N"),
    "turns": ("{:,.0f} answers of the model", "--max-turns"),
    "calls": ("{:,.0f} calls of tools", "--set budget.tool_calls=N"),
    "time": ("{:,.0f} s", "--time-limit"),
}
"""How an amount is written, and what allows more."""


@record
class Allotment:
    """The most of each; 0 means no limit."""

    cost_usd: float = 0.0
    tokens: int = 0
    """In and out."""
    requests: int = 0
    """To servers, those that are repeated included."""
    turns: int = 0
    """Answers of the model."""
    calls: int = 0
    """Of tools."""
    time_s: float = 0.0


class Reading(NamedTuple):
    """How far one kind is used up, in dollars, seconds or pieces; parts above and below included."""

    kind: Kind
    used: float
    """With what requests on their way take at least."""
    limit: float
    """0 for none of its own."""
    left: float | None
    """Here and in all that this is a part of; None where nothing limits it."""


class Hold(NamedTuple):
    """What a request on its way takes at least."""

    tokens: int
    cost_usd: float


class Exhausted(BudgetEnded):
    """Which kind ended, how much of it was used, and how much there was.

    `used` is below `limit` where the next request alone would have gone past it: that takes `asked` at least.
    """

    def __init__(self, kind: Kind, used: float, limit: float, asked: float = 0.0) -> None:
        form, flag = _FORMS[kind]
        next_one = f", and the next request takes at least {_write(form, asked)}" if used < limit else ""
        super().__init__(
            f"the budget of {_write(form, limit)} is used up ({_write(form, used)}{next_one})",
            hint=f"allow more with {flag}",
        )
        self.budget: Kind = kind
        self.used = used
        self.limit = limit


def _write(form: str, amount: float) -> str:
    """An amount in words; of one thing as `1 request`, `1 call of tools`."""
    count, _, unit = form.format(amount).partition(" ")
    thing, of, rest = unit.partition(" of ")
    is_one = count == "1" and len(thing) > 1
    return f"{count} {thing.removesuffix('s')}{of}{rest}" if is_one else form.format(amount)


class Budget:
    """Counts what is used, and refuses what goes past a limit.

    Args:
        allotment: The limits.
        above: What this is a part of.
    """

    def __init__(
        self,
        allotment: Allotment | None = None,
        above: Budget | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        given = allotment or Allotment()
        amounts = (given.cost_usd, given.tokens, given.requests, given.turns, given.calls, given.time_s)
        self._limits: dict[Kind, float] = dict(zip(KINDS, amounts, strict=True))
        self._used: dict[Kind, float] = dict.fromkeys(KINDS, 0)
        self._clock = clock
        self._began_s = clock()
        self._chain: tuple[Budget, ...] = (*(above._chain if above else ()), self)
        """All that count what this one counts, the widest first."""
        self.ended: Exhausted | None = None
        """What was refused last, also where it was told in the middle of an answer."""
        self._arrival: asyncio.Event | None = None
        """Set when the one request is over whose end tells what is left; None without one on its way."""

    def part(self, allotment: Allotment) -> Budget:
        """A budget for a part of the work: limits of its own, within what is left here."""
        return Budget(allotment, self, clock=self._clock)

    # --- reading ----------------------------------------------------------------------------------------------------

    def used(self, kind: Kind) -> float:
        """So much was used, parts included."""
        return self._clock() - self._began_s if kind == "time" else self._used[kind]

    def left(self, kind: Kind) -> float | None:
        """So much may still be used, here and in all that this is a part of; None without a limit."""
        left = [max(one._limits[kind] - one.used(kind), 0.0) for one in self._chain if one._limits[kind]]
        return min(left, default=None)

    def readings(self) -> tuple[Reading, ...]:
        """All kinds, at any time. Cost: some microseconds."""
        return tuple(Reading(kind, self.used(kind), self._limits[kind], self.left(kind)) for kind in KINDS)

    # --- several wishes of one talk -----------------------------------------------------------------------------------

    def begin_wish(self) -> None:
        """Count turns, calls and time from here, which are limits of one wish; money, tokens and requests go on."""
        self._used.update({"turns": 0, "calls": 0})
        self._began_s = self._clock()

    def go_on_from(self, other: Budget) -> None:
        """Count what another has used as used here, so that new limits do not begin anew."""
        self._used.update(other._used)
        self._began_s = other._began_s

    # --- the loop's side --------------------------------------------------------------------------------------------

    def take_turn(self) -> None:
        """Count an answer that is about to be asked for. Raises Exhausted where anything but calls is used up."""
        self._require("time", "tokens", "money", "requests", "turns")
        self._add("turns", 1)

    def take_call(self) -> None:
        """Count a call of a tool that is about to begin. Raises Exhausted."""
        self._require("calls", "time")
        self._add("calls", 1)

    def out_of_time(self) -> Exhausted:
        """The error for what took longer than was left."""
        limited = [one for one in self._chain if one._limits["time"]] or [self]
        first = min(limited, key=lambda one: one._limits["time"] - one.used("time"))
        return Exhausted("time", first.used("time"), first._limits["time"])

    # --- the side of requests ---------------------------------------------------------------------------------------

    async def hold(self, tokens: int, cost_usd: float) -> Hold:
        """Count a request that is about to be sent by what it takes at least, until `settle` knows more.

        Where tokens or money are limited it waits until no other is on its way, since only its end tells what is left:
        so no more than one request can go past the limit, and that only by what nobody knew beforehand.

        Raises:
            Exhausted: if something is used up, or this request alone would go past it.
        """
        while busy := next((one._arrival for one in self._chain if one._arrival), None):
            await busy.wait()
        self._require("requests", "time")
        self._require("tokens", asked=tokens)
        self._require("money", asked=cost_usd)
        for one in self._chain:
            if one._limits["tokens"] or one._limits["money"]:
                one._arrival = asyncio.Event()
        self._add("requests", 1)
        self._add("tokens", tokens)
        self._add("money", cost_usd)
        return Hold(tokens, cost_usd)

    def settle(self, hold: Hold, tokens: int | None = None, cost_usd: float | None = None) -> None:
        """The request is over and took this much; None where nobody said, and it counts as it was held."""
        self._add("tokens", 0 if tokens is None else tokens - hold.tokens)
        self._add("money", 0.0 if cost_usd is None else cost_usd - hold.cost_usd)
        for one in self._chain:
            if one._arrival:
                one._arrival.set()
                one._arrival = None

    def _add(self, kind: Kind, amount: float) -> None:
        for one in self._chain:
            one._used[kind] += amount

    def _require(self, *kinds: Kind, asked: float = 0.0) -> None:
        """Raise Exhausted for the first of these that is used up or cannot take so much, the widest budget first."""
        for one in self._chain:
            for kind in kinds:
                limit = one._limits[kind]
                if limit and ((used := one.used(kind)) >= limit or used + asked > limit):
                    self.ended = Exhausted(kind, used, limit, asked)
                    raise self.ended


def open_budget(settings: Settings) -> Budget:
    """The budget of a run as its settings say; its time begins now."""
    return Budget(
        Allotment(
            float(settings.get("budget.cost_usd")),
            int(settings.get("budget.tokens")),
            int(settings.get("budget.calls")),
            int(settings.get("budget.turns")),
            int(settings.get("budget.tool_calls")),
            float(settings.get("budget.time_s")),
        )
    )
