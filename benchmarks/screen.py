"""The screen opens at once and rests when nobody types, beside the smallest Textual program with a line to type into.

    chrt -f 10 python -m benchmarks.screen

Usable: from the start of the process until a key is painted that is typed as soon as it can be. Start: processor time
of the process until it has been at rest. Idle: processor time in ten seconds, and resident memory.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import NamedTuple

ROUNDS = 12
REST_S = 1.5
"""Both have nothing more to do so long after the first picture."""
IDLE_S = 10.0
KEY = b"Z"
"""Is in no sequence that steers a terminal, and nowhere in the first picture."""
BEGINS = b"\x1b[?1049h"
AGAIN_S = 0.02
TICKS = os.sysconf("SC_CLK_TCK")
MINIMAL = """
from textual.app import App
from textual.widgets import Input
class Minimal(App):
    def compose(self):
        yield Input()
Minimal().run()
"""


class Start(NamedTuple):
    """One start."""

    usable_s: float
    cpu_s: float
    idle: float
    """Part of a core; 0 where it was not measured."""
    memory_mb: float


def start(argv: list[str], cwd: str, environ: dict[str, str], *, idle_s: float = 0.0) -> Start:
    """Start a program in a terminal, type until something is painted, and end it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    began_s = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=cwd, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    try:
        usable_s = _type_until_painted(ours, began_s)
        _read_for(ours, REST_S)
        cpu_s = _cpu_s(process.pid)
        idle = 0.0
        if idle_s:
            _read_for(ours, idle_s)
            idle = (_cpu_s(process.pid) - cpu_s) / idle_s
        return Start(usable_s, cpu_s, idle, _memory_mb(process.pid))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def _type_until_painted(terminal: int, began_s: float) -> float:
    """Type when the screen begins, and again and again, for keys that come too early may be lost."""
    seen, typed_s = b"", 0.0
    while (now := time.perf_counter()) - began_s < 30:
        if BEGINS in seen and now - typed_s > AGAIN_S:
            typed_s = now
            os.write(terminal, KEY)
        if select.select([terminal], [], [], 0.001)[0]:
            seen += os.read(terminal, 65536)
        if KEY in seen.partition(BEGINS)[2]:
            return time.perf_counter() - began_s
    raise RuntimeError(f"nothing is painted: {seen[-500:]!r}")


def _read_for(terminal: int, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Measure and print; the exit code says whether the bars are held."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environ |= {"TERM": "xterm-256color", "HOME": folder}
        environ |= {f"AIEX_{kind}_DIR": f"{folder}/.{kind}" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
        commands = {
            "minimal Textual program": [sys.executable, "-c", MINIMAL],
            "aiex": [sys.executable, "-m", "aiex"],
        }
        rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
        measured: dict[str, list[Start]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            for name, argv in commands.items():
                once = start(argv, folder, environ)
                if number:  # the first fills caches
                    measured[name].append(once)
        idle = {name: start(argv, folder, environ, idle_s=IDLE_S) for name, argv in commands.items()}
    sys.exit(0 if _report(measured, idle) else 1)


def _report(measured: dict[str, list[Start]], idle: dict[str, Start]) -> bool:
    usable = {name: statistics.median(one.usable_s for one in starts) for name, starts in measured.items()}
    cpu = {name: statistics.median(one.cpu_s for one in starts) for name, starts in measured.items()}
    for name in measured:
        resting = idle[name]
        print(
            f"{name:24} usable {usable[name] * 1000:5.0f} ms  start {cpu[name] * 1000:5.0f} ms of processor time  "
            f"idle {resting.idle:.2%}  {resting.memory_mb:.1f} MB"
        )
    base = next(iter(measured))
    held = [
        _hold("usable", usable["aiex"] / usable[base], 1.5, "x"),
        _hold("processor time of the start", cpu["aiex"] / cpu[base], 1.7, "x"),
        _hold("idle", idle["aiex"].idle * 100, 0.5, " % of a core"),
        _hold("memory", idle["aiex"].memory_mb, 70, " MB"),
    ]
    return all(held)


def _hold(what: str, value: float, most: float, unit: str) -> bool:
    print(f"{'ok ' if value <= most else 'NOT'} {what}: {value:.2f}{unit}, at most {most}{unit}")
    return value <= most


if __name__ == "__main__":
    main()
