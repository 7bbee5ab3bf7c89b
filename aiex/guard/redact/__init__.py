"""Taking secrets out of text: by where they stand, by their form, and those whose value is known."""

from collections.abc import Mapping

from aiex.guard.redact.arguments import redact_arguments
from aiex.guard.redact.names import SECRET_WORDS, is_secret_word
from aiex.guard.redact.pieces import Cleaned, redact_lines, redact_source, redact_texts, redact_within
from aiex.guard.redact.stream import HELD_CHARACTERS, Redactor
from aiex.guard.redact.values import REMOVED

__all__ = [
    "HELD_CHARACTERS",
    "REMOVED",
    "SECRET_WORDS",
    "Cleaned",
    "Redactor",
    "is_secret_word",
    "redact",
    "redact_arguments",
    "redact_lines",
    "redact_source",
    "redact_texts",
    "redact_within",
]


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """The text with `REMOVED` in place of every secret; a second call changes nothing.

    Removed are the values of secret variables of `environ` (else of this process, and of its secret options), values of
    fields, headers, options and addresses that say that they are secret, private keys, and keys in the form that a
    vendor documents. Types, references, placeholders, hashes, ids, public keys and certificates stay. Never raises.

    Cost: linear; about 25 ns a character of ordinary logs and source text (benchmarks/redact.py).
    """
    redactor = Redactor(environ)
    return redactor.feed(text) + redactor.finish()
