"""Choosing among equal matches: by the end of the file, by lines above, by a line number; never by likeness."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from aiex.agent.edits import Change
from aiex.agent.edits.places import MOST_MATCHES, Chain, line_numbers, skip_lines, stop_of
from aiex.agent.edits.shifting import BLANKS, indent_of
from aiex.errors import EditError

_MOST_SHOWN: Final = 8
_FARTHER: Final = 4
"""A number that hits no match chooses the nearest only if every other is more than this many times as far."""
_MOST_OFF: Final = 5


def choose(text: str, chains: Sequence[Chain], change: Change, numbers: Collection[int], path: str) -> Chain:
    """The one match that is meant.

    Args:
        chains: At least one, ascending.
        numbers: Lines, counted from 1, at which the old text may begin.

    Raises:
        EditError: if what the edit says fits none or several of them.
    """
    count = len(chains)
    if change.at_end:
        chains = [chain for chain in chains[-50:] if not text[stop_of(text, chain[-1]) :].strip()]
        if not chains:
            raise EditError(
                f"{path}: the edit says that the text stands at the end of the file, but more follows it",
                hint="leave the end-of-file mark out, or read the end of the file again",
            )
    if change.anchors and change.needs_anchors:
        chains = _below_anchors(text, chains, change.anchors, path)
    if len(chains) > 1 and numbers:
        chains = _at_numbers(text, chains, numbers)
    if len(chains) > 1 and change.anchors and not change.needs_anchors:
        chains = _inside(text, chains, _anchor_lines(text, change.anchors)) or chains
    if len(chains) > 1:
        raise _ambiguous(text, chains, path, count)
    return chains[0]


def _ambiguous(text: str, chains: Sequence[Chain], path: str, count: int) -> EditError:
    numbers = line_numbers(text, [chain[0].start for chain in chains[:_MOST_SHOWN]])
    shown = list(dict.fromkeys(str(number) for number in numbers))
    more = ", …" if len(chains) > _MOST_SHOWN else ""
    many = f"{count}" if count < MOST_MATCHES else f"at least {count}"
    lines = f"line{'s' * (len(shown) > 1)} " + ", ".join(shown) + more
    return EditError(
        f"{path}: the text to change stands {many} times, at {lines}",
        hint="add lines around it, in the old and the new text, so that it stands once",
    )


def _at_numbers(text: str, chains: Sequence[Chain], numbers: Collection[int]) -> Sequence[Chain]:
    """The matches that begin at one of the numbers, or the one that is by far the nearest; all if neither is there."""
    starts = list(line_numbers(text, [chain[0].start for chain in chains]))
    exact = [chain for chain, start in zip(chains, starts, strict=True) if start in numbers]
    if exact or len(set(numbers)) > 1:
        return exact or chains
    (number,) = set(numbers)
    ranked = sorted(range(len(chains)), key=lambda place: abs(starts[place] - number))
    near, next_near = (abs(starts[place] - number) for place in ranked[:2])
    return [chains[ranked[0]]] if near <= _MOST_OFF and next_near > _FARTHER * near else chains


def _below_anchors(text: str, chains: Sequence[Chain], anchors: Sequence[str], path: str) -> Sequence[Chain]:
    lines = _anchor_lines(text, anchors)
    if not lines:
        shown = " / ".join(anchor.strip() for anchor in anchors)
        raise EditError(
            f"{path}: no line `{shown}`, which the edit names above the change",
            hint="copy the line behind @@ from the file, or leave it out",
        )
    found = _inside(text, chains, lines)
    if not found:
        found = [chain for chain in chains if lines[0] < stop_of(text, chain[-1])]
    if not found:
        raise EditError(
            f"{path}: the text to change stands only above the line `{anchors[-1].strip()}`",
            hint="name a line above the change behind @@, or leave it out",
        )
    return found


def _anchor_lines(text: str, anchors: Sequence[str]) -> list[int]:
    """Offsets of the lines that the last anchor names, each inside what the anchors before it name."""
    above: list[int] | None = None
    for anchor in anchors:
        lines = _lines_of(text, anchor.strip())
        if above is not None:
            inner = [line for line in lines if any(line > outer and _is_inside(text, outer, line) for outer in above)]
            lines = inner or [line for line in lines if any(line > outer for outer in above)]
        if not lines:
            return []
        above = lines
    return above or []


def _lines_of(text: str, anchor: str) -> list[int]:
    """Beginnings of the lines that are the anchor without their indentation; else of those that begin with it."""
    whole: list[int] = []
    begun: list[int] = []
    at = text.find(anchor)
    while at >= 0 and len(begun) < 1000:
        line = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = end if end >= 0 else len(text)
        rest = text[at + len(anchor) : end]
        if not text[line:at].strip():
            if not rest.strip():
                whole.append(line)
            elif not (_is_word(anchor[-1]) and _is_word(rest[0])):
                begun.append(line)
        at = text.find(anchor, end)
    return whole or begun


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _inside(text: str, chains: Sequence[Chain], anchors: Sequence[int]) -> Sequence[Chain]:
    """The matches that hold an anchor or stand in the block below one."""
    found = []
    for chain in chains:
        start, stop = chain[0].start, stop_of(text, chain[-1])
        if any(start <= line < stop or (line < start and _is_inside(text, line, start)) for line in anchors):
            found.append(chain)
    return found


def _is_inside(text: str, anchor: int, start: int) -> bool:
    """Whether the lines between an anchor and a place, and the first of the place, are indented more than it."""
    outer = len(indent_of(_line(text, anchor)).expandtabs(4))
    at = skip_lines(text, anchor, 1)
    begin = text.rfind("\n", 0, start) + 1
    while at <= begin and at < len(text):
        line = _line(text, at)
        is_closer = at < begin and re.fullmatch(r"[ \t\])}{;,:]*", line) is not None
        if line.strip(BLANKS) and not is_closer and len(indent_of(line).expandtabs(4)) <= outer:
            return False
        at = skip_lines(text, at, 1)
    return True


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start : end if end >= 0 else len(text)]
