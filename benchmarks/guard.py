"""What the guard costs for a file: reading, looking and scanning, against the bare system calls.

Prints one ratio a line from one run, `guard / bare`, and the microseconds of both. Usage: python benchmarks/guard.py
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from aiex.guard.sandbox.files import Workspace, sandbox_engine

FOLDERS, FILES_EACH, ROUNDS = 3, 100, 60
SOURCE = b"value = 1\n" * 200


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        paths = [f"src/part{folder}/inner/file{number}.py" for folder in range(FOLDERS) for number in range(FILES_EACH)]
        build(top, paths)
        folders = sorted({os.path.dirname(path) for path in paths})
        print(
            f"{platform.machine()} {platform.system()}, Python {platform.python_version()}, {len(paths)} files, µs each"
        )
        bare_read = per_file(paths, lambda path: read_bare(f"{top}/{path}"))
        bare_stat = per_file(paths, lambda path: os.lstat(f"{top}/{path}"))
        bare_scan = per_file(folders, lambda path: scan_bare(f"{top}/{path}")) / FILES_EACH
        for engine in dict.fromkeys(["walk" if sandbox_engine() != "realpath" else "realpath", sandbox_engine()]):
            workspace = Workspace(top, engine=engine)
            report(f"read, {engine}", per_file(paths, workspace.read), bare_read)
            report(f"stat, {engine}", per_file(paths, workspace.stat), bare_stat)
            report(f"scan, {engine}", per_file(folders, workspace.scan) / FILES_EACH, bare_scan)
            report(f"is_secret, {engine}", per_file(paths, workspace.is_secret), bare_stat)
    print(
        f"importing ctypes, which openat2 needs: {import_cost('ctypes'):.1f} ms; files.py: {import_cost(FILES):.1f} ms"
    )


FILES = "aiex.guard.sandbox.files"


def build(top: str, paths: list[str]) -> None:
    for path in paths:
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)
        with open(f"{top}/{path}", "wb") as file:
            file.write(SOURCE)


def read_bare(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def scan_bare(path: str) -> None:
    with os.scandir(path) as entries:
        for entry in entries:
            entry.stat(follow_symlinks=False)


def per_file(paths: list[str], act: Callable[[str], object]) -> float:
    """Microseconds for one path, the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for path in paths:
            act(path)
        best = min(best, time.perf_counter() - begin)
    return best / len(paths) * 1e6


def report(what: str, guard_us: float, bare_us: float) -> None:
    print(f"{what:20} {guard_us / bare_us:6.2f}   {guard_us:6.1f} / {bare_us:4.1f}   own {guard_us - bare_us:6.1f}")


def import_cost(module: str) -> float:
    """Milliseconds that a module adds to the start, the best of ten, with typing and contextlib loaded already."""
    times = []
    for _ in range(10):
        ran = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", f"import typing, contextlib; import {module}"],
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(int(ran.stderr.splitlines()[-1].split("|")[1]) / 1000)
    return min(times)


if __name__ == "__main__":
    main()
