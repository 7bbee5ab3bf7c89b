"""Which isolation works on this machine: tried with real commands, and what works is remembered until the next boot.

What does not work is tried again each time: a busy machine or a missing setting must not leave commands with less
isolation for days.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any, cast

from aiex import __version__, dirs, plugins
from aiex.errors import StoreError, UsageError
from aiex.guard.private import write_private
from aiex.guard.sandbox.isolation import ROOM, Isolation, Probe

_BOOT = "/proc/sys/kernel/random/boot_id"
_SWITCHES = (
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
)
"""What an administrator sets to take namespaces from users (namespaces(7); Debian and Ubuntu have the others)."""
_Rows = dict[str, dict[str, Any]]
"""What is kept of each way, by its name."""


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
    known = _read() if key else {}
    found = known.get(isolation.name, {})
    if not again and found.get("key") == key and found.get("works") is True:
        with suppress(KeyError, TypeError):
            return Probe(True, str(found["reason"]), tuple(map(str, found["gaps"])))
    probe = isolation.probe()
    if key and (probe.works or isolation.name in known):
        is_lost = not probe.works and bool(found.get("works") or found.get("lost"))
        row = {"key": key, "works": probe.works, "reason": probe.reason, "gaps": list(probe.gaps), "lost": is_lost}
        _write(_read() | {isolation.name: row})
    return probe


def lost(isolation: Isolation) -> tuple[tuple[str, str], ...]:
    """Stronger ways that worked here once and did not at their last trial: the name of each, and why it does not."""
    known = _read()
    rows = [(one.name, known.get(one.name, {})) for one in backends() if one.rank < isolation.rank]
    return tuple((name, str(row.get("reason"))) for name, row in rows if row.get("lost"))


def forget_lost() -> None:
    """Take what does not work for known: a person has seen it."""
    known = _read()
    if any(row.get("lost") for row in known.values()):
        _write({name: row | {"lost": False} for name, row in known.items()})


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


def _read() -> _Rows:
    """What is kept; without what is damaged."""
    try:
        with open(_place(), encoding="utf-8") as source:
            found = json.load(source)
    except (OSError, ValueError):
        return {}
    return {name: row for name, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}


def _write(known: _Rows) -> None:
    """Keep the answers; where that cannot be done, the next start tries again."""
    with suppress(StoreError):
        write_private(_place(), json.dumps(known).encode())
