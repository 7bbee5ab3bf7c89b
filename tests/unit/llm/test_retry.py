"""When the same server is asked again, and how long is waited before."""

from typing import Any

import pytest

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient, Unavailable
from aiex.llm.retry import GIVE_UP_S, LONGEST_WAIT_S, RETRYABLE, Policy, Retries, is_retryable


def unreached() -> Unavailable:
    error = Unavailable("cannot reach it")
    error.kind = "transport"
    return error


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def waits(*errors: AiexError, has_successor: bool = False, **policy: Any) -> list[Any]:
    """The wait after each failure, until there is none."""
    clock = Clock()
    retries, found = Retries(Policy(clock=clock, **policy), has_successor=has_successor), []
    for error in errors:
        found.append(await retries.after(error))
        if found[-1] is None:
            break
        clock.now += found[-1]
    return found


def dead(kind: Any = "server_error", **more: Any) -> Transient:
    return Transient("dead", kind=kind, **more)


@pytest.mark.parametrize("kind", sorted(RETRYABLE))
def test_these_kinds_are_worth_another_try(kind: Any) -> None:
    assert is_retryable(Transient("x", kind=kind))


@pytest.mark.parametrize(
    "error",
    [
        NotSignedIn("x"),
        ContextOverflow("x"),
        Unavailable("a web page"),
        *(Rejected("x", kind=kind) for kind in ("quota", "not_found", "invalid_request", "content_filter")),
    ],
)
async def test_these_are_not(error: AiexError) -> None:
    assert await waits(error) == [None]


@pytest.mark.parametrize("wish", [True, False])
def test_the_vendors_own_word_counts_most(wish: bool) -> None:
    assert is_retryable(dead(should_retry=wish)) is wish


async def test_waits_grow_and_stay_within_bounds() -> None:
    first, second, third, fourth, end = await waits(*[dead()] * 5)
    assert 0.5 <= first <= 1
    assert 1 <= second <= 1.5
    assert 2 <= third <= 2.5
    assert 4 <= fourth <= LONGEST_WAIT_S
    assert end is None


@pytest.mark.parametrize(("wish", "expected"), [(0.0, 0.0), (7.0, 7.0), (120.0, 120.0), (120.5, None)])
async def test_a_wish_of_the_vendor_is_kept_up_to_its_cap(wish: float, expected: float | None) -> None:
    assert await waits(dead("rate_limit", retry_after_s=wish)) == [expected]


async def test_the_cap_is_a_setting() -> None:
    assert await waits(dead("rate_limit", retry_after_s=7), max_wait_s=5) == [None]


async def test_one_attempt_means_no_other() -> None:
    assert await waits(dead(), max_attempts=1) == [None]


async def test_a_server_that_hangs_is_given_up_in_time() -> None:
    clock = Clock()
    retries = Retries(Policy(clock=clock), has_successor=False)
    clock.now = 10
    assert await retries.after(dead("timeout")) is not None
    clock.now = GIVE_UP_S
    assert await retries.after(dead("timeout")) is None


async def test_waits_that_were_wished_use_up_no_patience() -> None:
    found = await waits(*[dead("rate_limit", retry_after_s=60)] * 3, dead())
    assert found[:3] == [60, 60, 60]
    assert found[3] is not None


async def test_a_server_that_cannot_be_reached_gets_three_requests() -> None:
    assert len(await waits(*[unreached() for _ in range(9)])) == 3


async def test_with_a_successor_there_is_less_patience() -> None:
    assert len(await waits(*[dead()] * 9, has_successor=True)) == 3
    assert await waits(dead("timeout"), has_successor=True) == [None]
