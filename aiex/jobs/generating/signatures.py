"""The parameters in a signature as it is written, for languages with `name: Type`, `name Type` and bare names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from aiex.jobs.generating.model import Parameter

_OPEN, _CLOSE = "([{<", ")]}>"


class Signature(NamedTuple):
    """A signature in its parts."""

    parameters: tuple[Parameter, ...]
    returns: str
    """As written behind the parameters, without arrow or colon; empty for nothing."""
    generics: str = ""
    """What stands in angle or square brackets before the parameters."""


def closing(text: str, start: int) -> int:
    """Where the bracket at `start` is closed, -1 where it is not; strings and arrows are passed over."""
    depth, at, quote = 0, start, ""
    while at < len(text):
        letter = text[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "\"'`" and not _is_lifetime(text, at):
            quote = letter
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE and not (letter == ">" and text[at - 1 : at] in ("-", "=")):
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return -1


def _is_lifetime(text: str, at: int) -> bool:
    return text[at] == "'" and re.match(r"'\w+(?!')\b", text[at:]) is not None


def split_outside(text: str, separator: str = ",") -> list[str]:
    """The parts between separators that stand in no brackets and no string."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] in _OPEN and not text.startswith("<=", at):
            end = closing(text, at)
            at = end if end > 0 else at
        elif text[at] in "\"'`" and not _is_lifetime(text, at):
            end = text.find(text[at], at + 1)
            at = end if end > 0 else at
        elif text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
        at += 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def read_signature(text: str, *, form: str) -> Signature:
    """The parts of a signature.

    Args:
        text: From the name on, or from the first bracket: `total<T>(items: T[]): number`.
        form: `colon` for `name: Type = default`, `space` for Go, `bare` for names alone.
    """
    generics, at = "", text.find("(")
    angled = re.match(r"[^(<\[]*([<\[])", text)
    if angled and angled.start(1) < at:
        end = closing(text, angled.start(1))
        generics, at = text[angled.start(1) : end + 1], text.find("(", end)
    end = closing(text, at) if at >= 0 else -1
    if end < 0:
        return Signature((), "", generics)
    parts = split_outside(text[at + 1 : end])
    read = _go_parameters(parts) if form == "space" else map(_parameter, parts)
    returns = re.sub(r"\A\s*(?:->|=>|:)?\s*", "", text[end + 1 :]).strip()
    returns = re.split(r"\s+where\s|\s*=>\s*\Z|\s*\{\s*\Z", returns)[0]
    return Signature(tuple(read), returns, generics)


def _parameter(part: str) -> Parameter:
    bare = re.sub(r"\A(?:(?:public|private|protected|readonly|override|mut|ref)\s+)+", "", part)
    declared, *default = split_outside(bare.replace("\\\\", "="), "=") or [bare]
    name, *typed = split_outside(declared, ":") or [declared]
    mark = "..." if name.startswith("...") else "?" if name.endswith("?") else ""
    return Parameter(name.strip(".? "), ":".join(typed).strip(), "=".join(default).strip(), mark)


def _go_parameters(parts: list[str]) -> Iterator[Parameter]:
    """Names share a type that only the last of them has; without names every part is a type."""
    has_names = any(re.match(r"\w+\s+\S", part) and not part.startswith(("func", "chan ", "map[")) for part in parts)
    declared = ""
    read: list[Parameter] = []
    for number, part in enumerate(reversed(parts)):
        name, _, typed = part.partition(" ")
        if not has_names:
            name, typed = f"arg{len(parts) - number}", part
        declared = typed.strip() or declared
        read.append(Parameter(name, declared.removeprefix("..."), "", "..." if declared.startswith("...") else ""))
    yield from reversed(read)
