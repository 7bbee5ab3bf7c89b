"""New unsafe code that does not say why it is sound."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_REASON = re.compile(r"//.*\bsafety\b", re.IGNORECASE)
_LINES_ABOVE = 6


def _find(change: FileChange) -> Iterator[Hit]:
    source = change.new
    if source is None or change.language != "rust" or change.is_test:
        return
    for node in change.nodes("unsafe_block"):
        first = node.start_point[0]
        around = source.lines[max(0, first - _LINES_ABOVE) : first + 2]
        if not any(_REASON.search(line) for line in around):
            yield change.hit(node, "an unsafe block does not say why it is sound", "add a // SAFETY: comment")


RULE = Rule(
    "warning",
    "Unsafe code without a reason",
    "The compiler does not check an unsafe block; a reader can only if it says what it relies on.",
    in_file=_find,
)
