"""What packing delivers of what is needed, against plain truncation of the same ranking under the same budget.

    python -m benchmarks.packing FOLDER [--predictions FILE] [--unpacked FOLDER] [--budgets 2000,4000,8000]

FOLDER holds `cases.jsonl` and `trees/*.tar.xz`, as in a retrieval benchmark: each case has a task, a tree, and the
symbols that the change behind the task touched (`gold_symbols` with `path` and `lines`). The ranking comes from
`aiex query context`, or as JSON lines `{"id", "items": [{"path", "start_line", "end_line", "score"}]}`.

Truncation writes the ranked spans one after the other, each with a header, until the budget is spent; the last is cut.
A symbol counts as delivered when at least half of its lines are in the text. All tokens are o200k_base tokens of the
text itself. Bar: more recall per 1,000 tokens than truncation, for each budget.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aiex.context.extract import extract
from aiex.context.language import find_language
from aiex.context.packing.counting import Counts
from aiex.context.packing.pack import pack
from aiex.context.packing.packed import Candidate
from aiex.context.packing.source import Source
from aiex.tokens import count
from benchmarks.harness import aiex_argv, machine

BUDGETS = (2_000, 4_000, 8_000)
ENOUGH = 0.5
"""Of the lines of a symbol."""

Read = Callable[[str], Source | None]
Delivered = Mapping[str, Sequence[int]]


class Outcome(NamedTuple):
    """What one way delivered under one budget."""

    recall: float
    tokens: float
    cpu_ms: float


def read_cases(folder: Path) -> list[dict[str, Any]]:
    """The cases that have symbols."""
    with open(folder / "cases.jsonl", encoding="utf-8") as file:
        return [case for case in map(json.loads, file) if case["gold_symbols"]]


def unpack_trees(folder: Path, target: Path, names: set[str]) -> None:
    """Unpack what is not there yet."""
    for name in sorted(names):
        if not (target / name).is_dir():
            with tarfile.open(folder / "trees" / f"{name}.tar.xz") as archive:
                archive.extractall(target / name, filter="data")


def open_tree(root: Path) -> Read:
    """Opens files of a tree, each once."""
    known: dict[str, Source | None] = {}

    def read(path: str) -> Source | None:
        if path not in known:
            try:
                data = (root / path).read_bytes()
            except OSError:
                known[path] = None
            else:
                language = find_language(path, data[:512])
                facts = extract(data, language, uses=False) if language else None
                known[path] = Source(path, data.decode("utf-8", "replace"), facts)
        return known[path]

    return read


def ask_engine(root: Path, task: str) -> list[dict[str, Any]]:
    """The ranking of the installed command."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(task)
        file.flush()
        argv = aiex_argv("query", "context", "--json", "--budget", "16000", "--task-file", file.name)
        answer = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"aiex query context: exit code {answer.returncode}\n{answer.stderr}")
    return [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]


def to_candidates(items: Sequence[Mapping[str, Any]]) -> list[Candidate]:
    return [
        Candidate(item["path"], item.get("start_line") or 1, item.get("end_line") or 10**9, score=item.get("score", 0))
        for item in items
    ]


def truncate(candidates: Sequence[Candidate], budget: int, counts: Counts, read: Read) -> tuple[Delivered, int]:
    """Spans in their order until the budget is spent; lines that were delivered are not delivered twice."""
    delivered: dict[str, list[int]] = {}
    left = budget
    for one in candidates:
        source = read(one.path)
        if source is None:
            continue
        have = delivered.setdefault(one.path, [])
        fresh = [line for line in range(one.start_line, min(one.end_line, source.line_count) + 1) if line not in have]
        if fresh:
            left -= counts(f"## {one.path} lines {one.start_line}-{one.end_line}\n```\n```\n\n")
        for line in fresh:
            left -= counts(source.lines[line - 1] + "\n")
            if left < 0:
                return delivered, budget
            have.append(line)
    return delivered, budget - left


def pack_within(candidates: Sequence[Candidate], budget: int, counts: Counts, read: Read) -> tuple[Delivered, int]:
    """The same by `pack`."""
    packed = pack(candidates, budget, counts, read)
    if counts(packed.text) > budget:
        sys.exit(f"a pack of {counts(packed.text)} tokens for a budget of {budget}")
    lines = {
        path: [line for first, last in spans for line in range(first, last + 1)]
        for path, spans in packed.delivered.items()
    }
    return lines, packed.tokens


WAYS = {"truncation": truncate, "pack": pack_within}


def recall_of(case: Mapping[str, Any], delivered: Delivered) -> float:
    """The share of the case's symbols that are delivered."""
    found = 0
    for symbol in case["gold_symbols"]:
        lines = [line for first, last in symbol["lines"] for line in range(first, last + 1)]
        have = set(delivered.get(symbol["path"], ()))
        found += sum(line in have for line in lines) >= ENOUGH * len(lines)
    return found / len(case["gold_symbols"])


def measure(
    cases: Sequence[Mapping[str, Any]], rank: Callable[[Mapping[str, Any]], list[Candidate]], trees: Path, budget: int
) -> Iterator[tuple[str, Outcome]]:
    """Each way over all cases."""
    counts = Counts(lambda text: count(text, "o200k_base").tokens)
    readers = {case["tree"]: open_tree(trees / case["tree"]) for case in cases}
    for name, way in WAYS.items():
        rows = []
        for case in cases:
            candidates, read = rank(case), readers[case["tree"]]
            way(candidates, budget, counts, read)  # opens the files and counts their lines: not what is measured
            start = time.process_time()
            delivered, tokens = way(candidates, budget, counts, read)
            rows.append((recall_of(case, delivered), tokens, (time.process_time() - start) * 1_000))
        yield name, Outcome(*(sum(column) / len(rows) for column in zip(*rows, strict=True)))


def main() -> int:
    """Measure, print, and give 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description="Packing against truncation.")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--unpacked", type=Path, help="where the trees are or will be unpacked")
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)))
    options = parser.parse_args()
    if options.folder is None:
        print("packing: nothing is measured without the folder of a retrieval benchmark")
        return 0
    cases = read_cases(options.folder)
    with tempfile.TemporaryDirectory() as scratch:
        trees = options.unpacked or Path(scratch)
        unpack_trees(options.folder, trees, {case["tree"] for case in cases})
        if options.predictions:
            with open(options.predictions, encoding="utf-8") as file:
                ranked = {row["id"]: to_candidates(row["items"]) for row in map(json.loads, file)}
        else:
            ranked = {case["id"]: to_candidates(ask_engine(trees / case["tree"], case["task"])) for case in cases}
        return report(cases, ranked, trees, [int(word) for word in options.budgets.split(",")])


def report(
    cases: Sequence[Mapping[str, Any]], ranked: Mapping[str, list[Candidate]], trees: Path, budgets: Sequence[int]
) -> int:
    """Print a table; 1 when the bar is missed."""
    print(f"\npacking  ({machine()}; {len(cases)} cases)")
    held = True
    for budget in budgets:
        rates = {}
        for name, outcome in measure(cases, lambda case: ranked.get(case["id"], []), trees, budget):
            rates[name] = outcome.recall / max(outcome.tokens, 1) * 1_000
            print(
                f"  {budget:>6} tokens  {name:<10}  symbol recall {outcome.recall:6.1%}  tokens {outcome.tokens:7.0f}"
                f"  recall per 1,000 tokens {rates[name]:6.2%}  {outcome.cpu_ms:5.1f} ms"
            )
        held = held and rates["pack"] > rates["truncation"]
    print(f"  bar: more recall per 1,000 tokens than truncation: {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
