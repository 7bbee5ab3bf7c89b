"""Ends the screen at random moments: 200 times by Ctrl-C, and in other ways; nothing may be left or lost.

python -m benchmarks.screen_ends [COUNT] [WAY] [FIRST_SEED]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT = 200


def main() -> None:
    """Ride, and print what went wrong; the exit code says whether anything did."""
    words = [*sys.argv[1:], "", "", ""]
    count, way, first = int(words[0] or COUNT), words[1] or "ctrl-c", int(words[2] or 1)
    with tempfile.TemporaryDirectory(prefix="aiex-ends-") as folder:
        for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
            os.environ[f"AIEX_{kind}_DIR"] = f"{folder}/{kind.lower()}"
        os.environ["HOME"] = folder
        root = Path(folder, "work")
        (root / "shop").mkdir(parents=True)
        (root / "shop/prices.py").write_text("APPLE = 40\n")
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        faults = _ride(root, range(first, first + count), "" if way == "any" else way)
    print(f"{count} times {way}: {len(faults)} faults")
    sys.exit(1 if faults else 0)


def _ride(root: Path, seeds: range, way: str) -> list[str]:
    from aiex.sessions.keeping import open_sessions
    from aiex.settings import load
    from tests.fakes.storms import ride

    faults: list[str] = []
    for seed in seeds:
        (root / "shop/prices.py").write_text("APPLE = 40\n")
        sessions = open_sessions(load(None, environ=dict(os.environ)), dict(os.environ))
        found = ride(seed, root, sessions, only=way)
        sessions.close()
        for fault in found:
            print(fault, flush=True)
        faults += found
    return faults


if __name__ == "__main__":
    main()
