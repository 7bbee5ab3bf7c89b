"""A team of worker processes, each on a pipe of its own, with what it was given and what it holds."""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

AHEAD = 2
"""Pieces a worker is given at a time, so that it need not wait for the next one."""
FINISH = -1
"""Asks a worker for what came of all that it holds."""
_STOPPING = frozenset({signal.SIGINT, signal.SIGTERM})
_SAFE_PATH = "PYTHONSAFEPATH"

Result = TypeVar("Result")


class Died(NamedTuple):
    """Takes the place of the result of a piece whose worker ended before it was done."""

    exit_code: int
    """Of the worker; negative for the signal that ended it."""


class Answer(NamedTuple):
    """What came of a piece."""

    number: int
    """Of the piece; `FINISH` for what a worker held at the end."""
    result: Any
    """`Died` when its worker ended before it was done."""


class _Worker(NamedTuple):
    process: "BaseProcess"
    pipe: "Connection"
    given: deque[int]
    """Numbers of the pieces it has not answered yet, oldest first."""
    held: list[int]
    """Numbers of those that it answered by None, because they come with a later result."""


class Team:
    """Workers that each take in pieces in the order they are given them.

    Args:
        work: What is done with a piece.
        finish: Gives what came of all pieces for which `work` gave None; without it None is a result.
        pieces: What there is to do.
        count: Workers, at most.
    """

    def __init__(
        self, work: Callable[[Any], Any], finish: Callable[[], Any] | None, pieces: Sequence[Any], count: int
    ) -> None:
        self.work = work
        self.finish = finish
        self.pieces = pieces
        self.count = count
        self.left = deque(range(len(pieces)))
        self.workers: list[_Worker] = []

    @property
    def is_busy(self) -> bool:
        """Whether answers are to come."""
        return any(worker.given for worker in self.workers)

    def start(self) -> None:
        """Bring the team up to its size, as far as the system lets it."""
        from multiprocessing import get_context

        context = get_context("fork" if _may_fork() else "spawn")
        with suppress(OSError):  # fewer workers, or none, do the same work
            while len(self.workers) < self.count and self.left:
                self.add(context)
        for worker in self.workers:  # the first pieces are the largest: each begins with one of them
            self._give(worker)

    def add(self, context: "BaseContext") -> None:
        """Start one more worker, with a piece to begin with. Raises OSError if the system has no room for it."""
        here, there = context.Pipe()
        ours = here if context.get_start_method() == "fork" else None
        process = context.Process(  # type: ignore[attr-defined]  # (each context has one)
            target=_serve, args=(there, ours, self.work, self.finish, self.pieces), daemon=True
        )
        with _unstopped(), _safe_path():  # until the worker can be ended, and has its own way with signals
            try:
                process.start()
            except OSError:
                here.close()
                raise
            finally:
                there.close()
            worker = _Worker(process, here, deque(), [])
            self.workers.append(worker)
        self._give(worker, most=1)

    def _give(self, worker: _Worker, most: int = AHEAD) -> None:
        """Send as many pieces as a worker may have; when there are no more, ask for what it holds."""
        while self.left and len(worker.given) < most:
            self._send(worker, self.left.popleft())
        if worker.held and not worker.given:
            self._send(worker, FINISH)

    def _send(self, worker: _Worker, number: int) -> None:
        worker.given.append(number)
        with suppress(OSError):  # a dead worker is seen when its answer is read
            worker.pipe.send(number)

    def receive(self) -> list[Answer]:
        """Wait for answers, and take those that are there.

        Raises:
            Exception: whatever a worker raised.
        """
        from multiprocessing.connection import wait

        answers: list[Answer] = []
        answered = wait([worker.pipe for worker in self.workers])
        for worker in [worker for worker in self.workers if worker.pipe in answered]:
            try:
                done, result = worker.pipe.recv()
            except (EOFError, OSError):
                answers += self._bury(worker)
                continue
            if not done:
                raise result
            number = worker.given.popleft()
            if result is None and self.finish is not None and number != FINISH:
                worker.held.append(number)
            else:
                worker.held.clear()
            answers.append(Answer(number, result))
            self._give(worker)
        return answers

    def _bury(self, worker: _Worker) -> list[Answer]:
        """Say what a worker died of, and put another in its place for what it held and the others it was given."""
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)
        died = Died(worker.process.exitcode or 0)
        number = worker.given.popleft() if worker.given else FINISH
        if number == FINISH:  # all that it held together was too much
            return [Answer(held, died) for held in worker.held]
        self.left.extendleft(reversed([*worker.held, *worker.given]))
        self.start()
        return [Answer(number, died)]

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
    pipe: "Connection",
    other_end: "Connection | None",
    work: Callable[[Any], Any],
    finish: Callable[[], Any] | None,
    pieces: Sequence[Any],
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
            number = pipe.recv()
            answer = apply(finish) if number == FINISH and finish is not None else apply(work, pieces[number])
            pipe.send(answer)
            if answer[1] is not None:
                gc.collect(0)  # what an error may have left


def apply(work: Callable[..., Result], *given: object) -> tuple[bool, Result | Exception]:
    """Whether the work could be done, and what came of it: a result, or the error with its trace as a note."""
    try:
        return True, work(*given)
    except Exception as error:  # noqa: BLE001  (raised again by the parent)
        return False, _with_trace(error)


def _with_trace(error: Exception) -> Exception:
    import traceback

    error.add_note("in a worker process:\n" + traceback.format_exc())
    return error
