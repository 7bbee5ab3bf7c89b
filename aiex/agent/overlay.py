"""Files that are changed in memory only: a dry run reads what it wrote, and the workspace stays as it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiex.guard.sandbox.files import FileStat, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiex.guard.sandbox.files import Workspace

_FILE_MODE, _FOLDER_MODE = 0o100644, 0o040755


class Overlay:
    """A layer over a workspace. Rules about names and places hold as they do there.

    Args:
        workspace: What lies beneath.
        assumed: Files that are taken to be so, such as what an editor holds and did not save, by path relative to the
            workspace. They are no changes.
    """

    def __init__(self, workspace: Workspace, assumed: Mapping[str, bytes] | None = None) -> None:
        self._workspace = workspace
        self._assumed = dict(assumed or {})
        self._changed: dict[str, bytes | None] = dict(self._assumed)

    def read(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        """As `Workspace.read`, with what was written here."""
        name = self.relative(path)
        if name not in self._changed or self._workspace.is_secret(path) or self._workspace.is_kept_out(path):
            return self._workspace.read(path, limit_bytes=limit_bytes)
        data = self._changed[name]
        if data is None:
            raise Missing(f"cannot read {path}: it was deleted in this dry run")
        return data

    def stat(self, path: str, *, follow_links: bool = False) -> FileStat:
        """As `Workspace.stat`."""
        name = self.relative(path)
        if name not in self._changed:
            try:
                return self._workspace.stat(path, follow_links=follow_links)
            except Missing:
                if not self._has_beneath(name):
                    raise
                return FileStat("dir", 0, time.time_ns(), _FOLDER_MODE, 0)
        data = self._changed[name]
        if data is None:
            raise Missing(f"cannot look at {path}: it was deleted in this dry run")
        return FileStat("file", len(data), time.time_ns(), _FILE_MODE, 0)

    def write(self, path: str, data: bytes) -> None:
        """Keep what would be written. Raises Denied where the workspace would."""
        self._workspace.require_writable(path)
        self._changed[self.relative(path)] = data

    def delete(self, path: str) -> None:
        """Keep that it would be gone. Raises Denied where the workspace would."""
        self._workspace.require_writable(path)
        self.stat(path)
        self._changed[self.relative(path)] = None

    def relative(self, path: str) -> str:
        """As `Workspace.relative`."""
        return self._workspace.relative(path)

    @property
    def held(self) -> Mapping[str, bytes | None]:
        """All files that are not read from the workspace, by path: changed or assumed; None for one that is gone."""
        return self._changed

    def _has_beneath(self, folder: str) -> bool:
        return any(data is not None and name.startswith(f"{folder}/") for name, data in self._changed.items())

    def _before(self, path: str) -> bytes | None:
        if path in self._assumed:
            return self._assumed[path]
        try:
            return self._workspace.read(path)
        except Missing:
            return None

    def changes(self) -> Iterator[tuple[str, bytes | None, bytes | None]]:
        """Each file that would change: its path, what it is and what it would be; None for no file."""
        for path, after in sorted(self._changed.items()):
            before = self._before(path)
            if before != after:
                yield path, before, after
