"""Changes of files as patches that `git apply` takes."""

from __future__ import annotations

import os
from typing import Final

MOST_DIFFED_BYTES: Final = 8 << 20
"""Larger files are said to differ, as binary ones are."""
_ESCAPES: Final = {9: b"\\t", 10: b"\\n", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def render_change(
    path: str, old: bytes | None, new: bytes | None, *, old_mode: int = 0o644, new_mode: int = 0o644
) -> bytes:
    """One file as a part of a patch; nothing when both are equal.

    Args:
        path: Relative to the workspace.
        old: What it holds; None where it is not there.
        new: What it would hold; None where it would be gone.
        old_mode: Its permissions; git knows whether the owner may execute it.
        new_mode: The same afterwards.
    """
    if old == new and git_mode(old_mode) == git_mode(new_mode):
        return b""
    a, b = quote("a/", path), quote("b/", path)
    lines = [b"diff --git %b %b\n" % (a, b)]
    if old is None:
        lines.append(b"new file mode %b\n" % git_mode(new_mode))
    elif new is None:
        lines.append(b"deleted file mode %b\n" % git_mode(old_mode))
    elif git_mode(old_mode) != git_mode(new_mode):
        lines.append(b"old mode %b\nnew mode %b\n" % (git_mode(old_mode), git_mode(new_mode)))
    if old == new:
        return b"".join(lines)
    lines.append(render_contents(b"/dev/null" if old is None else a, b"/dev/null" if new is None else b, old, new))
    return b"".join(lines)


def render_contents(old_name: bytes, new_name: bytes, old: bytes | None, new: bytes | None) -> bytes:
    """What differs between two contents, behind their names."""
    from aiex.sessions.checkpoints.myers import render_unified

    before, after = old or b"", new or b""
    if len(before) + len(after) > MOST_DIFFED_BYTES:
        return b"Files %b and %b differ\n" % (old_name, new_name)
    if b"\0" in before or b"\0" in after:
        return b"Binary files %b and %b differ\n" % (old_name, new_name)
    return render_unified(before, after, old_name=_ended(old_name), new_name=_ended(new_name))


def git_mode(mode: int) -> bytes:
    """Permissions as git has them: it knows files and programs."""
    return b"100755" if mode & 0o100 else b"100644"


def quote(side: str, path: str) -> bytes:
    """A name as git writes it in patches: in quotes, with octal numbers, where it has more than plain characters."""
    raw = side.encode() + os.fsencode(path)
    if all(0x20 <= byte < 0x7F and byte not in (34, 92) for byte in raw):
        return raw
    plain = (_ESCAPES.get(byte) or (bytes((byte,)) if 0x20 <= byte < 0x7F else b"\\%03o" % byte) for byte in raw)
    return b'"' + b"".join(plain) + b'"'


def _ended(name: bytes) -> bytes:
    """A name with a space ends with a tab, so that programs see where it ends (git-diff(1))."""
    return name + b"\t" if b" " in name and not name.startswith(b'"') else name
