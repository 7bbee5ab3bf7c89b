"""The index of a workspace: what lets the right code be found at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Events, Job, Work, answered
from aiex.events import Event
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.jobs.inspect import IndexState


@click.command("create")
@click.option("--anew", is_flag=True, help="Forget the present index first.")
@click.option("--watch", is_flag=True, help="Then keep it up to date while files change, until Ctrl-C.")
def create_index(*, anew: bool, watch: bool) -> Work:
    """Read the workspace into its index, or bring the index up to date.

    Only files that are new or changed are read. The index lies outside the repository; `aiex show index` tells where.
    With the setting context.embeddings, the vectors that are missing are asked for; --offline asks nobody.

    With --watch it says on stderr what it reads, and asks nobody for the vectors of what changes: the next question
    does. Ctrl-C ends it with 130 and SIGTERM with 143, as they end every command.
    """

    def prepare(services: Services) -> Job:
        from aiex.jobs.embedding import then_vectors

        def start() -> Events:
            created = then_vectors(_create(services, anew=anew), services.retrieval, services.embedder)
            return _watch(services, created) if watch else created

        return start

    return Work("create index", prepare, waits=True)


@click.command("show")
def show_index() -> Work:
    """Show what the index holds, where it lies, and whether it is up to date."""

    def prepare(services: Services) -> Job:
        return lambda: _show(services)

    return Work("show index", prepare)


@click.command("rm")
def rm_index() -> Work:
    """Remove the index of this workspace; it can be made again at any time."""

    def prepare(services: Services) -> Job:
        return lambda: _remove(services)

    return Work("rm index", prepare)


def _create(services: Services, *, anew: bool) -> Iterator[Event]:
    from aiex.jobs.briefing.words import count
    from aiex.jobs.inspect import index_state, show_size
    from aiex.jobs.relaying import tell_indexing

    index = services.index
    if anew:
        index.remove()
    read = 0
    for progressed in tell_indexing(services.retrieval.refresh()):
        read = progressed.total
        yield progressed
    yield from index.warnings
    state = index_state(index)
    what = f"{count(read, 'file')} read" if read else "up to date already"
    held = f"{count(state.pieces, 'piece')} of {count(state.files, 'file')}, {show_size(state.size_bytes)}"
    yield answered(f"{what}; {held}", {**_to_data(state), "read": read})


def _watch(services: Services, created: Events) -> Events:
    from aiex.context.watching import watch
    from aiex.jobs.watching import keep_fresh

    index = services.index
    return keep_fresh(
        created,
        services.retrieval,
        lambda listing: watch(services.open_workspace(), ignore=index.ignore, since=listing),
    )


def _show(services: Services) -> Iterator[Event]:
    from aiex.guard.neutral import printable_path
    from aiex.jobs.inspect import index_state, show_size

    index = services.index
    state, mapped = index_state(index), services.retrieval.count_mapped()
    data = {**_to_data(state), "mapped": mapped}
    yield from index.warnings
    if not state.files and not mapped:
        yield answered("there is no index yet\n\naiex create index makes it", data)
        return
    stale = f"{state.stale:,} of {state.listed:,} files are new or changed"
    rows = [
        ("files", f"{state.files:,}"),
        ("pieces", f"{state.pieces:,}"),
        ("segments", f"{state.segments:,}"),
        ("size", show_size(state.size_bytes)),
        ("state", stale if state.stale else "up to date"),
    ]
    if mapped:
        rows.append(("map", f"a first map of {mapped:,} files stands in for what is missing"))
    rows.append(("place", printable_path(state.place) if state.place else "memory only"))
    yield answered(columns(rows), data)


def _remove(services: Services) -> Iterator[Event]:
    from aiex.jobs.inspect import show_size

    index, quick = services.index, services.retrieval.quick
    if not index.heads() and not (quick.exists and quick.heads()):
        yield from index.warnings
        yield answered("there is no index", {"size_bytes": 0})
        return
    quick.drop()
    size = index.remove()
    yield from index.warnings
    yield answered(f"the index is gone ({show_size(size)})", {"size_bytes": size})


def _to_data(state: IndexState) -> dict[str, Any]:
    data = state._asdict()
    return {"files": data.pop("files"), "documents": data.pop("pieces"), **data}


NOUN = Noun({"create": create_index, "rm": rm_index, "show": show_index})
