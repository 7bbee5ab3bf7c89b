"""Taking secrets out of text that is kept: values of secret variables and options, and keys by their form."""

import os
import re
from collections.abc import Mapping, Sequence

SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "AUTH", "COOKIE")
"""A variable or an option with one of these in its name holds a secret."""
REMOVED = "[removed]"
_SHORTEST = 4
"""Shorter values would remove ordinary words."""
# Forms of keys that vendors document: OpenAI and Anthropic sk-…, GitHub gh?_…, GitLab glpat-…, Slack xox?-…, AWS AKIA…,
# Google AIza…, a bearer header, a JSON web token, a password in an address.
_FORMS = (
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}",
    r"\bgh[oprsu]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}",
    r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}",
    r"(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
)


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """The text without the values of secret variables and without anything that has the form of a key."""
    given = os.environ if environ is None else environ
    values = {value for name, value in given.items() if is_secret_word(name) and len(value) >= _SHORTEST}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, REMOVED)
    return re.sub("|".join(_FORMS), REMOVED, text)


def redact_arguments(argv: Sequence[str]) -> list[str]:
    """The same command line with the values of options such as `--api-key` and `--set x.token=…` removed."""
    kept: list[str] = []
    secret_follows = False
    for argument in _without_keys(argv):
        name, equals, _ = argument.partition("=")
        if secret_follows and not argument.startswith("--"):
            kept.append(REMOVED)
            secret_follows = False
        elif is_secret_word(name) and equals:
            kept.append(f"{name}={REMOVED}")
        else:
            secret_follows = argument.startswith("-") and is_secret_word(name)
            kept.append(argument)
    return [redact(argument, {}) for argument in kept]


def _without_keys(argv: Sequence[str]) -> list[str]:
    """The same without what follows `set key PROVIDER`, where nothing belongs and somebody may have typed a key."""
    words = [at for at, argument in enumerate(argv) if not argument.startswith("-")]
    if {argv[at].rstrip("s") for at in words[:2]} != {"set", "key"}:
        return list(argv)
    return [REMOVED if at in words[3:] else argument for at, argument in enumerate(argv)]


def is_secret_word(name: str) -> bool:
    """Whether a variable or an option of this name holds a secret."""
    upper = name.upper()
    return any(word in upper for word in SECRET_WORDS)
