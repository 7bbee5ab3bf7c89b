"""Command lines without the values of secret options."""

from collections.abc import Sequence

from aiex.guard.redact.names import is_secret_word
from aiex.guard.redact.values import REMOVED


def redact_arguments(argv: Sequence[str]) -> list[str]:
    """The same command line with the values of options such as `--api-key` and `--set x.token=…` removed."""
    from aiex.guard.redact import redact

    return [redact(argument, {}) for argument in _without_values(argv)]


def secret_arguments(argv: Sequence[str]) -> list[tuple[str, str]]:
    """The names and values of the secret options of a command line."""
    found: list[tuple[str, str]] = []
    last = ""
    for argument, kept in zip(argv, _without_values(argv), strict=True):
        if kept == REMOVED != argument:
            found.append((last, argument))
        elif kept != argument:
            name, _, value = argument.partition("=")
            found.append((name, value))
        last = argument if argument.startswith("-") else "key"
    return found


def _without_values(argv: Sequence[str]) -> list[str]:
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
    return kept


def _without_keys(argv: Sequence[str]) -> list[str]:
    """The same without what follows `set key PROVIDER`, where nothing belongs and somebody may have typed a key."""
    words = [at for at, argument in enumerate(argv) if not argument.startswith("-")]
    if {argv[at].rstrip("s") for at in words[:2]} != {"set", "key"}:
        return list(argv)
    return [REMOVED if at in words[3:] else argument for at, argument in enumerate(argv)]
