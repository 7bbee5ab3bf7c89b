"""The tiered memory of one workspace: values come from the fastest tier that has them and rise when they are used.

Hot (Python objects) before warm (SQLite) before cold (SQLite, compressed). What comes from a slower tier is put into
the hot one at once and into the warm one with the next save. What is not used moves down by upkeep in the background.
"""

import os
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from aiex.context.facts import FileFacts, without_uses
from aiex.context.shelf import MEMORY, Shelf
from aiex.context.tiers import Statistics
from aiex.context.tiers._ledger import Bounds, Kept
from aiex.context.tiers.hot import Hot
from aiex.context.tiers.warm import FactsRow, FileRow, Warm, decode, unpack_facts
from aiex.events import Warned

if TYPE_CHECKING:
    from aiex.context.tiers.cold import Cold
    from aiex.context.upkeep import Upkeep

T = TypeVar("T")
LOOK_EVERY_S = 60.0
"""A long-lived process looks this often, after a save, whether upkeep is due."""
SETTLE_EVERY = 500


class Memory:
    """What was learned about one workspace. Reading is safe for threads, also while another thread saves."""

    def __init__(self, path: str | None, version: str, warnings: list[Warned]) -> None:
        """A memory that keeps its files beside `path` (the warm tier's); None keeps everything in memory.

        Args:
            version: Facts of other versions are as good as missing.
            warnings: Where troubles are told.
        """
        self.version = version
        self.warnings = warnings
        self.hot = Hot()
        self.path = path or MEMORY
        folder = os.path.dirname(self.path)
        self.cold_path = MEMORY if self.path == MEMORY else os.path.join(folder, "cold.db")
        self.warm_shelf = Shelf(lambda place: Warm(place, version), self.path, warnings)
        self.cold_shelf = self._make_cold_shelf()
        self._rising_facts: dict[str, FactsRow] = {}
        self._rising: dict[str, bytes] = {}
        self._leaving: dict[str, Kept] = {}
        """What is rising, as the cold tier knows it."""
        self._upkeep: Upkeep | None = None
        self._looked_at = -LOOK_EVERY_S
        self._told: set[int] = set()

    @property
    def warm(self) -> Warm:
        """The warm tier."""
        return self.warm_shelf.store

    # --- values by key ----------------------------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """A value that was put here, from the fastest tier that has it."""
        value: bytes | None = self.hot.get(f"item/{key}")
        if value is not None:
            return value
        value = self.warm_shelf.ask(lambda warm: warm.get(key), None)
        if value is None:
            kept, value = self._from_cold(f"item/{key}")
            if value is not None:
                self._rising[key] = value
                self._rise(kept)
        if value is not None:
            self.hot.put(f"item/{key}", value)
        return value

    def put(self, key: str, value: bytes) -> None:
        """Keep a value in the hot and the warm tier; it is on disk when this returns, if there is one to write."""
        name = f"item/{key}"
        self._rising.pop(key, None)
        self.hot.put(name, value)
        old = self.cold_shelf.ask(lambda cold: cold.find(name), None) if self._has_cold() else None
        if self.warm_shelf.tell(lambda warm: warm.put(key, value)) and old is not None:
            self.cold_shelf.tell(lambda cold: cold.let_go([old]))

    def archive(self, key: str, value: bytes) -> None:
        """Keep a value in the cold tier only, for what will hardly be asked for."""
        self._rising.pop(key, None)
        if self.cold_shelf.tell(lambda cold: cold.put(f"item/{key}", value)):
            self.hot.remove(f"item/{key}")
            self.warm_shelf.tell(lambda warm: warm.remove(key))

    def remove(self, key: str) -> None:
        """Forget a value everywhere."""
        self._rising.pop(key, None)
        self.hot.remove(f"item/{key}")
        self.warm_shelf.tell(lambda warm: warm.remove(key))
        if self._has_cold():
            self.cold_shelf.tell(lambda cold: cold.remove(f"item/{key}"))

    # --- facts ------------------------------------------------------------------------------------------------------

    def facts(self, key: str) -> FileFacts | None:
        """All facts of a content; None when they are not known with their uses."""
        known: FileFacts | None = self.hot.get(key)
        if known is None:
            known = self.warm_shelf.ask(lambda warm: warm.facts(key), None) or self._facts_from_cold(key, uses=True)
            if known is not None:
                self.hot.put(key, known)
        return known

    def light_facts(self, keys: Sequence[str]) -> dict[str, FileFacts]:
        """Facts without uses of many contents; those that are not known are left out."""
        found = {key: known for key in keys if (known := self.hot.get(f"light/{key}")) is not None}
        rest = [key for key in keys if key not in found]
        nothing: dict[str, FileFacts] = {}
        read = self.warm_shelf.ask(lambda warm: dict(warm.light_facts(rest)), nothing) if rest else nothing
        for key in rest:
            known = read.get(key) or self._facts_from_cold(key, uses=False)
            if known is not None:
                self.hot.put(f"light/{key}", known)
                found[key] = known
        return found

    def mark_stale(self, keys: Iterable[str]) -> None:
        """Say that no file has these contents any more: they leave the hot tier first."""
        for key in keys:
            self.hot.mark_stale(key)
            self.hot.mark_stale(f"light/{key}")

    def save(
        self, files: Sequence[FileRow], facts: Sequence[FactsRow], gone: Sequence[str], *, known_files: int
    ) -> None:
        """Write rows to the warm tier; when it cannot be written, facts stay in the hot one as far as they fit.

        Args:
            gone: Paths to forget.
            known_files: How many files there are now, which tells how many facts are spare.
        """
        if not self.warm_shelf.tell(lambda warm: warm.save(files, facts, gone)):
            self._keep_hot(facts)
        self.settle()
        self._tend_if_due(known_files)

    # --- upkeep -----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Move what was found in the cold tier to the warm one."""
        facts, items = self._rising_facts, self._rising
        if not facts and not items:
            return
        leaving = list(self._leaving.values())
        self._rising_facts, self._rising, self._leaving = {}, {}, {}
        rows, pairs = list(facts.values()), list(items.items())
        if self.warm_shelf.tell(lambda warm: warm.take_back(rows, pairs)):
            self.cold_shelf.tell(lambda cold: cold.let_go(leaving, counted="promotions"))

    def tend(self, bounds: Bounds | None = None) -> bool:
        """Do the upkeep now, due or not; whether it came to its end."""
        from aiex.context.upkeep import tend

        self.settle()
        return self.warm_shelf.ask(lambda warm: tend(warm, self.cold_shelf, bounds or Bounds()), False)

    def wait(self) -> None:
        """Wait for upkeep that runs in the background."""
        if self._upkeep is not None:
            self._upkeep.wait()

    def statistics(self) -> list[dict[str, str | int]]:
        """What each tier holds and did, fastest first: the fields of `Statistics`, and the size of its file."""
        cold = Statistics("cold", 0, 0, 0, 0, 0, 0, 0, 0)
        if self._has_cold():
            cold = self.cold_shelf.ask(lambda store: store.statistics(), cold)
        warm = self.warm_shelf.ask(Warm.statistics, Statistics("warm", 0, 0, 0, 0, 0, 0, 0, 0))
        tiers = ((self.hot.statistics(), ""), (warm, self.path), (cold, self.cold_path))
        return [{**tier._asdict(), "file_bytes": _file_bytes(path)} for tier, path in tiers]

    def close(self) -> None:
        """Stop the upkeep, write what has risen, and close the files."""
        if self._upkeep is not None:
            self._upkeep.stop()
        self.settle()
        self.warm_shelf.close()
        self.cold_shelf.close()

    def _tend_if_due(self, known_files: int) -> None:
        if monotonic() - self._looked_at < LOOK_EVERY_S or (self._upkeep is not None and self._upkeep.is_running):
            return
        self._looked_at = monotonic()
        bounds = Bounds()
        if not self.warm_shelf.ask(lambda warm: warm.is_due(known_files, bounds), False):
            return
        if self.warm.path == MEMORY:
            self.warm_shelf.tell(lambda warm: warm.shrink(int(warm.limit_bytes * bounds.share)))
        else:
            from aiex.context.upkeep import Upkeep

            self._upkeep = Upkeep(lambda: Warm(self.path, self.version), self._make_cold_shelf, bounds, self.warnings)

    def _make_cold_shelf(self) -> "Shelf[Cold]":
        def make(path: str) -> "Cold":
            from aiex.context.tiers.cold import Cold

            return Cold(path)

        return Shelf(make, self.cold_path, self.warnings)

    def _has_cold(self) -> bool:
        return self.cold_shelf.is_open or (self.cold_path != MEMORY and os.path.lexists(self.cold_path))

    def _from_cold(self, name: str) -> tuple[Kept | None, bytes | None]:
        """A value of the cold tier; a look costs nothing where there is no such tier yet."""
        if not self._has_cold():
            return None, None
        kept = self.cold_shelf.ask(lambda cold: cold.find(name), None)
        value = self.cold_shelf.ask(lambda cold: cold.get(name), None)
        for codec in self.cold_shelf.store.unknown_codecs - self._told:
            self._told.add(codec)
            self.warnings.append(Warned(f"some of {self.cold_path} was packed by a newer Python (codec {codec})"))
        return kept, value

    def _facts_from_cold(self, key: str, *, uses: bool) -> FileFacts | None:
        kept, packed = self._from_cold(self._cold_name(key))
        row = unpack_facts(key, packed) if packed is not None else None
        if row is None or (uses and row.heavy is None):
            return None
        facts = decode(row.light, row.heavy if uses else None)
        if facts is not None:
            self._rising_facts[key] = row
            self._rise(kept)
        return facts

    def _rise(self, kept: Kept | None) -> None:
        """What was found moves up later, many at a time."""
        if kept is not None:
            self._leaving[kept.key] = kept
        if len(self._rising_facts) + len(self._rising) >= SETTLE_EVERY:
            self.settle()

    def _cold_name(self, key: str) -> str:
        return f"facts/{self.version}/{key}"

    def _keep_hot(self, facts: Sequence[FactsRow]) -> None:
        for row in facts:
            known = decode(row.light, row.heavy)
            if known is not None:
                self.hot.put(f"light/{row.key}", without_uses(known))
                if row.heavy is not None:
                    self.hot.put(row.key, known)


def _file_bytes(path: str) -> int:
    try:
        return os.path.getsize(path) if path not in ("", MEMORY) else 0
    except OSError:
        return 0
