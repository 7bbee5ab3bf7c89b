"""What a command wrote, as a model reads it: plain text, without what is for terminals, and never all of too much."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from aiex.patterns import late

WINDOW_BYTES: Final = 30_000
"""Most of an output that is shown at once."""
_HEAD_BYTES: Final = 10_000
"""Of an output that is longer, from its beginning; the rest of the window is its end, where failures stand."""
_ESCAPES: Final = late(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"  # OSC, DCS, SOS, PM, APC and their text
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
"""Control sequences (ECMA-48)."""
_CONTROLS: Final = late(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Read = Callable[[int, int], bytes]
"""The bytes of an output from an offset on, and how many at most."""


class Window(NamedTuple):
    """A part of an output."""

    text: str
    left_out: int
    """Bytes between its head and its end that are not in it."""
    resume: int
    """Where what is left out begins."""


def show_output(read: Read, size_bytes: int) -> Window:
    """All of an output, or its beginning and its end with a gap between them, whole lines where there are lines."""
    if size_bytes <= WINDOW_BYTES:
        return Window(to_plain(read(0, size_bytes)), 0, size_bytes)
    head = _whole_lines(read(0, _HEAD_BYTES))
    tail_bytes = WINDOW_BYTES - _HEAD_BYTES
    tail = read(size_bytes - tail_bytes, tail_bytes)
    begin = tail.find(b"\n") + 1
    tail = tail[begin:] if 0 < begin < tail_bytes // 2 else _without_half_character(tail)
    left_out = size_bytes - len(head) - len(tail)
    gap = f"… {left_out:,} bytes left out …"
    return Window(f"{to_plain(head).rstrip(chr(10))}\n{gap}\n{to_plain(tail)}", left_out, len(head))


def show_part(read: Read, size_bytes: int, offset: int, limit_bytes: int) -> Window:
    """A part of an output from an offset on, cut at the end of a line where that is possible."""
    data = read(offset, min(limit_bytes, WINDOW_BYTES))
    if offset + len(data) < size_bytes:
        data = _whole_lines(data)
    end = offset + len(data)
    return Window(to_plain(data), max(0, size_bytes - end), end)


def to_plain(data: bytes) -> str:
    r"""Text without control sequences; lines that were overwritten as they were last; other bytes as `\xff`."""
    text = data.decode("utf-8", "backslashreplace")
    if len(text) > len(data) * 3 // 2:  # no text, whatever it is
        text = data.decode("utf-8", "replace")
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in text or "\b" in text:
        text = "\n".join(_as_last_seen(line) for line in text.split("\n"))
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _as_last_seen(line: str) -> str:
    """What a line says that was written again from its beginning, as progress bars do, or had letters erased."""
    line = line.rstrip("\r").rpartition("\r")[2]
    if "\b" not in line:
        return line
    seen: list[str] = []
    for letter in line:
        if letter != "\b":
            seen.append(letter)
        elif seen:
            seen.pop()
    return "".join(seen)


def _whole_lines(data: bytes) -> bytes:
    """Without what follows the last line end, if that is less than half of it."""
    end = data.rfind(b"\n") + 1
    return data[:end] if end > len(data) // 2 else _up_to_whole_character(data)


def _up_to_whole_character(data: bytes) -> bytes:
    for back in range(1, min(4, len(data)) + 1):
        first = data[-back]
        if first >= 0xC0:
            needed = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            return data if back >= needed or back == len(data) else data[:-back]
        if first < 0x80:
            break
    return data


def _without_half_character(data: bytes) -> bytes:
    begin = 0
    while begin < min(3, len(data)) and 0x80 <= data[begin] < 0xC0:
        begin += 1
    return data[begin:]
