"""Which files of a repository change while somebody watches: batches for the doors that live long.

The listing has the last word on what belongs to the repository. The system only says that it is worth looking, by
`watchfiles` when that is installed; else there is a look every few seconds, seldomer the longer nothing happens and
the longer a look takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from aiex.context.listing import ALWAYS_SKIPPED, FileEntry, Listing, list_files
from aiex.errors import StoreError
from aiex.guard.sandbox.watch import SystemWatch

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from aiex.guard.sandbox.files import Workspace

Way = Literal["watchfiles", "polling"]
Pause = Callable[[float], Awaitable[object]]
T = TypeVar("T")

SHORTEST_S = 1.0
"""Between two looks while something happens,"""
LONGEST_S = 8.0
"""and when nothing does."""
SLOWER = 1.5
"""Each look that sees nothing makes the next one so much later."""
SHARE = 25
"""A look that takes 40 ms is not repeated within a second: watching takes 4 % of a core at most."""
SETTLE_S = 0.15
"""After changes were seen there is another look so soon, as they seldom come alone,"""
MOST_LOOKS = 10
"""until one sees nothing, but no more than so many."""
_THREAD = "aiex-watch"


class Changes(NamedTuple):
    """What changed since the batch before, in order; paths as in a listing."""

    changed: tuple[str, ...]
    """Files that are new or were written."""
    gone: tuple[str, ...]
    """Files that were removed, renamed, or are ignored now."""

    def then(self, later: Changes) -> Changes:
        """Both as one: what is true in the end."""
        changed = set(self.changed).difference(later.gone).union(later.changed)
        gone = set(self.gone).difference(later.changed).union(later.gone)
        return Changes(tuple(sorted(changed)), tuple(sorted(gone)))


NOTHING = Changes((), ())


class Poller:
    """Looks at the repository and says what changed since the last look. Not safe for threads."""

    def __init__(self, workspace: Workspace, *, ignore: Sequence[str] = (), since: Listing | None = None) -> None:
        self.workspace = workspace
        self.ignore = tuple(ignore)
        self._listing = since
        self._known = _by_path(since) if since is not None else {}

    def look(self, told: Iterable[str] = ()) -> Changes:
        """What changed since the last look, or since the listing given at first; the first without one sees nothing.

        Args:
            told: Files that the system says were written, though size and times may be the same.

        Cost: a walk that asks the ignore rules about new names only, as a listing of the engine.
        """
        before = self._listing
        kept = [] if before is None else [*self._known, *before.folders]
        listing = list_files(
            self.workspace,
            extra_patterns=self.ignore,
            kept=kept,
            ignored=() if before is None else before.ignored,
            rules="" if before is None else before.rules,
        )
        known, old = _by_path(listing), self._known
        self._listing, self._known = listing, known
        if before is None:
            return NOTHING
        changed = {path for path, entry in known.items() if old.get(path) != entry}
        changed.update(path for path in told if path in known)
        return Changes(tuple(sorted(changed)), tuple(sorted(old.keys() - known.keys())))

    def may_matter(self, path: str) -> bool:
        """Whether a look could see this change: not in a folder, and of no name, that the last one found ignored."""
        if self._listing is None:
            return True
        *folders, name = path.split("/")
        if not ALWAYS_SKIPPED.isdisjoint(folders) or name in ALWAYS_SKIPPED:
            return False
        ignored = self._listing.ignored
        within = "".join(f"{folder}/" for folder in folders)
        inside = any(within[: end + 1] in ignored for end, letter in enumerate(within) if letter == "/")
        return not inside and path not in ignored and f"{path}/" not in ignored


def _by_path(listing: Listing) -> dict[str, FileEntry]:
    return {entry.path: entry for entry in listing.files}


class Pace:
    """How long to wait before the next look."""

    def __init__(self) -> None:
        self._wait_s = SHORTEST_S

    def next_s(self, cost_s: float, *, is_busy: bool) -> float:
        """Seconds to wait after a look that took so long and did, or did not, see a change."""
        least = max(SHORTEST_S, SHARE * cost_s)
        self._wait_s = least if is_busy else min(max(LONGEST_S, least), max(least, SLOWER * self._wait_s))
        return self._wait_s


class Watch:
    """An async iterator of batches; whoever iterates closes it: `async with aclosing(watch(...)) as batches`.

    Looking is done in a thread of its own, which is gone when iterating was cancelled or closed; that takes as long as
    the look it was at.
    """

    def __init__(self, poller: Poller, way: Way | Literal["auto"], pause: Pause) -> None:
        self.poller = poller
        self.pause = pause
        self.way: Way = "polling"
        """By what changes are noticed; turns to polling when the system gives up."""
        self.said = ""
        """Why there is polling, for a person; empty when nothing is to be said."""
        self._system = self._open_system() if way != "polling" else None
        self._batches = self._run()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Changes:
        return await anext(self._batches)

    async def aclose(self) -> None:
        """End it. To end it while somebody waits for the next batch, cancel that."""
        await self._batches.aclose()

    def _open_system(self) -> SystemWatch | None:
        try:
            system = SystemWatch(self.poller.workspace.root)
        except ImportError:
            self.said = "watchfiles is not installed: changes are looked for every few seconds"
            return None
        self.way = "watchfiles"
        return system

    async def _run(self) -> AsyncGenerator[Changes, None]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1, _THREAD) as thread:
            if self.poller._listing is None:
                await self._await(thread, self.poller.look)
            if self._system is not None:
                async for batch in self._follow(thread, self._system):
                    yield batch
            async for batch in self._poll(thread):
                yield batch

    async def _follow(self, thread: ThreadPoolExecutor, system: SystemWatch) -> AsyncGenerator[Changes, None]:
        """Batches as the system tells of them, until it cannot any more."""
        while True:
            try:
                told = await self._await(thread, system.wait)
            except StoreError as error:
                self.way, self.said = "polling", f"{error.message}: changes are looked for every few seconds"
                return
            if told is None:
                return
            matters = [path for path in told if self.poller.may_matter(path)]
            batch = NOTHING if told and not matters else await self._await(thread, self.poller.look, matters)
            if batch != NOTHING:
                yield batch

    async def _poll(self, thread: ThreadPoolExecutor) -> AsyncGenerator[Changes, None]:
        """Batches by looking, for ever."""
        pace, wait_s = Pace(), SHORTEST_S
        while True:
            await self.pause(wait_s)
            began = perf_counter()
            batch = await self._await(thread, self.poller.look)
            wait_s = pace.next_s(perf_counter() - began, is_busy=batch != NOTHING)
            if batch != NOTHING:
                yield await self._settle(thread, batch)

    async def _settle(self, thread: ThreadPoolExecutor, batch: Changes) -> Changes:
        """The batch and what follows it closely."""
        for _ in range(MOST_LOOKS):
            await self.pause(SETTLE_S)
            more = await self._await(thread, self.poller.look)
            if more == NOTHING:
                break
            batch = batch.then(more)
        return batch

    async def _await(self, thread: ThreadPoolExecutor, call: Callable[..., T], *args: Any) -> T:
        """The result of a call in the thread; when cancelled, not before the call has ended."""
        task = asyncio.get_running_loop().run_in_executor(thread, call, *args)
        try:
            return await asyncio.shield(task)
        finally:
            if not task.done():
                if self._system is not None:
                    self._system.stop()
                await asyncio.wait([task])
                task.exception()  # what it failed of matters to nobody any more


def watch(
    workspace: Workspace,
    *,
    ignore: Sequence[str] = (),
    since: Listing | None = None,
    way: Way | Literal["auto"] = "auto",
    pause: Pause = asyncio.sleep,
) -> Watch:
    """Batches of files that change in a workspace, each with everything that came closely together.

    Args:
        workspace: Where; what its listing leaves out is not told of.
        ignore: Further ignore patterns in gitignore form, as for the listing.
        since: Tell what changed since this listing; without it, since iterating began.
        way: `polling` never asks the system; `auto` does where `watchfiles` is installed.
        pause: Waits so many seconds.

    Cost: while polling at most 1/25 of a core, and a change is seen after 1 to 8 s, later where a walk takes longer
    than 40 ms; with `watchfiles` a walk for each batch, after 50 ms without further changes, and one a minute.
    """
    return Watch(Poller(workspace, ignore=ignore, since=since), way, pause)
