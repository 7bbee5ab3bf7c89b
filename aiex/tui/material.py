"""What comes along with a wish: the files and symbols that it mentions, and what was pasted into it.

Everything is read through the guard when the turn of the wish has come, in the thread of the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, UsageError
from aiex.events import Noted
from aiex.guard.neutral import printable_path
from aiex.guard.redact import redact, redact_lines
from aiex.messages import Document, Image, Text
from aiex.pictures import IMAGE_LIMIT_BYTES, IMAGE_TYPES, image_type
from aiex.tui.mentions import find_mentions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.jobs.target import Target
    from aiex.messages import Part
    from aiex.tui.folding import Fold
    from aiex.wiring import Services

MOST_BYTES: Final = 16_000_000
"""More is not held in memory, as with what a model reads."""
MOST_CHARS: Final = 200_000
"""Of one file or paste: about 60,000 tokens."""
MOST_LISTED: Final = 1_000
"""Names of a folder."""
_PLAIN: Final = "text/plain"


def to_parts(text: str, folds: Mapping[str, Fold], services: Services) -> tuple[Part, ...]:
    """The parts of what a person says: material first, then their words.

    Raises:
        AiexError: if something that is named cannot be read, is secret or too long, so that nothing is sent without it.
    """
    material: list[Part] = [_to_part(token, fold, services) for token, fold in folds.items()]
    for word in find_mentions(text):
        if (part := _find(word, services)) is not None and part not in material:
            material.append(part)
    return (*material, Text(redact(text)))


def _to_part(token: str, fold: Fold, services: Services) -> Part:
    if fold.picture:
        return _picture(fold.picture, services)
    return Document(token.strip("[]"), _PLAIN, redact(_require_short(fold.text, token.strip("[]"), is_paste=True)))


def _find(word: str, services: Services) -> Part | None:
    """What a mention means; None for words that only look like one, such as the name of a person."""
    from aiex.jobs.target import parse_target

    try:
        target = parse_target(word, lambda path: _exists(path, services))
    except UsageError:
        return None
    if _exists(target.path, services):
        return _read(target, services)
    found = _read_symbol(word, services)
    if found is None and "/" in word:
        services.tell(Noted(f"@{printable_path(word)} is no file here; it went along as words"))
    return found


def _exists(path: str, services: Services) -> bool:
    try:
        services.workspace.stat(path)
    except AiexError:
        return False
    return True


def _read(target: Target, services: Services) -> Part:
    shown = printable_path(target.path)
    if services.workspace.stat(target.path, follow_links=True).kind == "dir":
        return _list(target.path, services)
    if target.path[target.path.rfind(".") :].lower() in IMAGE_TYPES:
        return _picture(target.path, services)
    lines = _lines_of(target.path, services)
    if target.symbol:
        return _cut_symbol(target, lines, services)
    if not target.start_line:
        return Document(shown, _PLAIN, _require_short("\n".join(lines), shown))
    return _cut(target.path, lines, target.start_line, target.end_line)


def _lines_of(path: str, services: Services) -> list[str]:
    """The lines of a text without its secrets."""
    from aiex.agent.looking.texts import decode

    known = decode(services.workspace.read(path, limit_bytes=MOST_BYTES), path)
    if known is None:
        raise UsageError(f"{printable_path(path)} is binary", hint="only texts and pictures can be mentioned")
    return redact_lines(known[0]).text.split("\n")


def _cut(path: str, lines: Sequence[str], first: int, last: int, name: str = "") -> Document:
    shown = printable_path(path)
    count = len(lines) - (not lines[-1])
    if first > count:
        raise UsageError(f"{shown} has {count:,} lines, and line {first:,} was mentioned", hint="mention others")
    last = min(last, count)
    title = f"{shown}:{first}-{last}" + (f" {name}" if name else "")
    return Document(title, _PLAIN, _require_short("\n".join(lines[first - 1 : last]), title))


def _cut_symbol(target: Target, lines: Sequence[str], services: Services) -> Document:
    inner = f".{target.symbol}"
    symbols = services.engine.facts(target.path).symbols
    meant = [one for one in symbols if one.qualified == target.symbol or f".{one.qualified}".endswith(inner)]
    if not meant:
        shown = printable_path(target.path)
        raise UsageError(f"{shown} defines no {target.symbol}", hint=f"mention @{shown}, or lines of it")
    one = meant[0]
    return _cut(target.path, lines, one.start_line, one.end_line, one.qualified)


def _read_symbol(word: str, services: Services) -> Part | None:
    """The one definition of a name that the index knows; None where there is none."""
    from aiex.jobs.target import Target
    from aiex.tui.mentions import where_is

    if not word.replace(".", "_").isidentifier():
        return None
    known = where_is(services.index, word)
    if not known:
        return None
    if len(known) > 1:
        places = ", ".join(f"@{one.path}::{one.name}" for one in known[:4])
        raise UsageError(f"@{word} is defined {len(known)} times", hint=f"one of: {places}")
    one = known[0]
    lines = _lines_of(one.path, services)
    return _cut_symbol(Target(one.path, symbol=one.name), lines, services)


def _list(path: str, services: Services) -> Document:
    """The names in a folder that belong to the repository."""
    from aiex.context.catalogue import Catalogue

    folder = path.strip("/")
    top = "" if folder == "." else f"{folder}/"
    inside = Catalogue(services.workspace, services.settings.get("context.ignore")).folder(top)
    names = [printable_path(name) for name in sorted((*inside.folders, *inside.files))]
    more = len(names) - MOST_LISTED
    text = "\n".join([*names[:MOST_LISTED], *([f"({more:,} more)"] if more > 0 else [])])
    return Document(printable_path(top or "."), _PLAIN, text)


def _picture(path: str, services: Services) -> Image:
    from base64 import b64encode

    from aiex.guard.sandbox.files import TooLarge

    shown = printable_path(path)
    try:
        data = services.workspace.read(path, limit_bytes=IMAGE_LIMIT_BYTES)
    except TooLarge as error:
        hint = f"models take pictures up to {IMAGE_LIMIT_BYTES // 10**6} MB"
        raise UsageError(f"{shown} is a picture of {error.size_bytes:,} bytes", hint=hint) from error
    media_type = image_type(data)
    if not media_type:
        raise UsageError(f"{shown} is no picture, whatever its name says")
    return Image(media_type, b64encode(data).decode("ascii"))


def _require_short(text: str, name: str, *, is_paste: bool = False) -> str:
    if len(text) > MOST_CHARS:
        part = "keep it in a file, and mention lines of that" if is_paste else f"mention lines of it, as @{name}:1-400"
        hint = f"at most {MOST_CHARS:,} characters can come along; {part}"
        raise UsageError(f"{name} is too long to come along: {len(text):,} characters", hint=hint)
    return text
