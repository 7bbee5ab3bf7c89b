"""What an edit of three files costs: read, located, applied, parsed, written; with and without the step around it.

The measure is reading the three files, replacing the text and writing them. Usage: python -m benchmarks.edits
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aiex.agent.edits import load_format
from aiex.agent.edits.transaction import prepare
from aiex.jobs.stepping import Step
from aiex.wiring import Services
from benchmarks.harness import Verdicts, machine

ROUNDS, FILES, FUNCTIONS, MOST_MS = 30, 3, 60, 20.0
held = Verdicts()


def main() -> None:
    print(f"An edit of {FILES} files of {FUNCTIONS * 5} lines  ({machine()})\n")
    with tempfile.TemporaryDirectory() as top:
        for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
            os.environ[f"AIEX_{kind}_DIR"] = f"{top}/{kind.lower()}"
        root = Path(top, "work")
        root.mkdir()
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        services = Services(str(root))
        bare = measure(lambda number: edit_barely(root, number), root)
        alone = measure(lambda number: edit(services, root, number, step=None), root)
        step = Step(services.checkpoints, "edit")
        whole = measure(lambda number: edit(services, root, number, step=step), root)
        services.close()
    for name, times in (("bare", bare), ("transaction", alone), ("with a checkpoint before and after", whole)):
        print(f"  {name:36} {min(times) * 1000:6.2f} ms, median {statistics.median(times) * 1000:6.2f} ms")
    print(f"  ratio {min(alone) / min(bare):.1f}; with the checkpoints {min(whole) / min(bare):.1f}")
    print(f"  at most {MOST_MS:.0f} ms with the checkpoints: {held(statistics.median(whole) * 1000 <= MOST_MS)}")
    sys.exit(held.is_missed)


def source(number: int) -> str:
    """A file with a line that tells the rounds apart."""
    functions = (
        f"def work_{n}(items):\n    total = sum(items)\n    return total * {n}\n\n\n" for n in range(FUNCTIONS)
    )
    return f"ROUND = {number}\n\n\n" + "".join(functions)


def measure(act: Callable[[int], None], root: Path) -> list[float]:
    """Seconds for each round; the first one is not counted."""
    taken: list[float] = []
    for number in range(ROUNDS + 1):
        for name in range(FILES):
            (root / f"module_{name}.py").write_text(source(number), encoding="utf-8")
        begin = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - begin)
    return taken[1:]


def edit_barely(root: Path, number: int) -> None:
    for name in range(FILES):
        path = root / f"module_{name}.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("total * 30", f"total * 30 + {number}"), encoding="utf-8")


def edit(services: Services, root: Path, number: int, *, step: Step | None) -> None:
    patch = "".join(
        f"--- a/module_{name}.py\n+++ b/module_{name}.py\n@@ -156,3 +156,3 @@\n def work_30(items):\n"
        f"     total = sum(items)\n-    return total * 30\n+    return total * 30 + {number}\n"
        for name in range(FILES)
    )
    transaction = prepare(load_format("udiff").parse(patch), services.workspace)
    events = list(transaction.commit(services.workspace, root=str(root), step=step))
    if transaction.breaks or len(events) < FILES:
        raise AssertionError(f"the edit did not do what it should: {transaction.breaks} {events}")


if __name__ == "__main__":
    main()
