"""What the documents of an index mean, as vectors: asked for once by content, and compared with a question."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.portions import in_portions
from aiex.digest import fingerprint
from aiex.errors import AiexError, StoreError, UsageError
from aiex.events import Warned

if TYPE_CHECKING:
    from aiex.context.ranking.corpus import Corpus as Numbered
    from aiex.context.search.corpus import Corpus
    from aiex.context.search.index import Index
    from aiex.context.stores.vectors import Texts, VectorStore
    from aiex.context.vectors.filling import Embed
    from aiex.context.vectors.unit import Vector

MOST_CHARACTERS = 6_000
"""Of a text that is embedded: 2,048 tokens of code, which the smallest models take."""
MOST_TEXTS = 96
"""Asked for at once; what was paid for is kept after each question."""
MOST_BYTES = 250_000
"""Asked for at once, as UTF-8: vendors take 300,000 tokens in a question."""
NEAREST = 50
"""Documents that a question is told of."""
MOST_COMPARED = 50_000
"""Vectors that can be compared in time without numpy (`vectors/nearest.py`)."""
MOST_KEPT = 100_000
"""Vectors on disk from which on those that nothing uses are dropped; of 768 numbers they take 330 MB."""
_FORM = 2
"""Raised when the same document would give another text."""


class Learned(NamedTuple):
    """How many of the missing vectors are there."""

    done: int
    total: int


class Meaning:
    """The vectors of one workspace, of one model. Not safe for threads."""

    def __init__(self, model: str, path: str | None, embed: Embed, *, most: int = MOST_COMPARED) -> None:
        """Nothing is opened or asked yet.

        Args:
            model: As `provider/model`.
            path: SQLite file of the vectors; with None nothing can be kept, so nothing is asked for.
            embed: Asks the model.
            most: Vectors that are compared; for more documents nothing is asked.
        """
        self.model = model
        self.most = most
        self.path = path
        self.embed = embed
        self.warnings: list[Warned] = []

    # --- learning ---------------------------------------------------------------------------------------------------

    async def learn(self, index: Index, question: str = "") -> AsyncIterator[Learned]:
        """Ask for the vectors that the documents of an index lack, and for that of a question; broken off, what was
        made is kept.

        Raises:
            UsageError: if there are more documents than can be compared.
            StoreError: if what is paid for cannot be kept.
            AiexError: what `embed` raises.
        """
        import asyncio

        from aiex.context.vectors.filling import fill

        store = self._require_store()
        with index.snapshot():
            corpus = _read_corpus(index)
            files = self._describe(corpus, store)
        missing = self._missing(files, store)
        if missing:
            yield Learned(0, len(missing))
        done = 0
        found = self._texts(corpus, files, missing)
        for portion in in_portions(found, _to_bytes, most=MOST_TEXTS, most_bytes=MOST_BYTES):
            texts = dict(portion)
            await fill(store, self.model, texts, self.embed, batch=MOST_TEXTS)
            done += len(texts)
            yield Learned(done, len(missing))
        if question:
            text = _shorten(question)
            await fill(store, self.model, {_digest(text): text}, self.embed)
        await asyncio.to_thread(self._tidy, store, files)

    def _describe(self, corpus: Corpus, store: VectorStore) -> dict[str, Texts]:
        """The texts of each file of the index; only files that are new or changed are read."""
        from aiex.context.stores.vectors import Texts

        index, known = corpus.index, store.files()
        fresh: dict[str, Texts] = {}
        for path in corpus.paths:
            state = _state_of(index, path)
            if path not in known or known[path].state != state:
                texts = _texts_of(corpus, path)
                if texts is not None:
                    fresh[path] = Texts(state, tuple(map(_digest, texts)))
        gone = known.keys() - corpus.numbers.keys()
        if fresh or gone:
            store.save_files(fresh, gone)
        known.update(fresh)
        return {path: known[path] for path in corpus.paths if path in known}

    def _missing(self, files: Mapping[str, Texts], store: VectorStore) -> set[str]:
        digests = list(dict.fromkeys(digest for texts in files.values() for digest in texts.digests))
        if len(digests) > self.most:
            raise UsageError(
                f"{len(digests):,} pieces are more than the {self.most:,} that can be compared by their meaning",
                hint="leave files out with context.ignore or .aiexignore, or unset context.embeddings",
            )
        return set(store.missing(self.model, digests))

    def _texts(self, corpus: Corpus, files: Mapping[str, Texts], missing: set[str]) -> Iterator[tuple[str, str]]:
        """Digest and text of each document that has no vector."""
        left = set(missing)
        for path, texts in files.items():
            if left.isdisjoint(texts.digests):
                continue
            for text in _texts_of(corpus, path) or ():
                digest = _digest(text)
                if digest in left:
                    left.remove(digest)
                    yield digest, text

    def _tidy(self, store: VectorStore, files: Mapping[str, Texts]) -> None:
        if sum(store.counts().values()) > MOST_KEPT:
            store.tidy(self.model, {digest for texts in files.values() for digest in texts.digests})

    # --- asking -----------------------------------------------------------------------------------------------------

    def knows(self, question: str) -> bool:
        """Whether a question has its vector, so that it can be compared."""
        store = self._store
        return store is not None and not store.missing(self.model, [_digest(_shorten(question))])

    def nearest(self, index: Index, corpus: Numbered, question: str) -> tuple[tuple[int, float], ...]:
        """Numbers of the documents that are nearest to a question, with their cosines, the nearest first.

        Args:
            corpus: What numbers the documents of the index.

        None when the question has no vector. A store that fails is a warning.

        Cost: about 10 µs a file and 5 µs a vector to read them, below 50 ms to compare.
        """
        try:
            return self._nearest(index, corpus, question)
        except StoreError as error:
            self._warn(Warned(f"nothing is compared by its meaning: {error.message}", error.hint))
            return ()

    def _nearest(self, index: Index, corpus: Numbered, question: str) -> tuple[tuple[int, float], ...]:
        from aiex.context.vectors.nearest import VectorIndex

        store = self._store
        asked = _digest(_shorten(question))
        vector = store.vectors(self.model, [asked]).get(asked) if store is not None else None
        if store is None or vector is None:
            return ()
        owners = _owners_in(store, index, corpus)
        near = VectorIndex(store, self.model, owners).nearest(vector, NEAREST)
        if near.said:
            self._warn(Warned(f"nothing is compared by its meaning: {near.said}"))
        return tuple((number, cosine) for digest, cosine in near.found for number in owners[digest])

    def vectors_of(self, index: Index, corpus: Numbered, numbers: Collection[int]) -> dict[int, Vector[float]]:
        """The vectors of some documents, in their order; those that have none are left out.

        A store that fails is a warning.
        """
        try:
            store = self._store
            if store is None:
                return {}
            owners = _owners_in(store, index, corpus)
            digests = {number: digest for digest, owned in owners.items() for number in owned}
            known = store.vectors(self.model, [digests[number] for number in numbers if number in digests])
        except StoreError as error:
            self._warn(Warned(f"nothing is compared by its meaning: {error.message}", error.hint))
            return {}
        return {number: known[digests[number]] for number in numbers if digests.get(number) in known}

    # --- the store --------------------------------------------------------------------------------------------------

    def _require_store(self) -> VectorStore:
        if self._store is None:
            raise StoreError("what is paid for could not be kept", hint="aiex doctor tells which directory is at fault")
        return self._store

    @cached_property
    def _store(self) -> VectorStore | None:
        """The vectors; None where there is no place for them."""
        if self.path is None:
            return None
        from aiex.context.shelf import Shelf
        from aiex.context.stores.vectors import VectorStore

        store = Shelf(VectorStore, self.path, self.warnings).store
        if store.path == self.path:
            return store
        store.close()
        return None

    def _warn(self, warning: Warned) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def close(self) -> None:
        """Close the store if it is open."""
        store = self.__dict__.get("_store")
        if store is not None:
            store.close()


def count_vectors(path: str) -> dict[str, int]:
    """How many vectors a file holds of each model; none when there is no file.

    Raises:
        StoreError: if it cannot be read.
    """
    if not os.path.exists(path):
        return {}
    from aiex.context.stores.vectors import VectorStore

    store = VectorStore(path)
    try:
        return store.counts()
    finally:
        store.close()


def _read_corpus(index: Index) -> Corpus:
    from aiex.context.search.corpus import Corpus

    return Corpus(index)


def _owners_in(store: VectorStore, index: Index, corpus: Numbered) -> dict[str, list[int]]:
    """By the digest of a text the documents that have it. Cost: about 10 µs a file."""
    owners: dict[str, list[int]] = {}
    for path, texts in store.files().items():
        file = corpus.numbers.get(path)
        if file is None or texts.state != _state_of(index, path):
            continue
        for number, digest in zip(_documents_of(corpus, file), texts.digests, strict=False):
            owners.setdefault(digest, []).append(number)
    return owners


def _documents_of(corpus: Numbered, file: int) -> range:
    return range(corpus.first_of[file], corpus.last_of[file])


def _state_of(index: Index, path: str) -> str:
    """Whatever makes the texts of a file other ones."""
    return f"{_FORM} {index.version} {index.seen[path].digest}"


def _texts_of(corpus: Corpus, path: str) -> list[str] | None:
    """The texts of the documents of a file; None when it is not any more as it was indexed."""
    documents = _documents_of(corpus, corpus.numbers[path])
    if not documents:
        return []
    index = corpus.index
    try:
        source = index.workspace.read(path, limit_bytes=index.limit_bytes)
    except AiexError:
        return None
    if fingerprint(source) != index.seen[path].digest:
        return None
    from aiex.guard.redact import redact_source

    lines = redact_source(source).split(b"\n")
    title = os.fsencode(path)
    return [
        _to_text(title, corpus.names[number], lines[corpus.starts[number] - 1 : corpus.ends[number]])
        for number in documents
    ]


def _to_text(title: bytes, name: str, lines: Sequence[bytes]) -> str:
    """What is embedded of a document: where it is, what it is called, and its lines."""
    head = [title, name.encode("utf-8", "surrogateescape")] if name else [title]
    return b"\n".join([*head, *lines]).decode("utf-8", "replace")[:MOST_CHARACTERS]


def _shorten(question: str) -> str:
    return question.strip()[:MOST_CHARACTERS]


def _digest(text: str) -> str:
    return fingerprint(text.encode("utf-8", "surrogatepass"))


def _to_bytes(named: tuple[str, str]) -> int:
    """The size of a text behind its digest."""
    return len(named[1].encode("utf-8", "replace"))
