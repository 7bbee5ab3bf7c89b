#!/usr/bin/env python3
# Copyright of nobody.
"""Keeps orders.

More words that do not belong to the first paragraph.
"""

from __future__ import annotations

import os.path
import subprocess as sp
from collections.abc import Iterable
from . import money
from .store import (
    Store,
    open_store as connect,
)

#: Orders kept in memory.
LIMIT: int = 10
_cache = {}

type Names = list[str]


class Order(Base, metaclass=Meta):
    """One order."""

    number: int
    state = "new"

    def __init__(self, number: int) -> None:
        self.number = number

    @property
    def total(self) -> int:
        """What it costs."""
        return money.round_up(sum(line.price for line in self.lines))

    @staticmethod
    async def load(path: str, *, strict: bool = True) -> Order:
        def parse(text: str) -> Order:
            return Order(int(text))

        with open(os.path.join(path, "order")) as source:
            try:
                return parse(source.read())
            except (ValueError, OSError) as error:
                if strict and path:
                    raise BadOrder(f"cannot read {path}") from error
        sp.run(["sync"])
        return None


class BadOrder(Exception):
    pass


def _reset(  # noqa: D103
    names: Iterable[str],
    limit: int = LIMIT,  # type: ignore[assignment]
) -> None:
    global _cache
    for name in names:
        if name and os.environ["DEBUG"] or limit:
            del _cache[name]
    import sys

    sys.exit(1)


def main() -> int:
    store = connect("db")
    _reset([Store.name])
    return store.count


if __name__ == "__main__":
    raise SystemExit(main())
