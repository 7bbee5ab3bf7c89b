"""Whether a file still parses after an edit, for every language there is a grammar for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiex.agent.edits.applying import FileChange


def find_break(change: FileChange) -> str:
    """Where a file that parsed does not any more, in words for the model; empty where all is well or nobody can tell.

    Cost: parses the file once, and twice where it is broken.
    """
    if change.after is None:
        return ""
    line = broken_line(change.path, change.after)
    if not line or (change.before is not None and broken_line(change.moved_from or change.path, change.before)):
        return ""
    shown = change.after.split(b"\n")[line - 1][:120].decode("utf-8", "replace").strip()
    state = "parsed before this edit, and now has" if change.before is not None else "has"
    return f"warning: {change.path} {state} a syntax error near line {line}: {shown}"


def broken_line(path: str, data: bytes) -> int:
    """The line of the first syntax error, counted from 1; 0 where there is none or the file is not parsed."""
    from aiex.context.language import find_language
    from aiex.context.parsing import Unparsed, parse

    language = find_language(path, data[:200])
    tree = parse(data, language) if language else None
    if tree is None or isinstance(tree, Unparsed) or not tree.root_node.has_error:
        return 0
    return _first_error(tree.root_node)


def _first_error(node: Any) -> int:
    while not (node.is_error or node.is_missing):
        broken = next((one for one in node.children if one.has_error or one.is_error or one.is_missing), None)
        if broken is None:
            break
        node = broken
    return int(node.start_point[0]) + 1
