"""Passwords, keys and tokens that come with a change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule, Severity

_SHAPE = re.compile(r"[^\s\"'`${}<>()\[\]|\\]{6,}")
"""A value that is written out: no words of prose, no pattern, nothing that values are put into."""
_NAMED = re.compile(
    r"(?:passw(?:or)?d|passphrase|secret|api_?key|access_?key|private_?key|auth_?token)\w*[\"'\]]*\s*(?::=|=>|[:=])\s*[\"']$",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?i:[a-z_:.-]*(?:key|secret|token|passw|auth|credential)[a-z_:.-]*)")
"""What is called so and not what it is: `AWS_PROFILE`, `aws_access_key_id`."""
_ADVICE = "take it out, and make a new one: what was committed once is known"


def _find(change: FileChange) -> Iterator[Hit]:
    if change.is_secret:
        if change.status == "added":
            yield Hit(change.path, 0, "a file that holds secrets, by its name, was added", "leave it out by .gitignore")
        return
    if change.new is None or change.new.is_binary or not change.added:
        return
    from aiex.guard.redact.blocks import find_blocks
    from aiex.guard.redact.forms import find_forms
    from aiex.guard.redact.scan import find_secrets
    from aiex.guard.redact.source import to_source

    text = change.new.text
    spans = find_secrets(text, ())
    if not spans:
        return
    source = to_source(text)
    certain = find_forms(source) + find_blocks(source)
    for start, end in spans:
        first = text.count("\n", 0, start) + 1
        last = first + text.count("\n", start, end)
        if change.added.isdisjoint(range(first, last + 1)):
            continue
        is_certain = any(begin < end and start < stop for begin, stop in certain)
        if not is_certain and not _is_likely(change, text, start, end):
            continue
        severity: Severity = "error" if is_certain and not change.is_test else "warning"
        what = "a secret" if is_certain else "what looks like a secret"
        yield Hit(change.path, first, f"{what} was added", _ADVICE, last, severity)


def _is_likely(change: FileChange, text: str, start: int, end: int) -> bool:
    """Whether a value that only its surroundings call secret is one: drawn by lot, or in quotes behind such a name.

    What is taken out of a log to be on the safe side is more than what is worth a finding.
    """
    from aiex.guard.randomness import is_random

    value = text[start:end].strip("\"'")
    if change.is_test or _SHAPE.fullmatch(value) is None or _NAME.fullmatch(value):
        return False
    line_start = text.rfind("\n", 0, start) + 1
    number = text.count("\n", 0, start) + 1
    if change.new is not None and change.new.is_comment(number, start - line_start):
        return False
    return is_random(value) or _NAMED.search(text[line_start:start]) is not None


RULE = Rule(
    "error",
    "Secret in a change",
    "Whoever can read the repository can use a secret in it, also after it was taken out again. In tests only keys in "
    "the form of a vendor and private keys count, and count less.",
    in_file=_find,
    known_as=("S105", "S106", "S107"),
    minds_moves=True,
)
