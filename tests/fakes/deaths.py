"""Work that is killed before one of the statements it gives to SQLite, for each statement in its turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aiex import sqlite
from tests.fakes.source import SOURCE_ROOT


class End(NamedTuple):
    """How one run of the work ended."""

    folder: Path
    signal: int
    """What killed it; 0 where the work came to its end."""
    said: list[str]
    """Its words before."""


def kill_in_turn(code: str, folder: Path, statements: Sequence[int]) -> list[End]:
    """Ends of `work(say)`, which the code defines: one run for each statement, in a process and folder of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nfrom tests.fakes import deaths\ndeaths.die(work)", *map(str, statements)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
    )
    assert done.stderr == ""
    ends = [line.split() for line in done.stdout.splitlines()]
    assert [int(number) for number, *_ in ends] == list(statements)
    return [End(folder / number, int(killed), said) for number, killed, *said in ends]


def die(work: Callable[[Callable[[str], None]], None]) -> None:
    """Run the work once for each number among the program's arguments, killed before that statement; print its end."""
    for number in sys.argv[1:]:
        os.mkdir(number)
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            os.chdir(number)
            _die_before(int(number))
            work(partial(_say, there))
            os._exit(0)
        os.close(there)
        with open(here, encoding="utf-8") as pipe:
            said = pipe.read()
        print(number, os.WTERMSIG(os.waitpid(child, 0)[1]), said, flush=True)


def _say(pipe: int, word: str) -> None:
    os.write(pipe, f"{word} ".encode())


def _die_before(number: int) -> None:
    """Kill this process before it runs the statement with this number, counted over all stores it opens from now on."""
    left = number
    plain = sqlite.connect

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(*args: Any, **options: Any) -> Any:
        connection = plain(*args, **options)
        connection.set_trace_callback(count)
        return connection

    sqlite.connect = connect
