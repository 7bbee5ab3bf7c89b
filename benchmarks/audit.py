"""What the audit log costs: appending against a bare insert into SQLite, checking, reading, rotating keys.

Rounds are interleaved, and every ratio is of one run. Usage: python -m benchmarks.audit [--folder DIR]

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

from aiex.guard.actions import Action, Decision
from aiex.guard.audit.entries import to_payload
from aiex.guard.audit.log import AuditLog, Places, find_places, open_keys
from aiex.guard.audit.reading import Reading, Wanted
from aiex.guard.audit.verify import verify_log
from aiex.jobs.auditing import make_report
from benchmarks.harness import Verdicts, machine, rate

SYNCED_ROUNDS, UNSYNCED_ROUNDS, CHECKED = (40, 40), (12, 2_000), 100_000
"""Rounds, and calls in each: disks wait by turns, so many short rounds; records to check."""
LEAST_APPENDS, MOST_SYNCED_RATIO, LEAST_CHECKS = 5_000, 1.5, 100_000
ACTION = Action("command", "git status --short --branch -- src/app", {"cwd": "src", "role": "editor"})
held = Verdicts()
DECISION = Decision("allow", "built-in: commands that only read", "built-in", "every part of it is known to only read")


def main() -> None:
    parser = argparse.ArgumentParser(description="What the audit log costs.")
    parser.add_argument("--folder", default=None, help="On the disk to measure.")
    with tempfile.TemporaryDirectory(dir=parser.parse_args().folder) as top:
        print(f"Audit log  ({machine()})\n")
        places = find_places({"AIEX_DATA_DIR": f"{top}/data", "AIEX_STATE_DIR": f"{top}/state"})
        show_appends(top, places, synced=False)
        show_appends(top, places, synced=True)
        show_checks(places)
    sys.exit(held.is_missed)


def show_appends(top: str, places: Places, *, synced: bool) -> None:
    """One record a transaction, ours and the bare insert in turn."""
    bare = open_bare(f"{top}/bare-{synced}.db", "FULL" if synced else "NORMAL")
    log = AuditLog(places)

    def append() -> None:
        log.append("session", ACTION, DECISION, who="ada", synced=synced)

    ours, theirs = interleave(append, bare, *(SYNCED_ROUNDS if synced else UNSYNCED_ROUNDS))
    log.close()
    what, level = ("synced", "FULL") if synced else ("not synced", "NORMAL")
    ratio = min(ours) / min(theirs)
    middle = statistics.median(ours) / statistics.median(theirs)
    bar = f"at most {MOST_SYNCED_RATIO}: {held(middle <= MOST_SYNCED_RATIO)}" if synced else "no bar"
    print(f"append, {what}")
    print(f"  bare SQLite insert, WAL, synchronous={level:7} {rate(theirs)}")
    print(f"  audit log                                   {rate(ours)}")
    print(f"  ratio of the medians {middle:.2f} (best rounds {ratio:.2f}), {bar}")
    if not synced:
        best = 1 / min(ours)
        print(f"  at least {LEAST_APPENDS:,} a second: {held(best >= LEAST_APPENDS)}")
    print()


def interleave(
    ours: Callable[[], None], theirs: Callable[[], None], rounds: int, count: int
) -> tuple[list[float], list[float]]:
    """Seconds for one call of each, by rounds; the first round is not counted."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for act, times in zip((ours, theirs), taken, strict=True):
            begin = time.perf_counter()
            for _ in range(count):
                act()
            if number:
                times.append((time.perf_counter() - begin) / count)
    return taken


def open_bare(path: str, level: str) -> Callable[[], None]:
    """Inserts the same bytes that the log seals, plain and unchained, one a transaction."""
    connection = sqlite3.connect(path, isolation_level="IMMEDIATE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={level}")
    connection.execute("CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, tag BLOB, payload BLOB)")
    connection.commit()
    tag, payload = os.urandom(16), to_payload("session", "ada", ACTION, DECISION)

    def insert() -> None:
        with connection:
            connection.execute("INSERT INTO audit (at, tag, payload) VALUES (?, ?, ?)", (time.time_ns(), tag, payload))

    return insert


def show_checks(places: Places) -> None:
    """Go through the whole log in the ways there are."""
    log = AuditLog(places)
    for number in range(CHECKED):
        log.append(f"session{number % 50}", ACTION, DECISION, who="ada")
    keys = open_keys(places)
    count = verify_log(places.log, keys, head=places.head).records
    bytes_each = os.path.getsize(places.log) / count
    ways: dict[str, Callable[[], object]] = {
        "read the bytes": lambda: read_all(places.log),
        "verify": lambda: verify_log(places.log, keys, head=places.head, lock=places.lock),
        "verify --deep": lambda: verify_log(places.log, keys, head=places.head, lock=places.lock, deep=True),
        "open and read": lambda: sum(1 for _ in Reading(places.log, keys)),
        "report": lambda: make_report(places, 0),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, act in ways.items():
            begin = time.perf_counter()
            act()
            times[name].append(time.perf_counter() - begin)
    print(f"{count:,} records in 51 sessions, {bytes_each:.0f} bytes each")
    for name, taken in times.items():
        each_us, best = min(taken) / count * 1e6, count / min(taken)
        bar = f"  at least {LEAST_CHECKS:,}: {held(best >= LEAST_CHECKS)}" if name == "verify" else ""
        print(f"  {name:15} {best:12,.0f} records/s  {each_us:6.2f} µs each{bar}")
    begin = time.perf_counter()
    (one,) = Reading(places.log, keys, Wanted(seq=count // 2))
    print(f"  show one        the record {one.seq:,} in {(time.perf_counter() - begin) * 1000:.1f} ms")
    begin = time.perf_counter()
    rotated = log.rotate()
    print(f"  rotate keys     {rotated} keys in {(time.perf_counter() - begin) * 1000:.1f} ms")
    log.close()


def read_all(path: str) -> None:
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass


if __name__ == "__main__":
    main()
