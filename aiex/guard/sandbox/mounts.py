"""What a process can write to, as the kernel tells it: the mounts of a command are checked before it runs."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from aiex.guard.sandbox.bounds import is_beneath
from aiex.patterns import late

_PASSING = (b" /oldroot", b" /newroot")
_OCTAL = late(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of `mountinfo` (proc(5))."""

    device: str
    root: str
    """The directory of the device that is mounted."""
    point: str
    writable: bool
    kind: str


def read_table(pid: int | str) -> bytes:
    """The mounts that a process sees, as the kernel writes them; nothing when it ended."""
    try:
        with open(f"/proc/{pid}/mountinfo", "rb", buffering=0) as source:
            return b"".join(iter(lambda: source.read(1 << 16), b""))
    except OSError:
        return b""


def is_final(table: bytes) -> bool:
    """Whether the file system of a command is complete, with nothing of the one around it left."""
    if not table or any(name + end in table for name in _PASSING for end in (b" ", b"/")):
        return False
    first = parse(table[: table.index(b"\n") + 1])[0]
    return first.point == "/" and not first.writable


@lru_cache(maxsize=4)
def parse(table: bytes) -> list[Mount]:
    """The mounts of a table, earliest first; of mounts over each other the last counts."""
    return [_parse(os.fsdecode(line)) for line in table.split(b"\n") if line]


class Expected(NamedTuple):
    """What must hold for the mounts of a command."""

    writable: dict[str, str]
    """Places that may be written, with what is mounted there: in the command, and as the machine names it."""
    fixed: dict[str, bool]
    """Mount points that must be there, and whether they are writable."""


def problem_with(mounts: list[Mount], expected: Expected, host: list[Mount]) -> str:
    """Why these mounts are not the expected ones, or an empty string.

    Args:
        mounts: Of the command.
        host: Of this process.
    """
    last = {mount.point: mount for mount in mounts}
    for point, writable in expected.fixed.items():
        if point not in last:
            return f"{point} is not covered"
        if last[point].writable and not writable:
            return f"{point} can be written"
    for mount in last.values():
        if not mount.writable or _is_own(mount, expected):
            continue
        place = max((place for place in expected.writable if is_beneath(mount.point, place)), key=len, default=None)
        if place is None:
            return f"{mount.point} can be written"
        source = expected.writable[place] + mount.point[len(place) :]
        if (mount.device, mount.root) != _origin(source, host):
            return f"{mount.point} is another directory"
    return ""


def _is_own(mount: Mount, expected: Expected) -> bool:
    """Whether what can be written there belongs to the command alone."""
    if mount.kind in ("tmpfs", "devpts", "mqueue"):
        return mount.point in ("/dev", "/dev/pts", "/dev/mqueue") or mount.point in expected.fixed
    return mount.point.startswith("/dev/")  # one device each, laid by bwrap


def _origin(path: str, host: list[Mount]) -> tuple[str, str]:
    """The device of a real path, and its place there."""
    best: Mount | None = None
    for mount in host:
        if is_beneath(path, mount.point) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    if best is None:
        return "", ""
    rest = path if best.point == "/" else path[len(best.point) :]
    return best.device, os.path.normpath(f"{best.root}/{rest}").replace("//", "/")


def _parse(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    fields = before.split(" ")
    options = fields[5].split(",")
    return Mount(fields[2], _plain(fields[3]), _plain(fields[4]), "rw" in options, after.split(" ")[0])


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text) if "\\" in text else text
