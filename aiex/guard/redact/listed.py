"""Secrets of a whole document that stand in the lines below their name: text blocks and lists, in YAML and JSON."""

import re
from collections.abc import Iterator
from itertools import islice

from aiex.guard.randomness import is_random
from aiex.guard.redact.fields import ANCHORS
from aiex.guard.redact.further import lines_below
from aiex.guard.redact.names import Strength, strength_of
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_secret, is_wordy
from aiex.patterns import late

_HEAD = late(
    r"(?P<indent>[ \t]*)(?P<dash>- +)?[\"']?(?P<name>[\w.-]{1,64})[\"']?[ \t]*:[ \t]*"
    r"(?:(?P<block>[|>][+-]?\d?[+-]?)?[ \t]*(?:#[^\n]{0,200})?\r?\n|(?P<list>\[))"
)
_ITEM = late(
    r"(?P<indent>[ \t]*)- +(?P<quote>[\"']?)(?P<value>[^\s\"'#:{}\[\],]{4,2048})(?P=quote)[ \t]*(?:#|\r?$)", re.M
)
_STRING = late(r"[\s,]{0,256}(?P<quote>[\"'])(?P<value>[^\"'\\\n]{0,2048})(?P=quote)")
_MOST = 256
"""Lines of a block, or items of a list."""


def find_listed(source: Source) -> list[Span]:
    """Where lines of a block and items of a list are whose name says that they are secret.

    Of lists only what looks drawn by lot, and of passwords what is no word: lists of names of secrets are as usual.
    """
    text, found, done = source.text, [], -1
    for place in sorted(place for anchor in ANCHORS for place in source.places(anchor)):
        begin = text.rfind("\n", 0, place) + 1
        if begin <= done:
            continue
        done = begin
        head = _HEAD.match(text, begin)
        strength = Strength.NONE if head is None else _strength_of(head["name"])
        if head is None or strength is Strength.NONE:
            continue
        if head["block"] and strength >= Strength.STRONG:
            found += _find_lines(text, head, strength)
        elif not head["block"]:
            items = _STRING if head["list"] else _ITEM
            found += [span for span in _find_items(text, head, items) if _is_secret(text[slice(*span)], strength)]
    return found


def _strength_of(name: str) -> Strength:
    """That of one of many: `tokens`, `api_keys`."""
    return max(strength_of(name), strength_of(name.removesuffix("s").removesuffix("S")))


def _is_secret(value: str, strength: Strength) -> bool:
    if value.startswith(REMOVED) or not is_secret(value, strength):
        return False
    return is_random(value) or (strength is Strength.PASSWORD and not is_wordy(value))


def _find_lines(text: str, head: re.Match[str], strength: Strength) -> list[Span]:
    """The lines of a block whose first one is a secret."""
    depth = len(head["indent"]) + len(head["dash"] or "")
    lines = islice(lines_below(text, head.end(), depth, len(text)), _MOST)
    found = [span for span in lines if span[0] < span[1]]
    first = text[slice(*found[0])] if found else REMOVED
    if first.startswith(REMOVED) or not is_secret(first, strength):
        return []
    return [span for span in found if not text.startswith(REMOVED, span[0])]


def _find_items(text: str, head: re.Match[str], items: re.Pattern[str]) -> Iterator[Span]:
    """The values of a list, as far as they stand directly behind each other."""
    place = head.end()
    for _ in range(_MOST):
        item = items.match(text, place)
        if item is None or ("indent" in item.re.groupindex and len(item["indent"]) < len(head["indent"])):
            return
        yield item.span("value")
        place = item.end() if items is _STRING else text.find("\n", item.end()) + 1 or len(text)
