"""Which isolation works on this machine: tried with real commands, and what works is remembered until the next boot.

What does not work is tried again each time: a busy machine or a missing setting must not leave commands with less
isolation for days.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import cast

from aiex import __version__, dirs, plugins
from aiex.errors import UsageError
from aiex.guard.sandbox.isolation import ROOM, Isolation, Probe

_BOOT = "/proc/sys/kernel/random/boot_id"
_SWITCHES = (
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
)
"""What an administrator sets to take namespaces from users (namespaces(7); Debian and Ubuntu have the others)."""


def backends() -> list[Isolation]:
    """Every way to confine, the strongest first."""
    found = [cast(Isolation, plugins.load(ROOM, name, "ISOLATION").ISOLATION) for name in plugins.names(ROOM)]
    return sorted(found, key=lambda isolation: isolation.rank)


def choose(name: str = "") -> Isolation:
    """The strongest way that works, or the named one.

    Raises:
        UsageError: if there is no way of this name, or it does not work here.
    """
    for isolation in backends():
        if isolation.name == name:
            probe = probe_of(isolation)
            if not probe.works:
                raise UsageError(f"{name} does not work here: {probe.reason}", hint="aiex show sandbox")
            return isolation
        if not name and probe_of(isolation).works:
            return isolation
    known = ", ".join(isolation.name for isolation in backends())
    raise UsageError(f"there is no isolation called {name!r}" if name else "no commands can be run here", hint=known)


def probe_of(isolation: Isolation, *, again: bool = False) -> Probe:
    """What a trial of this way showed; one that went well counts until the next boot, unless `again` is wanted."""
    key = _key()
    known = _read(_place()) if key else {}
    found = known.get(isolation.name)
    if not again and isinstance(found, dict) and found.get("key") == key and found.get("works") is True:
        with suppress(KeyError, TypeError):
            return Probe(bool(found["works"]), str(found["reason"]), tuple(map(str, found["gaps"])))
    probe = isolation.probe()
    if key and (probe.works or isolation.name in known):
        row = {"key": key, "works": probe.works, "reason": probe.reason, "gaps": list(probe.gaps)}
        _write(_place(), _read(_place()) | {isolation.name: row | {"lost": _is_lost(found, probe)}})
    return probe


def lost(isolation: Isolation) -> tuple[tuple[str, str], ...]:
    """Stronger ways that worked here once and did not at their last trial: the name of each, and why it does not."""
    known = _read(_place())
    rows = [(one.name, known.get(one.name)) for one in backends() if one.rank < isolation.rank]
    return tuple((name, str(row.get("reason"))) for name, row in rows if isinstance(row, dict) and row.get("lost"))


def forget_lost() -> None:
    """Take what does not work for known: a person has seen it."""
    known = _read(_place())
    if any(isinstance(row, dict) and row.get("lost") for row in known.values()):
        _write(_place(), {name: row | {"lost": False} for name, row in known.items() if isinstance(row, dict)})


def _is_lost(found: object, probe: Probe) -> bool:
    return not probe.works and isinstance(found, dict) and bool(found.get("works") or found.get("lost"))


def _place() -> str:
    return os.path.join(dirs.state_dir(), "sandbox", "probes.json")


def _key() -> str:
    """What an answer depends on: the boot, the user, the programs, the switches; empty where a boot has no name."""
    boot = _peek(_BOOT)
    if not boot:
        return ""
    from aiex.guard.sandbox.isolation.bubblewrap import find_bwrap

    parts = [boot, str(os.geteuid()), __version__, sys.executable, *map(_peek, _SWITCHES)]
    with suppress(OSError):
        parts.append(f"{find_bwrap()}:{os.stat(find_bwrap()).st_mtime_ns}")
    return " ".join(parts)


def _peek(path: str) -> str:
    """A line that the kernel tells; empty for none."""
    try:
        with open(path, encoding="ascii") as source:
            return source.read().strip()
    except OSError:
        return ""


def _read(path: str) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8") as source:
            found = json.load(source)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: str, known: dict[str, object]) -> None:
    """Keep the answers; where that cannot be done, the next start tries again."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with suppress(OSError):
        dirs.ensure(os.path.dirname(path))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            json.dump(known, target)
        os.replace(temporary, path)
