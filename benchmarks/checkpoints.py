"""What checkpoints cost: the first against `git add`, an unchanged tree against a bare look at it, and bytes on disk.

Rounds are interleaved, and every ratio is of one run.

    python -m benchmarks.checkpoints [--folder DIR] [--files N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from aiex.sessions.checkpoints.objects import Objects
from aiex.sessions.checkpoints.retention import Rules, clean
from aiex.sessions.checkpoints.snapshots import Snapshots
from aiex.sessions.checkpoints.trees import FOLDER, unpack_tree
from aiex.sessions.checkpoints.verify import verify
from benchmarks.corpus import varied_repository
from benchmarks.harness import Verdicts, machine

FILES, TREE_BYTES = 5_000, 17_000_000
FIRST_ROUNDS, LATER_ROUNDS = 5, 15
CHECKPOINTS, EDITS = 100, 10
MOST_OF_GIT, MOST_OF_LOOK, MOST_MORE_MS, MOST_GROWTH = 1.2, 3.0, 60.0, 1.5
SETTLED_S = 2.3
"""After so long a file that was written cannot change any more without a new time."""
held = Verdicts()


def main() -> None:
    parser = argparse.ArgumentParser(description="What checkpoints cost.")
    parser.add_argument("--folder", default=None, help="On the disk to measure.")
    parser.add_argument("--files", type=int, default=FILES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as top:
        tree = make_tree(Path(top, "tree"), chosen.files)
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        print(f"Checkpoints of {chosen.files} files, {size / 1e6:.1f} MB  ({machine()})\n")
        time.sleep(SETTLED_S)
        show_first(top, tree)
        show_later(top, tree)
        show_growth(top, tree)
    sys.exit(held.is_missed)


def make_tree(folder: Path, files: int) -> Path:
    """A repository of files of 3,400 bytes in the mean: the beginnings of larger ones."""
    varied_repository(folder, files)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    share = TREE_BYTES / FILES * files / sum(path.stat().st_size for path in paths)
    for path in paths:
        data = path.read_bytes()
        path.write_bytes(data[: data.find(b"\n", int(len(data) * share)) + 1 or None])
    return folder


def show_first(top: str, tree: Path) -> None:
    """A new store, and a new repository of git with its own defaults, in turn."""
    ours, theirs = [], []
    for number in range(FIRST_ROUNDS):
        ours.append(timed(lambda number=number: take_first(f"{top}/first{number}", tree)))  # type: ignore[misc]
        if shutil.which("git"):
            git = start_git(f"{top}/git{number}", tree)
            theirs.append(timed(lambda git=git: git("add", "-A")))  # type: ignore[misc]
    if not theirs:
        print(f"first checkpoint       {statistics.median(ours) * 1e3:8.0f} ms  (git is not installed)")
        return
    ratio = statistics.median(ours) / statistics.median(theirs)
    said = f"git add -A {statistics.median(theirs) * 1e3:.0f} ms"
    show("first checkpoint", statistics.median(ours), said, ratio, MOST_OF_GIT)


def start_git(folder: str, tree: Path) -> Callable[..., None]:
    """Git on a repository of its own beside the tree; what the person has configured does not count."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    quiet = {**plain, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*arguments: str) -> None:
        where = ("--git-dir", folder, "--work-tree", str(tree))
        subprocess.run(("git", *where, *arguments), check=True, env=quiet, stdout=subprocess.DEVNULL)

    subprocess.run(("git", "init", "--quiet", "--bare", folder), check=True, env=quiet)
    return git


def take_first(folder: str, tree: Path) -> None:
    with Objects(f"{folder}/checkpoints.db") as objects:
        Snapshots(objects, str(tree)).take("first")


def show_later(top: str, tree: Path) -> None:
    """An unchanged tree, in a store that is open and in one that is opened for it, and one with ten changed files."""
    path = f"{top}/later/checkpoints.db"
    take_first(f"{top}/later", tree)
    chance = Random(3)
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    looks, same, fresh, changed = [], [], [], []
    with Objects(path) as objects:
        snapshots = Snapshots(objects, str(tree))
        for _ in range(LATER_ROUNDS):
            edit(files, chance)
            time.sleep(SETTLED_S)
            looks.append(timed(lambda: look(str(tree))))
            changed.append(timed(lambda: snapshots.take("changed")))
            same.append(timed(lambda: snapshots.take("unchanged")))
            fresh.append(timed(lambda: take_first(f"{top}/later", tree)))
    look_s, same_s = statistics.median(looks), statistics.median(same)
    show("unchanged tree", same_s, f"bare look {look_s * 1e3:.0f} ms", same_s / look_s, MOST_OF_LOOK)
    fresh_s = statistics.median(fresh)
    show("unchanged, new process", fresh_s, "the store opened as well", fresh_s / look_s, MOST_OF_LOOK)
    more_ms = statistics.median(one - other for one, other in zip(changed, same, strict=True)) * 1e3
    show("ten files changed", statistics.median(changed), "more than unchanged, in ms", more_ms, MOST_MORE_MS)


def look(folder: str) -> int:
    """The least that tells whether something changed: one stat of each name."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            count += found.st_size > 0
            if entry.is_dir(follow_symlinks=False):
                count += look(entry.path)
    return count


def edit(files: list[Path], chance: Random) -> None:
    """Change a few lines of some files, as an agent does."""
    for path in chance.sample(files, EDITS):
        lines = path.read_bytes().splitlines(keepends=True) or [b"\n"]
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(lines))
            words = b" ".join(b"word%d" % chance.randrange(500) for _ in range(chance.randint(2, 9)))
            lines[place : place + chance.randint(0, 2)] = [b"    " + words + b"\n"] * chance.randint(1, 2)
        path.write_bytes(b"".join(lines))


def show_growth(top: str, tree: Path) -> None:
    """Bytes on disk after the first checkpoint and after a hundred; then what reading, checking and cleaning cost."""
    path = f"{top}/growth/checkpoints.db"
    chance = Random(4)
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    take_first(f"{top}/growth", tree)
    first = os.path.getsize(path)
    with Objects(path) as objects:
        snapshots = Snapshots(objects, str(tree))
        for number in range(CHECKPOINTS - 1):
            edit(files, chance)
            snapshots.take(f"step {number}")
    last = os.path.getsize(path)
    said = f"{last / 1e6:.1f} of {first / 1e6:.1f} MB{packed_by_git(top)}"
    print(f"bytes of {CHECKPOINTS} checkpoints   {said:50} {verdict(last / first, MOST_GROWTH)}")
    with Objects(path) as objects:
        catalogue = Snapshots(objects, str(tree)).catalogue
        print(f"verify                 {timed(lambda: verify(objects, catalogue)) * 1e3:8.0f} ms")
        newest = catalogue.list()[-1].tree
        print(f"read the last one      {timed(lambda: read(objects, newest)) * 1e3:8.0f} ms")
        went = timed(lambda: clean(objects, catalogue, Rules(number=10), now_ms=0))
        print(f"clean up all but ten   {went * 1e3:8.0f} ms, {os.path.getsize(path) / 1e6:.1f} MB stay")


def packed_by_git(top: str) -> str:
    if not os.path.isdir(f"{top}/git0"):
        return ""
    git = start_git(f"{top}/git0", Path(top))
    git("-c", "user.name=A", "-c", "user.email=a@example.invalid", "commit", "--quiet", "-m", "first")
    git("repack", "-adq")
    packs = Path(top, "git0", "objects", "pack").glob("*")
    return f"; git packs the first to {sum(pack.stat().st_size for pack in packs) / 1e6:.1f} MB"


def read(objects: Objects, tree: str) -> None:
    for entry in unpack_tree(objects.get_tree(tree)):
        if entry.kind == FOLDER:
            read(objects, entry.id)
        else:
            objects.get(entry.id)


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def show(name: str, taken_s: float, said: str, ratio: float, most: float) -> None:
    print(f"{name:22} {taken_s * 1e3:8.0f} ms  {said:38} {verdict(ratio, most)}")


def verdict(ratio: float, most: float) -> str:
    return f"{ratio:5.2f}, at most {most:g}: {held(ratio <= most)}"


if __name__ == "__main__":
    main()
