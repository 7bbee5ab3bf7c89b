"""Changes of code that no test goes along with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import NO_CODE, Diff, FileChange, is_test_path
from aiex.jobs.reviewing.model import Hit, Rule

LEAST_LINES = 20
"""Lines of code that a change adds to be worth a test."""
_TEST_INSIDE = re.compile(r"#\[(?:cfg\(test\)|test)\]")


def _find(diff: Diff) -> Iterator[Hit]:
    if not diff.has_base or any(change.is_test or _has_test_inside(change) for change in diff.files):
        return
    is_large, sizes = diff.is_large, dict[FileChange, int]()
    for change in diff.files:
        sizes[change] = _count_code(change)
        if is_large:
            change.forget()
    added = sum(sizes.values())
    if added < LEAST_LINES or not any(map(is_test_path, diff.known_paths())):
        return
    largest = max(sizes, key=lambda change: (sizes[change], change.path))
    yield Hit(
        largest.path, 0, f"{added} lines of code changed and no test did", "add one that fails without the change"
    )


def _has_test_inside(change: FileChange) -> bool:
    return change.language == "rust" and any(_TEST_INSIDE.search(line) for _, line in change.added_lines())


def _count_code(change: FileChange) -> int:
    """Added lines that hold code."""
    if change.language in (*NO_CODE, "bash") or change.new is None:
        return 0
    count = 0
    for number, line in change.added_lines():
        words = line.strip()
        if len(words) > 2 and not words.startswith(("import ", "from ", "use ", "#include")):
            count += change.new.is_code(number, len(line) - len(line.lstrip()))
    return count


RULE = Rule(
    "note",
    "Change without a test",
    "What no test covers breaks unseen the next time.",
    in_diff=_find,
)
