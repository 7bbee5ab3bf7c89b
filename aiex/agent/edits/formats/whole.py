"""Whole files, each a path line and a fenced block with all its lines."""

from typing import Final

from aiex.agent.edits import FileWish
from aiex.agent.edits.dress import Fence, clean_path, join_lines, read_fence, read_info_path, read_path_line, split_text
from aiex.errors import EditError

_HOW: Final = "write the path on a line of its own, then the whole file in a fenced block that is closed"


class Whole:
    """The format of whole files."""

    name = "whole"

    def parse(self, text: str) -> tuple[FileWish, ...]:
        """One wish for each block."""
        lines = split_text(text)
        wishes: list[FileWish] = []
        at = 0
        while at < len(lines):
            fence = read_fence(lines[at])
            if fence is None:
                at += 1
                continue
            path = _path_of(lines, at, fence)
            end = _find_end(lines, at, fence)
            wishes.append(FileWish(path, "write", content=join_lines(lines[at + 1 : end])))
            at = end + 1
        if not wishes:
            raise EditError("the text has no fenced block with a file", hint=_HOW)
        _require_once(wishes)
        return tuple(wishes)


def _path_of(lines: list[str], at: int, fence: Fence) -> str:
    """The path on the line above a fence, a blank line between them at most, or behind the fence."""
    above = next((lines[row] for row in (at - 1, at - 2) if row >= 0 and lines[row].strip()), "")
    path = read_path_line(above) if read_fence(above) is None else ""
    path = path or read_info_path(fence.info)
    if not path:
        raise EditError(
            f"no path above the block at line {at + 1} of the edit",
            hint=f"{_HOW}; if the file has fences itself, make the outer one longer",
        )
    return clean_path(path)


def _find_end(lines: list[str], at: int, opening: Fence) -> int:
    """The line that closes a block; fences inside that have an info string open blocks of their own."""
    inner: Fence | None = None
    for row in range(at + 1, len(lines)):
        fence = read_fence(lines[row])
        if fence is None:
            continue
        if inner is not None:
            inner = None if fence.closes(inner) else inner
        elif fence.closes(opening):
            return row
        elif fence.info:
            inner = fence
    raise EditError(
        f"the edit was cut off: the block at line {at + 1} is not closed",
        hint="send the whole file again; if it has fences itself, make the outer one longer",
    )


def _require_once(wishes: list[FileWish]) -> None:
    paths = [wish.path for wish in wishes]
    twice = next((path for path in paths if paths.count(path) > 1), "")
    if twice:
        raise EditError(f"the edit has {twice} twice", hint="write each file once")


EDIT = Whole()
