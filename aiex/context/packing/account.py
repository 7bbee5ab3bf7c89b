"""How much packing has saved of what was sent in a workspace, kept from run to run."""

import json
from typing import Any, NamedTuple, Protocol

from aiex.context.packing.packed import Effect

KEY = "packing"


class Notes(Protocol):
    """Keeps texts; `Engine` does."""

    def recall(self, key: str) -> str | None:
        """A text that `remember` kept."""

    def remember(self, key: str, value: str) -> None:
        """Keep a text."""


class Account(NamedTuple):
    """Sums over all packs that were sent."""

    packs: int = 0
    before_tokens: int = 0
    """Of all that was found for them, whole. Estimates, see `Effect`."""
    after_tokens: int = 0

    def with_effect(self, effect: Effect) -> "Account":
        """The sums with one more pack."""
        return Account(
            self.packs + 1, self.before_tokens + effect.before_tokens, self.after_tokens + effect.after_tokens
        )

    def to_data(self) -> dict[str, Any]:
        """The same as JSON."""
        saved = 1 - self.after_tokens / self.before_tokens if self.before_tokens else 0.0
        return {**self._asdict(), "saved_share": round(max(saved, 0.0), 4)}


def read_account(notes: Notes) -> Account:
    """The sums so far; zeros when there are none, or none that can be read."""
    try:
        known = json.loads(notes.recall(KEY) or "[]")
    except ValueError:
        return Account()
    if not isinstance(known, list) or len(known) != len(Account._fields) or not all(type(one) is int for one in known):
        return Account()
    return Account(*known)


def book(notes: Notes, effect: Effect) -> None:
    """Count a pack that was sent; of two processes that do so in the same millisecond, one may not be counted."""
    notes.remember(KEY, json.dumps(read_account(notes).with_effect(effect)))
