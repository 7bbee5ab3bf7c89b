"""What is known about the code of a workspace as the settings want it; its caches lie outside the repository."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiex import dirs
from aiex.errors import UsageError
from aiex.events import Warned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.context.engine import Engine
    from aiex.context.retrieval import Retrieval
    from aiex.context.search.index import Index
    from aiex.context.vectors.filling import Embed
    from aiex.guard.sandbox.files import Workspace
    from aiex.settings import Settings


def open_code(settings: Settings, workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Engine:
    """What is known about the code, file by file; nothing is read before it is asked for.

    Args:
        settings: `context.workers` and `context.ignore` count.
        workspace: The files.
        environ: Says where the caches of the person are.
    """
    from aiex.context.engine import open_engine

    place, problem = _find_cache(workspace.root, "code.db", environ)
    engine = open_engine(
        workspace,
        cache_path=place,
        workers=settings.get("context.workers"),
        ignore=settings.get("context.ignore"),
    )
    engine.warnings += problem
    return engine


def open_index(settings: Settings, workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Index:
    """Where words, names and imports occur in the code; takes what `open_code` takes."""
    from aiex.context.facts import PARSE_LIMIT_BYTES
    from aiex.context.search.index import Index
    from aiex.context.version import parser_version

    place, problem = _find_cache(workspace.root, "index.db", environ)
    index = Index(
        workspace,
        place,
        version=parser_version(),
        workers=settings.get("context.workers"),
        ignore=settings.get("context.ignore"),
        limit_bytes=PARSE_LIMIT_BYTES,
    )
    index.warnings += problem
    return index


def open_retrieval(index: Index, *, embeddings: str = "", embed: Embed | None = None) -> Retrieval:
    """Finds the code that a request needs; what it learns lies beside the index.

    Args:
        index: Of the workspace.
        embeddings: Whose vectors count, as `provider/model`; empty for nobody's.
        embed: Makes vectors; None where nobody may be asked: those that are there are compared, and none is made.
    """
    from aiex.context.retrieval import Retrieval

    folder = os.path.dirname(index.path) if index.path else ""
    vectors = os.path.join(folder, "vectors.db") if folder else None
    retrieval = Retrieval(index, os.path.join(folder, "history.db") if folder else None, vectors_path=vectors)
    if embeddings:
        from aiex.context.meaning import Meaning

        retrieval.meaning = Meaning(embeddings, vectors, embed or _embed_nothing)
    return retrieval


def _find_cache(root: str, name: str, environ: Mapping[str, str]) -> tuple[str | None, list[Warned]]:
    """The file of that name that keeps what was parsed, or what to say when there is no place to write."""
    folder = dirs.workspace_dir(dirs.cache_dir(environ), root)
    try:
        return os.path.join(dirs.ensure(folder), name), []
    except OSError as error:
        message = f"what is parsed cannot be kept in {folder}: {error.strerror}"
        return None, [Warned(message, "aiex doctor tells more")]


async def _embed_nothing(texts: Sequence[str]) -> Sequence[Sequence[float]]:
    """Offline, vectors that are there are compared and none is made."""
    raise UsageError(f"{len(texts)} texts have no vectors, and nobody may be asked for them")
