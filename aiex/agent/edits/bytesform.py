"""The bytes of a file as text and back, losing none: its encoding, its mark, its lone carriage returns."""

import re
from typing import Final, NamedTuple

from aiex.errors import EditError
from aiex.guard.sandbox.paths import show

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_DECLARED: Final = rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
"""PEP 263: in one of the first two lines."""


class Form(NamedTuple):
    """How the text of a file lies in bytes."""

    encoding: str = "utf-8"
    mark: bytes = b""
    """Byte order mark in front."""
    is_sure: bool = True
    """False when the encoding is a guess: then no character may be added that the file does not have."""
    line_end: str = "\n"
    """What every line of the file ends with, and in the text with a line feed; of mixed ends this is a line feed."""


UTF8: Final = Form()


def decode(content: bytes, path: str) -> tuple[str, Form]:
    """The text of a file, and how to write it back; `encode(*decode(content))` is `content`.

    Raises:
        EditError: if it is not text: it holds a NUL, or its mark promises an encoding that it does not keep.
    """
    text, form = _decode(content, path)
    if "\r" not in text:
        return text, form
    feeds = text.count("\n")
    if not feeds:
        return text.replace("\r", "\n"), form._replace(line_end="\r")
    if text.count("\r\n") == feeds:
        return text.replace("\r\n", "\n"), form._replace(line_end="\r\n")
    return text, form


def encode(text: str, form: Form, path: str, *, before: str = "") -> bytes:
    """The bytes of a text in the form of its file; `before` is the text that the file had.

    Raises:
        EditError: if a character cannot be written in the encoding of the file, or its encoding is not known.
    """
    if not form.is_sure and not text.isascii():
        foreign = sorted({char for char in set(text) - set(before) if char > "\x7f"})
        if foreign:
            raise EditError(
                f"cannot write {foreign[0]!r} to {show(path)}: it is not UTF-8, and its encoding is not known",
                hint="use ASCII, or an escape such as \\u00e9",
            )
    if form.line_end != "\n":
        text = text.replace("\n", form.line_end)
    try:
        return form.mark + text.encode(form.encoding, "strict" if form.is_sure else "surrogateescape")
    except UnicodeEncodeError as error:
        char = text[error.start]
        raise EditError(
            f"cannot write {char!r} to {show(path)}: its encoding, {form.encoding}, has no such character",
            hint="use another character or an escape",
        ) from error


def _decode(content: bytes, path: str) -> tuple[str, Form]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                text = content[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                break
            if "\0" not in text:
                return text, Form(encoding, mark)
    nul = content.find(b"\0")
    if nul >= 0:
        raise EditError(f"cannot edit {show(path)}: not text (NUL at byte {nul})", hint="edits change text files only")
    try:
        return content.decode(), Form()
    except UnicodeDecodeError:
        return _decode_other(content)


def _decode_other(content: bytes) -> tuple[str, Form]:
    """Text that is not UTF-8: as it declares itself, else one byte a character unless some of it is UTF-8 after all."""
    head = content[:1000].split(b"\n", 2)[:2]
    declared = next((found[1].decode() for line in head if (found := re.match(_DECLARED, line))), "")
    if declared:
        text = _same_both_ways(content, declared)
        if text is not None:
            return text, Form(declared)
    escaped = content.decode(errors="surrogateescape")
    if any("\x7f" < char < "\ud800" or char > "\udfff" for char in set(escaped)):
        return escaped, Form(is_sure=False)
    text = _same_both_ways(content, "cp1252")
    if text is not None:
        return text, Form("cp1252", is_sure=False)
    return content.decode("latin-1"), Form("latin-1", is_sure=False)


def _same_both_ways(content: bytes, encoding: str) -> str | None:
    """The text in an encoding, None if there is no such one or the bytes do not come back."""
    try:
        text = content.decode(encoding)
        return text if text.encode(encoding) == content else None
    except (LookupError, UnicodeError):
        return None
