"""`aiex explain FILE --offline` against `python3 -c pass`, with an empty and with a warm cache of parsed files.

    python -m benchmarks.explain_file

A file of about 1,000 lines in a repository of 200 files. Bars: 40 times cold, 10 times warm.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import TARGET, small_repository
from benchmarks.harness import BARE_PYTHON, Bar, Command, aiex_argv, compare, show


def main() -> int:
    """Measure, print, and give 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        root = small_repository(Path(folder, "repository"))
        lines = (root / TARGET).read_text().count("\n")
        cold, warm = Path(folder, "cold"), Path(folder, "warm")
        argv = aiex_argv("explain", TARGET, "--offline")
        commands = [
            Command("python -c pass", BARE_PYTHON),
            Command(
                "explain, cold",
                argv,
                before=lambda: shutil.rmtree(cold, ignore_errors=True),
                cwd=str(root),
                env={"AIEX_CACHE_DIR": str(cold)},
            ),
            Command("explain, warm", argv, cwd=str(root), env={"AIEX_CACHE_DIR": str(warm)}),
        ]
        timings = compare(commands, rounds=15, warm_up=2)
        title = f"explain {TARGET} ({lines} lines, 200 files)"
        return 0 if show(title, timings, [Bar("explain, cold", 40), Bar("explain, warm", 10)]) else 1


if __name__ == "__main__":
    sys.exit(main())
