"""Stories that are broken off at a system call: many of them, side by side, and what was wrong after each."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from queue import Queue
from threading import Lock, Thread
from typing import Literal, NamedTuple

from aiex.errors import AiexError
from tests.fakes.scripted_commands import break_off
from tests.fakes.scripted_turn import Place, Say, Turn, examine, make_place, vendor
from tests.fakes.source import SOURCE_ROOT
from tests.fakes.syscalls import NAMES, OPENS, SYNCS, WRITES, Call, Fate, watch

PROBES = "state/sandbox/probes.json"
Story = Literal["turn", "again", "ask", "sandbox"]
"""A turn; a turn that is taken up after it was cut off in its tool; two commands."""


class Point(NamedTuple):
    """Where a story is broken off."""

    story: Story
    number: int
    """Of the system call; 0 for none."""
    fate: Fate
    """A number is an error: that of the call, if it can fail so."""
    goes_on: bool = False
    """All later calls that can fail so fail as well."""
    sealed: bool = False

    def decide(self, call: Call) -> Fate:
        """What becomes of a call."""
        if call.number != self.number and not (self.goes_on and 0 < self.number < call.number):
            return "go"
        return self.fate if isinstance(self.fate, str) or can_fail(call, self.fate) else "go"


def can_fail(call: Call, error: int) -> bool:
    """Whether a call can fail like this: a disk is full for what makes or writes, and fails at what syncs."""
    names = SYNCS if error == errno.EIO else WRITES | NAMES | OPENS
    return call.name in names and not call.name.startswith(("unlink", "rmdir")) and call.is_on_disk


class Run(NamedTuple):
    """What came of a story."""

    point: Point
    code: int
    """How the process that was broken off ended; negative for a signal."""
    calls: list[tuple[str, bool]]
    error: str
    """What it said of an error, in words for a person."""
    faults: dict[str, list[str]]


class Lane:
    """Runs stories one after the other, each in forks of this process, which has no threads and has everything loaded.

    Use it as `with`.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._count = 0

    def __enter__(self) -> Lane:
        from tests.fakes.warm import warm_up

        self._vendor = vendor()
        self.address = self._vendor.__enter__()
        warm_up()
        first = make_place(os.path.join(self._folder, "first"))
        end = watch(lambda say: Turn(first, self.address, say).begin())  # finds out what confines commands here
        if end.code:
            raise AssertionError(end.said[-1])
        self._fresh = make_place(os.path.join(self._folder, "fresh"))
        os.makedirs(os.path.join(self._fresh.top, "state/sandbox"))
        shutil.copy(os.path.join(first.top, PROBES), os.path.join(self._fresh.top, PROBES))
        return self

    def __exit__(self, *_: object) -> None:
        self._vendor.__exit__(None, None, None)

    def run(self, point: Point) -> Run:
        """One story: broken off, looked at, and gone on with."""
        self._count += 1
        place = self._fresh.copy(os.path.join(self._folder, str(self._count)))
        try:
            if point.story in ("ask", "sandbox"):
                end, error, faults = break_off(place, self.address, point.story, point.decide)
                return Run(point, end.code, end.calls, error, faults)
            return self._run_turn(place, point)
        finally:
            shutil.rmtree(place.top)

    def _run_turn(self, place: Place, point: Point) -> Run:

        def begin(say: Say) -> None:
            try:
                Turn(place, self.address, say, sealed=point.sealed).begin()
            except AiexError as error:
                say({"error": f"{error.message} ({error.hint})"})

        said = watch(begin, die_in_tool).said if point.story == "again" else []
        end = watch(begin, point.decide)
        said += end.said
        promised = [word for word in said if isinstance(word, list)]
        died = end.code < 0
        after = watch(lambda say: examine(place, self.address, promised, say, died=died, sealed=point.sealed))
        words = {name: text for word in said if isinstance(word, dict) for name, text in word.items()}
        faults = after.said[-1].get("faults") if after.said else None
        if faults is None:
            faults = {"stuck": [str(after.said[-1:] or after.code)]}
        if "traceback" in words:
            faults["stuck"] = [*faults.get("stuck", []), words["traceback"]]
        return Run(point, end.code, end.calls, words.get("error", ""), faults)


def die_in_tool(call: Call) -> Fate:
    """Die when the first file is about to be put in its place."""
    return "kill" if call.name == "renameat" else "go"


class Lanes:
    """Lanes side by side, in processes of their own; use it as `with`.

    Args:
        folder: Where their files go.
        count: Stories at a time.
    """

    def __init__(self, folder: str, count: int = 2) -> None:
        self._folders = [os.path.join(folder, f"lane{number}") for number in range(count)]
        self._lanes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Lanes:
        environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1"}
        for folder in self._folders:
            os.makedirs(folder)
            command = [sys.executable, "-m", "tests.fakes.lanes", folder]
            lane = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self._lanes.append(lane)
        return self

    def __exit__(self, *_: object) -> None:
        for lane in self._lanes:
            with lane:
                assert lane.stdin is not None
                lane.stdin.close()

    def run(self, points: Iterable[Point]) -> Iterator[Run]:
        """Run stories, in the order in which they end."""
        todo, done = iter(points), Queue[Run | None]()
        lock = Lock()

        def work(lane: subprocess.Popen[str]) -> None:
            assert lane.stdin is not None
            assert lane.stdout is not None
            try:
                while True:
                    with lock:
                        point = next(todo, None)
                    if point is None:
                        break
                    lane.stdin.write(json.dumps(point) + "\n")
                    lane.stdin.flush()
                    found = json.loads(lane.stdout.readline())
                    done.put(Run(Point(*found[0]), *found[1:]))
            finally:
                done.put(None)

        threads = [Thread(target=work, args=(lane,)) for lane in self._lanes]
        for thread in threads:
            thread.start()
        for _ in threads:
            yield from iter(done.get, None)
        for thread in threads:
            thread.join()


def run_all(points: Iterable[Point], folder: str, *, lanes: int = 2) -> Iterator[Run]:
    """Run stories in lanes that are opened for them, in the order in which they end."""
    with Lanes(folder, lanes) as opened:
        yield from opened.run(points)


if __name__ == "__main__":
    with Lane(sys.argv[1]) as running:
        for line in sys.stdin:
            print(json.dumps(running.run(Point(*json.loads(line)))), flush=True)
