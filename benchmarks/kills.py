"""What is lost when Aiex is killed, the disk is full or fails, or many processes share a file of sessions: nothing.

A turn as an agent runs it is killed before each of its system calls that write, sync, rename, make, remove or send, and
once more in the middle of each that writes a file; so are the start that takes such a turn up again, `aiex ask` and
`aiex run sandbox`. After each death everything is opened anew, checked, and gone on with (`scripted_turn.py` and
`scripted_commands.py` in `tests/fakes/`).

Usage: python -m benchmarks.kills [--faults | --share] [--every N] [--lanes N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import errno
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.harness import machine
from tests.fakes.lanes import Point, Run, Story, run_all
from tests.fakes.sharing import Shared, share
from tests.fakes.syscalls import missing

LEAST_POINTS = 1_000
TURNS, PROCESSES = 200, (2, 4, 8)
STORIES: tuple[Story, ...] = ("turn", "again", "ask", "sandbox")
_NAMES = {
    "lost": "acknowledged events or effects lost",
    "half": "files that are half written or left over",
    "doubled": "effects that happened twice",
    "stuck": "sessions that could not be gone on with",
}
_SHOWN = 10


def main() -> None:
    parser = argparse.ArgumentParser(description="What is lost when Aiex is killed.")
    parser.add_argument("--faults", action="store_true", help="Full and failing disks instead of kills.")
    parser.add_argument("--share", action="store_true", help="Many processes on one file instead of kills.")
    parser.add_argument("--every", type=int, default=1, help="Only every so manieth point.")
    parser.add_argument("--lanes", type=int, default=2, help="Stories at a time.")
    parser.add_argument("--folder", default=None, help="Where files go.")
    options = parser.parse_args()
    if reason := missing():
        sys.exit(f"cannot be measured here: {reason}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.share:
            sys.exit(not show_sharing(folder))
        title = "Full and failing disks" if options.faults else "Kills"
        print(f"{title}  ({machine()})")
        begin = time.monotonic()
        whole = list(run_all([Point(story, 0, "go") for story in STORIES], f"{folder}/whole", lanes=1))
        points = list(fault_points(whole) if options.faults else kill_points(whole))[:: options.every]
        runs = list(run_all(points, f"{folder}/all", lanes=options.lanes))
        good = show(runs, is_sample=options.every > 1)
        print(f"{time.monotonic() - begin:.0f} s")
        sys.exit(not good)


def kill_points(whole: list[Run]) -> Iterator[Point]:
    """Before each call, and in the middle of each that writes a file."""
    for run in whole:
        for number, (_, can_be_cut) in enumerate(run.calls, 1):
            yield Point(run.point.story, number, "kill")
            if can_be_cut:
                yield Point(run.point.story, number, "cut")


def fault_points(whole: list[Run]) -> Iterator[Point]:
    """A disk that is full at one call, or from there on; one that fails at one sync, or from there on."""
    from tests.fakes.syscalls import SYNCS

    for run in whole:
        for number, (name, _) in enumerate(run.calls, 1):
            error = errno.EIO if name in SYNCS else errno.ENOSPC
            for goes_on in (False, True):
                yield Point(run.point.story, number, error, goes_on)


def show(runs: list[Run], *, is_sample: bool) -> bool:
    """The table; whether nothing was lost, and there were enough points."""
    ends = Counter("killed" if run.code < 0 else "an error told" if run.error else "came to its end" for run in runs)
    print(f"  {len(runs):6} points: {', '.join(f'{count} {name}' for name, count in ends.most_common())}")
    total = 0
    for name, title in _NAMES.items():
        found = [(run.point, text) for run in runs for text in run.faults.get(name, ())]
        total += len(found)
        print(f"  {len(found):6} {title}")
        for point, text in found[:_SHOWN]:
            print(f"         {tuple(point)}: {text}")
    is_enough = is_sample or len(runs) >= LEAST_POINTS
    print(f"  all 0: {'MISSED' if total else 'held'}")
    if not is_sample:
        print(f"  at least {LEAST_POINTS} points: {'held' if is_enough else 'MISSED'}")
    return not total and is_enough


def show_sharing(folder: str) -> bool:
    """Many processes on one file; whether all of it is there, once and in order."""
    print(f"Processes on one file, {TURNS} turns each, half of them in one session  ({machine()})")
    good = True
    for count in PROCESSES:
        begin = time.monotonic()
        found: Shared = share(f"{folder}/{count}", processes=count, turns=TURNS)
        good = good and not found.problems
        seconds = time.monotonic() - begin
        print(f"  {count} processes: {found.events} events, {found.moved} shared places, {seconds:.0f} s: "
              f"{'nothing lost' if not found.problems else found.problems[:_SHOWN]}")  # fmt: skip
    return good


if __name__ == "__main__":
    main()
