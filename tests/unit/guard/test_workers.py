"""Worker processes: order, deaths, errors, and runs that are broken off."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Set
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiex.guard.sandbox import team
from aiex.guard.sandbox.workers import FINISH, Died, Overran, gather_in_workers, run_in_workers, run_within
from tests.fakes.processes import is_gone
from tests.fakes.source import SOURCE_ROOT


def square(number: int) -> int:
    return number * number


def die_at(fatal: set[int], number: int) -> int:
    if number in fatal:
        os._exit(3)
    return number


def fail_at(fatal: int, number: int) -> int:
    if number == fatal:
        raise LookupError(f"no {number}")
    return number


def large(number: int) -> bytes:
    return bytes(400_000) + str(number).encode()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(count: int) -> None:
    assert list(run_in_workers(square, range(40), count)) == [number * number for number in range(40)]


def test_results_larger_than_a_pipe_do_not_block() -> None:
    assert [result[400_000:] for result in run_in_workers(large, range(12), 2)] == [b"%d" % n for n in range(12)]


def test_nothing_to_do_starts_nothing() -> None:
    assert list(run_in_workers(square, [], 2)) == []


@pytest.mark.parametrize("fatal", [{0}, {7}, {29}, {3, 4, 5}, set(range(30))])
def test_a_worker_that_dies_costs_only_its_piece(fatal: set[int]) -> None:
    expected = [Died(3) if number in fatal else number for number in range(30)]
    assert list(run_in_workers(partial(die_at, fatal), range(30), 2)) == expected


def test_an_error_in_the_work_reaches_the_caller_with_its_place() -> None:
    with pytest.raises(LookupError, match="no 5") as caught:
        list(run_in_workers(partial(fail_at, 5), range(20), 2))
    assert "fail_at" in caught.value.__notes__[0]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("taken", range(0, 12))
def test_a_run_that_is_closed_early_leaves_no_process(taken: int) -> None:
    results = run_in_workers(large, range(30), 3)
    for _ in range(taken):
        next(results)
    results.close()
    assert multiprocessing.active_children() == []


class Sums:
    """Adds numbers up, and gives the sum when it is enough."""

    def __init__(self, enough: int, fatal: Set[int] = frozenset()) -> None:
        self.enough = enough
        self.fatal = fatal
        self.held = 0

    def take(self, number: int) -> int | None:
        if number in self.fatal:
            os._exit(3)
        self.held += number
        return self.finish() if self.held >= self.enough else None

    def finish(self) -> int | None:
        if FINISH in self.fatal:
            os._exit(3)
        held, self.held = self.held, 0
        return held or None


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("enough", [1, 50, 10_000])
def test_what_is_gathered_holds_every_piece_once(count: int, enough: int) -> None:
    answers = list(gather_in_workers(Sums(enough), range(1, 41), count))
    assert sorted(number for number, _ in answers if number != FINISH) == list(range(40))
    assert sum(result or 0 for _, result in answers) == sum(range(1, 41))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("fatal", [{1}, {8}, {40}, {3, 4, 5}])
def test_a_worker_that_dies_has_what_it_gathered_gathered_by_another(fatal: set[int]) -> None:
    answers = list(gather_in_workers(Sums(100, fatal), range(1, 41), 2))
    assert {number + 1 for number, result in answers if result == Died(3)} == fatal
    assert {number for number, _ in answers} - {FINISH} == set(range(40))
    assert sum(result for _, result in answers if isinstance(result, int)) == sum(range(1, 41)) - sum(fatal)


def test_pieces_that_together_are_too_much_are_told_one_by_one() -> None:
    answers = list(gather_in_workers(Sums(10_000, {FINISH}), range(1, 11), 2))
    assert {number for number, result in answers if result == Died(3)} == set(range(10))


def test_without_workers_pieces_are_gathered_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(team.Team, "add", refuse)
    assert list(gather_in_workers(Sums(3), [1, 2, 3, 1], 2)) == [(0, None), (1, 3), (2, 3), (3, None), (FINISH, 1)]


def test_the_current_directory_lends_a_worker_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pickle", "multiprocessing", "signal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(team, "_may_fork", lambda: False)
    assert list(run_in_workers(abs, [-1, 2], 1)) == [1, 2]
    assert "PYTHONSAFEPATH" not in os.environ


def within(work: Callable[[int], Any], piece: int, timeout_s: float = 60.0) -> Any:
    return run_within(work, piece, timeout_s=timeout_s, given_up=threading.Event())


def match_forever(length: int) -> bool:
    return re.match("(a+)+$", "a" * length + "!") is not None


def test_work_is_done_in_a_process_of_its_own() -> None:
    assert within(square, 7) == 49
    assert within(large, 7) == large(7)
    assert within(run_elsewhere, 0) != os.getpid()


def run_elsewhere(_: int) -> int:
    print("what is said does not disturb")
    return os.getpid()


def test_an_error_in_a_process_of_its_own_reaches_the_caller() -> None:
    with pytest.raises(LookupError, match="no 5"):
        within(partial(fail_at, 5), 5)


def test_a_process_that_dies_is_told() -> None:
    assert within(partial(die_at, {5}), 5) == Died(3)


def test_work_in_native_code_is_ended_in_time() -> None:
    assert within(match_forever, 200, timeout_s=1.0) == Overran(1.0)


def test_work_that_is_given_up_is_ended() -> None:
    given_up = threading.Event()
    threading.Timer(0.2, given_up.set).start()
    assert run_within(match_forever, 200, timeout_s=600.0, given_up=given_up) == Overran(600.0)


DYING_ONCE_IT_ASKED = """
import os, signal, subprocess
import tests.unit.guard.test_workers as t
communicate = subprocess.Popen.communicate
def ask_and_die(process, *given):
    try:
        return communicate(process, *given)
    finally:
        print(process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen.communicate = ask_and_die
t.within(t.match_forever, 200, timeout_s=0.5)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_work_ends_by_itself_when_nobody_is_left_to_end_it() -> None:
    command = [sys.executable, "-c", DYING_ONCE_IT_ASKED]
    asker = subprocess.run(command, cwd=SOURCE_ROOT, stdout=subprocess.PIPE, check=False)
    assert asker.returncode == -signal.SIGKILL
    assert is_gone(int(asker.stdout))


def test_a_process_of_its_own_sees_no_secrets_and_no_modules_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle", "signal", "encodings"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_API_KEY", "secret")
    assert within(read_variable, 0) is None


def read_variable(_: int) -> str | None:
    return os.environ.get("SOME_API_KEY")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Enough code for worker processes."""
    lines = "".join(
        f"def function_{number}(a, b):\n    return [a for a in b if a > {number}]\n\n" for number in range(300)
    )
    for number in range(60):
        (tmp_path / f"part_{number}.py").write_text(f"import part_{(number + 1) % 60}\n\n{lines}", encoding="utf-8")
    return tmp_path


def wait_at_most(process: subprocess.Popen[bytes], time_s: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(time_s)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_at_any_moment_ends_with_all_its_workers(
    repository: Path, home: Path, ending: signal.Signals
) -> None:
    codes = set()
    for moment_s in (0.0, 0.03, 0.08, 0.2, 0.5):
        cache = repository / f"cache-{moment_s}"
        process = subprocess.Popen(
            [sys.executable, "-m", "aiex", "explain", ".", "--offline", "--set", "context.workers=3"],
            cwd=repository,
            env={**os.environ, "PYTHONPATH": SOURCE_ROOT, "AIEX_CACHE_DIR": str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        while process.poll() is None and not cache.exists():  # it is made just before the files are read
            wait_at_most(process, 0.005)
        wait_at_most(process, moment_s)
        with suppress(ProcessLookupError):
            if ending == signal.SIGKILL:
                process.kill()  # and not its workers
            else:
                os.killpg(process.pid, ending)
        _, said = process.communicate(timeout=120)  # returns when every process that holds the pipe is gone
        assert process.returncode in {0, 128 + ending, -ending}, said
        codes.add(process.returncode)
    assert codes != {0}
