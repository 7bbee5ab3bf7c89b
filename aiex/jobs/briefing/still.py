"""The engine as one briefing sees it: every file as it was when it was first looked at, and text that is no file."""

from functools import cached_property
from time import time_ns
from typing import TYPE_CHECKING, Any

from aiex.context.facts import FileFacts
from aiex.context.freshness import RACY_NS
from aiex.jobs.briefing.material import Material

if TYPE_CHECKING:
    from aiex.context.engine import Engine

VERSION = 2
"""Raised when the same files would give other answers."""


class Still:
    """An engine that looks at each file once. A briefing asks for the same facts hundreds of times."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._facts: dict[str, FileFacts] = {}

    def facts(self, path: str) -> FileFacts:
        """The facts of a file, as they were at the first question."""
        known = self._facts.get(path)
        if known is None:
            known = self._facts[path] = self._engine.facts(path)
        return known

    def hold(self, material: Material) -> None:
        """Take these facts for a path, whatever the file holds."""
        self._facts[material.path] = material.facts
        self.stamp = ""

    @cached_property
    def stamp(self) -> str:
        """See `stamp_of`; empty once a path holds other facts than its file."""
        return stamp_of(self._engine)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def stamp_of(engine: "Engine") -> str:
    """A text that is the same as long as no file and no parser has changed.

    Empty while a file is so young that it may change again without a sign in its time: nothing is kept then.
    """
    newest = max((entry.mtime_ns for entry in engine.listing.files), default=0)
    if newest > time_ns() - RACY_NS:
        return ""
    return f"{VERSION} {engine.version} {engine.listing.fingerprint}"
