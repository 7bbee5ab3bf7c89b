"""Leaves a server alone that keeps failing, and lets one request at a time find out whether it is back.

pybreaker keeps the rules; its state lives in the store that all processes share. A request is admitted before it is
sent and settled after it, each in one transaction, and `calling()` surrounds only the settling: so nothing is held
while a request is under way, a cancelled one counts neither as failure nor as success (pybreaker takes an excluded
error for a success, which would close the breaker), and in half-open one request at a time is let through (pybreaker
lets all). Source of the default numbers: Nygard, Release It!, 2nd edition, 5.2, as pybreaker has them, but half the
time, because a person waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

import pybreaker

from aiex.errors import AiexError
from aiex.llm.stores.health import BreakerRow, BreakerState, HealthStore, release_probe

if TYPE_CHECKING:
    from collections.abc import Callable

FAIL_MAX: Final = 5
"""Failures in a row that open it."""
RESET_S: Final = 30.0
"""Seconds until somebody may try again."""
COUNTED: Final = frozenset({"overloaded", "server_error", "timeout", "transport"})
"""What says that the server is in trouble; anything else is an answer of a server that works."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request may be sent."""

    allowed: bool
    reason: str = ""
    """Why not, in words."""
    is_probe: bool = False


def admit(store: HealthStore, target: str, *, owner: str, now: float, probe_s: float) -> Admission:
    """Ask the breaker; who is admitted as a probe must `settle` within `probe_s` seconds, then another may try."""
    with store.transaction():
        row = store.read_breaker(target)
        if row.state == "closed":
            return Admission(allowed=True)
        if row.state == "open" and row.opened_at is not None and 0 <= now - row.opened_at < RESET_S:
            rest_s = RESET_S - (now - row.opened_at)
            return Admission(
                False, f"it failed {row.failures} times in a row ({row.cause}); it may be tried in {rest_s:.0f} s"
            )
        if row.probe_by not in ("", owner) and now < row.probe_until <= now + probe_s:
            return Admission(False, f"it failed before ({row.cause}), and another request is trying it now")
        store.write_breaker(target, replace(row, probe_by=owner, probe_until=now + probe_s))
        if row.state == "open":
            _breaker(store, target, now, "").half_open()
        return Admission(allowed=True, is_probe=True)


def settle(store: HealthStore, target: str, error: AiexError | None, *, owner: str, now: float) -> None:
    """Tell the breaker how a request ended; None for a whole answer."""
    with store.transaction():
        store.write_breaker(target, release_probe(store.read_breaker(target), owner))
        breaker = _breaker(store, target, now, error.message if error else "")
        try:
            with breaker.calling():
                if error is not None:
                    raise error
        except (AiexError, pybreaker.CircuitBreakerError):
            return


def release(store: HealthStore, target: str, *, owner: str) -> None:
    """A request ended without telling anything, as when it was cancelled."""
    with store.transaction():
        store.write_breaker(target, release_probe(store.read_breaker(target), owner))


def _breaker(store: HealthStore, target: str, now: float, cause: str) -> pybreaker.CircuitBreaker:
    return pybreaker.CircuitBreaker(
        fail_max=FAIL_MAX,
        reset_timeout=RESET_S,
        exclude=[cast("Callable[[object], bool]", _is_no_trouble)],
        state_storage=SharedState(store, target, now, cause),
        throw_new_error_on_trip=False,
    )


def _is_no_trouble(error: object) -> bool:
    return not (isinstance(error, AiexError) and error.kind in COUNTED)


class SharedState(pybreaker.CircuitBreakerStorage):
    """A breaker's state in the store, for one transaction that begins `now`."""

    def __init__(self, store: HealthStore, target: str, now: float, cause: str) -> None:
        super().__init__("aiex")
        self._store = store
        self._target = target
        self._now = now
        self._cause = cause

    def _row(self) -> BreakerRow:
        return self._store.read_breaker(self._target)

    def _write(self, row: BreakerRow) -> None:
        self._store.write_breaker(self._target, row)

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        return self._row().state

    @state.setter
    def state(self, state: str) -> None:
        cause = self._cause or self._row().cause
        self._write(replace(self._row(), state=cast("BreakerState", state), cause="" if state == "closed" else cause))

    def increment_counter(self) -> None:
        """One more failure in a row."""
        self._write(replace(self._row(), failures=self._row().failures + 1, cause=self._cause))

    def reset_counter(self) -> None:
        """No failure in a row."""
        self._write(replace(self._row(), failures=0))

    def increment_success_counter(self) -> None:
        """One more success in half-open."""
        self._write(replace(self._row(), successes=self._row().successes + 1))

    def reset_success_counter(self) -> None:
        """No success in half-open."""
        self._write(replace(self._row(), successes=0))

    @property
    def counter(self) -> int:
        """Failures in a row."""
        return self._row().failures

    @property
    def success_counter(self) -> int:
        """Successes in half-open."""
        return self._row().successes

    @property
    def opened_at(self) -> datetime | None:
        """When it opened, moved so that pybreaker, which reads the system's clock, sees the time that passed."""
        opened_at = self._row().opened_at
        return None if opened_at is None else datetime.now(UTC) - timedelta(seconds=self._now - opened_at)

    @opened_at.setter
    def opened_at(self, datetime: datetime) -> None:
        self._write(replace(self._row(), opened_at=self._now))
