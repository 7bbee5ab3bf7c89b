"""Upkeep of the tiers on disk, in the background: what was not used for long moves to the cold tier.

It runs when a bound is passed or once a day, in a thread with its own connections and in small transactions, so nobody
waits for it; stopped between two of them, it goes on in the next run.
"""

from collections.abc import Callable, Sequence
from threading import Event, Thread
from time import time_ns

from aiex.context.shelf import MEMORY, Shelf
from aiex.context.tiers._ledger import Bounds, Kept, in_batches
from aiex.context.tiers.cold import Cold
from aiex.context.tiers.warm import Warm
from aiex.errors import StoreError
from aiex.events import Warned
from aiex.sqlite import LockedStore


def tend(warm: Warm, cold: Shelf[Cold], bounds: Bounds, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Move and drop what is due; False when it was stopped or the cold tier failed.

    Raises:
        StoreError: if the warm tier fails.
    """
    warm.drop_notes()
    outdated = warm.find_outdated()
    for start in range(0, len(outdated), 100):
        warm.drop_outdated(outdated[start : start + 100])
        if stopped():  # only now, so that the shortest command does some of it
            return False
    idle = warm.find_idle(bounds.spare_facts // 2, time_ns() - bounds.unused_ns, int(warm.limit_bytes * bounds.share))
    for batch in in_batches(idle):
        if not demote(warm, cold, batch) or stopped():
            return False
    cold.tell(lambda store: clean(store, warm.version, bounds))
    warm.stamp_tended()
    return True


def demote(warm: Warm, cold: Shelf[Cold], batch: Sequence[Kept]) -> bool:
    """Move values down; whether that worked.

    A process that dies in between leaves values in both tiers, which is no harm: the warm one is asked first.
    """

    def take(found: list[tuple[Kept, bytes]]) -> bool:
        items = [(cold_name(one.kind, one.key, warm.version), value) for one, value in found]
        return cold.tell(lambda store: store.put_many(items))

    if cold.store.path == MEMORY != warm.path:  # there is no place for it: what stays in the warm tier is not lost
        return False
    return warm.hand_down(batch, take)


def clean(cold: Cold, version: str, bounds: Bounds) -> None:
    """Drop facts of other versions, and what goes beyond the bound."""
    ours = cold_name("facts", "", version)
    old = [key for key in cold.keys("facts/") if not key.startswith(ours)]
    for start in range(0, len(old), 100):
        cold.remove_many(old[start : start + 100], counted="evictions")
    if cold.statistics().size_bytes > cold.limit_bytes:
        cold.shrink(int(cold.limit_bytes * bounds.share))


def cold_name(kind: str, key: str, version: str) -> str:
    """The key of a warm value in the cold tier."""
    return f"facts/{version}/{key}" if kind == "facts" else f"item/{key}"


class Upkeep:
    """One upkeep in a thread of its own; it dies with the process, which harms nothing."""

    def __init__(
        self,
        make_warm: Callable[[], Warm],
        make_cold: Callable[[], Shelf[Cold]],
        bounds: Bounds,
        warnings: list[Warned],
    ) -> None:
        self._make_warm = make_warm
        self._make_cold = make_cold
        self._bounds = bounds
        self._warnings = warnings
        self._stop = Event()
        self._thread = Thread(target=self._run, name="aiex-upkeep", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it after the transaction it is in."""
        self._stop.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait until it has done everything."""
        self._thread.join()

    def _run(self) -> None:
        cold = self._make_cold()
        try:
            warm = self._make_warm()
            try:
                tend(warm, cold, self._bounds, self._stop.is_set)
            finally:
                warm.close()
        except LockedStore:  # others are at work; there is a next time
            return
        except StoreError as error:
            self._warnings.append(Warned(f"the cache cannot be tidied: {error.message}", error.hint))
        finally:
            cold.close()
