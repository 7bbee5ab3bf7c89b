"""Secrets drawn by lot from a fixed seed, so that no file holds one and trips a scanner; and what is shown of them."""

import random
import string
from collections.abc import Iterable
from itertools import pairwise

from aiex.guard.redact import Redactor, redact

ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "h": "0123456789abcdef",
    "u": string.ascii_letters + string.digits + "-_",
    "b": string.ascii_letters + string.digits + "+/",
    "A": string.ascii_uppercase + string.digits,
    "p": string.ascii_letters + string.digits + "!^*~-_.",
}


def draw(kind: str, length: int, seed: object) -> str:
    """A secret with at least a digit and a letter, neither end a sign."""
    lot = random.Random(f"{kind}{length}{seed}")
    inner = "".join(lot.choice(ALPHABETS[kind]) for _ in range(length - 3))
    letter = "a" if kind != "A" else "Q"
    return f"{letter}7{inner}{'c' if kind != 'A' else 'Z'}"


def split_template(template: str) -> tuple[str, str]:
    """What stands before and behind `{}`; double braces are single ones."""
    before, after = template.split("{}", 1)
    return before.replace("{{", "{").replace("}}", "}"), after.replace("{{", "{").replace("}}", "}")


def what_is_wrong(text: str, secret: str, *around: str) -> list[str]:
    """Empty when no ten characters of the secret are left, what stood around is, and a second pass changes nothing."""
    shown = redact(text, {})
    body = min(10, len(secret))
    left = [secret[at : at + body] for at in range(len(secret) - body + 1) if secret[at : at + body] in shown]
    lost = [kept for kept in around if kept.strip() not in shown]
    return [shown, *left, *lost] if left or lost or redact(shown, {}) != shown else []


def redact_cut(text: str, cuts: Iterable[int]) -> str:
    """What a stream shows of a text that comes in pieces, cut at these places."""
    places = [0, *cuts, len(text)]
    redactor = Redactor({})
    return "".join(redactor.feed(text[start:end]) for start, end in pairwise(places)) + redactor.finish()


def by_piece(text: str, size: int) -> str:
    """The same in pieces of one size."""
    return redact_cut(text, range(size, len(text), size))
