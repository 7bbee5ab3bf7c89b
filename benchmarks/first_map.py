"""The first map of a repository against the bare parse of the same files, and how good answers from it are.

    python -m benchmarks.first_map [FOLDER] [--rounds 3] [--retrieval FOLDER]

A process that makes the map (`QuickIndex`: listing, reading, scanning, storing) takes at most 0.6 times the bare parse
of the same files on the same cores. Without a folder, 3,000 made files are used.

With the folder of the retrieval benchmark, each case is asked of the full index and of the map alone, as in a process
that finds nothing else: the share of the first five files that both answers have.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from aiex.context.facts import PARSE_LIMIT_BYTES
from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.context.version import parser_version
from aiex.guard.sandbox.files import Workspace
from benchmarks.corpus import varied_repository
from benchmarks.explain_directory import BARE_PARSE, parsed_files
from benchmarks.harness import Bar, Command, compare, show

BAR = 0.6
FIRST = 5
MAKE_MAP = """
import sys
from aiex.context.facts import PARSE_LIMIT_BYTES
from aiex.context.search.index import Index
from aiex.context.search.quick import QuickIndex
from aiex.context.version import parser_version
from aiex.guard.sandbox.files import Workspace

full = Index(Workspace(sys.argv[1]), sys.argv[2], version=parser_version(), limit_bytes=PARSE_LIMIT_BYTES)
quick = QuickIndex(full)
for _ in quick.refresh():
    pass
quick.close()
full.close()
"""


def main() -> int:
    """Measure, print, and give 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description="Measure the first map.")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--retrieval", help="folder with cases.jsonl and trees")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if options.retrieval:
            show_answers(Path(options.retrieval), Path(made, "trees"))
        root = Path(options.folder).resolve() if options.folder else varied_repository(Path(made, "repository"))
        return 0 if measure(root, Path(made, "cache"), options.rounds) else 1


def measure(root: Path, cache: Path, rounds: int) -> bool:
    """Whole processes, in turn."""
    lines = parsed_files(root)
    listed = cache.with_name("files")
    listed.write_text("".join(lines), encoding="utf-8")
    commands = [
        Command("bare parse", (sys.executable, "-c", BARE_PARSE, str(listed))),
        Command(
            "first map",
            (sys.executable, "-c", MAKE_MAP, str(root), str(cache / "index.db")),
            before=lambda: shutil.rmtree(cache, ignore_errors=True),
        ),
    ]
    title = f"first map of {len(lines):,} files on {os.cpu_count()} cores"
    return show(title, compare(commands, rounds=rounds), [Bar("first map", BAR)])


def open_index(root: str, place: str | None = None) -> Index:
    """The index of a folder, at a place of its own; in memory without one."""
    return Index(Workspace(root), place, version=parser_version(), limit_bytes=PARSE_LIMIT_BYTES)


def show_answers(folder: Path, trees: Path) -> None:
    """How far answers from the map agree with those of the full index, over all cases."""
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    shares: list[float] = []
    hits = {"full index": 0, "first map": 0}
    full, tree = Retrieval(open_index(str(folder))), ""
    for case in sorted(cases, key=lambda case: str(case["tree"])):
        if case["tree"] != tree:
            tree = case["tree"]
            with tarfile.open(folder / "trees" / f"{tree}.tar.xz") as archive:
                archive.extractall(trees / tree, filter="data")
            full.close()
            full = Retrieval(open_index(_root(trees / tree)))
            list(full.refresh())
        whole, mapped = first_files(full, case["task"]), _from_map(_root(trees / tree), case["task"])
        shares.append(len({*whole} & {*mapped}) / max(len(whole), 1))
        for name, files in (("full index", whole), ("first map", mapped)):
            hits[name] += set(case["gold_files"]) <= {*files}
    full.close()
    print(f"\n{len(cases)} requests: the first {FIRST} files are the same in {100 * sum(shares) / len(shares):.1f} %")
    for name, count in hits.items():
        print(f"  all wanted files in the first {FIRST}, {name}: {100 * count / len(cases):.1f} %")


def _root(folder: Path) -> str:
    """The folder itself, or the only one in it."""
    inside = list(folder.iterdir())
    return str(inside[0] if len(inside) == 1 and inside[0].is_dir() else folder)


def _from_map(root: str, task: str) -> list[str]:
    retrieval = Retrieval(open_index(root))
    retrieval.partial = True  # however small the tree is
    list(retrieval.quick.refresh())
    files = first_files(retrieval, task)
    retrieval.close()
    return files


def first_files(retrieval: Retrieval, task: str) -> list[str]:
    """The files of the first results."""
    return list(dict.fromkeys(result.path for result in retrieval.rank(task)))[:FIRST]


if __name__ == "__main__":
    sys.exit(main())
