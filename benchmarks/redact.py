"""What taking secrets out of text costs: source and logs, against one pass of a literal pattern over the same text.

Prints megabytes a second and the ratio to that pass, the best of some rounds. Usage: python -m benchmarks.redact
"""

import os
import platform
import random
import re
import sys
import time
from base64 import encodebytes
from collections.abc import Callable
from pathlib import Path

from aiex.guard.redact import Redactor, redact

SIZE, ROUNDS, CHUNK = 4_000_000, 5, 65_536
BAR_MB_S = 20


def main() -> int:
    """Measure, print, and give 1 when the bar is missed."""
    print(f"{platform.machine()} {platform.system()}, Python {platform.python_version()}, {SIZE / 1e6:g} MB each")
    texts = {
        "source": source_text(),
        "source, ASCII": source_text().encode("ascii", "replace").decode(),
        "logs": log_text(),
    }
    slowest = min(report(name, text) for name, text in texts.items())
    report("base64", base64_text())  # no bar: each of its lines could be a key
    print(f"the slowest is {'above' if slowest >= BAR_MB_S else 'BELOW'} the bar of {BAR_MB_S} MB/s")
    return 0 if slowest >= BAR_MB_S else 1


def report(name: str, text: str) -> float:
    """Print a line for one text; gives its megabytes a second."""
    literal = re.compile("zqxjk")
    bare = least(lambda: literal.sub("", text))
    whole = least(lambda: redact(text, {}))
    stream = least(lambda: feed(text))
    speed = len(text) / whole / 1e6
    print(f"{name:14} {speed:6.1f} MB/s   ratio {whole / bare:5.1f}   in pieces {len(text) / stream / 1e6:6.1f} MB/s")
    return speed


def feed(text: str) -> None:
    redactor = Redactor({})
    for start in range(0, len(text), CHUNK):
        redactor.feed(text[start : start + CHUNK])
    redactor.finish()


def least(act: Callable[[], object]) -> float:
    """Seconds of processor time, the best round: others may use the machine too."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        act()
        best = min(best, time.process_time() - begin)
    return best


def source_text() -> str:
    """The standard library of this interpreter."""
    files = sorted(Path(os.__file__).parent.rglob("*.py"))
    parts, size = [], 0
    for path in files:
        parts.append(path.read_text(encoding="utf-8", errors="replace"))
        size += len(parts[-1])
        if size >= SIZE:
            break
    return "".join(parts)[:SIZE]


def log_text() -> str:
    """Lines of a web service, with two ids in hexadecimal each."""
    lot = random.Random(1)
    lines, size = [], 0
    while size < SIZE:
        lines.append(
            f"2026-01-{lot.randrange(1, 29):02} 12:{lot.randrange(60):02}:07.{lot.randrange(1000):03} INFO "
            f"[worker-{lot.randrange(9)}] app.core.service: request {lot.getrandbits(64):016x} "
            f"GET /api/v1/users/{lot.randrange(9999)}/items?page=2&sort=name "
            f"took {lot.randrange(900)} ms status=200 trace={lot.getrandbits(128):032x}\n"
        )
        size += len(lines[-1])
    return "".join(lines)[:SIZE]


def base64_text() -> str:
    """Random bytes and zeros, as base64(1) writes them."""
    data = random.Random(1).randbytes(SIZE * 3 // 8)
    return encodebytes(data + bytes(len(data))).decode()


if __name__ == "__main__":
    sys.exit(main())
