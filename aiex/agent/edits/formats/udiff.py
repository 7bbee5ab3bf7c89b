"""Unified diffs, as `diff -u` and git write them and as models remember them; line numbers only choose among equals."""

import re
from typing import Final, NamedTuple

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.diffnames import Names, read_names
from aiex.agent.edits.dress import clean_path, join_lines, read_fence, split_text
from aiex.errors import EditError

_HOW: Final = "write --- a/path, +++ b/path, then hunks: @@, and lines with ' ', '-' or '+' in front"
_HUNK: Final = r"^@@+ ?(?:-(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? ?@@+)?(.*)$"
_NO_NEWLINE: Final = "\\ "


class _Hunk(NamedTuple):
    old: list[str]
    new: list[str]
    is_old_open: bool
    """Whether the old last line is said to have no line end."""
    is_new_open: bool
    numbers: tuple[int, int] | None
    heading: str
    after: int
    """The line after it, counted from 0."""


class UnifiedDiff:
    """The format of diffs."""

    name = "udiff"

    def parse(self, text: str) -> tuple[FileWish, ...]:
        """One wish for each file of the diff."""
        lines = split_text(text)
        is_ended = text.endswith("\n")
        wishes: list[FileWish] = []
        fence, at = None, 0
        while at < len(lines):
            found = read_fence(lines[at])
            if found is not None:
                fence = found if fence is None else (None if found.closes(fence) else fence)
                at += 1
                continue
            names = read_names(lines, at)
            if names is None:
                _require_prose(lines[at], at)
                at += 1
                continue
            hunks, at = _read_hunks(lines, names.after, is_ended)
            wishes.append(_to_wish(names, hunks))
        if fence is not None:
            raise EditError("the edit was cut off: its fence is not closed", hint="send the whole diff again")
        if not wishes:
            raise EditError("the text has no diff with a file header", hint=_HOW)
        return tuple(wishes)


def _require_prose(line: str, at: int) -> None:
    """Refuse a line of a diff that stands outside of any file."""
    if line.startswith(("@@ -", "@@", "+", "--- ")) or re.match(r"^-(?![-\s])", line):
        raise EditError(f"line {at + 1} of the diff belongs to no file or hunk: {line[:60]!r}", hint=_HOW)


def _read_hunks(lines: list[str], at: int, is_ended: bool) -> tuple[list[_Hunk], int]:
    """The hunks of one file, and the line after them."""
    hunks: list[_Hunk] = []
    while at < len(lines):
        if not lines[at].strip() and at + 1 < len(lines) and lines[at + 1].startswith("@@"):
            at += 1
        head = re.match(_HUNK, lines[at])
        if head is None:
            break
        hunk = _counted(lines, at, head) or _uncounted(lines, at, head, is_ended)
        hunks.append(hunk)
        at = hunk.after
    return hunks, at


def _counted(lines: list[str], at: int, head: "re.Match[str]") -> _Hunk | None:
    """The hunk with as many lines as its header says, None if they are not there or more of it follows."""
    if head[1] is None:
        return None
    olds, news = (int(head[group]) if head[group] else 1 for group in (2, 4))
    row = at + 1
    while row < len(lines) and (olds > 0 or news > 0):
        mark = lines[row][:1]
        if mark not in ("", " ", "-", "+", "\\"):
            return None
        olds -= mark in ("", " ", "-")
        news -= mark in ("", " ", "+")
        row += 1
    while row < len(lines) and lines[row].startswith(_NO_NEWLINE):
        row += 1
    if olds or news or (row < len(lines) and not _is_boundary(lines, row)):
        return None
    return _to_hunk(lines[at + 1 : row], head, row)


def _is_boundary(lines: list[str], row: int) -> bool:
    """Whether a hunk can end before a line."""
    line = lines[row]
    if not line.strip():
        rest = [other for other in lines[row:] if other.strip()]
        return not rest or _is_boundary(rest, 0) or rest[0][:1] not in " +-\\"
    return line.startswith(("@@", "diff ", "Index: ")) or _begins_file(lines, row) or _is_end(line)


def _is_end(line: str) -> bool:
    """The end of a fence, or the signature of a mailed patch."""
    return read_fence(line) is not None or line == "-- "


def _begins_file(lines: list[str], row: int) -> bool:
    """Whether the two lines of a file header stand here, and a hunk or nothing after them."""
    if not lines[row].startswith("--- ") or row + 1 >= len(lines) or not lines[row + 1].startswith("+++ "):
        return False
    return row + 2 >= len(lines) or lines[row + 2].startswith("@@")


def _uncounted(lines: list[str], at: int, head: "re.Match[str]", is_ended: bool) -> _Hunk:
    """The hunk up to the next header, whatever its own counts say.

    Raises:
        EditError: if a line has no mark in front, or the text ends within the hunk.
    """
    row = at + 1
    while row < len(lines):
        line = lines[row]
        if line.startswith(("@@", "diff --git ", "Index: ")) or _begins_file(lines, row) or _is_end(line):
            break
        if line[:1] not in ("", " ", "+", "-", "\\"):
            if lines[row - 1].strip():
                raise EditError(f"line {row + 1} of the diff has no mark in front: {line[:60]!r}", hint=_HOW)
            break
        row += 1
    body = lines[at + 1 : row]
    while body and not body[-1]:
        body.pop()
    hunk = _to_hunk(body, head, row)
    if row == len(lines) and _is_short(hunk, head, body, is_ended):
        raise EditError(
            f"the diff was cut off: the hunk at line {at + 1} has fewer lines than it says",
            hint="send the whole diff again",
        )
    return hunk


def _is_short(hunk: _Hunk, head: "re.Match[str]", body: list[str], is_ended: bool) -> bool:
    """Whether the last hunk of a text was probably cut off: it says more lines and does not end with one that stays."""
    if head[1] is None:
        return not is_ended and body[-1:] != [] and body[-1][:1] in "+-"
    olds, news = (int(head[group]) if head[group] else 1 for group in (2, 4))
    is_less = len(hunk.old) < olds or len(hunk.new) < news
    return is_less and (not is_ended or not body or body[-1][:1] in "+-")


def _to_hunk(body: list[str], head: "re.Match[str]", after: int) -> _Hunk:
    old: list[str] = []
    new: list[str] = []
    is_open = {"-": False, "+": False}
    last = ""
    for line in body:
        mark = line[:1]
        if mark == "\\":
            for side in ("-", "+") if last == " " else (last,):
                is_open[side] = True
            continue
        last = mark or " "
        old += [line[1:]] if last != "+" else []
        new += [line[1:]] if last != "-" else []
    numbers = (int(head[1]), int(head[3])) if head[1] else None
    heading = "" if head[1] is None and head[5].strip(" @.") == "" else head[5].strip().removesuffix("@@").strip()
    return _Hunk(old, new, is_open["-"], is_open["+"], numbers, heading, after)


def _to_wish(names: Names, hunks: list[_Hunk]) -> FileWish:
    if not names.old:
        return _to_creation(clean_path(names.new), hunks, names.mode)
    path = clean_path(names.old)
    if not names.new:
        if any(hunk.new for hunk in hunks):
            raise EditError(f"the diff deletes {path} and keeps lines of it", hint="remove all its lines")
        return FileWish(path, "delete", content=join_lines([line for hunk in hunks for line in hunk.old]))
    changes = tuple(_to_change(hunk) for hunk in hunks)
    if names.is_rename:
        return FileWish(path, "move", changes, moved_to=clean_path(names.new))
    if not changes:
        raise EditError(f"the diff of {path} has no hunks", hint=_HOW)
    return FileWish(path, "change", changes)


def _to_creation(path: str, hunks: list[_Hunk], mode: int | None) -> FileWish:
    if any(hunk.old for hunk in hunks):
        raise EditError(f"the diff creates {path} and has lines without '+'", hint="put '+' in front of every line")
    content = join_lines([line for hunk in hunks for line in hunk.new])
    if hunks and hunks[-1].is_new_open:
        content = content.removesuffix("\n")
    return FileWish(path, "create", content=content, mode=mode)


def _to_change(hunk: _Hunk) -> Change:
    last_newline = False if hunk.is_new_open else (True if hunk.is_old_open else None)
    line, new_line = hunk.numbers or (None, None)
    return Change(
        join_lines(hunk.old),
        join_lines(hunk.new),
        line=line,
        new_line=new_line,
        anchors=(hunk.heading,) if hunk.heading else (),
        at_end=hunk.is_old_open or hunk.is_new_open,
        last_newline=last_newline,
    )


EDIT = UnifiedDiff()
