"""Default values that every call shares."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.calls import read_call
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_DISPLAYS = frozenset(
    {"list", "dictionary", "set", "list_comprehension", "dictionary_comprehension", "set_comprehension"}
)
_MAKERS = frozenset({"list", "dict", "set", "defaultdict", "collections.defaultdict", "deque", "collections.deque"})


def _find(change: FileChange) -> Iterator[Hit]:
    if change.language != "python" or change.new is None:
        return
    for node in change.nodes("default_parameter", "typed_default_parameter"):
        value = node.child_by_field_name("value")
        label = node.child_by_field_name("name")
        if value is None or (label is not None and change.new.text_of(label).startswith("_")):
            continue  # an underscore says that it is shared on purpose, as a cache is
        is_call = value.type == "call" and read_call(value, change.new).callee in _MAKERS
        if value.type in _DISPLAYS or is_call:
            yield change.hit(node, "every call shares this default value", "use None, and make a new one inside")


RULE = Rule(
    "warning",
    "Mutable default argument",
    "A default is made once, when the function is defined: what one call puts in, the next one finds.",
    in_file=_find,
    known_as=("B006", "W0102"),
)
