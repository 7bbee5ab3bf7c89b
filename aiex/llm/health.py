"""How models fare, from live traffic: who may be asked, how long to wait for them, and what to tell a person."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex import dirs
from aiex.errors import AiexError, StoreError
from aiex.llm import deadlines
from aiex.llm.stores.health import BreakerState, Fare, HealthStore, Phase
from aiex.record import record

if TYPE_CHECKING:
    from aiex.llm.clock import Clock
    from aiex.llm.endpoints import Deadlines, Target

FILE_NAME = "llm.db"
_PROBE_S = 300.0
"""A probe that has not ended after so long is given up by the others, where there is no shorter deadline."""
MOST_HELD: Final = 8
"""Whole answers that are written together: by itself each takes a thread and a transaction, 0.5 ms of a turn."""


@record
class Outlook:
    """What is known before a request."""

    allowed: bool
    reason: str
    """Why nothing may be sent, in words; else empty."""
    is_probe: bool
    deadlines: Deadlines


@record
class Standing:
    """How one model at one server fared, for a person; times are seconds since 1970, None for never or unknown."""

    name: str
    """As `provider/model`."""
    base_url: str
    successes: int
    failures: Mapping[str, int]
    """By kind."""
    first_byte_s: float | None
    """Median of the latest calls."""
    longest_gap_s: float | None
    """Longest silence inside the latest answers."""
    last_success_at: float | None
    last_failure_at: float | None
    last_error: str
    breaker: BreakerState
    opened_at: float | None


def open_store(environ: Mapping[str, str] = os.environ) -> HealthStore:
    """The store of this person; its file is made at the first use."""
    return HealthStore(os.path.join(dirs.state_dir(environ), FILE_NAME))


def read_standings(store: HealthStore) -> list[Standing]:
    """Every model that was asked, by name. Raises StoreError when the file cannot be read."""
    return [_to_standing(store, fare) for fare in store.read_fares()]


def _to_standing(store: HealthStore, fare: Fare) -> Standing:
    from statistics import median

    key = fare.target
    name, _, base_url = key.rpartition(" ")
    begins, gaps, breaker = store.read_waits(key, "first byte"), store.read_waits(key, "next"), store.read_breaker(key)
    return Standing(
        name=name,
        base_url=base_url,
        successes=fare.successes,
        failures=store.read_failures(key),
        first_byte_s=median(begins) if begins else None,
        longest_gap_s=max(gaps) if gaps else None,
        last_success_at=fare.last_success_at,
        last_failure_at=fare.last_failure_at,
        last_error=fare.last_error,
        breaker=breaker.state,
        opened_at=breaker.opened_at if breaker.state != "closed" else None,
    )


def key_of(target: Target) -> str:
    """What is kept together: one model at one server, whatever a project calls the provider."""
    return f"{target.name} {target.profile.base_url}"


class _Success(NamedTuple):
    """A whole answer."""

    key: str
    at: float
    waits: list[tuple[Phase, float]]


class _Calm(NamedTuple):
    """What was found out about a target that is in no trouble, as long as nothing changes in the store."""

    limits: Deadlines
    version: tuple[int, int, int] | None
    outlook: Outlook


class Monitor:
    """Watches the requests of one process. What cannot be read or written never fails a request."""

    def __init__(self, store: HealthStore, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._calm: dict[str, _Calm] = {}
        self._held: list[_Success] = []

    async def look(self, target: Target) -> tuple[Outlook, str]:
        """What is known about a target, and the name under which this request is settled; it needs none as long as the
        target is in no trouble."""
        known = self._calm.get(key_of(target))
        if known and known.limits is target.endpoint.deadlines and known.version == self._store.version() is not None:
            return known.outlook, ""
        owner = f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            return await asyncio.to_thread(self._look, target, owner), owner
        except StoreError:
            return Outlook(True, "", False, target.endpoint.deadlines), owner

    def _look(self, target: Target, owner: str) -> Outlook:
        key, limits = key_of(target), target.endpoint.deadlines
        version = self._store.version()
        learned = deadlines.learn(
            limits, self._store.read_waits(key, "first byte"), self._store.read_waits(key, "next")
        )
        row = self._store.read_breaker(key)
        if row.state == "closed":
            outlook = Outlook(True, "", False, learned)
            if not row.failures:
                self._calm[key] = _Calm(limits, version, outlook)
            else:
                self._calm.pop(key, None)
            return outlook
        self._calm.pop(key, None)
        from aiex.llm import breaker

        probe_s = (learned.connect_s + learned.first_byte_s) or _PROBE_S
        found = breaker.admit(self._store, key, owner=owner, now=self._now(), probe_s=probe_s)
        return Outlook(found.allowed, found.reason, found.is_probe, learned)

    def hold(self, target: Target, clock: Clock) -> bool:
        """A request ended with a whole answer that will be gone on with: keep that in mind, to be written with the next
        ones. False where it has to be noted now: there are some already, or the target was in trouble.
        """
        key = key_of(target)
        if len(self._held) + 1 >= MOST_HELD or key not in self._calm:
            return False
        self._held.append(_Success(key, self._now(), _observed(clock, None)))
        return True

    async def note(self, target: Target, owner: str, clock: Clock | None, error: AiexError | None) -> None:
        """A request ended: with a whole answer, or with this error, whose words hold no secret."""
        held, self._held = self._held, []
        with suppress(StoreError):
            await asyncio.to_thread(self._note, held, target, owner, clock, error)

    def _note(
        self, held: list[_Success], target: Target, owner: str, clock: Clock | None, error: AiexError | None
    ) -> None:
        key, now = key_of(target), self._now()
        with self._store.transaction():
            for before in held:
                self._store.note_success(before.key, before.at)
                for phase, seconds in before.waits:
                    self._store.note_wait(before.key, phase, seconds, deadlines.KEPT)
            if error is None:
                self._store.note_success(key, now)
            else:
                self._store.note_failure(key, now, error.kind, error.message)
            for phase, seconds in _observed(clock, error):
                self._store.note_wait(key, phase, seconds, deadlines.KEPT)
        row = self._store.read_breaker(key)
        if error is None and row.state == "closed" and not row.failures:
            return
        from aiex.llm import breaker

        breaker.settle(self._store, key, error, owner=owner, now=now)

    async def is_open(self, target: Target) -> bool:
        """Whether the next request would not be sent."""
        try:
            row = await asyncio.to_thread(self._store.read_breaker, key_of(target))
        except StoreError:
            return False
        return row.state == "open"

    def release(self, target: Target, owner: str) -> None:
        """A request ended without telling anything, as when it was cancelled."""
        from aiex.llm import breaker

        with suppress(StoreError):
            breaker.release(self._store, key_of(target), owner=owner)


def _observed(clock: Clock | None, error: AiexError | None) -> list[tuple[Phase, float]]:
    """The waits worth learning from; a deadline that passed counts as a wait of its length."""
    if clock is None:
        return []
    seen: list[tuple[Phase, float]] = []
    if clock.first_byte_s is not None:
        seen.append(("first byte", clock.first_byte_s))
    if clock.longest_gap_s is not None:
        seen.append(("next", clock.longest_gap_s))
    passed = clock.passed if error is not None and error.kind == "timeout" else None
    if passed is not None and passed[0] in ("first byte", "next"):
        seen.append(("first byte" if passed[0] == "first byte" else "next", passed[1]))
    return seen
