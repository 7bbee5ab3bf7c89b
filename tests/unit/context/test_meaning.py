"""The vectors of an index: made once, kept, compared with a question, and never in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from aiex.context.meaning import MOST_CHARACTERS, MOST_TEXTS, Learned, Meaning, count_vectors
from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.errors import ProviderError, StoreError, UsageError
from aiex.events import Warned
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.vectors.conftest import Embedder

FILES = {
    "shop/basket.py": "class Basket:\n    def put(self, fruit):\n        return fruit\n",
    "shop/price.py": "def price_of(fruit):\n    return 40\n\n\ndef cheapest(fruits):\n    return min(fruits)\n",
}
Open = Callable[..., Retrieval]


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def embed() -> Embedder:
    return Embedder()


@pytest.fixture
def open_retrieval(tmp_path: Path, embed: Embedder) -> Iterator[Open]:
    opened: list[Retrieval] = []

    def open_(files: dict[str, str] = FILES, **how: int) -> Retrieval:
        write(tmp_path / "tree", files)
        index = Index(Workspace(str(tmp_path / "tree")), None, version="v", workers=1, limit_bytes=1_000_000)
        opened.append(Retrieval(index, meaning=Meaning("p/m", str(tmp_path / "vectors.db"), embed, **how)))
        return refresh(opened[-1])

    yield open_
    for retrieval in opened:
        retrieval.close()


def refresh(retrieval: Retrieval) -> Retrieval:
    for _ in retrieval.refresh():
        pass
    return retrieval


def meaning_of(retrieval: Retrieval) -> Meaning:
    assert retrieval.meaning is not None
    return retrieval.meaning


async def learn(retrieval: Retrieval, question: str = "") -> list[Learned]:
    return [learned async for learned in meaning_of(retrieval).learn(retrieval.index, question)]


async def test_a_text_is_the_path_the_name_and_the_lines(open_retrieval: Open, embed: Embedder) -> None:
    await learn(open_retrieval({"a.py": "def alpha(x):\n    return x\n"}))
    assert embed.asked == [["a.py\nalpha\ndef alpha(x):\n    return x"]]


async def test_the_nearest_documents_are_those_of_the_index(open_retrieval: Open) -> None:
    retrieval = open_retrieval()
    question = "shop/price.py cheapest def cheapest(fruits): return min(fruits)"
    await learn(retrieval, question)
    best = retrieval.rank(question)[0]
    assert (best.path, best.symbol) == ("shop/price.py", "cheapest")
    assert any(reason.startswith("means what") for reason in best.why)


async def test_without_a_vector_the_words_alone_count(open_retrieval: Open, embed: Embedder) -> None:
    retrieval = open_retrieval()
    await learn(retrieval)
    asked = len(embed.asked)
    assert not meaning_of(retrieval).knows("price_of")
    assert all("means what" not in reason for result in retrieval.rank("price_of") for reason in result.why)
    assert len(embed.asked) == asked


async def test_many_texts_are_asked_for_in_several_questions(open_retrieval: Open, embed: Embedder) -> None:
    count = 2 * MOST_TEXTS + 1
    retrieval = open_retrieval({f"{number}.py": f"def f{number}():\n    return 1\n" for number in range(count)})
    told = await learn(retrieval)
    assert [len(texts) for texts in embed.asked] == [MOST_TEXTS, MOST_TEXTS, 1]
    assert told == [Learned(done, count) for done in (0, MOST_TEXTS, 2 * MOST_TEXTS, count)]


async def test_texts_are_cut_to_what_models_take(open_retrieval: Open, embed: Embedder) -> None:
    await learn(open_retrieval({"a.txt": f"{'word ' * 9_000}\n"}), "q" * 50_000)
    assert [len(text) for texts in embed.asked for text in texts] == [MOST_CHARACTERS, MOST_CHARACTERS]


async def test_files_are_not_read_again_for_what_is_known(
    open_retrieval: Open, embed: Embedder, tmp_path: Path
) -> None:
    await learn(open_retrieval())
    again = open_retrieval()
    asked = len(embed.asked)
    for name in FILES:
        (tmp_path / "tree" / name).unlink()  # after the index was read: whoever opens them now finds nothing
    assert await learn(again) == []
    assert len(embed.asked) == asked


async def test_a_file_that_is_gone_or_changed_is_not_compared_as_it_was(open_retrieval: Open, tmp_path: Path) -> None:
    question = "def cheapest(fruits): return min(fruits)"
    await learn(open_retrieval(), question)
    write(tmp_path / "tree", {"shop/price.py": "def dearest(fruits):\n    return max(fruits)\n"})
    (tmp_path / "tree/shop/basket.py").unlink()
    retrieval = open_retrieval({})
    assert all("means what" not in reason for result in retrieval.rank(question) for reason in result.why)
    assert await learn(retrieval) == [Learned(0, 1), Learned(1, 1)]


async def test_too_many_documents_are_refused_before_anything_is_paid(open_retrieval: Open, embed: Embedder) -> None:
    retrieval = open_retrieval(most=2)
    with pytest.raises(UsageError, match="4 pieces are more than the 2 that can be compared"):
        await learn(retrieval, "a question")
    assert embed.asked == []


async def test_what_cannot_be_kept_is_not_paid_for(embed: Embedder, tmp_path: Path) -> None:
    write(tmp_path / "tree", FILES)
    index = Index(Workspace(str(tmp_path / "tree")), None, version="v", workers=1, limit_bytes=1_000_000)
    retrieval = refresh(Retrieval(index, meaning=Meaning("p/m", None, embed)))
    with pytest.raises(StoreError, match="could not be kept"):
        await learn(retrieval)
    assert embed.asked == []
    assert retrieval.rank("price_of")
    retrieval.close()


async def test_a_damaged_file_is_set_aside_with_a_word(open_retrieval: Open, tmp_path: Path) -> None:
    (tmp_path / "vectors.db").write_bytes(b"no database " * 1000)
    retrieval = open_retrieval()
    await learn(retrieval, "price_of")
    (warning,) = meaning_of(retrieval).warnings
    assert isinstance(warning, Warned)
    assert "set aside" in warning.message
    assert count_vectors(str(tmp_path / "vectors.db")) == {"p/m": 5}


async def test_what_was_made_is_kept_when_it_breaks_off(open_retrieval: Open, embed: Embedder, tmp_path: Path) -> None:
    retrieval = open_retrieval({f"{number}.py": f"def f{number}():\n    return 1\n" for number in range(120)})

    async def fail_later(texts: Sequence[str]) -> list[list[float]]:
        if embed.asked:
            raise ProviderError("out of order")
        return await embed(texts)

    meaning_of(retrieval).embed = fail_later
    with pytest.raises(ProviderError):
        await learn(retrieval)
    assert count_vectors(str(tmp_path / "vectors.db")) == {"p/m": MOST_TEXTS}
    meaning_of(retrieval).embed = embed
    await learn(retrieval)
    assert [len(texts) for texts in embed.asked] == [MOST_TEXTS, 120 - MOST_TEXTS]


def test_no_file_holds_no_vector(tmp_path: Path) -> None:
    assert count_vectors(str(tmp_path / "none.db")) == {}
    assert count_vectors("") == {}
    assert list(tmp_path.iterdir()) == []


# --- copies ----------------------------------------------------------------------------------------------------------

BODY = "".join(f"    step_{number} = fruit + {number}\n" for number in range(30))
COPIES = {
    "shop/cart.py": f"def weigh(fruit):\n{BODY}",
    "old/cart.py": f"def weigh(fruit):\n{BODY}",
    "shop/tiny.py": "def tiny(fruit):\n    return 1\n",
    "old/tiny.py": "def tiny(fruit):\n    return 1\n",
    "shop/scale.py": "def scale(fruit):\n" + BODY.replace("step", "round").replace("fruit", "other"),
}


async def test_of_copies_the_better_one_stands_for_the_other(open_retrieval: Open) -> None:
    retrieval = open_retrieval(COPIES)
    await learn(retrieval)
    results = retrieval.rank("weigh fruit step scale tiny")
    assert {result.path for result in results} == COPIES.keys()
    copies = retrieval.find_copies(results)
    weighed = [result for result in results if result.symbol == "weigh"]
    assert [(place[0], of) for place, of in copies.items()] == [(weighed[1].path, weighed[0])]


async def test_without_vectors_nothing_is_a_copy(open_retrieval: Open) -> None:
    retrieval = open_retrieval(COPIES)
    assert retrieval.find_copies(retrieval.rank("weigh fruit")) == {}


async def test_a_file_that_left_the_index_is_nobodys_copy(open_retrieval: Open, tmp_path: Path) -> None:
    retrieval = open_retrieval(COPIES)
    await learn(retrieval)
    results = retrieval.rank("weigh fruit step")
    (tmp_path / "tree" / "old" / "cart.py").unlink()
    assert refresh(retrieval).find_copies(results) == {}
