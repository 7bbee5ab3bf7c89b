"""What models put around an edit: fences, path lines in several forms, carriage returns."""

import re
from typing import Final, NamedTuple

from aiex.errors import EditError

_FENCE: Final = r"^(`{3,}|~{3,})[ \t]*([^`]*?)[ \t]*$"
_PROSE: Final = (
    " add also and apply as at change create edit file finally for here here's i in let let's modify"
    " now of on please rename replace so the then this to update we with write "
)
"""Words that begin a sentence, and no path with a space in it."""


class Fence(NamedTuple):
    """A line that opens or closes a fenced block."""

    mark: str
    """The backticks or tildes."""
    info: str
    """What stands behind them."""

    def closes(self, other: "Fence") -> bool:
        """Whether it may end the block that the other opened."""
        return not self.info and self.mark[0] == other.mark[0] and len(self.mark) >= len(other.mark)


def to_line_feeds(text: str) -> str:
    """The text with `\\n` for `\\r\\n`; lone carriage returns stay."""
    return text.replace("\r\n", "\n")


def split_text(text: str) -> list[str]:
    """The lines of a model's text without their ends; only a line feed ends one."""
    lines = to_line_feeds(text).removeprefix("\ufeff").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def join_lines(lines: list[str]) -> str:
    """Whole lines, each with its line feed."""
    return "".join([line + "\n" for line in lines])


def read_fence(line: str) -> Fence | None:
    """The fence that a line is, or None."""
    if "```" not in line and "~~~" not in line:
        return None
    found = re.match(_FENCE, line)
    return Fence(found[1], found[2]) if found else None


def unfence(text: str) -> str:
    """What stands in the one fence around a text; the text itself if there is none.

    Raises:
        EditError: if the fence is not closed.
    """
    lines = split_text(text.strip())
    opening = read_fence(lines[0]) if lines else None
    if opening is None:
        return text
    closing = read_fence(lines[-1])
    if len(lines) < 2 or closing is None or not closing.closes(opening):
        raise EditError("the edit was cut off: its fence is not closed", hint="send the whole edit again")
    return "\n".join(lines[1:-1])


def clean_path(path: str) -> str:
    """The path without `./` in front.

    Raises:
        EditError: if nothing is left, or it has characters that no line of an edit can mean.
    """
    path = path.strip()
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    if not path or path == "." or any(char in path for char in "\0\n\r"):
        raise EditError("the edit names no path", hint="write the path relative to the workspace")
    return path


def read_path_line(line: str) -> str:
    """The path that a line names, in any of the forms models use; empty when it is prose.

    Forms: plain, in backticks, in bold, as a heading, as a comment, with `File:` in front, with a colon behind.
    """
    bare = line.strip()
    bare = re.sub(r"^(#+|//|\*|-|\d+\.)[ \t]+", "", bare)
    bare = re.sub(r"^\*\*(.+?:)\*\*", r"\1", bare)
    bare = re.sub(r"^\*\*(.+?)\*\*:?$", r"\1", bare).strip()
    bare = re.sub(r"^(?i:file ?name|file ?path|file|path):[ \t]*", "", bare).strip()
    bare = re.sub(r"^\*\*(.+?)\*\*:?$", r"\1", bare).strip()
    quoted = re.fullmatch(r"(`+|\"|')([^`\"']+)\1(?::| \([^()]*\):?)?", bare)
    if quoted:
        return quoted[2].strip().removesuffix(":")
    bare = bare.removesuffix(":")
    return bare if _looks_like_path(bare) else ""


def read_info_path(info: str) -> str:
    """The path in what stands behind a fence, such as `python:a.py` or `python a.py`; empty when there is none."""
    words = re.split(r"[ :]", info, maxsplit=1)
    for given in (words[-1], info):
        path = re.sub(r"^(file|path|filename|title)=", "", given.strip()).strip("\"'`{}")
        if ("/" in path or re.search(r"\w\.\w+$", path)) and _looks_like_path(path):
            return path
    return ""


def _looks_like_path(text: str) -> bool:
    """Whether it can be a path and is no sentence."""
    if not text or text[-1] in ".!?,;:" or re.search(r"[<>|*?`]|[.,;!] |: ", text):
        return False
    words = text.split()
    has_mark = "/" in text or re.search(r"\.\w+$", text) is not None
    if len(words) > 1:
        return has_mark and f" {words[0].lower()} " not in _PROSE
    return has_mark or text[:1].isupper() or text.startswith(".")
