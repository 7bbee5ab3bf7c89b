"""How the cost of the index and of queries grows with the repository: at 1, 4 and 16 times the size.

    python -m benchmarks.growth [--files 250] [--rounds 3] [--tasks 60]

All times are of the processors, over all processes (POSIX): other work on the machine lengthens a long run more than a
short one, and would pass for growth. The repositories are made as for the queries. The index is made by `aiex create
index` with an empty cache, in whole processes, the sizes in turn; what a run takes on an index that is up to date is
taken off, so that the start of a process does not hide growth. For a MB of source, time and size of the index at each
size are at most 1.3 times those where they are least: growth is linear. The time of queries (95 of 100, in process) for
a MB of source is at each size at most 1.3 times that at the first; as a query looks at a bounded number of occurrences,
it should fall.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus import make_tasks, varied_repository
from benchmarks.harness import Command, aiex_argv, machine
from benchmarks.index import size_of
from benchmarks.query import open_retrieval, percentile, timed_rank, used_by

STEPS = (1, 4, 16)
FACTOR = 1.3
"""Of the cost for a MB of source: what noise and the last bits of a sort may take."""


class Cost(NamedTuple):
    """What a repository of a size takes."""

    files: int
    source_bytes: int
    index_s: float
    index_bytes: int
    query_s: float


def main() -> int:
    """Measure, print, and give 1 when growth is more than linear."""
    parser = argparse.ArgumentParser(description="Measure growth.")
    parser.add_argument("--files", type=int, default=250, help="at the first size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        sizes = [options.files * step for step in STEPS]
        roots = [varied_repository(Path(made, str(files), "repository"), files) for files in sizes]
        indexing = time_indexing(roots, options.rounds)
        costs = [
            Cost(
                files,
                size_of(root),
                taken,
                sum(path.stat().st_size for path in (root.parent / "cache").rglob("*") if path.is_file()),
                time_queries(root, options.tasks, options.rounds),
            )
            for files, root, taken in zip(sizes, roots, indexing, strict=True)
        ]
    return report(costs)


def time_indexing(roots: Sequence[Path], rounds: int) -> list[float]:
    """Seconds of a first index beyond those of a run that finds nothing to do; the sizes take turns."""
    least = [(float("inf"), float("inf"))] * len(roots)
    for _ in range(rounds):
        for number, root in enumerate(roots):
            shutil.rmtree(root.parent / "cache", ignore_errors=True)
            first, again = (used_by(create_index(root)) for _ in range(2))
            least[number] = min(least[number][0], first), min(least[number][1], again)
    return [first - again for first, again in least]


def create_index(root: Path) -> Command:
    """The command, with a cache beside the repository."""
    return Command(
        "create index", aiex_argv("create", "index"), cwd=str(root), env={"AIEX_CACHE_DIR": str(root.parent / "cache")}
    )


def time_queries(root: Path, tasks: int, rounds: int) -> float:
    """Seconds within which 95 of 100 tasks are ranked."""
    asked = make_tasks(root, tasks)
    best = [float("inf")] * len(asked)
    for _ in range(rounds):
        retrieval = open_retrieval(root, root.parent)
        for _ in retrieval.refresh():
            pass
        timed_rank(retrieval, "Say where an index is opened")
        best = [min(known, timed_rank(retrieval, task)[1]) for known, task in zip(best, asked, strict=True)]
        retrieval.close()
    return percentile(sorted(best), 95)


def report(costs: Sequence[Cost]) -> int:
    """Print a table; 1 when a cost grows faster than the repository."""
    print(f"\ngrowth  ({machine()})")
    for cost in costs:
        megabytes = cost.source_bytes / 1e6
        print(
            f"  {cost.files:>6,} files, {megabytes:6.1f} MB:  index {cost.index_s:7.2f} s,"
            f" {cost.index_s / megabytes:5.2f} s and {cost.index_bytes / cost.source_bytes:.2f} MB a MB  "
            f" query p95 {cost.query_s * 1e3:6.1f} ms,"
            f" {cost.query_s * 1e3 / megabytes:6.2f} ms a MB"
        )
    held = True
    for name, each in (
        ("time of the index", [cost.index_s / cost.source_bytes for cost in costs]),
        ("size of the index", [cost.index_bytes / cost.source_bytes for cost in costs]),
        ("time of queries", [cost.query_s / cost.source_bytes for cost in costs]),
    ):
        base = each[0] if name == "time of queries" else min(each)
        growth = max(value / base for value in each[1:])
        held = held and growth <= FACTOR
        verdict = "held" if growth <= FACTOR else "MISSED"
        print(f"  {name:<18} for a MB of source grows {growth:5.2f} times, at most {FACTOR:g}: {verdict}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
