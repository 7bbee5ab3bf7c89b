"""Values known to be secret: those of variables with such a name, as they are and as they are written elsewhere."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from aiex.guard.redact.arguments import secret_arguments
from aiex.guard.redact.names import Strength, is_secret_word, strength_of
from aiex.guard.redact.source import Span
from aiex.guard.redact.values import SHORTEST, is_wordy

_to_words = str.split

_LONG = 8
"""Shorter values are removed as whole words only."""
_NOT_SECRET = frozenset(
    _to_words(
        "XAUTHORITY SSH_AUTH_SOCK GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE GPG_AGENT_INFO KEYBOARD KEYMAP"
    )
)


def secret_values(environ: Mapping[str, str], argv: Sequence[str] = ()) -> tuple[str, ...]:
    """Every text that stands for a secret of these variables and of this command line, longest first."""
    inside = getattr(environ, "_data", None)  # what `os.environ` is made of: to compare it takes 2 µs, to read it 300
    last = _LAST[0]
    if isinstance(inside, dict) and inside == last.variables and tuple(argv) == last.argv:
        return last.found
    variables = [(name, value) for name, value in environ.items() if is_secret_word(name) and value]
    found = _forms_of(tuple(sorted(variables + secret_arguments(argv))))
    if isinstance(inside, dict):
        _LAST[0] = _Process(dict(inside), tuple(argv), found)
    return found


class _Process(NamedTuple):
    """A state of the environment and the command line, and what is secret of it."""

    variables: Mapping[Any, Any]
    argv: tuple[str, ...]
    found: tuple[str, ...]


_LAST = [_Process({}, (), ())]


@lru_cache(maxsize=16)
def _forms_of(variables: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    forms = {form for name, value in variables if _is_secret(name, value) for form in _written(value)}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _is_secret(name: str, value: str) -> bool:
    if name in _NOT_SECRET or len(value) < SHORTEST:
        return False
    if value.startswith(("/", "~/", "./")) and re.fullmatch(r"[\w./~@+-]+", value) and not strength_of(name):
        return False
    if is_wordy(value):
        return strength_of(name) >= Strength.STRONG and (" " in value or len(value) >= _LONG)
    return True


def _written(value: str) -> set[str]:
    """The value, its lines, and both as they stand in JSON, in an address and in base64."""
    import base64
    import json
    from urllib.parse import quote, quote_plus

    forms: set[str] = set()
    for line in {value, *value.splitlines()}:
        stripped = line.strip()
        if len(stripped) < SHORTEST or "\n" in stripped:
            continue
        forms |= {stripped, json.dumps(stripped)[1:-1], json.dumps(stripped, ensure_ascii=False)[1:-1]}
        safe = stripped.encode("utf-8", "surrogateescape")
        forms |= {quote(safe, safe=""), quote(safe), quote_plus(safe)}
        if len(stripped) >= _LONG:
            forms |= {base64.b64encode(safe).decode().rstrip("="), base64.urlsafe_b64encode(safe).decode().rstrip("=")}
    return {form for form in forms if "\n" not in form}


def find_known(text: str, values: Sequence[str]) -> list[Span]:
    """Where one of the values stands."""
    found: list[Span] = []
    for value in values:
        place = text.find(value)
        while place >= 0:
            end = place + len(value)
            if len(value) >= _LONG or not _is_inside_word(text, place, end):
                found.append((place, end))
            place = text.find(value, end)
    return found


def _is_inside_word(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()
