"""Worker processes that apply one function to many pieces of work, each over a pipe of its own.

No locks or threads are shared, so a worker that is killed, by the system when memory runs out or by a fault in native
code, costs only the piece it was at, and a run that is broken off leaves nothing behind. The directory that is worked
in lends a worker no modules.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

from aiex.errors import StoreError
from aiex.guard.sandbox.team import FINISH, Died, Team, apply

if TYPE_CHECKING:
    from threading import Event

__all__ = ["FINISH", "Died", "Gatherer", "Overran", "gather_in_workers", "run_in_workers", "run_within"]

LOOK_S = 0.05
"""How often it is looked whether a process that one waits for is still wanted."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Taken_contra = TypeVar("Taken_contra", contravariant=True)
Gathered_co = TypeVar("Gathered_co", covariant=True)


class Overran(NamedTuple):
    """Takes the place of a result that was not there in time, or was not waited for."""

    timeout_s: float


class Gatherer(Protocol[Taken_contra, Gathered_co]):
    """Takes pieces in one after the other, and gives a result of several of them at a time.

    Each worker has a copy of its own.
    """

    def take(self, piece: Taken_contra, /) -> Gathered_co | None:
        """Take in a piece; gives a result of this and all before it when they are enough."""

    def finish(self) -> Gathered_co | None:
        """A result of the pieces that are in none yet; None without any."""


def run_in_workers(work: Callable[[Piece], Result], pieces: Sequence[Piece], count: int) -> Iterator["Result | Died"]:
    """Apply `work` to every piece in `count` processes; gives the results in order.

    Workers are forked where that is safe (Linux, no other thread), else `work`, pieces and results must be picklable;
    results always. Without any worker, as when the system allows no more processes, the work is done in this process.
    When the iterator is closed early, the workers are ended.

    Raises:
        Exception: whatever `work` raised, with the worker's traceback as a note.
    """
    team = Team(work, None, pieces, min(count, len(pieces)))
    results: dict[int, Result | Died] = {}
    try:
        team.start()
        for number, piece in enumerate(pieces):
            while number not in results and team.workers:
                results.update((answer.number, answer.result) for answer in team.receive())
            yield results.pop(number) if number in results else work(piece)
    finally:
        team.end()


def gather_in_workers(
    gatherer: Gatherer[Piece, Result], pieces: Sequence[Piece], count: int
) -> Iterator[tuple[int, "Result | Died | None"]]:
    """Have every piece taken in by one of `count` processes.

    Gives the number of each piece that was taken in, with a result of some pieces until there or None; then what is
    left, under the number `FINISH`. For a piece that ended its worker comes `Died`; what that worker had taken in
    before is taken in by another, so its numbers come again. Otherwise as `run_in_workers`.
    """
    team = Team(gatherer.take, gatherer.finish, pieces, min(count, len(pieces)))
    try:
        team.start()
        while team.is_busy:
            yield from team.receive()
        for number in team.left:
            yield number, gatherer.take(pieces[number])
        if team.left:
            yield FINISH, gatherer.finish()
    finally:
        team.end()


def run_within(
    work: Callable[[Piece], Result], piece: Piece, *, timeout_s: float, given_up: "Event"
) -> "Result | Died | Overran":
    """Apply `work` to one piece in a process of its own, which is gone when this returns. Blocks: call it in a thread.

    Args:
        work: A function that can be found by its name; it and the piece are pickled, and so is the result.
        timeout_s: From now on, so the start of the process, a quarter of a second, counts.
        given_up: Ends it early when it is set.

    Raises:
        StoreError: if the process cannot be started.
        Exception: whatever `work` raised, with its traceback as a note.
    """
    import pickle
    import subprocess
    import time

    from aiex.guard.sandbox.process import clean_environment

    end = time.monotonic() + timeout_s
    path = [folder for folder in sys.path if os.path.isabs(folder)]
    asked: bytes | None = pickle.dumps(path) + pickle.dumps(timeout_s) + pickle.dumps((work, piece))
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START],
            env=clean_environment(),
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches all processes of a terminal; we end this one
        )
    except OSError as error:
        raise StoreError(f"cannot start a process: {error.strerror}", hint="too many may be running") from error
    with process:
        try:
            while time.monotonic() < end and not given_up.is_set():
                with suppress(subprocess.TimeoutExpired):
                    answer, _ = process.communicate(asked, LOOK_S)
                    return cast("Result | Died", _read_answer(answer, process.returncode))
                asked = None  # it is being sent
            return Overran(timeout_s)
        finally:
            process.kill()


_START = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from aiex.guard.sandbox.workers import _answer
_answer()
"""


def _answer() -> None:
    """The life of a process with one piece of work."""
    import math
    import pickle

    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    timeout_s = pickle.load(asked)  # noqa: S301  (our parent wrote it)
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(timeout_s) + 1)  # the parent may have been killed, and work in native code sees no pipe
    work, piece = pickle.load(asked)  # noqa: S301  (as above)
    pickle.dump(apply(work, piece), answers)
    answers.flush()


def _read_answer(answer: bytes, exit_code: int) -> Any:
    import pickle

    if exit_code or not answer:
        return Died(exit_code)
    done, result = pickle.loads(answer)  # noqa: S301  (our own child wrote it)
    if not done:
        raise result
    return result
