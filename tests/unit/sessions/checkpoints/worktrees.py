"""Work trees for tests: looked at independently of our walk, and changed at random."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from random import Random

from aiex.sessions.checkpoints.objects import Objects
from aiex.sessions.checkpoints.restore import Restorer
from aiex.sessions.checkpoints.snapshots import Snapshots

Look = dict[bytes, tuple[str, int, bytes]]


def look(root: Path) -> Look:
    """Kind, mode and bytes of everything beneath a root, by `os.walk` and `open`."""
    found: Look = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            known = os.lstat(path)
            where = os.path.relpath(path, top)
            if stat.S_ISLNK(known.st_mode):
                found[where] = "link", 0, os.readlink(path)
            elif stat.S_ISDIR(known.st_mode):
                found[where] = "folder", stat.S_IMODE(known.st_mode), b""
            else:
                with open(path, "rb") as file:
                    found[where] = "file", stat.S_IMODE(known.st_mode), file.read()
    return found


class Lab:
    """A root, its store and what is done with them."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.root = folder / "root"
        self.store = folder / "store"
        for path in (self.root, self.store):
            path.mkdir(exist_ok=True)
        self.objects = Objects(str(self.store / "checkpoints.db"))
        self.snapshots = Snapshots(self.objects, str(self.root), **options)  # type: ignore[arg-type]
        self.restorer = Restorer(self.snapshots, str(self.store))

    def take(self, reason: str = "test") -> str:
        """Take a checkpoint; its id."""
        return self.snapshots.take(reason).checkpoint.id

    def write(self, path: str, text: str = "", mode: int | None = None) -> Path:
        """Write a file, with the directories above it."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        if mode is not None:
            place.chmod(mode)
        return place

    def look(self) -> Look:
        """What is there."""
        return look(self.root)

    def close(self) -> None:
        """Close the store."""
        self.objects.close()


NAMES = [
    b"a",
    b"b.txt",
    b"c d",
    b"\xff\xfe",
    b"new\nline",
    b"-x",
    b"\xc3\xa4",
    b".hidden",
    b"back\\slash",
    b"long" * 30,
]
FILE_MODES = [0o644, 0o755, 0o600, 0o444, 0o000, 0o4755, 0o2711, 0o666]
FOLDER_MODES = [0o755, 0o700, 0o555, 0o2775, 0o1777, 0o500]
COMMANDS = [
    "echo more >> {0}", "cp -a {0} {1}", "mv {0} {1}", "rm -rf {0}", "ln {0} {1}", "ln -sfn {0} {1}",
    "mkdir -p {0}/{1}", "sed -i s/e/E/ {0}", "truncate -s 5000 {0}", "find . -type f | head -3 | xargs touch",
    "tar cf {1} {0}",
]  # fmt: skip


class Changer:
    """Changes a tree at random, with a seed."""

    def __init__(self, root: Path, random: Random) -> None:
        self.root = os.fsencode(root)
        self.random = random

    def _folders(self) -> list[bytes]:
        return [folder for folder, _, _ in os.walk(self.root)]

    def _any(self, *, of: str) -> bytes | None:
        found = []
        for folder, folders, files in os.walk(self.root):
            names = {"file": files, "folder": folders, "any": files + folders}[of]
            found += [os.path.join(folder, name) for name in names]
        return self.random.choice(sorted(found)) if found else None

    def _new(self) -> bytes:
        return os.path.join(self.random.choice(sorted(self._folders())), self.random.choice(NAMES))

    def _text(self) -> bytes:
        kind = self.random.randrange(4)
        if kind == 0:
            return self.random.randbytes(self.random.randrange(3000))
        lines = [b"line %d\n" % self.random.randrange(50) for _ in range(self.random.randrange(200))]
        return b"".join(lines) if kind < 3 else b""

    def change(self, times: int) -> None:
        """Make so many changes; those that make no sense are passed over."""
        steps = (
            *(self.write, self.write, self.edit, self.remove, self.rename, self.mode, self.link),
            *(self.folder, self.swap_kind, self.command),
        )
        for _ in range(times):
            step = self.random.choice(steps)
            try:
                step()
            except OSError:
                continue

    def write(self) -> None:
        path = self._new()
        if not os.path.islink(path):
            with open(path, "wb") as file:
                file.write(self._text())

    def edit(self) -> None:
        path = self._any(of="file")
        if path and not os.path.islink(path):
            with open(path, "r+b") as file:
                file.seek(self.random.randrange(100))
                file.write(b"edited %d" % self.random.randrange(1000))

    def remove(self) -> None:
        path = self._any(of="any")
        if path and self.random.random() < 0.5:
            subprocess.run([b"rm", b"-rf", path], check=False)

    def rename(self) -> None:
        path = self._any(of="any")
        if path:
            os.rename(path, self._new())

    def mode(self) -> None:
        path = self._any(of="any")
        if path and not os.path.islink(path):
            os.chmod(path, self.random.choice(FOLDER_MODES if os.path.isdir(path) else FILE_MODES))

    def link(self) -> None:
        os.symlink(self.random.choice([b"a", b"../b.txt", b"/etc/passwd", b"nowhere", b"\xff"]), self._new())

    def folder(self) -> None:
        os.makedirs(os.path.join(self._new(), self.random.choice(NAMES)))

    def swap_kind(self) -> None:
        path = self._any(of="any")
        if not path:
            return
        subprocess.run([b"rm", b"-rf", path], check=False)
        self.random.choice([lambda: os.mkdir(path), lambda: os.symlink(b"x", path), lambda: open(path, "w").close()])()

    def command(self) -> None:
        one, other = self._any(of="any"), self._new()
        if one:
            words = [b"'" + os.path.relpath(path, self.root).replace(b"'", b"'\\''") + b"'" for path in (one, other)]
            line = os.fsencode(self.random.choice(COMMANDS)).replace(b"{0}", b"./" + words[0])
            subprocess.run(
                [b"sh", b"-c", line.replace(b"{1}", b"./" + words[1])],
                cwd=self.root, check=False, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            )  # fmt: skip
