"""Vectors of texts by their words: the same words in any order give the same vector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from aiex.context.stores.vectors import VectorStore
from aiex.digest import fingerprint

DIMENSIONS = 256


def embed_words(text: str) -> list[float]:
    """Each word adds signs of its own to every number, as random as its digest; no word gives zeros."""
    words = [_signs(word) for word in text.lower().split()]
    return [sum(signs) for signs in zip(*words, strict=True)] if words else [0.0] * DIMENSIONS


@lru_cache(maxsize=10_000)
def _signs(word: str) -> list[float]:
    bits = int(fingerprint(word.encode(), size_bytes=DIMENSIONS // 8), 16)
    return [1.0 if bits >> place & 1 else -1.0 for place in range(DIMENSIONS)]


class Embedder:
    """Embeds by words, and knows what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.append(list(texts))
        return [embed_words(text) for text in texts]


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(str(tmp_path / "vectors.sqlite"))
