"""Handlers that catch everything, or make an error vanish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiex.jobs.reviewing.calls import ECMASCRIPT
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule
from aiex.jobs.reviewing.source import Source

_ALL = frozenset({"Exception", "BaseException"})


def _find(change: FileChange) -> Iterator[Hit]:
    source = change.new
    if source is None:
        return
    if change.language == "python":
        for node in change.nodes("except_clause"):
            yield from _in_python(change, source, node)
    elif change.language in ECMASCRIPT or change.language == "java":
        for node in change.nodes("catch_clause"):
            body = node.child_by_field_name("body")
            if body is not None and body.named_child_count == 0:
                yield change.hit(node, "an empty catch makes the error vanish", _ADVICE)


def _in_python(change: FileChange, source: Source, node: Any) -> Iterator[Hit]:
    body = next((child for child in node.named_children if child.type == "block"), None)
    if body is None:
        return
    caught = [child for child in node.named_children if child.type not in ("block", "comment")]
    if not caught:
        if not _raises(body):
            message = "a bare except also catches Ctrl-C and the end of the process"
            yield change.hit(node, message, "name the errors, or `except Exception`")
        return
    is_wide = any(source.text_of(child).partition(" as ")[0].strip() in _ALL for child in caught)
    said = [child.type for child in body.named_children]
    has_comment = any(child.type == "comment" for child in node.children) or "comment" in said
    if is_wide and said == ["pass_statement"] and not has_comment and "#" not in source.text_of(node):
        yield change.hit(node, "every error is caught, and nothing is said of it", _ADVICE)


def _raises(body: Any) -> bool:
    return any(child.type == "raise_statement" or _raises(child) for child in body.named_children)


_ADVICE = "handle it, log it, or say in a comment why nothing is to be done"
RULE = Rule(
    "warning",
    "Error swallowed",
    "An error that nobody sees is found late, far from where it happened.",
    in_file=_find,
    known_as=("E722", "BLE001", "S110", "S112", "SIM105", "no-empty", "W0702"),
)
