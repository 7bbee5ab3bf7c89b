"""What `aiex query context` finds of the code that real changes touched, by a retrieval benchmark's own scorer.

    python -m benchmarks.retrieval FOLDER [--work FOLDER] [SCORER OPTIONS, such as --sample 60 or --lang go]
    python -m benchmarks.retrieval FOLDER --ablation [--work FOLDER]

FOLDER holds `score.py`, `cases.jsonl` and `trees/*.tar.xz`, as its README tells; it is no part of this repository, and
without it nothing is measured. The scorer unpacks each tree and starts `aiex create index` and `aiex query context` in
it, as anybody would. Bars, over all cases: symbol recall at 2,000 and 8,000 tokens, all gold files in the first five,
and symbol recall at 8,000 tokens in every language.

`--ablation` ranks in this process, with everything and with each signal left out, and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aiex.context.ranking.rank import load_signals
from aiex.context.retrieval import Retrieval
from aiex.jobs.query import to_data
from benchmarks.harness import aiex_argv, machine
from benchmarks.index import open_index
from benchmarks.packing import unpack_trees

BARS = {"sym_recall@2000": 72.0, "sym_recall@8000": 87.0, "acc@5": 84.0}
LANGUAGE_BAR = 80.0
"""Symbol recall at 8,000 tokens of each language."""
NAMES = {"sym_recall@2000": "sym@2k", "sym_recall@8000": "sym@8k", "acc@5": "acc@5", "recall@1": "recall@1"}
"""Columns of the table."""
KINDS = ("all", "issue", "commit")

Case = Mapping[str, Any]
Scores = Mapping[str, float]


class Scored(NamedTuple):
    """A case under one choice of signals."""

    kind: str
    left_out: str
    scores: Scores


def main() -> int:
    """Measure, print, and give 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure retrieval; other options go to the scorer.")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--work", type=Path, help="where trees are unpacked")
    parser.add_argument("--ablation", action="store_true")
    options, rest = parser.parse_known_args()
    if options.folder is None:
        print("retrieval: nothing is measured without the folder of a retrieval benchmark")
        return 0
    folder = options.folder.resolve()
    with tempfile.TemporaryDirectory() as made:
        work = (options.work or Path(made)).resolve()
        if options.ablation:
            return print_ablation(list(ablate(folder, work / "trees", Path(made))))
        return run_scorer(folder, work, Path(made), rest)


# --- the command, by the scorer ---------------------------------------------------------------------------------------


def run_scorer(folder: Path, work: Path, scratch: Path, rest: Sequence[str]) -> int:
    """Let the scorer drive the command; its summary is printed as it is."""
    out = scratch / "result.json"
    query = ("query", "context", "--json", "--budget", "{budget}", "--task-file", "{task}")
    argv = [sys.executable, str(folder / "score.py")]
    argv += ["--cases", str(folder / "cases.jsonl"), "--trees", str(folder / "trees"), "--work", str(work)]
    argv += ["--index-cmd", shlex.join(aiex_argv("create", "index")), "--query-cmd", shlex.join(aiex_argv(*query))]
    environment = {**os.environ, "AIEX_CACHE_DIR": str(scratch / "cache")}
    subprocess.run([*argv, "--out", str(out), *rest], check=True, env=environment)
    return judge(json.loads(out.read_text(encoding="utf-8"))["summary"])


def judge(summary: Mapping[str, Any]) -> int:
    """Compare with the bars; 1 when one is missed or a query failed."""
    print(f"\nretrieval, {summary['all']['cases']} cases  ({machine()})")
    held = not summary["failed_queries"]
    if not held:
        print(f"  {len(summary['failed_queries'])} queries failed: MISSED")
    rows = [(f"{NAMES[key]}, all", summary["all"][key], bar) for key, bar in BARS.items()]
    for language, scores in summary["by_lang"].items():
        rows.append((f"sym@8k, {language}", scores["sym_recall@8000"], LANGUAGE_BAR))
    for name, share, bar in rows:
        good = share * 100 >= bar
        held = held and good
        print(f"  {name:<20} {share:6.1%}  at least {bar:g} %: {'held' if good else 'MISSED'}")
    for kind, scores in summary["by_kind"].items():
        print(f"  {kind:<20} " + "  ".join(f"{name} {scores[key]:.1%}" for key, name in NAMES.items()))
    return 0 if held else 1


# --- with each signal left out ----------------------------------------------------------------------------------------


def ablate(folder: Path, trees: Path, scratch: Path) -> Iterator[Scored]:
    """Every case with every choice of signals."""
    with open(folder / "cases.jsonl", encoding="utf-8") as file:
        cases = sorted(map(json.loads, file), key=lambda case: str(case["tree"]))
    unpack_trees(folder, trees, {case["tree"] for case in cases})
    score = load_scorer(folder)
    choices = ("", *load_signals())
    retrieval: Retrieval | None = None
    lines: Any = None
    for number, case in enumerate(cases):
        root = trees / case["tree"]
        if number == 0 or case["tree"] != cases[number - 1]["tree"]:
            if retrieval is not None:
                retrieval.close()
            retrieval, lines = open_tree(root, scratch / f"{case['tree']}.db"), score.Lines(str(root))
        assert retrieval is not None
        for left_out in choices:
            found = retrieval.rank(case["task"], without={left_out})
            yield Scored(case["kind"], left_out, score.score_case(case, [to_data(result) for result in found], lines))


def open_tree(root: Path, place: Path) -> Retrieval:
    """A tree with an index that is up to date; the trees have no history."""
    retrieval = Retrieval(open_index(root, place))
    for _ in retrieval.refresh():
        pass
    return retrieval


def load_scorer(folder: Path) -> Any:
    """The benchmark's `score.py` as a module."""
    spec = importlib.util.spec_from_file_location("retrieval_score", folder / "score.py")
    if spec is None or spec.loader is None:
        sys.exit(f"{folder / 'score.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def print_ablation(rows: Sequence[Scored]) -> int:
    """A Markdown table in percent: with everything, then what leaving each signal out changes."""
    columns = [(kind, key) for kind in KINDS for key in NAMES]
    base = [mean(rows, "", kind, key) for kind, key in columns]
    print(f"\n| without | {' | '.join(f'{kind} {NAMES[key]}' for kind, key in columns)} |")
    print(f"|---|{'---:|' * len(columns)}")
    print(f"| nothing | {' | '.join(f'{share:.1f}' for share in base)} |")
    for left_out in load_signals():
        shares = [mean(rows, left_out, kind, key) for kind, key in columns]
        if [row.scores for row in under(rows, left_out)] == [row.scores for row in under(rows, "")]:
            print(f"| {left_out} |{' |' * len(columns)}")
            continue
        changes = " | ".join(f"{share - known:+.1f}" for share, known in zip(shares, base, strict=True))
        print(f"| {left_out} | {changes} |")
    print("\nAn empty row: leaving the signal out changes no case.")
    return 0


def mean(rows: Sequence[Scored], left_out: str, kind: str, key: str) -> float:
    """Percent over the cases of a kind that have the figure."""
    chosen = [row.scores[key] for row in under(rows, left_out) if kind in ("all", row.kind) and key in row.scores]
    return 100 * sum(chosen) / (len(chosen) or 1)


def under(rows: Sequence[Scored], left_out: str) -> list[Scored]:
    """The cases under one choice of signals."""
    return [row for row in rows if row.left_out == left_out]


if __name__ == "__main__":
    sys.exit(main())
