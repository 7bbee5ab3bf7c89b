"""`aiex explain DIRECTORY --offline` against the bare parse of the same files on the same cores.

    python -m benchmarks.explain_directory [FOLDER]

Without a folder, 3,000 Python files are made. The bare parse is a process that forks one worker per core, reads the
files and parses those in a language Aiex knows. Bar: 2.5 times, cold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import large_repository
from benchmarks.harness import Bar, Command, aiex_argv, compare, show

BARE_PARSE = """
import importlib, multiprocessing, sys
from tree_sitter import Language, Parser

parsers = {}

def parse(batch):
    for grammar, path in batch:
        if grammar not in parsers:
            module, function = grammar.split(":")
            parsers[grammar] = Parser(Language(getattr(importlib.import_module(module), function)()))
        with open(path, "rb") as source:
            parsers[grammar].parse(source.read())

if __name__ == "__main__":
    with open(sys.argv[1]) as listed:
        files = [line.rstrip("\\n").split("\\t") for line in listed]
    batches = [files[start:start + 10] for start in range(0, len(files), 10)]
    with multiprocessing.Pool() as pool:
        for _ in pool.imap_unordered(parse, batches):
            pass
"""


def main() -> int:
    """Measure, print, and give 1 when the bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    asked = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as made:
        root = Path(asked).resolve() if asked else large_repository(Path(made, "repository"))
        cache, listed = Path(made, "cache"), Path(made, "files")
        lines = parsed_files(root)
        listed.write_text("".join(lines), encoding="utf-8")
        environment = {"AIEX_CACHE_DIR": str(cache)}
        argv = aiex_argv("explain", ".", "--offline")
        commands = [
            Command("bare parse", (sys.executable, "-c", BARE_PARSE, str(listed))),
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
        title = f"explain {len(lines):,} files on {os.cpu_count()} cores"
        return 0 if show(title, timings, [Bar("explain, cold", 2.5)]) else 1


def parsed_files(root: Path) -> list[str]:
    """Lines of grammar and path for the files that `aiex explain` parses."""
    from aiex.context.engine import open_engine
    from aiex.context.facts import PARSE_LIMIT_BYTES
    from aiex.context.language import find_language
    from aiex.guard.sandbox.files import Workspace

    lines: list[str] = []
    for entry in open_engine(Workspace(str(root)), cache_path=None).listing.files:
        path = root / entry.path
        with path.open("rb") as source:
            language = find_language(entry.path, source.read(8_192))
        if language is not None and entry.size_bytes <= PARSE_LIMIT_BYTES:
            lines.append(f"{language.grammar}\t{path}\n")
    return lines


if __name__ == "__main__":
    sys.exit(main())
