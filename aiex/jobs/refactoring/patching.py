"""Changes as a patch that `git apply` and `patch` take, and as a table of what they come to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.jobs.refactoring.edits import Change

_ESCAPES = {9: b"\\t", 10: b"\\n", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
_WIDEST_BAR = 40


def render_patch(changes: Iterable[Change]) -> bytes:
    """One patch for all files, with names relative to the workspace. The modes of files are not told."""
    return b"".join(_render(change) for change in changes)


def _render(change: Change) -> bytes:
    from aiex.sessions.checkpoints.myers import render_unified

    old, new = _quoted("a/", change.path), _quoted("b/", change.path)
    head = b"diff --git %b %b\n" % (old, new)
    if change.before is None:
        head, old = head + b"new file mode 100644\n", b"/dev/null"
    elif change.after is None:
        head, new = head + b"deleted file mode 100644\n", b"/dev/null"
    body = render_unified(change.before or b"", change.after or b"", old_name=_ended(old), new_name=_ended(new))
    return head + body


def _quoted(side: str, path: str) -> bytes:
    """A name as git writes it in patches (git-diff(1), core.quotePath)."""
    raw = side.encode() + os.fsencode(path)
    if all(0x20 <= byte < 0x7F and byte not in (34, 92) for byte in raw):
        return raw
    plain = (_ESCAPES.get(byte) or (bytes((byte,)) if 0x20 <= byte < 0x7F else b"\\%03o" % byte) for byte in raw)
    return b'"' + b"".join(plain) + b'"'


def _ended(name: bytes) -> bytes:
    return name + b"\t" if b" " in name and not name.startswith(b'"') else name


def count_lines(change: Change) -> tuple[int, int]:
    """Lines that come and lines that go."""
    from aiex.sessions.checkpoints.myers import diff_lines, split_lines

    hunks = diff_lines(split_lines(change.before or b""), split_lines(change.after or b""))
    return sum(one.new_end - one.new_start for one in hunks), sum(one.old_end - one.old_start for one in hunks)


def render_stat(changes: Sequence[Change]) -> str:
    """A line for each file, and one for all, as git has it."""
    if not changes:
        return "nothing to change"
    rows = [(printable_path(change.path), *count_lines(change)) for change in changes]
    wide = max(len(path) for path, _, _ in rows)
    digits = max(len(str(added + removed)) for _, added, removed in rows)
    most = max(added + removed for _, added, removed in rows)
    lines = [
        f" {path:<{wide}} | {added + removed:>{digits}} {_bar(added, removed, most)}".rstrip()
        for path, added, removed in rows
    ]
    added, removed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    files = "file" if len(rows) == 1 else "files"
    return "\n".join([*lines, f" {len(rows)} {files} changed, +{added} -{removed}"])


def _bar(added: int, removed: int, most: int) -> str:
    share = min(1.0, _WIDEST_BAR / most) if most else 1.0
    return "+" * max(bool(added), int(added * share)) + "-" * max(bool(removed), int(removed * share))
