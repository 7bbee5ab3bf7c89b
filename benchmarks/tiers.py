"""How fast the tiers answer: the hot one from four threads, the warm one from one and from four, and the cold one.

Each is measured beside the simplest thing that could do its work, in turn with it, so that a busy machine slows both.
Usage: python -m benchmarks.tiers [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from random import Random
from threading import Lock, Thread
from typing import Any

from aiex.context.tiers.cold import Cold
from aiex.context.tiers.hot import Hot
from aiex.context.tiers.warm import Warm
from benchmarks.harness import machine

VALUES = 3_000
VALUE_BYTES = 2_000
"""About what the facts of a file take."""
THREADS = 4
HOT_BAR, WARM_BAR = 500_000, 20_000
"""Gets per second."""

Get = Callable[[str], object]


class LockedDict:
    """The least that is safe for threads and is no tier: no bound, no counts."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.lock = Lock()

    def get(self, key: str) -> object:
        with self.lock:
            return self.values.get(key)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure gets per second of each tier.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    chance = Random(1)
    keys = [f"{chance.getrandbits(128):032x}:python" for _ in range(VALUES)]
    words = [f"name{number}" for number in range(2_000)]
    values = [" ".join(chance.choices(words, k=VALUE_BYTES // 8)).encode() for _ in keys]
    print(f"Tiers, {VALUES:,} values of {VALUE_BYTES:,} bytes  ({machine()})")
    with tempfile.TemporaryDirectory() as folder:
        held = measure_hot(keys, values, rounds)
        held &= measure_warm(os.path.join(folder, "code.db"), keys, values, rounds)
        measure_cold(os.path.join(folder, "cold.db"), keys, values, rounds)
    sys.exit(0 if held else 1)


def measure_hot(keys: Sequence[str], values: Sequence[bytes], rounds: int) -> bool:
    hot, plain = Hot(), LockedDict()
    for key, value in zip(keys, values, strict=True):
        hot.put(key, value)
        plain.values[key] = value
    many = list(keys) * 30
    ours, theirs = best_rates([(hot.get, THREADS, many), (plain.get, THREADS, many)], rounds)
    return report("hot, 4 threads", ours, "dictionary with a lock", theirs, HOT_BAR)


def measure_warm(path: str, keys: Sequence[str], values: Sequence[bytes], rounds: int) -> bool:
    warm = Warm(path)
    with warm.connection:
        for key, value in zip(keys, values, strict=True):
            warm.connection.execute("insert into items values (?, ?)", (key, value))
            warm.ledger.enter("item", [(key, len(value))])
    bare = sqlite3.connect(path, check_same_thread=False)

    def select(key: str) -> Any:
        return bare.execute("select value from items where key = ?", (key,)).fetchone()[0]

    ours, theirs, together = best_rates([(warm.get, 1, keys), (select, 1, keys), (warm.get, THREADS, keys)], rounds)
    held = report("warm, 1 thread", ours, "bare select", theirs, WARM_BAR)
    held &= report("warm, 4 threads", together, "bare select, 1 thread", theirs, WARM_BAR)
    bare.close()
    warm.close()
    return held


def measure_cold(path: str, keys: Sequence[str], values: Sequence[bytes], rounds: int) -> None:
    cold = Cold(path)
    began = time.perf_counter()
    for start in range(0, VALUES, 100):
        cold.put_many(list(zip(keys[start : start + 100], values[start : start + 100], strict=True)))
    put_s = time.perf_counter() - began
    (rate,) = best_rates([(cold.get, 1, keys)], rounds)
    share = cold.statistics().size_bytes / sum(map(len, values))
    print(f"  {'cold, 1 thread':<16} {rate:>11,.0f} gets/s  {VALUES / put_s:,.0f} puts/s, {share:.0%} of the size")
    cold.close()


def best_rates(sides: Sequence[tuple[Get, int, Sequence[str]]], rounds: int) -> list[float]:
    """Gets per second of each side, the best of the rounds."""
    best = [0.0] * len(sides)
    for _ in range(rounds):
        for number, (get, threads, keys) in enumerate(sides):
            best[number] = max(best[number], rate_of(get, threads, keys))
    return best


def rate_of(get: Get, threads: int, keys: Sequence[str]) -> float:
    """Gets per second of all threads together."""

    def work() -> None:
        for key in keys:
            if get(key) is None:
                raise AssertionError(key)

    workers = [Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return threads * len(keys) / (time.perf_counter() - began)


def report(name: str, rate: float, other: str, other_rate: float, bar: int) -> bool:
    held = rate >= bar
    verdict = "held" if held else "MISSED"
    print(
        f"  {name:<16} {rate:>11,.0f} gets/s  {rate / other_rate:5.2f} of {other} ({other_rate:,.0f})"
        f"  at least {bar:,}: {verdict}"
    )
    return held


if __name__ == "__main__":
    main()
