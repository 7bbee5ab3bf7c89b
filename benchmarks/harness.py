"""Whole processes side by side: rounds are interleaved, so that a busy machine slows all commands alike.

    python -m benchmarks.harness --rounds 20 -- python3 -c pass --- aiex --version

The first command is the measure of the others.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

BARE_PYTHON = (sys.executable, "-c", "pass")
"""The measure of start-up claims: the interpreter that runs Aiex, doing nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """One side of a comparison."""

    name: str
    argv: Sequence[str]
    before: Callable[[], None] | None = None
    """Called untimed before each run, to empty a cache for example."""
    cwd: str | None = None
    env: Mapping[str, str] | None = None
    """Laid over the environment of the benchmark."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The wall times of one command, in seconds."""

    name: str
    times_s: tuple[float, ...]

    @property
    def least_s(self) -> float:
        return min(self.times_s)

    @property
    def median_s(self) -> float:
        return statistics.median(self.times_s)


@dataclass(frozen=True, slots=True)
class Bar:
    """An upper bound for the ratio of a command's time to that of the first command."""

    name: str
    most: float


def aiex_argv(*arguments: str) -> tuple[str, ...]:
    """The installed `aiex` beside this interpreter, which is what people start."""
    script = os.path.join(sysconfig.get_path("scripts"), "aiex.exe" if os.name == "nt" else "aiex")
    if not os.path.exists(script):
        sys.exit(f"{script} is missing; run: make setup")
    return (script, *arguments)


def run_once(command: Command) -> float:
    """Wall time of one run in seconds; a command that fails ends the benchmark with its error."""
    if command.before is not None:
        command.before()
    start = time.perf_counter()
    process = subprocess.run(
        command.argv,
        cwd=command.cwd,
        env={**os.environ, **(command.env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    elapsed = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{command.name}: exit code {process.returncode}\n{process.stderr.decode(errors='replace')}")
    return elapsed


def compare(commands: Sequence[Command], *, rounds: int = 20, warm_up: int = 1) -> list[Timing]:
    """Run every command once per round, in turn; the warm-up rounds are not counted."""
    times: dict[str, list[float]] = {command.name: [] for command in commands}
    for round_number in range(warm_up + rounds):
        for command in commands:
            elapsed = run_once(command)
            if round_number >= warm_up:
                times[command.name].append(elapsed)
    return [Timing(name, tuple(taken)) for name, taken in times.items()]


def show(title: str, timings: Sequence[Timing], bars: Sequence[Bar] = ()) -> bool:
    """Print a table with the ratio of each to the first; gives whether every bar is held.

    Ratios compare the least times, which a busy machine disturbs least; the ratio of the medians stands beside.
    """
    print(f"\n{title}  ({machine()})")
    width = max(len(timing.name) for timing in timings)
    base, held = timings[0], True
    most = {bar.name: bar.most for bar in bars}
    for timing in timings:
        ratio, middle = timing.least_s / base.least_s, timing.median_s / base.median_s
        line = f"  {timing.name:<{width}}  min {timing.least_s * 1000:8.1f} ms  median {timing.median_s * 1000:8.1f} ms"
        line += f"  ratio {ratio:6.2f} (medians {middle:.2f})"
        if timing.name in most:
            good = ratio <= most[timing.name]
            held = held and good
            line += f"  at most {most[timing.name]:g}: {'held' if good else 'MISSED'}"
        print(line)
    return held


class Verdicts:
    """Says whether bars are held, and remembers whether one was not."""

    def __init__(self) -> None:
        self.is_missed = False

    def __call__(self, good: bool) -> str:
        """`held` or `MISSED`."""
        self.is_missed = self.is_missed or not good
        return "held" if good else "MISSED"


def rate(times_s: Sequence[float]) -> str:
    """How often a second something can be done, and how long it takes, at best; in brackets in the middle."""
    best, middle = min(times_s), statistics.median(times_s)
    return f"{1 / best:10,.0f}/s  {best * 1e6:8.1f} µs  (median {1 / middle:,.0f}/s)"


def machine() -> str:
    """What a figure was taken on: date, Python, system, cores."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        f"{day}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )


def main() -> None:
    """Compare commands given on the command line."""
    parser = argparse.ArgumentParser(description="Compare commands as whole processes; --- separates them.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    commands: list[list[str]] = [[]]
    for word in options.words[1:] if options.words[:1] == ["--"] else options.words:
        if word == "---":
            commands.append([])
        else:
            commands[-1].append(word)
    if not all(commands):
        parser.error("two or more commands are needed, separated by ---")
    sides = [Command(f"{number}: {' '.join(argv)}"[:60], argv) for number, argv in enumerate(commands, 1)]
    show("Commands", compare(sides, rounds=options.rounds))


if __name__ == "__main__":
    main()
