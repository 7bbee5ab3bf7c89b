"""What is kept of source files, without the secrets that stand in them."""

from itertools import chain
from typing import TYPE_CHECKING

from aiex.context.facts import FileFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.context.language import Language

SETTINGS_BYTES = 32_000
"""Larger files are data rather than settings."""
SETTINGS = frozenset({"json", "toml", "yaml"})
"""Languages that settings are written in, beside those without a grammar."""
SHORTEST_TEXT = 8
"""Shorter than a name, a sign and a secret."""
SHORTEST_KEY = 20
"""A name that is a key by itself is longer."""


def settings_without_secrets(source: bytes, language: "Language | None", note: str) -> bytes:
    """The source of a file in which passwords have no other form than words, each line at its number; others as it is.

    Args:
        note: Why the source is no text; empty when it is.
    """
    if note or len(source) > SETTINGS_BYTES or (language is not None and language.name not in SETTINGS):
        return source
    from aiex.guard.redact import redact_source

    return redact_source(source)


def without_secrets(facts: FileFacts) -> FileFacts:
    """The facts without secrets in what was taken word for word from the source; the same object without any.

    Cost: 5 to 15 % of the parse, by measurements on a busy machine.
    """
    texts = list(dict.fromkeys(_texts_of(facts)))
    if not texts:
        return facts
    from aiex.guard.redact import redact_texts

    cleaned = redact_texts(texts)
    if cleaned is texts:
        return facts
    clean = dict(zip(texts, cleaned, strict=True))

    def read(text: str) -> str:
        return clean.get(text, text)

    return facts._replace(
        doc=read(facts.doc),
        symbols=tuple(
            symbol._replace(
                name=read(symbol.name),
                qualified=read(symbol.qualified),
                signature=read(symbol.signature),
                doc=read(symbol.doc),
            )
            for symbol in facts.symbols
        ),
        imports=tuple(item._replace(module=read(item.module)) for item in facts.imports),
        references=tuple(use._replace(name=read(use.name), receiver=read(use.receiver)) for use in facts.references),
        faults=tuple(fault._replace(what=read(fault.what)) for fault in facts.faults),
        effects=tuple(effect._replace(what=read(effect.what)) for effect in facts.effects),
    )


def _texts_of(facts: FileFacts) -> "Iterator[str]":
    """Every text of the source that can hold a secret."""
    symbols, uses = facts.symbols, facts.references
    whats = chain((one.what for one in facts.faults), (one.what for one in facts.effects))
    phrases = chain((one.signature for one in symbols), (one.doc for one in symbols), whats)
    names = chain((one.module for one in facts.imports), (one.receiver for one in uses), (one.name for one in uses))
    if facts.doc:
        yield facts.doc
    yield from (text for text in phrases if len(text) >= SHORTEST_TEXT)
    yield from (text for text in names if len(text) >= SHORTEST_KEY)
    for symbol in symbols:
        if len(symbol.name) >= SHORTEST_KEY:
            yield from (symbol.name, symbol.qualified)
