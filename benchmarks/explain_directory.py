"""`aiex explain DIRECTORY --offline` of 3,000 files against the bare parse of the same files on the same cores.

    python -m benchmarks.explain_directory

The bare parse is a process that forks one worker per core, reads the files and parses them. Bar: 2.5 times, cold.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import large_repository
from benchmarks.harness import Bar, Command, aiex_argv, compare, show

BARE_PARSE = """
import multiprocessing, os, sys
from tree_sitter import Language, Parser
import tree_sitter_python

def parse(paths):
    parser = Parser(Language(tree_sitter_python.language()))
    for path in paths:
        with open(path, "rb") as source:
            parser.parse(source.read())

if __name__ == "__main__":
    files = sorted(os.path.join(top, name) for top, _, names in os.walk(sys.argv[1]) for name in names)
    batches = [files[start:start + 10] for start in range(0, len(files), 10)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for _ in pool.imap_unordered(parse, batches):
            pass
"""


def main() -> int:
    """Measure, print, and give 1 when the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        root, cache = large_repository(Path(folder, "repository")), Path(folder, "cache")
        environment = {"AIEX_CACHE_DIR": str(cache)}
        argv = aiex_argv("explain", ".", "--offline")
        commands = [
            Command("bare parse", (sys.executable, "-c", BARE_PARSE, str(root))),
            Command(
                "explain, cold",
                argv,
                before=lambda: shutil.rmtree(cache, ignore_errors=True),
                cwd=str(root),
                env=environment,
            ),
            Command("explain, warm", argv, cwd=str(root), env=environment),
        ]
        timings = compare(commands, rounds=3, warm_up=1)
        return 0 if show(f"explain 3,000 files on {os.cpu_count()} cores", timings, [Bar("explain, cold", 2.5)]) else 1


if __name__ == "__main__":
    sys.exit(main())
