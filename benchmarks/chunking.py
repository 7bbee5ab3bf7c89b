"""Chunking throughput, parse included, against the bare tree-sitter parse of the same files in the same process.

    python -m benchmarks.chunking [FOLDER]

Bar: at least 40 % of the speed of the bare parse (aim 60 %). CPU time of one process; best of several rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from aiex.context.chunking.chunker import chunk
from aiex.context.extract import extract
from aiex.context.language import find_language, load_grammar
from benchmarks.corpus import library_files
from benchmarks.harness import machine

ROUNDS = 5
LEAST_SHARE = 0.4
AIM_SHARE = 0.6


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    """Measure, print, and give 1 when the bar is missed."""
    from tree_sitter import Parser

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else list(library_files())
    files = []
    for path in paths:
        language = find_language(path.as_posix())
        source = path.read_bytes() if language else b""
        if language and len(source) < 1_000_000 and b"\0" not in source[:8_192]:
            files.append((path.as_posix(), source, language, Parser(load_grammar(language.grammar))))
    size = sum(len(source) for _, source, _, _ in files)
    rounds = []
    for _ in range(ROUNDS):
        bare = cpu_s(lambda: [parser.parse(source) for _, source, _, parser in files])
        chunks = cpu_s(lambda: [chunk(source, path) for path, source, _, _ in files])
        light = cpu_s(lambda: [extract(source, language, uses=False) for _, source, language, _ in files])
        facts = cpu_s(lambda: [extract(source, language) for _, source, language, _ in files])
        rounds.append((bare, chunks, light, facts))
    bare, chunks, light, facts = (min(column) for column in zip(*rounds, strict=True))
    print(f"\nchunking  ({machine()}; {len(files)} files, {size / 1e6:.1f} MB)")
    rows = (
        ("bare parse", bare), ("parse and chunk", chunks), ("parse and outline", light), ("parse and all facts", facts)
    )  # fmt: skip
    for name, taken in rows:
        speed = f"{size / 1e6 / taken:6.1f} MB/s  {bare / taken:5.0%} of the bare parse"
        print(f"  {name:<20} {speed} ({taken / bare:.2f} times its cost)")
    held = bare / chunks >= LEAST_SHARE
    print(f"  bar: chunking at least {LEAST_SHARE:.0%} (aim {AIM_SHARE:.0%}): {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
