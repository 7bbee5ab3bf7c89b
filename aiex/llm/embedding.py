"""Texts as vectors, by whatever provider has embeddings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiex.errors import Rejected, UsageError
from aiex.llm.wire import Embeds, to_json
from aiex.messages import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiex.events import Retrying
    from aiex.llm.attempt import Connect
    from aiex.llm.endpoints import Target
    from aiex.llm.retry import Policy

MOST_TEXTS: Final = 96
"""In one question. Gemini takes 100, OpenAI 2,048 (API references, November 2026)."""
MOST_BYTES: Final = 256 * 1024
"""In one question, as UTF-8: no more tokens than bytes, and OpenAI takes 300,000 tokens. A longer text goes alone."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """One vector for each text, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    """Of all questions together; a count is None when one of the answers did not tell it."""
    model: str
    """As `provider/model`."""
    dimensions: int
    """Length of every vector; 0 when there is none."""


async def embed(
    texts: Sequence[str],
    target: Target,
    *,
    batch: int = MOST_TEXTS,
    connect: Connect | None = None,
    policy: Policy | None = None,
    tell: Callable[[Retrying], object] | None = None,
) -> Embedded:
    """Make a vector of each text, in as few questions as the vendors' limits allow; nothing is asked for no text.

    Args:
        batch: Most texts in one question, at least 1.
        connect: The way to a server; the network when None.
        tell: Told of every wait before it begins.

    Raises:
        UsageError: if the protocol of the provider has no embeddings, or `batch` is below 1.
        Rejected: if the answer is not one vector of the same length for each text.
        AiexError: what the server or the network reports.
    """
    codec = target.codec
    if not isinstance(codec, Embeds):
        raise UsageError(f"{target.profile.provider} has no embeddings", hint=f"these have: {', '.join(_who_embeds())}")
    if batch < 1:
        raise UsageError(f"a batch has at least 1 text, not {batch}")
    from aiex.llm.exchange import exchange
    from aiex.llm.http import Pool

    pool = Pool()
    vectors: list[tuple[float, ...]] = []
    usages: list[Usage] = []
    try:
        for group in groups(texts, batch):
            body = to_json(codec.encode_embed(group, target.profile))
            path = codec.embed_path(target.profile)
            answer = await exchange(target, path, body, connect=connect or pool.connect, policy=policy, tell=tell)
            rows, usage = codec.read_embeddings(answer)
            vectors += _checked(rows, len(group), len(vectors[0]) if vectors else 0, target)
            usages.append(usage)
    finally:
        await pool.aclose()
    return Embedded(tuple(vectors), _sum(usages), target.name, len(vectors[0]) if vectors else 0)


def groups(texts: Sequence[str], batch: int = MOST_TEXTS) -> Iterator[list[str]]:
    """The texts in order, as many at once as fit into one question."""
    group: list[str] = []
    size = 0
    for text in texts:
        own = len(text.encode("utf-8", "replace"))
        if group and (len(group) >= batch or size + own > MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(text)
        size += own
    if group:
        yield group


def _checked(rows: list[list[float]], count: int, dimensions: int, target: Target) -> Iterator[tuple[float, ...]]:
    """The vectors of one answer. Raises `Rejected` when they are not what was asked for."""
    where = f"{target.name} ({target.profile.base_url})"
    if len(rows) != count:
        raise Rejected(f"{where} gave {len(rows)} vectors for {count} texts")
    for row in rows:
        dimensions = dimensions or len(row)
        if len(row) != dimensions or not row:
            raise Rejected(f"{where} gave vectors of {dimensions} and of {len(row)} numbers")
        if not all(map(math.isfinite, row)):
            raise Rejected(f"{where} gave a vector with a number that is not finite")
        yield tuple(row)


def _sum(usages: Sequence[Usage]) -> Usage:
    """Tokens of all questions; embeddings have no output."""
    counts = [usage.input_tokens for usage in usages]
    known = [count for count in counts if count is not None]
    return Usage(input_tokens=sum(known) if len(known) == len(counts) else None)


def _who_embeds() -> list[str]:
    """The known providers whose protocol has embeddings; of those with a catalogue, the ones that list a model."""
    from aiex.llm.catalogue import open_catalogue
    from aiex.llm.endpoints import AUTO, load_codec
    from aiex.settingkeys import BUILT_IN_PROVIDERS

    infos = list(open_catalogue())
    listed, embedding = {info.provider for info in infos}, {info.provider for info in infos if info.kind == "embedding"}
    return [
        name
        for name, row in BUILT_IN_PROVIDERS.items()
        if isinstance(load_codec(AUTO, name, str(row["base_url"])), Embeds)
        and (name in embedding or name not in listed)
    ]
