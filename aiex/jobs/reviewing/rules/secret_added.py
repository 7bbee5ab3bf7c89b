"""Passwords, keys and tokens that come with a change."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule, Severity

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
        severity: Severity = "error" if is_certain and not change.is_test else "warning"
        if is_certain or not change.is_test:
            what = "a secret" if is_certain else "what looks like a secret"
            yield Hit(change.path, first, f"{what} was added", _ADVICE, last, severity)


RULE = Rule(
    "error",
    "Secret in a change",
    "Whoever can read the repository can use a secret in it, also after it was taken out again. In tests only keys in "
    "the form of a vendor and private keys count, and count less.",
    in_file=_find,
    minds_moves=True,
)
