"""Assertions that never fail."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule


def _find(change: FileChange) -> Iterator[Hit]:
    if change.language != "python":
        return
    for node in change.nodes("assert_statement"):
        said = node.named_children[:1]
        if said and said[0].type == "tuple" and said[0].named_child_count:
            yield change.hit(node, "a tuple is always true, so this never fails", "take the parentheses out")


RULE = Rule(
    "error",
    "Assertion on a tuple",
    "`assert (a, b)` asks whether the tuple is empty, and it is not.",
    in_file=_find,
    known_as=("F631",),
)
