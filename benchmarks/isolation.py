"""What isolation adds to the start of a command, against a bare spawn of the same command in the same run.

Prints the added milliseconds and the ratio for each backend that works here. The bar is 10 ms added.
Usage: python -m benchmarks.isolation [ROUNDS]
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from aiex.guard.sandbox.bounds import make_policy
from aiex.guard.sandbox.probing import backends, probe_of
from aiex.guard.sandbox.runner import Runner
from benchmarks.harness import machine

ROUNDS = 60
MOST_ADDED_MS = 10.0
COMMAND = ("/bin/true",)
FOLDERS, FILES_EACH = 60, 20


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as top, tempfile.TemporaryDirectory() as state:
        os.environ["AIEX_STATE_DIR"] = state
        build(top)
        times = asyncio.run(measure(top, rounds))
    sys.exit(0 if show(times) else 1)


def build(top: str) -> None:
    """A small repository with what needs a cover: hooks, settings of an editor, a secret."""
    for number in range(FOLDERS):
        os.makedirs(f"{top}/src/part{number}")
        for file in range(FILES_EACH):
            with open(f"{top}/src/part{number}/file{file}.py", "w") as target:
                target.write("value = 1\n")
    for folder in (".git/hooks", ".vscode"):
        os.makedirs(f"{top}/{folder}")
    with open(f"{top}/.env", "w") as secret:
        secret.write("KEY=1\n")


async def measure(top: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each round; the rounds of all sides are interleaved, the first of each is not counted."""
    policy = make_policy(top)
    runners = {one.name: Runner(policy, isolation=one) for one in backends() if probe_of(one).works}
    times: dict[str, list[float]] = {name: [] for name in ("bare", *runners)}
    first: dict[str, float] = {}
    try:
        for number in range(rounds + 3):
            times["bare"].append(bare(COMMAND))
            for name, runner in runners.items():
                begin = time.perf_counter()
                ended, _ = await runner.run(COMMAND, approved=True)
                took = (time.perf_counter() - begin) * 1000
                if ended.code:
                    sys.exit(f"{name}: exit code {ended.code}")
                first.setdefault(name, took)
                times[name].append(took)
            if number == 2:
                await asyncio.sleep(2.2)  # directories that are older than this are not listed again
                times = {name: [] for name in times}
    finally:
        for runner in runners.values():
            await runner.close()
    for name, took in first.items():
        print(f"{name:<12} first command {took:6.1f} ms")
    return times


def bare(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return (time.perf_counter() - begin) * 1000


def show(times: dict[str, list[float]]) -> bool:
    """Print each side; gives whether every backend holds the bar by its least time."""
    print(f"\nisolation of {' '.join(COMMAND)}  ({machine()})")
    base, held = times["bare"], True
    print(f"{'bare':<12} min {min(base):6.2f} ms  median {statistics.median(base):6.2f} ms")
    for name, taken in times.items():
        if name != "bare":
            added, middle = min(taken) - min(base), statistics.median(taken) - statistics.median(base)
            held = held and added <= MOST_ADDED_MS
            line = f"{name:<12} min {min(taken):6.2f} ms  median {statistics.median(taken):6.2f} ms"
            line += f"  ratio {min(taken) / min(base):5.2f}  added {added:5.2f} ms (medians {middle:.2f})"
            print(f"{line}  at most {MOST_ADDED_MS:g}: {'held' if added <= MOST_ADDED_MS else 'MISSED'}")
    return held


if __name__ == "__main__":
    main()
