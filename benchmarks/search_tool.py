"""The search tool beside ripgrep itself: in one process, as an agent calls it, rounds interleaved.

    python -m benchmarks.search_tool [--root DIR] [--files 3000] [--rounds 30]

Without `--root` a tree is made. Ripgrep is started as a shell would do it, over the same tree, its output read whole.
The first call reads the tree and its ignore rules; later calls list again only what changed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import machine

MOST = 1.3
"""Times of ripgrep's own wall time that a call may take."""
PATTERNS = ("def read_", r"class \w+Store\b", "no such text anywhere")
_WORDS = ("read", "write", "open", "close", "file", "store", "value", "index", "count", "line", "name", "path", "token")


def make_tree(root: Path, files: int) -> None:
    """Source files as they are in projects, 100 lines each on average, thirty to a directory."""
    chance = random.Random(7)
    (root / ".gitignore").write_text("build/\n*.log\n.cache/\n/dist\n", encoding="utf-8")
    for number in range(files):
        path = root / f"package_{number // 300}" / f"part_{number // 30}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [" ".join(chance.choices(_WORDS, k=8)) for _ in range(chance.randrange(20, 180))]
        if number % 50 == 0:
            lines[3] = "def read_value(self, path):"
        if number % 200 == 0:
            lines[9] = "class ValueStore:"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    old = time.time() - 60
    for folder, _, names in os.walk(root):
        for name in (*names, "."):
            os.utime(os.path.join(folder, name), (old, old))


def time_of(act: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def measure(root: str, rounds: int) -> bool:
    """Print a line for each pattern; gives whether the bar is held."""
    from aiex.agent.kit import Kit
    from aiex.agent.tools import Answer, Going
    from aiex.agent.tools.search import TOOL
    from aiex.wiring import Services

    kit = Kit(Services(root))

    async def search(pattern: str) -> str:
        plan = TOOL.plan({"pattern": pattern}, kit)
        answer = Answer("")
        async for told in plan.act(Going("1", ())):
            answer = told if isinstance(told, Answer) else answer
        return answer.text

    held = True
    with asyncio.Runner() as runner:
        first_s = time_of(lambda: runner.run(search(PATTERNS[0])))
        print(f"\nsearch tool, {root}  ({machine()})\n  first call {first_s * 1000:.1f} ms")
        time.sleep(2.5)  # what changed lately is listed again, and is listed once more after that
        for pattern in PATTERNS:
            argv = ["rg", "--no-config", "--hidden", "-n", "-e", pattern, "."]
            ours: list[float] = []
            theirs: list[float] = []
            for _ in range(rounds):
                theirs.append(time_of(lambda: subprocess.run(argv, cwd=root, stdout=subprocess.PIPE, check=False)))  # noqa: B023
                ours.append(time_of(lambda: runner.run(search(pattern))))  # noqa: B023
            least, middle = min(ours) / min(theirs), statistics.median(ours) / statistics.median(theirs)
            good = least <= MOST
            held = held and good
            print(
                f"  {pattern:<24} rg {min(theirs) * 1000:6.1f} ms  tool {min(ours) * 1000:6.1f} ms  ratio {least:.2f} "
                f"(medians {middle:.2f})  at most {MOST:g}: {'held' if good else 'MISSED'}"
            )
    return held


def main() -> None:
    """Measure in a given tree, or in one that is made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root")
    parser.add_argument("--files", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    if shutil.which("rg") is None:
        sys.exit("ripgrep is not installed")
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
            os.environ[f"AIEX_{kind}_DIR"] = os.path.join(folder, kind)
        root = given.root
        if root is None:
            root = os.path.join(folder, "tree")
            os.mkdir(root)
            make_tree(Path(root), given.files)
        sys.exit(not measure(root, given.rounds))


if __name__ == "__main__":
    main()
