"""Vectors for texts that have none yet, by a function that is passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.vectors.unit import to_unit
from aiex.errors import Rejected

if TYPE_CHECKING:
    from aiex.context.stores.vectors import VectorStore

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""One vector for each text, in the order of the texts."""
BATCH = 256
"""Texts after which what was paid for is kept."""


class Filled(NamedTuple):
    """How many texts had a vector before, and how many got one."""

    known: int
    made: int


async def fill(store: VectorStore, model: str, texts: Mapping[str, str], embed: Embed, *, batch: int = BATCH) -> Filled:
    """Give a vector to each text that has none of this model; broken off, what was made until then is kept.

    Args:
        model: Names whatever makes another model's vectors other ones, the length of its vectors included.
        texts: By the digest of their content.
        embed: Asked for at most `batch` texts at once.

    Raises:
        Rejected: if `embed` gave something else than one vector of finite numbers for each text.
        StoreError: if the store fails.
    """
    missing = await asyncio.to_thread(store.missing, model, list(texts))
    for start in range(0, len(missing), batch):
        part = missing[start : start + batch]
        made = await embed([texts[digest] for digest in part])
        if len(made) != len(part):
            raise Rejected(f"{model} gave {len(made)} vectors for {len(part)} texts")
        try:
            vectors = {digest: to_unit(numbers) for digest, numbers in zip(part, made, strict=True)}
        except ValueError as error:
            raise Rejected(f"{model} gave a vector that is none: {error}") from error
        await asyncio.to_thread(store.save, model, vectors)
    return Filled(len(texts) - len(missing), len(missing))
