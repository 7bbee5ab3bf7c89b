"""Files that could be parsed and cannot any more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule
from aiex.jobs.reviewing.source import Source

_UNSURE = frozenset({"c", "cpp", "markdown", "html", "css", "bash"})
"""What a preprocessor or a lenient reader makes of these no grammar knows."""
_PLACE = re.compile(r"near line (\d+)")


def _find(change: FileChange) -> Iterator[Hit]:
    if change.new is None or not change.added | {*change.removed} or change.language in ("", *_UNSURE):
        return
    is_known = change.old is not None and change.old.language_name == change.language
    if not is_known and (change.is_test or change.status == "whole" or change.language not in ("python", "json")):
        return
    if _is_broken(change.new) and not (is_known and change.old is not None and _is_broken(change.old)):
        place = _PLACE.search(change.new.facts.note)
        line = int(place[1]) if place else 1
        line = min(line, len(change.new.lines))
        said = "this does not parse any more" if is_known else "this does not parse"
        yield Hit(change.path, line, f"{said}: {change.new.facts.note or 'syntax error'}")


def _is_broken(source: Source) -> bool:
    if source.root is None or not source.root.has_error:
        return False
    if source.language_name == "python":
        return not _is_python(source.data)
    return True


def _is_python(data: bytes) -> bool:
    """Whether the language itself takes it, which may be newer than the grammar."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    except (RecursionError, MemoryError):
        return True
    return True


RULE = Rule(
    "error",
    "Syntax error",
    "The file could be parsed before the change and cannot now, so it will not run.",
    in_file=_find,
    minds_moves=True,
)
