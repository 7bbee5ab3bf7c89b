"""Bytes of a file as text to show, the same text that edits are about."""

from __future__ import annotations

import re
from typing import Final

from aiex.errors import EditError

SNIFF_BYTES: Final = 8_192
_LONE: Final = re.compile("[\ud800-\udfff]")


def is_binary(data: bytes) -> bool:
    """Whether the first 8 kB hold a NUL byte, which UTF-16 text does too."""
    return b"\0" in data[:SNIFF_BYTES]


def decode(data: bytes, path: str) -> tuple[str, str] | None:
    """A text that can be sent anywhere and what is said of its form, empty for UTF-8; None where it is no text.

    A byte that is no character comes as a question mark in a diamond.
    """
    if b"\0" not in data and b"\r" not in data:
        try:
            return data.decode("utf-8").removeprefix("\ufeff"), ""
        except UnicodeDecodeError:
            pass
    from aiex.agent.edits.bytesform import decode as read_form

    try:
        text, form = read_form(data, path)
    except EditError:
        return None
    known = form.encoding if form.encoding != "utf-8" or not form.is_sure else ""
    said = f"the encoding is {'not known, perhaps ' if not form.is_sure else ''}{known}" if known else ""
    return _LONE.sub("\ufffd", text), said
