"""The header of one file in a diff: its names before and after, and what git adds to them."""

import re
from typing import Final, NamedTuple

from aiex.errors import EditError

_HOW: Final = "write --- a/path and +++ b/path with one path, /dev/null for a file that is new or deleted"
_NOWHERE: Final = "/dev/null"
_ESCAPED: Final = r"\\([0-7]{3}|.)"
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_IGNORED: Final = ("index ", "similarity index ", "dissimilarity index ", "Index: ", "====")
_REFUSED: Final = (
    ("Binary files ", "it is binary, and the diff has no lines"),
    ("GIT binary patch", "binary patches cannot be applied"),
    ("old mode ", "an edit does not change permissions"),
    ("copy from ", "an edit does not copy files; create the new one"),
    ("Subproject commit ", "it is a submodule"),
)


class Names(NamedTuple):
    """What the header of one file says."""

    old: str
    """Empty for a new file."""
    new: str
    """Empty for a deleted file."""
    is_rename: bool
    mode: int | None
    """Permission bits of a new file."""
    after: int
    """The line after the header, counted from 0."""


class _Header:
    """What the lines of a header have said so far."""

    def __init__(self) -> None:
        self.git: tuple[str, str] | None = None
        self.files: tuple[str, str] | None = None
        self.rename_from = self.rename_to = ""
        self.is_new = self.is_deleted = False
        self.mode: int | None = None


def read_names(lines: list[str], at: int) -> Names | None:
    """The header of a file that begins at a line, None if none does.

    Raises:
        EditError: if it asks for what an edit cannot do, or names two files without renaming one.
    """
    header = _Header()
    row = at
    if lines[row].startswith("diff --git "):
        header.git = _git_names(lines[row].removeprefix("diff --git "))
        row += 1
        while row < len(lines) and _read_extended(header, lines[row]):
            row += 1
    elif lines[row].startswith(("Index: ", "diff -")):
        row += 1
        while row < len(lines) and lines[row].startswith("===="):
            row += 1
    if row + 1 < len(lines) and lines[row].startswith("--- ") and lines[row + 1].startswith("+++ "):
        header.files = (_name(lines[row][4:]), _name(lines[row + 1][4:]))
        row += 2
    elif row < len(lines) and lines[row].startswith("+++ ") and header.git is None:
        header.files = (_name(lines[row][4:]),) * 2
        row += 1
    if row == at or (header.git is None and header.files is None):
        return None
    return _to_names(header, row)


def _read_extended(header: _Header, line: str) -> bool:
    """Whether a line belongs to the header that git writes; what it says is noted."""
    for begin, why in _REFUSED:
        if line.startswith(begin):
            raise EditError(f"cannot apply the diff of {' '.join(header.git or ())}: {why}", hint="leave it out")
    match line.split(" "):
        case ["new", "file", "mode", mode]:
            header.is_new, header.mode = True, _permissions(mode)
        case ["deleted", "file", "mode", mode]:
            header.is_deleted = _permissions(mode) is not None
        case ["rename", "from", *_]:
            header.rename_from = _unquote(line.removeprefix("rename from "))
        case ["rename", "to", *_]:
            header.rename_to = _unquote(line.removeprefix("rename to "))
        case _:
            return line.startswith(_IGNORED)
    return True


def _permissions(mode: str) -> int:
    if not re.fullmatch(r"100[0-7]{3}", mode):
        raise EditError(f"the diff has a file of mode {mode}, which is no regular file", hint="leave it out")
    return int(mode[3:], 8)


def _to_names(header: _Header, after: int) -> Names:
    if header.rename_from or header.rename_to:
        if not (header.rename_from and header.rename_to):
            raise EditError("the diff renames a file and names only one of its names", hint="rename from, rename to")
        return Names(header.rename_from, header.rename_to, True, None, after)
    old, new = header.files or header.git or ("", "")
    if header.files is None and header.is_new:
        old = _NOWHERE
    if header.files is None and header.is_deleted:
        new = _NOWHERE
    if old == new == _NOWHERE:
        raise EditError("the diff names no file", hint=_HOW)
    if old == _NOWHERE:
        return Names("", _without_side(new, "b/"), False, header.mode, after)
    if new == _NOWHERE:
        return Names(_without_side(old, "a/"), "", False, None, after)
    path = _same(old, new)
    return Names(path, path, False, None, after)


def _same(old: str, new: str) -> str:
    """The one path of a changed file, without `a/` and `b/` if they tell the sides apart."""
    if old == new:
        return old
    for ours, theirs in ((old.removeprefix("a/"), new.removeprefix("b/")), (old, new.removeprefix("b/"))):
        if ours == theirs:
            return ours
    if old.removeprefix("a/") == new:
        return new
    for ours, theirs in (("i/", "w/"), ("c/", "w/"), ("c/", "i/"), ("o/", "w/"), ("old/", "new/")):
        if old.startswith(ours) and new.startswith(theirs) and old[len(ours) :] == new[len(theirs) :]:
            return old[len(ours) :]
    if re.sub(r"\.orig$", "", old).removeprefix("a/") == new.removeprefix("b/"):
        return new.removeprefix("b/")
    raise EditError(
        f"the diff has two names, {old} and {new}, and does not rename",
        hint="write both lines with one path; to rename, write `rename from` and `rename to`",
    )


def _without_side(name: str, side: str) -> str:
    return name.removeprefix(side)


def _name(said: str) -> str:
    """The name on a `---` or `+++` line: what is behind a tab is a time."""
    name = _unquote(said.split("\t", maxsplit=1)[0].strip())
    return re.sub(r" +\d{4}-\d\d-\d\d \d\d:\d\d.*$", "", name)


def _unquote(name: str) -> str:
    """A name that git has put in quotes because of its characters."""
    name = name.strip()
    if len(name) < 2 or name[0] != '"' or name[-1] != '"':
        return name
    made = bytearray()
    last = 0
    inner = name[1:-1]
    for found in re.finditer(_ESCAPED, inner):
        made += inner[last : found.start()].encode(errors="surrogateescape")
        said = found[1]
        made += bytes([int(said, 8) & 0xFF]) if len(said) == 3 else _LETTERS.get(said, said).encode()
        last = found.end()
    made += inner[last:].encode(errors="surrogateescape")
    return made.decode(errors="surrogateescape")


def _git_names(said: str) -> tuple[str, str]:
    """The two names of a `diff --git` line; between names with spaces the middle is where both are one path."""
    if said.startswith('"'):
        old, _, new = said.partition('" ')
        return _unquote(old + '"'), _unquote(new)
    words = said.split(" ")
    for middle in range(1, len(words)):
        old, new = " ".join(words[:middle]), _unquote(" ".join(words[middle:]))
        if old.removeprefix("a/") == new.removeprefix("b/"):
            return old, new
    return (words[0], words[-1]) if len(words) == 2 else ("", "")
