"""Keeps answers about the whole repository for the next run: they hold as long as no file has changed."""

import json
from collections.abc import Callable
from time import time_ns
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from aiex.context.engine import Engine

VERSION = 1
"""Raised when the same files would give other answers."""
RACY_NS = 2_000_000_000
"""Files younger than this may change again without a sign in their time (2 s on FAT), so nothing is kept then."""

T = TypeVar("T")


def keep(engine: "Engine", name: str, path: str, make: Callable[[], T], revive: Callable[[Any], T]) -> T:
    """The answer `make` gives, from an earlier run when all files are as they were.

    Args:
        name: What is asked.
        path: About which file.
        revive: Turns the JSON form of an answer back into the answer.
    """
    key = f"answer/{name}/{path}"
    stamp = stamp_of(engine)
    kept = engine.recall(key) if stamp else None
    if kept is not None and kept.startswith(stamp + "\n"):
        return revive(json.loads(kept[len(stamp) + 1 :]))
    answer = make()
    if stamp:
        engine.remember(key, f"{stamp}\n{json.dumps(answer, separators=(',', ':'))}")
    return answer


def stamp_of(engine: "Engine") -> str:
    """A text that is the same as long as no file and no parser has changed; empty while files are too young."""
    from aiex.context.engine import parser_version

    newest = max((entry.mtime_ns for entry in engine.listing.files), default=0)
    if newest > time_ns() - RACY_NS:
        return ""
    return f"{VERSION} {parser_version()} {engine.listing.fingerprint}"
