"""A server that keeps failing is left alone, by all processes, until one request finds it well again."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aiex.errors import AiexError, NotSignedIn, Rejected, Transient, Unavailable
from aiex.llm.breaker import COUNTED, FAIL_MAX, RESET_S, Admission, admit, release, settle
from aiex.llm.stores.health import HealthStore
from tests.conftest import SOURCE_ROOT

NOW = 1_000_000.0
LATER = NOW + RESET_S


def down(kind: Any = "server_error") -> Transient:
    return Transient("it is down", kind=kind)


def ask(store: HealthStore, owner: str = "one", now: float = NOW) -> Admission:
    return admit(store, "a/m", owner=owner, now=now, probe_s=60)


def end(store: HealthStore, error: AiexError | None, owner: str = "one", now: float = NOW) -> None:
    settle(store, "a/m", error, owner=owner, now=now)


@pytest.fixture
def store() -> HealthStore:
    return HealthStore()


@pytest.fixture
def opened(store: HealthStore) -> HealthStore:
    for _ in range(FAIL_MAX):
        end(store, down())
    return store


def test_it_opens_after_five_failures_and_names_the_cause(store: HealthStore) -> None:
    for _ in range(FAIL_MAX - 1):
        end(store, down())
        assert ask(store).allowed
    end(store, down())
    refused = ask(store, now=NOW + 10)
    assert not refused.allowed
    assert refused.reason == "it failed 5 times in a row (it is down); it may be tried in 20 s"


@pytest.mark.parametrize("kind", sorted(COUNTED))
def test_these_kinds_count(store: HealthStore, kind: Any) -> None:
    end(store, down(kind))
    assert store.read_breaker("a/m").failures == 1


def test_a_server_that_cannot_be_reached_counts(store: HealthStore) -> None:
    error = Unavailable("cannot reach it")
    error.kind = "transport"
    end(store, error)
    assert store.read_breaker("a/m").failures == 1


@pytest.mark.parametrize(
    "error", [Transient("slow down", kind="rate_limit"), NotSignedIn("no"), Rejected("no", kind="quota"), None]
)
def test_an_answer_of_a_working_server_ends_the_row(store: HealthStore, error: AiexError | None) -> None:
    for _ in range(FAIL_MAX - 1):
        end(store, down())
    end(store, error)
    assert store.read_breaker("a/m").failures == 0


def test_one_breaker_is_not_the_other(opened: HealthStore) -> None:
    assert admit(opened, "b/m", owner="one", now=NOW, probe_s=60).allowed


def test_later_one_request_at_a_time_may_try(opened: HealthStore) -> None:
    assert ask(opened, "one", LATER) == Admission(True, "", is_probe=True)
    assert opened.read_breaker("a/m").state == "half-open"
    refused = ask(opened, "two", LATER)
    assert (refused.allowed, refused.is_probe) == (False, False)
    assert "another request is trying it now" in refused.reason


def test_a_try_that_succeeds_closes_it(opened: HealthStore) -> None:
    ask(opened, "one", LATER)
    end(opened, None, "one", LATER)
    row = opened.read_breaker("a/m")
    assert (row.state, row.failures, row.cause, row.probe_by) == ("closed", 0, "", "")
    assert ask(opened, "two", LATER) == Admission(allowed=True)


def test_a_try_that_fails_opens_it_for_as_long_again(opened: HealthStore) -> None:
    ask(opened, "one", LATER)
    end(opened, down(), "one", LATER)
    assert not ask(opened, "two", LATER + RESET_S - 1).allowed
    assert ask(opened, "two", LATER + RESET_S).is_probe


def test_a_try_that_was_cancelled_tells_nothing_and_lets_another_try(opened: HealthStore) -> None:
    ask(opened, "one", LATER)
    release(opened, "a/m", owner="one")
    assert opened.read_breaker("a/m").state == "half-open"
    assert ask(opened, "two", LATER).is_probe


def test_a_try_of_a_process_that_died_ends_by_itself(opened: HealthStore) -> None:
    ask(opened, "one", LATER)
    assert not ask(opened, "two", LATER + 59).allowed
    assert ask(opened, "two", LATER + 60).is_probe


def test_releasing_what_is_not_ours_changes_nothing(opened: HealthStore) -> None:
    ask(opened, "one", LATER)
    release(opened, "a/m", owner="two")
    assert not ask(opened, "two", LATER).allowed


def test_a_clock_that_was_set_back_does_not_lock_the_server_out(opened: HealthStore) -> None:
    assert ask(opened, "one", NOW - 1_000_000).allowed


def test_one_of_many_threads_may_try(opened: HealthStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: ask(opened, f"owner-{number}", LATER), range(40)))
    assert sum(admission.allowed for admission in found) == 1


ASK_OFTEN = """
import sys
from aiex import sqlite
from aiex.errors import Transient
from aiex.llm.breaker import admit, settle
from aiex.llm.stores.health import HealthStore
sqlite.BUSY_TIMEOUT_S = 60  # a busy machine may keep the other waiting for long
store, name = HealthStore(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for line in sys.stdin:
    match line.split():
        case ["fail"]:
            settle(store, "a/m", Transient("down", kind="server_error"), owner=name, now=1_000_000.0)
            print("failed", flush=True)
        case ["ask", now]:
            won = [admit(store, "a/m", owner=f"{name}-{n}", now=float(now), probe_s=60).allowed for n in range(20)]
            print(sum(won), flush=True)
        case ["heal", now]:
            settle(store, "a/m", None, owner=name, now=float(now))
            print("healed", flush=True)
"""


def test_two_processes_share_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK_OFTEN, str(tmp_path / "llm.db")]
    both = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=SOURCE_ROOT)
        for name in ("one", "two")
    ]

    def tell(words: str, to: list[Any] = both) -> list[str]:
        """What they answer; nothing else is told before all of them did."""
        for process in to:
            process.stdin.write(words + "\n")
            process.stdin.flush()
        return [process.stdout.readline().strip() for process in to]

    try:
        assert [process.stdout.readline().strip() for process in both if process.stdout] == ["ready", "ready"]
        for _ in range(2):
            assert tell("fail") == ["failed", "failed"]
        assert tell(f"ask {NOW}") == ["20", "20"]
        assert tell("fail", both[:1]) == ["failed"]
        assert tell(f"ask {NOW}") == ["0", "0"]
        assert sum(map(int, tell(f"ask {LATER}"))) == 1
        assert tell(f"heal {LATER}", both[:1]) == ["healed"]
        assert tell(f"ask {LATER}") == ["20", "20"]
    finally:
        for process in both:
            process.communicate("")
