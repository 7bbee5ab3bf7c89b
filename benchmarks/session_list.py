"""How long the list of 5,000 sessions takes, with the opening of all files and with looking for what happened since.

Measured beside it: a bare query of the same columns, the views made anew, a search, and removing a session.
Usage: python -m benchmarks.session_list [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

from aiex.events import (
    AssistantSpoke,
    CheckpointTaken,
    Event,
    FileEdited,
    SessionStarted,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    UsageUpdated,
    UserSpoke,
)
from aiex.messages import Text, Usage
from aiex.sessions.archive import ArchivingStore
from aiex.sessions.log import EventLog
from aiex.sessions.projections import Views
from aiex.sessions.search import search
from aiex.sessions.stores.cold import ColdStore
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.sessions.stores.views import Listed
from benchmarks.harness import machine

T = TypeVar("T")
SESSIONS = 5_000
BAR_S = 0.1
START_MS = 1_790_000_000_000


class Desk:
    """All files of sessions in a folder, opened."""

    def __init__(self, folder: str) -> None:
        cold = ColdStore(os.path.join(folder, "cold.db"))
        self.log = EventLog(ArchivingStore(SqliteStore(os.path.join(folder, "sessions.db")), cold))
        self.views = Views(os.path.join(folder, "views.db"), self.log, archived=cold.seqs)

    def close(self) -> None:
        self.views.close()
        self.log.close()


def events_of(number: int) -> list[Event]:
    """A session of one turn: 20 events, half of them pieces of the answer."""
    words = f"I looked at the parser of project {number} and did this and that. " * 4
    return [
        SessionStarted("1", "/code", "ask", "anthropic", "claude", f"/code/{number % 40}"),
        UserSpoke((Text(f"please fix bug number {number} in the parser"),)),
        *[TextDelta(piece) for piece in words.split()[:10]],
        ToolStarted("c1", "run", {"argv": ["make", "test"]}),
        ToolFinished("c1", "run", "3 passed\n" * 20),
        CheckpointTaken("0123456789ab", "edit"),
        FileEdited("src/parser.py", "changed", 3, 1),
        UsageUpdated(Usage(2000, 100), 0.01),
        AssistantSpoke((Text(words),), "anthropic", "claude"),
        TurnEnded("success", "answered", 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the list of sessions.")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"List of {SESSIONS:,} sessions  ({machine()})")
    with tempfile.TemporaryDirectory() as folder:
        fill(folder)
        held = measure(folder, rounds)
    sys.exit(0 if held else 1)


def fill(folder: str) -> None:
    desk = Desk(folder)
    for number in range(SESSIONS):
        at_ms = START_MS + number * 1000
        desk.log.append(f"{number * 7919:016x}", events_of(number), after_seq=0, turn=1, at_ms=at_ms)
    spent_s, count = timed(desk.views.catch_up)
    print(f"  views of {count:,} events     {spent_s:6.2f} s")
    spent_s, _ = timed(desk.views.rebuild)
    print(f"  made anew                {spent_s:6.2f} s")
    desk.close()


def measure(folder: str, rounds: int) -> bool:
    lists, bares = [], []
    for _ in range(rounds):
        lists.append(timed(lambda: list_all(folder))[0])
        bares.append(timed(lambda: query_bare(folder))[0])
    desk = Desk(folder)
    found_s, _ = timed(lambda: search(desk.views, desk.log, "parser 4321"))
    gone_s, _ = timed(lambda: (desk.log.remove(f"{7919:016x}"), desk.views.catch_up()))
    desk.close()
    least_s, median_s = min(lists), sorted(lists)[len(lists) // 2]
    held = least_s <= BAR_S
    print(f"  list with opening        {least_s * 1000:6.0f} ms least, {median_s * 1000:.0f} median "
          f"({'holds' if held else 'MISSES'} {BAR_S * 1000:.0f} ms)")  # fmt: skip
    print(f"  bare query               {min(bares) * 1000:6.0f} ms least")
    print(f"  search                   {found_s * 1000:6.0f} ms")
    print(f"  remove a session         {gone_s * 1000:6.0f} ms")
    return held


def list_all(folder: str) -> int:
    desk = Desk(folder)
    try:
        desk.views.catch_up()
        return len(desk.views.listed())
    finally:
        desk.close()


def query_bare(folder: str) -> int:
    connection = sqlite3.connect(os.path.join(folder, "views.db"))
    try:
        columns = ", ".join(Listed._fields)
        return len(connection.execute(f"SELECT {columns} FROM sessions ORDER BY last_ms DESC").fetchall())
    finally:
        connection.close()


def timed(act: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    done = act()
    return time.perf_counter() - start, done


if __name__ == "__main__":
    main()
