"""Indexes over small real trees, and all that one holds, in a form to compare."""

import os
import sqlite3
from array import array
from pathlib import Path

from aiex.context.search.corpus import Corpus
from aiex.context.search.index import Index, Progress
from aiex.context.search.segment import join_segments
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.search.sources import read_postings

OLD_NS = 1_600_000_000_000_000_000
"""Long ago, so that nobody has to doubt the time stamp."""

Held = dict[str, list[tuple[int, int, str, str, int, dict[str, int]]]]


def write(root: Path, path: str, text: str | bytes, mtime_ns: int = OLD_NS) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(place, ns=(mtime_ns, mtime_ns))
    return place


def index_on(
    root: Path, store: Path | None = None, *, workers: int = 1, ignore: tuple[str, ...] = (), version: str = "v"
) -> Index:
    return Index(
        Workspace(str(root)),
        str(store) if store else None,
        version=version,
        workers=workers,
        ignore=ignore,
        limit_bytes=1_000_000,
    )


def refresh(index: Index) -> list[Progress]:
    return list(index.refresh())


def held_by(index: Index) -> Held:
    """For each file its documents: lines, name, kind, length and terms."""
    held: Held = {}
    for live in index.segments():
        whole = index.shelf.store.read(live.head)
        assert whole is not None
        segment = join_segments([whole], [live.dead])
        terms: list[dict[str, int]] = [{} for _ in segment.names]
        for term, counts in read_postings(segment).items():
            for number, count in counts.items():
                terms[number][term] = count
        for file in segment.files:
            assert file.path not in held
            held[file.path] = []
        columns = [array(kind, column) for kind, column in zip("HIIH", segment[1:5], strict=True)]
        for owner, start, end, length, name, kind, said in zip(
            *columns, segment.names, segment.kinds, terms, strict=True
        ):
            held[segment.files[owner].path].append((start, end, name, kind, length, said))
    return held


def find(index: Index, term: str) -> list[str]:
    """Files with a term, as a ranking is told."""
    corpus = Corpus(index)
    return sorted(
        {
            corpus.paths[corpus.file_of[part.first + number]]
            for part in corpus.postings(term)
            for number in part.documents
        }
    )


def change_store(store: Path, statement: str) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute(statement)
    connection.close()
