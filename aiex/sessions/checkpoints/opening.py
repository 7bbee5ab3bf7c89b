"""The checkpoints of one workspace as the settings want them: taken, brought back, cleaned up; opened when used."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Final

from aiex import dirs, sqlite
from aiex.guard.private import Lock
from aiex.sessions.checkpoints.objects import Objects
from aiex.sessions.checkpoints.restore import LOCK, Restorer
from aiex.sessions.checkpoints.retention import Cleaned, Rules, clean
from aiex.sessions.checkpoints.snapshots import MOST_FILE_BYTES, Snapshots, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from aiex.guard.sandbox.tree import Ignoring
    from aiex.sessions.checkpoints.stores.catalogue import Catalogue
    from aiex.settings import Settings

FILE: Final = "checkpoints.db"
CLEAN_EVERY: Final = 20
"""Checkpoints between two looks at what may go."""


class Checkpoints:
    """The checkpoints of the workspace at `root`, which lie in `folder`; nothing is opened before it is needed.

    What a process that died had begun to restore is finished, or taken back, when they are opened.
    """

    def __init__(
        self,
        folder: str,
        root: str,
        *,
        ignoring: Callable[[], Ignoring | None] = lambda: None,
        most_file_bytes: int = MOST_FILE_BYTES,
        rules: Rules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Those of one workspace.

        Args:
            folder: A directory of ours.
            root: What is covered.
            ignoring: Gives the rules of what is left out.
            most_file_bytes: Larger files are left out.
            rules: Which checkpoints go when there are enough.
            clock: Seconds since 1970.
        """
        self.folder = folder
        self.root = root
        self._ignoring = ignoring
        self._most_file_bytes = most_file_bytes
        self._rules = rules or Rules()
        self._clock = clock
        self.covered: dict[str, frozenset[str]] = {}
        """Names that steps of this process look after whatever ignore rules say, by folder."""

    @property
    def exist(self) -> bool:
        """Whether there may be any."""
        return sqlite.may_exist(os.path.join(self.folder, FILE))

    @cached_property
    def objects(self) -> Objects:
        """What checkpoints hold. Raises StoreError."""
        path = os.path.join(self.folder, FILE)
        with sqlite.translated_errors(path):
            dirs.ensure(self.folder)
        return Objects(path)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Takes checkpoints. Raises StoreError."""
        return Snapshots(
            self.objects, self.root, ignoring=self._ignoring(), most_file_bytes=self._most_file_bytes,
            clock=lambda: int(self._clock() * 1_000_000_000),
        )  # fmt: skip

    @property
    def catalogue(self) -> Catalogue:
        """The list of them. Raises StoreError."""
        return self.snapshots.catalogue

    @cached_property
    def restorer(self) -> Restorer:
        """Brings files back.

        Raises:
            Conflict: if another process restores right now.
            StoreError: if what was begun can neither be finished nor taken back.
        """
        restorer = Restorer(self.snapshots, self.folder)
        restorer.recover()
        return restorer

    def take(self, reason: str, *, session: str = "") -> Taken:
        """Keep the files as they are now.

        Args:
            reason: For people, such as the step that follows.
            session: Who takes it; empty for a person.

        Raises:
            Conflict: as `restorer`.
            StoreError: if the workspace cannot be listed, or the store not written.
        """
        _ = self.restorer
        with Lock(os.path.join(self.folder, LOCK)):  # never a tree that another process is half done restoring
            return self.snapshots.take(reason, session=session)

    def tidy(self) -> list[str]:
        """Remove what a process that was killed left in the workspace; the paths of unfinished files that went.

        To be called when a session is taken up whose process died. Raises as `restorer`.
        """
        from aiex.guard.sandbox.leftovers import remove_leftovers

        return self.restorer.tidy() if self.exist else remove_leftovers(self.root)

    def clean_up(self, *, keep: Collection[str] = ()) -> Cleaned | None:
        """Remove what the rules say, now and then; None when it is not time to look. Raises StoreError.

        Args:
            keep: Ids that stay, such as those that can still be undone.
        """
        last = self.catalogue.last()
        if last is None or last.number % CLEAN_EVERY:
            return None
        return clean(self.objects, self.catalogue, self._rules, now_ms=int(self._clock() * 1000), keep=keep)

    def close(self) -> None:
        """Close what was opened."""
        if "objects" in self.__dict__:
            self.objects.close()


def open_checkpoints(
    settings: Settings,
    root: str,
    environ: Mapping[str, str] = os.environ,
    *,
    ignoring: Callable[[], Ignoring | None] = lambda: None,
) -> Checkpoints:
    """The checkpoints of the workspace at `root` as the settings want them; nothing is opened yet.

    Args:
        settings: `checkpoints.*` counts, but for what is included.
        root: What is covered.
        environ: Says where the person's files are.
        ignoring: Gives the rules of what is left out.
    """
    days, number = settings.get("checkpoints.keep_days"), settings.get("checkpoints.keep_number")
    return Checkpoints(
        os.path.join(dirs.workspace_dir(dirs.data_dir(environ), root), "checkpoints"),
        root,
        ignoring=ignoring,
        most_file_bytes=int(settings.get("checkpoints.max_file_mb") * 1_000_000),
        rules=Rules(days, number, int(settings.get("checkpoints.max_mb") * 1_000_000)),
    )
