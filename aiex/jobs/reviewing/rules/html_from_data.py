"""Values that become part of a page as they are."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT, added_calls, is_fixed
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_PROPERTIES = frozenset({"innerHTML", "outerHTML"})
_METHODS = frozenset({"insertAdjacentHTML", "document.write", "document.writeln"})
_CLEAN = ("sanitize", "escape", "DOMPurify")
_ADVICE = "set textContent, or sanitise it"


def _find(change: FileChange) -> Iterator[Hit]:
    source = change.new
    if source is None or change.is_test or change.language not in ECMASCRIPT:
        return
    for node in change.nodes("assignment_expression", "augmented_assignment_expression"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "member_expression":
            continue
        name = source.text_of(left).rpartition(".")[2]
        if name in _PROPERTIES and not is_fixed(right) and not any(word in source.text_of(right) for word in _CLEAN):
            yield change.hit(node, f"a value is put into the page by {name}", _ADVICE)
    for call in added_calls(change):
        is_one = call.callee in _METHODS or call.name in _METHODS
        if is_one and call.arguments and not is_fixed(call.arguments[-1]):
            yield change.hit(call.node, f"a value is put into the page by {call.name}", _ADVICE)
    for node in change.nodes("jsx_attribute"):
        is_one = bool(node.named_children) and source.text_of(node.named_children[0]) == "dangerouslySetInnerHTML"
        if is_one and not any(word in source.text_of(node) for word in _CLEAN):
            yield change.hit(node, "a value is put into the page by dangerouslySetInnerHTML", _ADVICE)


RULE = Rule(
    "warning",
    "HTML from values",
    "Markup in the value runs in the browser of whoever looks at the page.",
    in_file=_find,
)
