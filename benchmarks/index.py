"""Making the index and keeping it up to date, against the bare parse of the same files and a bare walk over them.

    python -m benchmarks.index [FOLDER] [--files 5000] [--megabytes 50] [--rounds 3] [--only speed,refresh,memory]

* First index: `aiex create index` with an empty cache, at most 2 times the bare parse of the same files on the same
  cores, which is a process that forks one worker per core, reads the files and parses those in a language Aiex knows.
* Warm: a new process on an index that is up to date, at most 0.15 times the same parse: `aiex show index`, and
  `aiex query context`.
* Refresh, in a process that lives: of 5,000 files without a change at most twice a bare walk (`os.scandir` and a stat
  of each file, in Python) plus 50 ms; with one changed file at most 50 ms more.
* Size: what is in the cache folder, at most 1.5 times the source.
* Memory while 50 MB of source are indexed: the highest sum over all processes of proportional set sizes (shared pages
  count once), looked at every 20 ms; at most 400 MB. Only Linux tells.

Without a folder the first two are measured on 3,000 made files; the others always use made files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from aiex.context.facts import PARSE_LIMIT_BYTES
from aiex.context.search.index import Index
from aiex.context.version import parser_version
from aiex.guard.sandbox.files import Workspace
from benchmarks.corpus import varied_repository
from benchmarks.explain_directory import BARE_PARSE, parsed_files
from benchmarks.harness import Bar, Command, aiex_argv, compare, machine, show

FIRST_BAR, WARM_BAR = 2.0, 0.15
"""Times the bare parse."""
WALKS_BAR, BEYOND_BAR_S = 2.0, 0.050
SIZE_BAR = 1.5
MEMORY_BAR_MB = 400
SAMPLE_S = 0.02
TASK = "Fix the parser when a header line is longer than the limit of the reader"


def main() -> int:
    """Measure, print, and give 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure the making of the index.")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--files", type=int, default=5_000, help="for the refresh")
    parser.add_argument("--megabytes", type=int, default=50, help="for memory and size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="speed,refresh,memory", help="figures, with commas between")
    options = parser.parse_args()
    wanted = options.only.split(",")
    held = True
    with tempfile.TemporaryDirectory() as made:
        if "speed" in wanted:
            root = Path(options.folder).resolve() if options.folder else varied_repository(Path(made, "repository"))
            held &= measure_speed(root, Path(made, "speed"), options.rounds)
        if "refresh" in wanted:
            root = varied_repository(Path(made, "many"), options.files)
            held &= measure_refresh(root, Path(made, "refresh.db"), max(options.rounds, 7))
        if "memory" in wanted:
            root = large_enough(Path(made, "large"), options.megabytes)
            held &= measure_memory(root, Path(made, "memory"))
    return 0 if held else 1


# --- against the bare parse -------------------------------------------------------------------------------------------


def measure_speed(root: Path, scratch: Path, rounds: int) -> bool:
    """Whole processes, in turn; then what the index takes on disk."""
    scratch.mkdir()
    cache, listed = scratch / "cache", scratch / "files"
    lines = parsed_files(root)
    listed.write_text("".join(lines), encoding="utf-8")
    environment = {"AIEX_CACHE_DIR": str(cache)}

    def aiex(name: str, *words: str, cold: bool = False) -> Command:
        forget = (lambda: shutil.rmtree(cache, ignore_errors=True)) if cold else None
        return Command(name, aiex_argv(*words), before=forget, cwd=str(root), env=environment)

    commands = [
        Command("bare parse", (sys.executable, "-c", BARE_PARSE, str(listed))),
        aiex("first index", "create", "index", cold=True),
        aiex("warm, show index", "show", "index"),
        aiex("warm, query context", "query", "context", "--task", TASK),
    ]
    timings = compare(commands, rounds=rounds)
    title = f"index of {len(lines):,} files on {os.cpu_count()} cores"
    bars = [
        Bar("first index", FIRST_BAR),
        Bar("warm, show index", WARM_BAR),
        Bar("warm, query context", WARM_BAR),
    ]
    held = show(title, timings, bars)
    source = sum(os.path.getsize(line.rstrip("\n").split("\t")[1]) for line in lines)
    return held & show_size(cache, source)


def show_size(cache: Path, source: int) -> bool:
    """What lies in the cache folder, against the source."""
    taken = {path.name: path.stat().st_size for path in cache.rglob("*") if path.is_file()}
    share = sum(taken.values()) / source
    parts = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sorted(taken.items()))
    verdict = "held" if share <= SIZE_BAR else "MISSED"
    print(f"  on disk {share:.2f} of {source / 1e6:.1f} MB of source ({parts})  at most {SIZE_BAR:g}: {verdict}")
    return share <= SIZE_BAR


# --- refresh ----------------------------------------------------------------------------------------------------------


def measure_refresh(root: Path, place: Path, rounds: int) -> bool:
    """A walk, a refresh that finds nothing, a refresh that finds one changed file, in turn."""
    refresh(root, place)
    paths = sorted(root.rglob("*.py"))
    walks: list[float] = []
    nothing: list[float] = []
    changed: list[float] = []
    for number in range(rounds):
        walks.append(timed_walk(root))
        nothing.append(refresh(root, place)[0])
        path = paths[number * len(paths) // rounds]
        with path.open("ab") as file:
            file.write(f"\n# changed {number}\n".encode())
        os.utime(path, ns=(time.time_ns() - 10**10,) * 2)  # or it would be read again next time, to be sure
        taken, read = refresh(root, place)
        if read != 1:
            sys.exit(f"one file was changed, {read} were read")
        changed.append(taken)
    walk, still, beyond = min(walks), min(nothing), min(changed) - min(nothing)
    most = WALKS_BAR * walk + BEYOND_BAR_S
    print(f"\nrefresh of {len(paths):,} files  ({machine()})")
    print(f"  bare walk        {walk * 1000:7.1f} ms")
    return _verdict("nothing changed", still, most, f"{WALKS_BAR:g} walks and 50 ms") & _verdict(
        "one file changed", beyond, BEYOND_BAR_S, f"beyond that; the longest {(max(changed) - still) * 1000:.1f} ms"
    )


def _verdict(name: str, taken: float, most: float, what: str) -> bool:
    verdict = "held" if taken <= most else "MISSED"
    print(f"  {name:<16} {taken * 1000:7.1f} ms  at most {most * 1000:.1f} ms ({what}): {verdict}")
    return taken <= most


def refresh(root: Path, place: Path) -> tuple[float, int]:
    """Seconds that an index takes to open and to be brought up to date, and how many files it read."""
    start = time.perf_counter()
    index = open_index(root, place)
    read = max((progress.total for progress in index.refresh()), default=0)
    index.close()
    return time.perf_counter() - start, read


def open_index(root: Path, place: Path) -> Index:
    """The index of a folder, at a place of its own."""
    return Index(Workspace(str(root)), str(place), version=parser_version(), limit_bytes=PARSE_LIMIT_BYTES)


def timed_walk(root: Path) -> float:
    """Seconds for the stat of every file below a folder."""
    start = time.perf_counter()
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    os.stat(entry.path, follow_symlinks=False)
    return time.perf_counter() - start


# --- memory -----------------------------------------------------------------------------------------------------------


def large_enough(folder: Path, megabytes: int) -> Path:
    """A made repository of at least so much source."""
    files = megabytes * 125
    while size_of(varied_repository(folder, files)) < megabytes * 1_000_000:
        files += files // 20
    return folder


def size_of(folder: Path) -> int:
    """Bytes of source in a made repository."""
    return sum(path.stat().st_size for path in folder.rglob("*.py"))


def measure_memory(root: Path, cache: Path) -> bool:
    """The highest sum over the processes of a first index."""
    if not os.path.exists("/proc/self/smaps_rollup"):
        print("\nmemory: not measured, this system does not tell proportional set sizes")
        return True
    environment = {**os.environ, "AIEX_CACHE_DIR": str(cache)}
    process = subprocess.Popen(
        aiex_argv("create", "index"), cwd=root, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    peak, peak_rss, most = 0, 0, 0
    while process.poll() is None:
        sizes = [size for pid in family(process.pid) if (size := memory_of(pid)) is not None]
        peak, peak_rss = max(peak, sum(pss for pss, _ in sizes)), max(peak_rss, sum(rss for _, rss in sizes))
        most = max(most, len(sizes))
        time.sleep(SAMPLE_S)
    if process.returncode:
        sys.exit(f"aiex create index: exit code {process.returncode}")
    source = size_of(root)
    used = peak / 1e6
    print(f"\nmemory while {source / 1e6:.1f} MB of source are indexed  ({machine()})")
    print(
        f"  {used:.0f} MB in {most} processes (sum of proportional sizes; of resident sizes {peak_rss / 1e6:.0f} MB)"
        f"  at most {MEMORY_BAR_MB} MB: {'held' if used <= MEMORY_BAR_MB else 'MISSED'}"
    )
    return (used <= MEMORY_BAR_MB) & show_size(cache, source)


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in _listed(f"/proc/{pid}/task"):
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from family(int(child))


def _listed(folder: str) -> Sequence[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return ()


def memory_of(pid: int) -> tuple[int, int] | None:
    """Proportional and resident size in bytes; None for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    sizes = {line.split()[0]: int(line.split()[1]) * 1_024 for line in lines[1:]}
    return (sizes["Pss:"], sizes["Rss:"]) if "Pss:" in sizes else None


if __name__ == "__main__":
    sys.exit(main())
