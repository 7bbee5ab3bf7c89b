"""What is known about models from live traffic, kept in one file for all processes."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from aiex.errors import NotSignedIn, Transient
from aiex.llm.deadlines import KEPT
from aiex.llm.endpoints import Deadlines, Target
from aiex.llm.health import MOST_HELD, Monitor, Standing, key_of, open_store, read_standings
from aiex.llm.stores.health import HealthStore
from tests.fakes.vendors import SERVERS, link_to

if TYPE_CHECKING:
    from aiex.llm.clock import Clock


class Observed:
    """What a clock saw."""

    def __init__(self, first: float | None = 0.5, gap: float | None = 0.1, passed: Any = None) -> None:
        self.first_byte_s, self.longest_gap_s, self.passed = first, gap, passed


@pytest.fixture
def target() -> Target:
    server = SERVERS["openai-chat"]()
    server._http.server_close()
    found = link_to(server, "openai-chat").target
    assert found is not None
    return found


@pytest.fixture
def store(tmp_path: Path) -> HealthStore:
    return HealthStore(str(tmp_path / "state" / "llm.db"))


async def note(store: HealthStore, target: Target, clock: Any, error: Any = None, at: float = 100.0) -> None:
    await Monitor(store, now=lambda: at).note(target, "me", clock, error)


async def test_a_standing_tells_all(store: HealthStore, target: Target) -> None:
    await note(store, target, Observed(1.0, 0.2), at=100)
    await note(store, target, Observed(3.0, 0.4), at=200)
    await note(store, target, Observed(None, None), Transient("down", kind="overloaded"), at=300)
    await note(store, target, None, NotSignedIn("no key"), at=400)
    assert read_standings(store) == [
        Standing(
            name="a/fake-1",
            base_url=target.profile.base_url,
            successes=2,
            failures={"auth": 1, "overloaded": 1},
            first_byte_s=2.0,
            longest_gap_s=0.4,
            last_success_at=200,
            last_failure_at=400,
            last_error="no key",
            breaker="closed",
            opened_at=None,
        )
    ]


async def test_it_is_there_for_the_next_process(store: HealthStore, target: Target) -> None:
    await note(store, target, Observed())
    store.close()
    assert [standing.successes for standing in read_standings(HealthStore(store.path))] == [1]


async def test_only_the_latest_waits_are_kept(store: HealthStore, target: Target) -> None:
    for number in range(KEPT + 20):
        await note(store, target, Observed(float(number), None))
    assert store.read_waits(key_of(target), "first byte") == [float(number) for number in range(20, KEPT + 20)]
    assert store.read_waits(key_of(target), "next") == []


async def test_a_deadline_that_passed_is_a_wait_too(store: HealthStore, target: Target) -> None:
    error = Transient("silent", kind="timeout")
    await note(store, target, Observed(None, None, ("first byte", 20.0)), error)
    await note(store, target, Observed(1.0, 0.1, ("next", 15.0)), error)
    await note(store, target, Observed(None, None, ("connect", 10.0)), error)
    assert store.read_waits(key_of(target), "first byte") == [20.0, 1.0]
    assert store.read_waits(key_of(target), "next") == [0.1, 15.0]


async def test_deadlines_come_from_what_was_seen(store: HealthStore, target: Target) -> None:
    for _ in range(10):
        await note(store, target, Observed(0.1, 0.1))
    outlook, _ = await Monitor(store).look(target)
    assert outlook.deadlines == Deadlines(10, 20, 15, 900)


async def test_forgetting_leaves_nothing(store: HealthStore, target: Target) -> None:
    for _ in range(5):
        await note(store, target, Observed(), Transient("down", kind="server_error"))
    assert read_standings(store)[0].breaker == "open"
    store.forget(key_of(target))
    assert read_standings(store) == []
    assert (await Monitor(store).look(target))[0].allowed


async def test_a_damaged_file_is_set_aside(store: HealthStore, target: Target) -> None:
    path = Path(store.path)
    path.parent.mkdir()
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    await note(store, target, Observed())
    assert [standing.successes for standing in read_standings(store)] == [1]
    assert list(path.parent.glob("llm.db.damaged-*"))


async def test_without_a_place_to_write_requests_go_on(tmp_path: Path, target: Target) -> None:
    (tmp_path / "file").write_text("in the way")
    store = HealthStore(str(tmp_path / "file" / "llm.db"))
    await note(store, target, Observed())
    assert (await Monitor(store).look(target))[0].allowed


def test_its_file_lies_in_the_state_directory(tmp_path: Path) -> None:
    assert open_store({"AIEX_STATE_DIR": str(tmp_path)}).path == str(tmp_path / "llm.db")
    assert list(tmp_path.iterdir()) == []


async def test_answers_that_are_gone_on_with_are_kept_with_the_next_that_is_noted(
    store: HealthStore, target: Target
) -> None:
    monitor = Monitor(store, now=lambda: 100.0)
    await monitor.look(target)
    held = [monitor.hold(target, cast("Clock", Observed(float(number)))) for number in range(MOST_HELD)]
    assert held == [True] * (MOST_HELD - 1) + [False]
    assert read_standings(store) == []
    await monitor.note(target, "me", cast("Clock", Observed(9.0)), None)
    assert read_standings(store)[0].successes == MOST_HELD
    assert store.read_waits(key_of(target), "first byte") == [*map(float, range(MOST_HELD - 1)), 9.0]


async def test_an_answer_behind_failures_is_noted_at_once(store: HealthStore, target: Target) -> None:
    await note(store, target, Observed(), Transient("down", kind="overloaded"))
    monitor = Monitor(store)
    await monitor.look(target)
    assert not monitor.hold(target, cast("Clock", Observed()))


async def test_what_another_process_finds_out_is_seen_at_the_next_look(store: HealthStore, target: Target) -> None:
    monitor = Monitor(store)
    assert (await monitor.look(target))[0].allowed
    other = HealthStore(store.path)
    for _ in range(5):
        await note(other, target, Observed(), Transient("down", kind="server_error"), at=time.time())
    assert not (await monitor.look(target))[0].allowed
