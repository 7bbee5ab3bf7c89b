"""Confines by a profile of macOS's sandbox (`sandbox-exec`), everything refused that it does not name.

The text of the profile is tested everywhere; that it holds is for a Mac to show, which `probe` asks by a real command.
Later rules win over earlier ones there (sandbox-exec(1), profiles in /System/Library/Sandbox/Profiles).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from aiex.errors import StoreError
from aiex.guard.sandbox.bounds import SandboxPolicy
from aiex.guard.sandbox.cover import Cover, Covering
from aiex.guard.sandbox.isolation import Confined, Launch, Probe
from aiex.guard.sandbox.isolation.plain import start_group
from aiex.guard.sandbox.paths import NameRules

PROGRAM = "/usr/bin/sandbox-exec"
_GAPS = (
    "a process that leaves the group of its command is not ended with it",
    "other processes can be listed",
    "no network at all, so allowed domains cannot be reached",
)
_BASE = """(version 1)
(deny default)
(allow process-exec process-fork)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow ipc-posix-sem)
(allow pseudo-tty)
(allow file-read*)
(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
(deny network*)
"""


class Seatbelt:
    """The backend for macOS."""

    name = "seatbelt"
    rank = 2
    requires_approval = False

    def probe(self) -> Probe:
        from aiex.guard.sandbox.process import run

        if sys.platform != "darwin":
            return Probe(False, "it is a part of macOS")
        try:
            done = run([PROGRAM, "-p", _BASE, "/usr/bin/true"], cwd="/", timeout_s=20)
        except StoreError as error:
            return Probe(False, error.message)
        said = done.stderr.decode(errors="replace").strip()
        return Probe(done.code == 0, said or "a profile of the system's sandbox works", _GAPS)

    async def start(self, launch: Launch) -> Confined:
        launch = launch.with_temporary(os.path.realpath(launch.private))
        text = profile(launch.policy, Covering(launch.policy).find(), os.path.realpath(launch.private))
        return start_group(launch, [PROGRAM, "-p", text, "--", launch.program, *launch.argv[1:]])

    def close(self, policy: SandboxPolicy) -> None:
        pass


def profile(policy: SandboxPolicy, covers: tuple[Cover, ...], private: str) -> str:
    """The profile for these bounds. Protected and secret names are rules on names, so missing ones count as well."""
    lines = [_BASE.rstrip(), f"(allow file-write* (subpath {_quote(private)}))"]
    for one in covers:
        path = f"({'subpath' if one.is_folder else 'literal'} {_quote(one.path)})"
        match one.kind:
            case "write":
                lines.append(f"(allow file-write* {path})")
            case "hold":
                lines.append(f"(deny file-write-unlink (literal {_quote(one.path)}))")
            case "read" | "absent":
                lines.append(f"(deny file-write* (subpath {_quote(one.path)}))")
            case "hide":
                lines.append(f"(deny file-read* file-write* {path})")
    for place in policy.writable:
        lines += [f'(deny file-write* (regex #"{pattern}"))' for pattern in _protected(place, policy.names)]
    for path in (*policy.programs, *policy.readable):
        lines.append(f"(allow file-read* (subpath {_quote(path)}))")
    lines.append(f"(allow file-read* file-write* (subpath {_quote(private)}))")
    return "\n".join([*lines, ""])


def _protected(place: str, names: NameRules) -> Iterator[str]:
    """A pattern for each protected name at any depth, in either case of its letters."""
    start = "".join(map(_one, place.rstrip("/")))
    for name in sorted(names.protected):
        yield f"^{start}/(.*/)?{''.join(map(_either, name))}(/.*)?$"


def _one(letter: str) -> str:
    """A pattern without backslashes for one letter; for the few that would need one, any letter."""
    if letter.isalnum() or letter in "/_-":
        return letter
    return "." if letter in '\\]^"' else f"[{letter}]"


def _either(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isascii() and letter.isalpha() else _one(letter)


def _quote(text: str) -> str:
    """A string of the profile language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


ISOLATION = Seatbelt()
