"""Files that can be run as programs from now on."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.diff import EXECUTABLE, FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_PROGRAMS = (b"#!", b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")


def _find(change: FileChange) -> Iterator[Hit]:
    if (
        not change.new_mode & EXECUTABLE
        or change.old_mode & EXECUTABLE
        or change.new is None
        or change.status == "whole"
    ):
        return
    is_program = change.new.data.startswith(_PROGRAMS)
    if change.old is None:
        if not is_program:
            yield Hit(change.path, 0, "an executable file without a #! line was added", "chmod -x, or say what runs it")
    elif is_program:
        yield Hit(change.path, 0, "the file became executable", severity="note")
    else:
        yield Hit(change.path, 0, "the file became executable and has no #! line", "chmod -x, or say what runs it")


RULE = Rule(
    "warning",
    "File became executable",
    "A mode that changed by accident, as by a copy from another system, hides in a diff.",
    in_file=_find,
)
