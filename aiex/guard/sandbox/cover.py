"""Lays the bounds of a policy over the files that are there: what is writable, read only, hidden, held in place."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

from aiex.errors import Denied
from aiex.guard.sandbox.bounds import SandboxPolicy, is_beneath
from aiex.guard.sandbox.githooks import configured_paths
from aiex.guard.sandbox.paths import real_path, show
from aiex.guard.sandbox.survey import Found, Surveyor

Kind = Literal["write", "hold", "read", "absent", "hide"]
"""`hold` stays writable but cannot be moved; `absent` is a name that must not be made."""
_STRENGTH: dict[Kind, int] = {"write": 0, "hold": 1, "read": 2, "absent": 3, "hide": 4}
MOST_COVERS = 2000
"""More would take seconds for each command, and the kernel allows 100,000 mounts."""


class Cover(NamedTuple):
    """What holds for one path and for everything beneath it, unless a longer path says otherwise."""

    path: str
    kind: Kind
    is_folder: bool


class _Seen(NamedTuple):
    """All that the covers of a policy follow from."""

    changes: int
    """How many directories were found different so far."""
    surveyed: tuple[Found, ...]
    """One for each place."""
    run_by_git: tuple[str, ...]
    hidden: tuple[str, ...]


class Covering:
    """The covers of one policy; what was surveyed is remembered from command to command.

    Args:
        policy: The bounds.
        is_stand_in: Whether what lies at a path only stands in for something missing.
    """

    def __init__(self, policy: SandboxPolicy, is_stand_in: Callable[[str], bool] = lambda _: False) -> None:
        self.policy = policy
        self._is_stand_in = is_stand_in
        self._surveyor = Surveyor(policy.names)
        self._leave = frozenset(policy.readable)
        self._places = tuple(dict.fromkeys((policy.root, *policy.writable, *policy.readable)))
        self._found: tuple[_Seen, tuple[Cover, ...]] | None = None

    def find(self) -> tuple[Cover, ...]:
        """The covers, those above before those beneath.

        Raises:
            Denied: if there are more than can be laid.
        """
        seen = self._look()
        if self._found is None or self._found[0] != seen:
            covers = tuple(self._lay(seen).sorted())
            if len(covers) > MOST_COVERS:
                raise Denied(
                    f"cannot confine a command in {show(self.policy.root)}: {len(covers):,} names there need a cover",
                    hint=f"at most {MOST_COVERS:,} can be laid; work in a directory beneath it",
                )
            self._found = seen, covers
        return self._found[1]

    def guess(self) -> tuple[Cover, ...]:
        """The covers that were found last, if what they cover is still there, else those that are found now.

        To begin with: what came since is seen by `find` alone. Raises Denied like `find`. Cost: a look at each cover.
        """
        known = self._found[1] if self._found else ()
        return known if known and all(map(_is_as_it_was, known)) else self.find()

    def links(self) -> tuple[str, ...]:
        """Protected names that are links: what lies beside them can be written, not made, removed or renamed."""
        return tuple(path for found in (self._found[0].surveyed if self._found else ()) for path in found.links)

    def _look(self) -> _Seen:
        surveyed = tuple(self._surveyor.survey(place, leave=self._leave) for place in self._places)
        run_by_git = tuple(path for found in surveyed for git in found.protected for path in configured_paths(git))
        hidden = tuple(filter(os.path.lexists, self.policy.hidden))
        return _Seen(self._surveyor.changes, surveyed, run_by_git, hidden)

    def _lay(self, seen: _Seen) -> _Layers:
        policy, layers = self.policy, _Layers()
        layers.lay(policy.root, "write" if self._is_writable(policy.root) else "read")
        for place in policy.writable:
            layers.lay(place, "write")
        for path in (*filter(os.path.isdir, policy.programs), *policy.readable):
            layers.lay(path, "write" if self._is_writable(path) else "read")
        for path in seen.hidden:
            layers.lay(path, "hide")
        for path in policy.protected:
            self._protect(path, layers)
        for place, found in zip(self._places, seen.surveyed, strict=True):
            if place in found.secrets and place in policy.writable:
                raise Denied(
                    f"cannot confine a command in {show(place)}: what lies there cannot be seen",
                    hint="the directory must be yours to list and to enter: chmod u+rwx",
                )
            for path in found.secrets:
                layers.lay(path, "hide")
            if place in policy.writable:
                self._lay_protected(found, layers)
        for path in filter(self._is_writable, seen.run_by_git):
            if os.path.islink(path):
                self._freeze(os.path.dirname(path), layers)
            else:
                self._protect(path, layers)
        return layers

    def _lay_protected(self, found: Found, layers: _Layers) -> None:
        for path in (*found.protected, *found.missing):
            if self._is_writable(path):
                self._protect(path if os.path.lexists(path) else os.path.join(path, ""), layers)
        for path in found.links:
            self._freeze(os.path.dirname(path), layers)
            target = real_path(path)
            if os.path.exists(target) and self._is_writable(target) and target not in self.policy.writable:
                layers.lay(target, "read")

    def _freeze(self, folder: str, layers: _Layers) -> None:
        """Let nothing be made, removed or renamed in a directory: there is no other way to hold a link in place."""
        layers.lay(folder, "read")
        self._hold_above(folder, layers)
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_symlink():
                    layers.lay(entry.path, "hold")

    def _protect(self, path: str, layers: _Layers) -> None:
        """Make a path read only; of one that is missing, the first part that is."""
        at, is_folder = path.rstrip("/"), path.endswith("/")
        if self._is_stand_in(at):
            layers.lay(at, "absent", is_folder=os.path.isdir(at))
        elif os.path.lexists(at):
            layers.lay(at, "read")
        else:
            while not os.path.lexists(os.path.dirname(at)):
                at, is_folder = os.path.dirname(at), True
            layers.lay(at, "absent", is_folder=is_folder)
        self._hold_above(at, layers)

    def _hold_above(self, path: str, layers: _Layers) -> None:
        """Keep what a path lies in from being moved away, for it would take the cover with it."""
        above = os.path.dirname(path)
        while self._is_writable(above) and above not in self.policy.writable:
            layers.lay(above, "hold")
            above = os.path.dirname(above)

    def _is_writable(self, path: str) -> bool:
        return any(is_beneath(path, place) for place in self.policy.writable)


def _is_as_it_was(cover: Cover) -> bool:
    """Whether a mount over it, or what stands in for it, still covers what it did and makes nothing anew."""
    try:
        mode = os.lstat(cover.path).st_mode
        return stat.S_ISDIR(mode) == cover.is_folder and not stat.S_ISLNK(mode)
    except OSError:
        return cover.kind == "absent" and os.path.isdir(os.path.dirname(cover.path))


class _Layers:
    """The strongest cover of each path."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.folders: set[str] = set()

    def lay(self, path: str, kind: Kind, *, is_folder: bool = False) -> None:
        if path not in self.kinds or _STRENGTH[kind] > _STRENGTH[self.kinds[path]]:
            self.kinds[path] = kind
            if is_folder:
                self.folders.add(path)

    def sorted(self) -> Iterator[Cover]:
        """From the top down, without what lies in something hidden and is covered itself."""
        hidden = ""
        for path in sorted(self.kinds, key=lambda path: path.split("/")):
            kind = self.kinds[path]
            if hidden and is_beneath(path, hidden) and kind not in ("write", "read"):
                continue
            if kind == "hide":
                hidden = path
            yield Cover(path, kind, path in self.folders if kind == "absent" else os.path.isdir(path))
