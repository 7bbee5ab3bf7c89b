"""Edits as models write them: what each format says is one vocabulary of wishes, and wishes become the bytes of files.

Nothing here opens a file. A format reads the text of a model (`load_format(name).parse`), `locating` finds the place
of a change, `applying` turns wishes and the bytes before into the bytes after, or raises an `EditError` that tells the
model what to write instead.
"""

from typing import Final, Literal, NamedTuple, Protocol

WishKind = Literal["change", "create", "write", "delete", "move"]
"""`create` never overwrites; `write` is a whole file, new or in the place of the old."""

FORMATS: Final = "aiex.agent.edits.formats"
"""The room of the formats; each file in it offers `EDIT`."""


class Change(NamedTuple):
    """One piece of a file and what shall stand in its place."""

    old: str
    """Text to find, line ends as `\\n`. Whole lines each end with one. Empty: the file is absent or empty."""
    new: str
    is_lines: bool = True
    """Whether `old` stands for whole lines; otherwise it may begin and end within one."""
    replace_all: bool = False
    line: int | None = None
    """Where `old` begins, counted from 1 in the file before the first change of the wish. It chooses among equals."""
    new_line: int | None = None
    """Where `new` begins in the file after the changes above it."""
    anchors: tuple[str, ...] = ()
    """Lines above the place, outermost first."""
    needs_anchors: bool = False
    """Whether the anchors have to be there even if `old` stands only once."""
    at_end: bool = False
    """Whether nothing but blank lines may follow `old`."""
    last_newline: bool | None = None
    """Whether the file ends with a line end afterwards; None leaves it as it is."""


class FileWish(NamedTuple):
    """What one edit asks of one file."""

    path: str
    """As the model wrote it, without `./`."""
    kind: WishKind
    changes: tuple[Change, ...] = ()
    content: str | None = None
    """The whole file of `create` and `write`; of `delete`, what has to be there, None when the format does not say."""
    moved_to: str = ""
    mode: int | None = None
    """Permission bits of a new file, where the format names them."""


class FormatSpec(Protocol):
    """How one format is read; its file offers one as `EDIT`."""

    name: str
    """As in settings and in the edit tools: words joined by underscores."""

    def parse(self, text: str) -> tuple[FileWish, ...]:
        """What the text asks for, in its order, at least one wish.

        Raises:
            EditError: if the text is not a whole edit of this format; the message says how to write one.
        """
        ...


def format_names() -> tuple[str, ...]:
    """The formats there are, in alphabetical order, read from file names."""
    from aiex.plugins import names

    return tuple(name.replace("-", "_") for name in names(FORMATS))


def load_format(name: str) -> FormatSpec:
    """The format of this name, dashes or underscores; `UsageError` when there is none."""
    from aiex.plugins import load

    found: FormatSpec = load(FORMATS, name.replace("_", "-"), "EDIT").EDIT
    return found
