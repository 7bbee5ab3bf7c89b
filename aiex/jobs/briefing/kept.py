"""Keeps answers about the whole repository for the next run: they hold as long as no file has changed."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from aiex.jobs.briefing.still import Still, stamp_of

if TYPE_CHECKING:
    from aiex.context.engine import Engine

T = TypeVar("T")


def keep(engine: "Engine | Still", name: str, path: str, make: Callable[[], T], revive: Callable[[Any], T]) -> T:
    """The answer `make` gives, without secrets, from an earlier run when all files are as they were.

    Args:
        name: What is asked.
        path: About which file.
        revive: Turns the JSON form of an answer back into the answer.
    """
    key = f"answer/{name}/{path}"
    stamp = engine.stamp if isinstance(engine, Still) else stamp_of(engine)
    kept = engine.recall(key) if stamp else None
    if kept is not None and kept.startswith(stamp + "\n"):
        return revive(json.loads(kept[len(stamp) + 1 :]))
    from aiex.guard.redact import redact_within

    answer = redact_within(make())
    if stamp:
        engine.remember(key, f"{stamp}\n{json.dumps(answer, separators=(',', ':'))}")
    return answer
