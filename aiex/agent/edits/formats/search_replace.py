"""Blocks of `<<<<<<< SEARCH`, `=======` and `>>>>>>> REPLACE` below a path line; whole lines."""

import re
from typing import Final, NamedTuple

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.dress import Fence, clean_path, join_lines, read_fence, read_info_path, read_path_line, split_text
from aiex.errors import EditError

_HOW: Final = (
    "write the path on a line, then a fenced block with <<<<<<< SEARCH, lines as in the file, =======, the new lines, "
    ">>>>>>> REPLACE"
)
_HEAD: Final = r"^(<{5,}) ?SEARCH[ \t]*[>:]?[ \t]*$"
_FOOT: Final = r"^(>{5,}) ?REPLACE[ \t]*[<:]?[ \t]*$"
_DIVIDER: Final = r"^(={5,})[ \t]*$"


class _Block(NamedTuple):
    search: list[str]
    replace: list[str]
    after: int
    """The line after the block, counted from 0."""


class SearchReplace:
    """The format of search and replacement blocks."""

    name = "search_replace"

    def parse(self, text: str) -> tuple[FileWish, ...]:
        """One wish for each block; an empty search creates the file."""
        lines = split_text(text)
        wishes: list[FileWish] = []
        path, fence, at = "", None, 0
        while at < len(lines):
            if head := re.match(_HEAD, lines[at]):
                path = _path_above(lines, at) or (path if wishes else "")
                block = _read_block(lines, at, len(head[1]))
                if not path:
                    raise EditError(f"no path above the block at line {at + 1} of the edit", hint=_HOW)
                wishes.append(_to_wish(path, block))
                at = block.after
                continue
            _require_outside(lines[at], at)
            fence = _turn(fence, lines[at])
            at += 1
        if fence is not None:
            raise EditError("the edit was cut off: its last fence is not closed", hint="send the whole edit again")
        if not wishes:
            raise EditError("the text has no SEARCH block", hint=_HOW)
        return tuple(wishes)


def _turn(fence: Fence | None, line: str) -> Fence | None:
    """The fence that is open after a line outside of blocks."""
    found = read_fence(line)
    if found is None:
        return fence
    if fence is None:
        return found
    return None if found.closes(fence) else fence


def _require_outside(line: str, at: int) -> None:
    if re.match(_FOOT, line):
        raise EditError(f"line {at + 1} of the edit ends a block that does not begin", hint=_HOW)


def _read_block(lines: list[str], at: int, length: int) -> _Block:
    """The block whose head is a line; its divider has as many characters as the head."""
    foot = next((row for row in range(at + 1, len(lines)) if re.match(_FOOT, lines[row])), None)
    if foot is None:
        raise EditError(
            f"the edit was cut off: the block at line {at + 1} has no >>>>>>> REPLACE", hint="send the whole edit again"
        )
    inner = lines[at + 1 : foot]
    if any(re.match(_HEAD, line) for line in inner):
        raise EditError(f"the block at line {at + 1} of the edit has no >>>>>>> REPLACE", hint=_HOW)
    dividers = [row for row in _outside_conflicts(inner) if re.match(_DIVIDER, inner[row])]
    same = [row for row in dividers if len(inner[row].rstrip()) == length]
    dividers = same or dividers
    if not dividers:
        raise EditError(f"the block at line {at + 1} of the edit has no ======= line", hint=_HOW)
    if len(dividers) > 1:
        raise EditError(
            f"the block at line {at + 1} of the edit has {len(dividers)} ======= lines",
            hint="write all three marks of the block with nine characters, so that they differ from the text",
        )
    return _Block(inner[: dividers[0]], inner[dividers[0] + 1 :], foot + 1)


def _outside_conflicts(lines: list[str]) -> list[int]:
    """The lines that do not stand between the marks of a merge conflict, which has a divider of its own."""
    found: list[int] = []
    at = 0
    while at < len(lines):
        opening = re.match(r"^(<{7,})(?: |$)", lines[at])
        if opening:
            closing = opening[1].replace("<", ">")
            rest = range(at + 1, len(lines))
            end = next((row for row in rest if re.match(closing + r"(?: |$)", lines[row])), None)
            at = end if end is not None else at
        else:
            found.append(at)
        at += 1
    return found


def _path_above(lines: list[str], at: int) -> str:
    """The path on the nearest line above a block, or behind its fence; empty when there is only prose."""
    row = at - 1
    while row >= 0 and at - row <= 4:
        line = lines[row]
        fence = read_fence(line)
        if fence is not None and fence.info and (named := read_info_path(fence.info)):
            return named
        if line.strip() and fence is None:
            return "" if re.match(_FOOT, line) else read_path_line(line)
        row -= 1
    return ""


def _to_wish(path: str, block: _Block) -> FileWish:
    change = Change(join_lines(block.search), join_lines(block.replace))
    if not change.old and not change.new:
        return FileWish(clean_path(path), "create", content="")
    return FileWish(clean_path(path), "change", (change,))


EDIT = SearchReplace()
