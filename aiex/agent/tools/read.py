"""Reads a file, or a part of it, with line numbers; pictures come as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.looking.paths import read_action, show
from aiex.agent.looking.texts import decode
from aiex.agent.looking.windows import number_lines
from aiex.agent.tools import Answer, Kind, Plan, telling
from aiex.errors import ToolError
from aiex.guard.sandbox.files import IsADirectory, Missing, NotADirectory, TooLarge

if TYPE_CHECKING:
    from aiex.agent.kit import Kit

LINES: Final = 400
MOST_LINES: Final = 5_000
MOST_BYTES: Final = 16_000_000
"""More is not held in memory; a search finds places in it, and a command shows them."""
_NOTEBOOK: Final = ".ipynb"


class Read:
    """The tool."""

    kind: Kind = "look"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "offset": {"type": "integer", "description": "first line, from 1"},
            "limit": {"type": "integer", "description": f"lines, {LINES} unless told"},
        },
        "required": ["path"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Understand a call."""
        first, count = arguments.get("offset", 1), arguments.get("limit", LINES)
        action = read_action(arguments["path"], kit)
        if count < 1:
            raise ToolError(f"limit is {count}; it has to be at least 1")
        span = f" {max(first, 1)}-{max(first, 1) + count - 1}" if {"offset", "limit"} & arguments.keys() else ""
        path = action.subject
        return Plan(
            f"read {path}{span}",
            telling(lambda: _answer(kit, path, max(first, 1), min(count, MOST_LINES))),
            (action,),
        )


TOOL = Read()


def _answer(kit: Kit, path: str, first: int, count: int) -> Answer:
    data = _read(kit, path)
    kit.seen.note(path, data)
    if (picture := _to_picture(path, data)) is not None:
        return picture
    if not data:
        return Answer(f"{show(path)} is empty")
    known = decode(data, path)
    if known is None:
        raise ToolError(f"{show(path)} is binary ({len(data):,} bytes)", hint="a command can look into it")
    text, form = known
    if path.endswith(_NOTEBOOK):
        from aiex.agent.looking.notebooks import to_text

        cells = to_text(text)
        text, form = (cells, "the cells of a notebook; the file itself is JSON") if cells else (text, form)
    return Answer(_show_lines(path, text, first, count, form))


def _read(kit: Kit, path: str) -> bytes:
    """The whole file; what is in the way is said with what to do instead."""
    try:
        return kit.files.read(path, limit_bytes=MOST_BYTES)
    except IsADirectory as error:
        raise ToolError(f"{show(path)} is a directory", hint="list shows what is in it") from error
    except TooLarge as error:
        hint = "search finds places in it; a command such as sed -n '1,100p' shows them"
        raise ToolError(f"{show(path)} is too large to read: {error.size_bytes:,} bytes", hint=hint) from error
    except (Missing, NotADirectory) as error:
        from aiex.agent.looking.nearby import suggest

        raise ToolError(f"there is no file {show(path)}", hint=suggest(kit.means.workspace, path)) from error


def _to_picture(path: str, data: bytes) -> Answer | None:
    """A picture, by its content rather than by its name; None for anything else."""
    from aiex.pictures import IMAGE_LIMIT_BYTES, image_type

    media_type = image_type(data)
    if not media_type:
        return None
    if len(data) > IMAGE_LIMIT_BYTES:
        most = f"models take pictures up to {IMAGE_LIMIT_BYTES // 10**6} MB"
        raise ToolError(f"{show(path)} is a picture of {len(data):,} bytes", hint=most)
    from base64 import b64encode

    from aiex.messages import Image

    image = Image(media_type, b64encode(data).decode("ascii"))
    return Answer(f"{show(path)}: {media_type}, {len(data):,} bytes", images=(image,))


def _show_lines(path: str, text: str, first: int, count: int, form: str) -> str:
    """The lines with their numbers, and a last line that says what there is beside them."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    total = len(lines)
    if first > total:
        raise ToolError(f"{show(path)} has {total:,} lines, and line {first:,} was asked for", hint="take less offset")
    asked = lines[first - 1 : first - 1 + count]
    if "\r" in text:
        asked = [line.removesuffix("\r") for line in asked]
    shown = number_lines(asked, first)
    last = first + len(shown) - 1
    said = f"all {total:,} lines" if len(shown) == total else f"lines {first:,}-{last:,} of {total:,}"
    rest = f"; go on with offset={last + 1}" if last < total else ""
    return "\n".join([*shown, f"({said}{rest}{f'; {form}' if form else ''})"])
