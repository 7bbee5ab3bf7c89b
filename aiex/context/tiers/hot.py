"""The hot tier: facts in memory, bounded by bytes, least recently used out first."""

from collections import OrderedDict
from threading import Lock

from aiex.context.facts import FileFacts

LIMIT_BYTES = 64_000_000
BYTES_PER_ROW = 250
"""What one symbol or reference takes in memory, names included (measured over the Python library)."""


class Hot:
    """A mapping from content key to facts; safe for threads."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._facts: OrderedDict[str, tuple[FileFacts, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> FileFacts | None:
        """The facts under a key, None when they are not here."""
        with self._lock:
            item = self._facts.get(key)
            if item is None:
                return None
            self._facts.move_to_end(key)
            return item[0]

    def put(self, key: str, facts: FileFacts) -> None:
        """Keep facts; what was used longest ago leaves when the bound is reached."""
        rows = len(facts.symbols) + len(facts.references) + len(facts.imports) + len(facts.faults) + len(facts.effects)
        size = 500 + BYTES_PER_ROW * rows
        with self._lock:
            old = self._facts.pop(key, None)
            self.size_bytes += size - (old[1] if old else 0)
            self._facts[key] = (facts, size)
            while self.size_bytes > self.limit_bytes and len(self._facts) > 1:
                _, (_, freed) = self._facts.popitem(last=False)
                self.size_bytes -= freed
