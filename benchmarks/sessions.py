"""What the event log of sessions costs: appending against a bare insert into SQLite, and reading back.

Rounds are interleaved, and every ratio is of one run. Usage: python -m benchmarks.sessions [--folder DIR]

The synced figures are those of the disk beneath the folder; a temporary folder in memory would say nothing.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count

from aiex.events import Event, TextDelta, ToolFinished
from aiex.sessions.log import EventLog
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores import Snapshot
from aiex.sessions.stores.sqlite import SqliteStore
from benchmarks.harness import Verdicts, machine, rate

SYNCED_ROUNDS, UNSYNCED_ROUNDS = (40, 40), (12, 2_000)
"""Rounds, and calls in each: disks wait by turns, so many short rounds."""
REPLAYED, SESSIONS, SNAPSHOT_BYTES = 100_000, 5_000, 2_000_000
LEAST_APPENDS, MOST_SYNCED_RATIO, LEAST_REPLAYED = 5_000, 1.5, 100_000
SESSION = "0123456789abcdef"
TEXT = "The basket counts apples and pears, and gives the sum in cents; prices are looked up once. " * 5
DELTA, FINISHED = TextDelta(TEXT), ToolFinished("call_1", "run", TEXT, duration_ms=12)
held = Verdicts()


def main() -> None:
    parser = argparse.ArgumentParser(description="What the event log of sessions costs.")
    parser.add_argument("--folder", default=None, help="On the disk to measure.")
    with tempfile.TemporaryDirectory(dir=parser.parse_args().folder) as top:
        print(f"Event log of sessions  ({machine()})\n")
        show_appends(top, synced=False)
        show_appends(top, synced=True)
        show_reading(top)
        show_many(top)
    sys.exit(held.is_missed)


def open_log(path: str, *, sealed: bool = False) -> EventLog:
    folder = os.path.dirname(path)
    keys = open_session_keys(folder, os.path.join(folder, "kek"))
    return EventLog(SqliteStore(path), seal=Sealing(keys, new_sessions=True) if sealed else None)


def to_append(log: EventLog, event: Event) -> Callable[[], None]:
    """Appends the event, one a transaction."""
    numbers = count()

    def append() -> None:
        log.append(SESSION, [event], after_seq=next(numbers), turn=1, at_ms=time.time_ns() // 1_000_000)

    return append


def to_insert(path: str, level: str, data: bytes) -> Callable[[], None]:
    """Inserts rows of the same bytes as they are given, one a transaction."""
    connection = sqlite3.connect(path, isolation_level="IMMEDIATE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={level}")
    connection.execute(
        "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, seq INTEGER, at_ms INTEGER,"
        " turn INTEGER, type TEXT, v INTEGER, link BLOB, sealed INTEGER, copied INTEGER, data BLOB,"
        " UNIQUE (session, seq))"
    )
    connection.commit()
    numbers, link = count(1), os.urandom(16)
    statement = (
        "INSERT INTO events (session, seq, at_ms, turn, type, v, link, sealed, copied, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )

    def insert() -> None:
        with connection:
            values = (SESSION, next(numbers), time.time_ns() // 1_000_000, 1, "text_delta", 1, link, 0, 0, data)
            connection.execute(statement, values)

    return insert


def show_appends(top: str, *, synced: bool) -> None:
    """One event a transaction: the bare insert, ours, and ours encrypted in turn."""
    what, level, event = ("synced", "FULL", FINISHED) if synced else ("not synced", "NORMAL", DELTA)
    log, sealed = open_log(f"{top}/{level}.db"), open_log(f"{top}/{level}-sealed.db", sealed=True)
    log.append("f" * 16, [event], after_seq=0, turn=1, at_ms=1)
    data = next(log.read("f" * 16)).data
    bare = to_insert(f"{top}/{level}-bare.db", level, data)
    ways = (bare, to_append(log, event), to_append(sealed, event))
    theirs, ours, encrypted = interleave(ways, *(SYNCED_ROUNDS if synced else UNSYNCED_ROUNDS))
    log.close()
    sealed.close()
    print(f"append, {what}, {len(data)} bytes an event")
    print(f"  bare SQLite insert, WAL, synchronous={level:7} {rate(theirs)}")
    print(f"  event log                                   {rate(ours)}")
    print(f"  event log, encrypted                        {rate(encrypted)}")
    middle = statistics.median(ours) / statistics.median(theirs)
    bar = f"at most {MOST_SYNCED_RATIO}: {held(middle <= MOST_SYNCED_RATIO)}" if synced else "no bar"
    print(f"  ratio of the medians {middle:.2f} (best rounds {min(ours) / min(theirs):.2f}), {bar}")
    if not synced:
        print(f"  at least {LEAST_APPENDS:,} a second: {held(1 / min(ours) >= LEAST_APPENDS)}")
    print()


def interleave(ways: tuple[Callable[[], None], ...], rounds: int, calls: int) -> list[list[float]]:
    """Seconds for one call of each, by rounds; the first round is not counted."""
    taken: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        for act, times in zip(ways, taken, strict=True):
            begin = time.perf_counter()
            for _ in range(calls):
                act()
            if number:
                times.append((time.perf_counter() - begin) / calls)
    return taken


def show_reading(top: str) -> None:
    """A long session: every event with its link checked, as it is folded into a state."""
    logs = {"plain": open_log(f"{top}/long.db"), "encrypted": open_log(f"{top}/long-sealed.db", sealed=True)}
    for log in logs.values():
        for after in range(0, REPLAYED, 1_000):
            log.append(SESSION, [DELTA] * 999 + [FINISHED], after_seq=after, turn=1, at_ms=1)
    log = logs["plain"]
    head = log.head(SESSION)
    assert head is not None
    log.keep_snapshot(SESSION, Snapshot(head.seq, head.link, 1, os.urandom(SNAPSHOT_BYTES)))
    ways: dict[str, Callable[[], int]] = {
        "bare select": lambda: select_all(f"{top}/long.db"),
        "replay": lambda: sum(1 for _ in log.read(SESSION)),
        "replay, encrypted": lambda: sum(1 for _ in logs["encrypted"].read(SESSION)),
        "follow": lambda: follow(log),
    }
    print(f"one session of {REPLAYED:,} events")
    for name, act in ways.items():
        best = min(seconds(act) for _ in range(5))
        bar = f"  at least {LEAST_REPLAYED:,}: {held(REPLAYED / best >= LEAST_REPLAYED)}" if name == "replay" else ""
        print(f"  {name:18} {REPLAYED / best:12,.0f} events/s  {best / REPLAYED * 1e6:6.2f} µs each{bar}")
    opened = min(seconds(lambda: reopen(f"{top}/long.db")) for _ in range(5))
    print(f"  open the file and the snapshot of {SNAPSHOT_BYTES:,} bytes  {opened * 1000:.1f} ms\n")


def select_all(path: str) -> int:
    """The same rows, unchecked."""
    connection = sqlite3.connect(path)
    total = sum(1 for _ in connection.execute("SELECT * FROM events WHERE session = ? ORDER BY seq", (SESSION,)))
    connection.close()
    return total


def reopen(path: str) -> None:
    log = open_log(path)
    assert log.snapshot(SESSION, version=1) is not None
    log.close()


def follow(log: EventLog) -> int:
    position = total = 0
    while rows := log.follow(position, limit=1_000):
        position = rows[-1].position
        total += len(rows)
    return total


def show_many(top: str) -> None:
    """Many sessions in one file."""
    log = open_log(f"{top}/many.db")
    for number in range(SESSIONS):
        log.append(f"{number:016x}", [DELTA] * 20, after_seq=0, turn=1, at_ms=1)
    best = min(seconds(log.sessions) for _ in range(5))
    print(f"{SESSIONS:,} sessions\n  names in order of their beginning  {best * 1000:.1f} ms")
    log.close()


def seconds(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
