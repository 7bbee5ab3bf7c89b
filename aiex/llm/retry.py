"""Whether and when the same server is asked again: the only layer that repeats a request.

tenacity computes the waits and says when to stop; sleeping is left to the caller, who tells a person about each wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from aiex.errors import AiexError, Transient, Unavailable
from aiex.record import record

if TYPE_CHECKING:
    from tenacity import AttemptManager, RetryCallState

RETRYABLE: Final = frozenset({"rate_limit", "overloaded", "server_error", "timeout", "transport", "malformed"})
FINAL: Final = frozenset({"invalid_request", "request_too_large", "context_overflow", "content_filter"})
"""Nobody else is asked either: the request itself is the matter, and the caller has to change it."""
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 8.0
GIVE_UP_S: Final = 20.0
"""No further request begins later than this after the first, waits that the vendor wished not counted: with one last
connection that hangs for 10 s, a dead server is known as dead within 30 s."""
UNREACHED: Final = 3
"""Requests to a server that cannot be reached at all."""
WITH_SUCCESSOR: Final = 3
"""Requests to one server when somebody else can be asked."""


@record
class Policy:
    """How patient to be."""

    max_attempts: int = 5
    max_wait_s: float = 120.0
    """A vendor that wishes a longer wait is not asked again."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic


def is_retryable(error: BaseException) -> bool:
    """Whether asking the same server the same again may help; the vendor's own word counts most."""
    if isinstance(error, Transient) and error.should_retry is not None:
        return error.should_retry
    return isinstance(error, AiexError) and error.kind in RETRYABLE


class Retries:
    """Counts the failures of one request at one server."""

    def __init__(self, policy: Policy, *, has_successor: bool) -> None:
        self._policy = policy
        self._has_successor = has_successor
        self._began = policy.clock()
        self._wished_s = 0.0
        self._wait_s = 0.0
        self._attempts: AsyncIterator[AttemptManager] | None = None
        self._attempt: AttemptManager | None = None

    async def after(self, error: AiexError) -> float | None:
        """Seconds to wait before the next request; None when there is to be none."""
        if not is_retryable(error):
            return None
        if self._attempts is None:
            self._attempts = aiter(self._engine())
            self._attempt = await anext(self._attempts)
        assert self._attempt is not None  # noqa: S101  (set together with the attempts)
        with self._attempt:
            raise error
        try:
            self._attempt = await anext(self._attempts)
        except AiexError:
            return None
        if _wish_of(error) is not None:
            self._wished_s += self._wait_s
        return self._wait_s

    def _engine(self) -> Any:
        from tenacity import AsyncRetrying, retry_if_exception, wait_exponential_jitter

        usual = wait_exponential_jitter(initial=FIRST_WAIT_S, max=LONGEST_WAIT_S, jitter=FIRST_WAIT_S)

        def wait(state: RetryCallState) -> float:
            wish = _wish_of(_error_of(state))
            return usual(state) if wish is None else wish

        return AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            stop=self._is_over,
            wait=wait,
            sleep=self._note,
            reraise=True,
        )

    def _is_over(self, state: RetryCallState) -> bool:
        """Whether no further request is worth its wait."""
        error, most = _error_of(state), self._policy.max_attempts
        if state.attempt_number >= (min(most, WITH_SUCCESSOR) if self._has_successor else most):
            return True
        wish = _wish_of(error)
        if wish is not None:
            return wish > self._policy.max_wait_s
        if isinstance(error, Unavailable) and state.attempt_number >= UNREACHED:
            return True
        if self._has_successor and isinstance(error, AiexError) and error.kind == "timeout":
            return True
        spent_s = self._policy.clock() - self._began - self._wished_s
        return spent_s + state.upcoming_sleep > GIVE_UP_S

    async def _note(self, seconds: float) -> None:
        """Take the wait down; the caller sleeps."""
        self._wait_s = round(seconds, 3)


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _wish_of(error: BaseException | None) -> float | None:
    return error.retry_after_s if isinstance(error, Transient) else None
