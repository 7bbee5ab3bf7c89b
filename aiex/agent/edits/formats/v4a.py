"""Patches between `*** Begin Patch` and `*** End Patch`: files by name, chunks by the lines around them."""

import re
from typing import Final

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.dress import clean_path, join_lines, read_fence, split_text
from aiex.errors import EditError

_HOW: Final = (
    "write *** Begin Patch, *** Update File: path, @@, lines with ' ', '-' or '+' in front, *** End Patch; "
    "*** Add File: and *** Delete File: for others"
)
_NUMBERS: Final = r"^-(\d+)(?:,\d+)? \+(\d+)(?:,\d+)?(?: @@)?(.*)$"
_SECTION: Final = r"^\*\*\* (Update|Add|Delete) File: ?(.*)$"


class V4A:
    """The patch format of OpenAI's models."""

    name = "v4a"

    def parse(self, text: str) -> tuple[FileWish, ...]:
        """One wish for each file section."""
        wishes: list[FileWish] = []
        for lines in _patches(split_text(text)):
            at = 0
            while at < len(lines):
                section = re.match(_SECTION, lines[at])
                if section is None:
                    if not lines[at].strip():
                        at += 1
                        continue
                    raise EditError(f"the patch has a line that is no file header: {lines[at][:80]!r}", hint=_HOW)
                end = next((row for row in range(at + 1, len(lines)) if _is_header(lines[row])), len(lines))
                wishes.append(_to_wish(section[1], clean_path(section[2]), lines[at + 1 : end]))
                at = end
        if not wishes:
            raise EditError("the patch names no file", hint=_HOW)
        return tuple(wishes)


def _is_header(line: str) -> bool:
    """Whether a line ends a section: any line of three stars but those that stand within one."""
    return line.startswith("*** ") and not line.startswith(("*** Move to:", "*** End of File"))


def _patches(lines: list[str]) -> list[list[str]]:
    """The lines between the marks of each patch; what is around them is prose."""
    found = []
    begin: int | None = None
    for row, line in enumerate(lines):
        if line.rstrip() == "*** Begin Patch":
            if begin is not None:
                raise EditError("a patch begins in a patch", hint=_HOW)
            begin = row + 1
        elif line.rstrip() == "*** End Patch":
            if begin is None:
                begin = _first_section(lines[:row])
            found.append(lines[begin:row])
            begin = None
    if begin is not None or (not found and any(re.match(_SECTION, line) for line in lines)):
        raise EditError("the patch was cut off: it has no *** End Patch", hint="send the whole patch again")
    if not found:
        raise EditError("the text has no patch", hint=_HOW)
    return found


def _first_section(lines: list[str]) -> int:
    """Where a patch begins that does not say so."""
    begin = next((row for row, line in enumerate(lines) if re.match(_SECTION, line)), None)
    if begin is None or any(line.rstrip() == "*** End Patch" for line in lines):
        raise EditError("the patch has no *** Begin Patch", hint=_HOW)
    return begin


def _to_wish(verb: str, path: str, lines: list[str]) -> FileWish:
    if verb == "Add":
        return FileWish(path, "create", content=join_lines(_added(lines, path)))
    if verb == "Delete":
        if any(line.strip() for line in lines):
            raise EditError(f"lines below *** Delete File: {path}", hint="a deletion has no lines")
        return FileWish(path, "delete")
    moved_to = ""
    if lines and lines[0].startswith("*** Move to:"):
        moved_to = clean_path(lines[0].removeprefix("*** Move to:"))
        lines = lines[1:]
    changes = tuple(_chunks(lines, path))
    if not changes and not moved_to:
        raise EditError(f"nothing is to be changed in {path}", hint=_HOW)
    return FileWish(path, "move" if moved_to else "change", changes, moved_to=moved_to)


def _added(lines: list[str], path: str) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    wrong = next((line for line in lines if line and not line.startswith("+")), None)
    if wrong is not None:
        raise EditError(f"a line of the new file {path} has no '+' in front: {wrong[:60]!r}", hint=_HOW)
    return [line[1:] for line in lines]


def _chunks(lines: list[str], path: str) -> list[Change]:
    """The changes of one file; each begins with lines of `@@`, the first may do without."""
    found: list[Change] = []
    heads: list[str] = []
    body: list[str] = []
    for line in [*lines, "@@"]:
        if not line.startswith("@@"):
            body.append(line)
            continue
        if any(part.strip() for part in body):
            found.append(_to_change(heads, body, path))
            heads = []
        body = []
        heads.append(line)
    if len(heads) > 1:
        raise EditError(f"the last @@ of {path} has no lines below it: the patch was cut off", hint=_HOW)
    return found


def _to_change(heads: list[str], body: list[str], path: str) -> Change:
    at_end = False
    while body and (not body[-1] or body[-1].rstrip() == "*** End of File"):
        at_end = at_end or body[-1] != ""
        body = body[:-1]
    wrong = next((line for line in body if line and line[0] not in " +-"), None)
    if wrong is not None:
        what = "a fence" if read_fence(wrong) else "no ' ', '-' or '+' in front"
        raise EditError(f"a line of the patch of {path} has {what}: {wrong[:60]!r}", hint=_HOW)
    old = join_lines([line[1:] for line in body if line[:1] != "+"])
    new = join_lines([line[1:] for line in body if line[:1] != "-"])
    change = Change(old, new, at_end=at_end, needs_anchors=True)
    anchors: list[str] = []
    for head in heads:
        said = head[2:].strip()
        numbers = re.match(_NUMBERS, said)
        if numbers:
            change = change._replace(line=int(numbers[1]), new_line=int(numbers[2]))
            continue
        said = said.removesuffix("@@").strip()
        if said and said != "...":
            anchors.append(said)
    return change._replace(anchors=tuple(anchors))


EDIT = V4A()
