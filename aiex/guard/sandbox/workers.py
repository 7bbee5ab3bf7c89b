"""Worker processes that apply one function to many pieces of work, each over a pipe of its own.

No locks or threads are shared, so a worker that is killed, by the system when memory runs out or by a fault in native
code, costs only the piece it was at, and a run that is broken off leaves nothing behind. The directory that is worked
in lends a worker no modules.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from aiex.errors import StoreError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess
    from threading import Event

AHEAD = 2
"""Pieces a worker is given at a time, so that it need not wait for the next one."""
LOOK_S = 0.05
"""How often it is looked whether a process that one waits for is still wanted."""
_STOPPING = frozenset({signal.SIGINT, signal.SIGTERM})
_SAFE_PATH = "PYTHONSAFEPATH"

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Died(NamedTuple):
    """Takes the place of the result of a piece whose worker ended before it was done."""

    exit_code: int
    """Of the worker; negative for the signal that ended it."""


class Overran(NamedTuple):
    """Takes the place of a result that was not there in time, or was not waited for."""

    timeout_s: float


class _Worker(NamedTuple):
    process: "BaseProcess"
    pipe: "Connection"
    given: deque[int]
    """Numbers of the pieces it has not answered yet, oldest first."""


def run_in_workers(work: Callable[[Piece], Result], pieces: Sequence[Piece], count: int) -> Iterator["Result | Died"]:
    """Apply `work` to every piece in `count` processes; gives the results in order.

    Workers are forked where that is safe (Linux, no other thread), else `work`, pieces and results must be picklable;
    results always. Without any worker, as when the system allows no more processes, the work is done in this process.
    When the iterator is closed early, the workers are ended.

    Raises:
        Exception: whatever `work` raised, with the worker's traceback as a note.
    """
    team = _Team(work, pieces, min(count, len(pieces)))
    try:
        team.start()
        for number, piece in enumerate(pieces):
            while number not in team.results and team.workers:
                team.receive()
            yield team.results.pop(number) if number in team.results else work(piece)
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
    work, piece = pickle.load(asked)  # noqa: S301
    pickle.dump(_apply(work, piece), answers)
    answers.flush()


def _read_answer(answer: bytes, exit_code: int) -> Any:
    import pickle

    if exit_code or not answer:
        return Died(exit_code)
    done, result = pickle.loads(answer)  # noqa: S301  (our own child wrote it)
    if not done:
        raise result
    return result


def _apply(work: Callable[[Piece], Result], piece: Piece) -> tuple[bool, Result | Exception]:
    """Whether the work could be done, and what came of it."""
    try:
        return True, work(piece)
    except Exception as error:  # noqa: BLE001  (raised again by the parent)
        return False, _with_trace(error)


class _Team:
    def __init__(self, work: Callable[[Any], Any], pieces: Sequence[Any], count: int) -> None:
        self.work = work
        self.pieces = pieces
        self.count = count
        self.left = deque(range(len(pieces)))
        self.workers: list[_Worker] = []
        self.results: dict[int, Any] = {}

    def start(self) -> None:
        """Bring the team up to its size, as far as the system lets it."""
        from multiprocessing import get_context

        context = get_context("fork" if _may_fork() else "spawn")
        with suppress(OSError):  # fewer workers, or none, do the same work
            while len(self.workers) < self.count and self.left:
                self.add(context)
        for worker in self.workers:  # the first pieces are the largest: each begins with one of them
            self.give(worker)

    def add(self, context: "BaseContext") -> None:
        here, there = context.Pipe()
        ours = here if context.get_start_method() == "fork" else None
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(there, ours, self.work, self.pieces), daemon=True
        )
        with _unstopped(), _safe_path():  # until the worker can be ended, and has its own way with signals
            try:
                process.start()
            except OSError:
                here.close()
                raise
            finally:
                there.close()
            worker = _Worker(process, here, deque())
            self.workers.append(worker)
        self.give(worker, most=1)

    def give(self, worker: _Worker, most: int = AHEAD) -> None:
        """Send as many pieces as a worker may have."""
        while self.left and len(worker.given) < most:
            number = self.left.popleft()
            worker.given.append(number)
            with suppress(OSError):  # a dead worker is seen when its answer is read
                worker.pipe.send(number)

    def receive(self) -> None:
        """Wait for answers, and take those that are there."""
        from multiprocessing.connection import wait

        answered = wait([worker.pipe for worker in self.workers])
        for worker in [worker for worker in self.workers if worker.pipe in answered]:
            try:
                done, result = worker.pipe.recv()
            except (EOFError, OSError):
                self.bury(worker)
                continue
            if not done:
                raise result
            self.results[worker.given.popleft()] = result
            self.give(worker)

    def bury(self, worker: _Worker) -> None:
        """Note the piece a worker died of, and put another in its place for the others it was given."""
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)
        if worker.given:
            self.results[worker.given.popleft()] = Died(worker.process.exitcode or 0)
        self.left.extendleft(reversed(worker.given))
        self.start()

    def end(self) -> None:
        """End all workers, whatever they are at: they only read."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()
        self.workers.clear()


def _may_fork() -> bool:
    """Whether a copy of this process would find all locks free."""
    import threading

    return sys.platform == "linux" and threading.active_count() == 1


@contextmanager
def _unstopped() -> Iterator[None]:
    """Put off the signals that end a run."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keep Python processes that start now from importing what lies in the current directory."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _serve(
    pipe: "Connection", other_end: "Connection | None", work: Callable[[Any], Any], pieces: Sequence[Any]
) -> None:
    """The life of a worker: answer until the pipe ends, as it does when the parent is gone."""
    import gc

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the parent ends us
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    if other_end is not None:
        other_end.close()  # a copy of the parent's end would keep the pipe open
    gc.freeze()  # what was here before is not looked through again, nor are its pages copied
    gc.disable()  # plain results have no cycles: looking for some while they grow cost up to a fifth of the time
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_apply(work, pieces[pipe.recv()]))
            gc.collect(0)  # what an error may have left


def _with_trace(error: Exception) -> Exception:
    import traceback

    error.add_note("in a worker process:\n" + traceback.format_exc())
    return error
