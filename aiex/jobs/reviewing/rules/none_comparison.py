"""Comparisons with None by equality."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_QUERIES = ("filter", "where", "having", "and_", "or_", "not_", "select", "join", "outerjoin")


def _find(change: FileChange) -> Iterator[Hit]:
    if change.language != "python" or change.new is None:
        return
    for node in change.nodes("comparison_operator"):
        kinds = [child.type for child in node.children]
        for place, kind in enumerate(kinds):
            beside = kinds[max(0, place - 1)], kinds[min(place + 1, len(kinds) - 1)]
            if kind in ("==", "!=") and "none" in beside and not _is_in_query(change, node):
                word = "is" if kind == "==" else "is not"
                yield change.hit(node, f"None is compared by {kind}", f"use `{word} None`")
                break


def _is_in_query(change: FileChange, node: object) -> bool:
    """Builders of SQL make `IS NULL` of it."""
    at = getattr(node, "parent", None)
    for _ in range(8):
        if at is None or at.type.endswith("statement"):
            return False
        if at.type == "call" and change.new is not None:
            callee = change.new.text_of(at.child_by_field_name("function"))
            if callee.rpartition(".")[2] in _QUERIES:
                return True
        at = at.parent
    return False


RULE = Rule(
    "note",
    "None compared by equality",
    "A class may say that it equals None; `is` asks what is meant.",
    in_file=_find,
    known_as=("E711",),
)
