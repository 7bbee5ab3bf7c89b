"""Command lines without the values of secret options."""

from collections.abc import Sequence

from aiex.guard.redact.names import is_secret_word
from aiex.guard.redact.values import REMOVED


def redact_arguments(argv: Sequence[str]) -> list[str]:
    """The same command line with the values of options such as `--api-key` and `--set x.token=…` removed."""
    from aiex.guard.redact import redact

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
