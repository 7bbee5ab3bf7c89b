"""Texts get vectors once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aiex.context.shelf import Shelf
from aiex.context.stores.vectors import VectorStore
from aiex.context.vectors.filling import Filled, fill
from aiex.context.vectors.unit import to_unit
from aiex.errors import ProviderError, Rejected
from aiex.events import Warned
from tests.unit.context.vectors.conftest import Embedder, embed_words

TEXTS = {"d1": "open the door", "d2": "close the window", "d3": "paint it"}


async def test_only_texts_without_a_vector_are_embedded(store: VectorStore) -> None:
    embed = Embedder()
    assert await fill(store, "m", {"d2": TEXTS["d2"]}, embed) == Filled(0, 1)
    assert await fill(store, "m", TEXTS, embed) == Filled(1, 2)
    assert await fill(store, "m", TEXTS, embed) == Filled(3, 0)
    assert embed.asked == [["close the window"], ["open the door", "paint it"]]


async def test_vectors_come_back_as_they_were_in_another_process(store: VectorStore) -> None:
    await fill(store, "m", TEXTS, Embedder())
    store.close()
    again = VectorStore(store.path)
    assert again.vectors("m", list(TEXTS)) == {digest: to_unit(embed_words(text)) for digest, text in TEXTS.items()}


async def test_each_model_has_vectors_of_its_own(store: VectorStore) -> None:
    await fill(store, "small", {"d1": "a"}, Embedder())
    assert await fill(store, "large", {"d1": "a"}, Embedder()) == Filled(0, 1)
    assert store.missing("other", ["d1", "d1"]) == ["d1"]


async def test_what_was_paid_for_is_kept_when_it_breaks_off(store: VectorStore) -> None:
    embed = Embedder()

    async def fail_later(texts: Sequence[str]) -> list[list[float]]:
        if embed.asked:
            raise ProviderError("out of order")
        return await embed(texts)

    with pytest.raises(ProviderError):
        await fill(store, "m", TEXTS, fail_later, batch=2)
    assert await fill(store, "m", TEXTS, embed, batch=2) == Filled(2, 1)


@pytest.mark.parametrize("numbers", [[], [float("nan"), 1.0], [float("inf")]])
async def test_what_is_no_vector_is_refused(store: VectorStore, numbers: list[float]) -> None:
    async def embed(texts: Sequence[str]) -> list[list[float]]:
        return [numbers for _ in texts]

    with pytest.raises(Rejected, match="m gave a vector that is none"):
        await fill(store, "m", TEXTS, embed)


async def test_too_few_vectors_are_refused(store: VectorStore) -> None:
    async def embed(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0]]

    with pytest.raises(Rejected, match="m gave 1 vectors for 3 texts"):
        await fill(store, "m", TEXTS, embed)


async def test_what_nothing_uses_is_dropped(store: VectorStore) -> None:
    await fill(store, "old", TEXTS, Embedder())
    await fill(store, "new", TEXTS, Embedder())
    assert store.tidy("new", ["d1", "d9"]) == 5
    assert store.missing("new", list(TEXTS)) == ["d2", "d3"]
    assert store.missing("old", list(TEXTS)) == list(TEXTS)


async def test_a_vector_is_replaced_by_one_of_another_length(store: VectorStore) -> None:
    store.save("m", {"d": to_unit([1, 0])})
    store.save("m", {"d": to_unit([0, 1, 0])})
    assert store.vectors("m", ["d"]) == {"d": to_unit([0, 1, 0])}
    assert store.sketches("m", ["d"]) == {"d": (3, 0b010)}


def test_many_digests_are_asked_for_at_once(store: VectorStore) -> None:
    digests = [f"{number:04}" for number in range(1_200)]
    store.save("m", {digest: to_unit([1.0]) for digest in digests[::2]})
    assert store.missing("m", digests) == digests[1::2]


def test_a_damaged_store_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    path.write_bytes(b"no database " * 1000)
    warnings: list[Warned] = []
    store = Shelf(VectorStore, str(path), warnings).store
    assert ["set aside" in told.message for told in warnings] == [True]
    assert store.missing("m", ["d"]) == ["d"]
