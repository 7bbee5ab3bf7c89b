"""Which state of the files a search tries next, and what it knows in the end."""

from __future__ import annotations

import pytest

from aiex.jobs.bisecting import SKIP, Search, Stage
from aiex.sessions.checkpoints.stores.catalogue import Checkpoint

STAGES = tuple(Stage(Checkpoint(f"{n:012x}", n, 0, "", "", f"{n:040x}", 1, 1), n) for n in range(1, 34))
LAST = len(STAGES) - 1


def search(codes: dict[int, int], first_bad: int) -> tuple[Search, int]:
    """The end of a search, and how many runs it took; codes say what differs from the rule."""
    found, runs = Search(STAGES, 0, LAST), 0
    while (place := found.next()) is not None:
        found = found.learn(place, codes.get(place, 1 if place >= first_bad else 0))
        runs += 1
    return found, runs


@pytest.mark.parametrize("first_bad", range(1, LAST + 1))
def test_every_step_is_found_in_as_many_runs_as_halving_needs(first_bad: int) -> None:
    found, runs = search({}, first_bad)
    assert (found.good, found.bad) == (first_bad - 1, first_bad)
    assert runs <= 5


def test_what_cannot_tell_is_gone_around() -> None:
    found, _ = search({16: SKIP, 17: SKIP}, 20)
    assert (found.good, found.bad) == (19, 20)


def test_where_only_what_cannot_tell_is_left_both_ends_are_known() -> None:
    found, _ = search({18: SKIP, 19: SKIP}, 20)
    assert (found.good, found.bad, found.skipped) == (17, 20, {18, 19})
