"""Notices a model that goes round in circles: the same call with the same result, nothing but failures, empty words."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from aiex.digest import fingerprint
from aiex.errors import AiexError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiex.events import ToolFinished
    from aiex.messages import ToolCall

WARN_AT: Final = 3
"""So often the same call gives the same before the model is told."""
STOP_AT: Final = 6
"""So often before the loop ends."""
MOST_FAILED_TURNS: Final = 12
"""So many answers in a row whose calls all failed."""
MOST_EMPTY: Final = 2
"""So many answers in a row without words and calls."""
MOST_CUT: Final = 3
"""So many answers in a row that were cut at the model's limit."""
_ENCODE: Final = json.JSONEncoder(sort_keys=True, default=str).encode


class Stuck(AiexError):
    """The model does not come on."""

    exit_code = 1


class Progress:
    """Of one loop."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._failed_turns = 0
        self._empty = 0
        self._cut = 0

    def count_result(self, call: ToolCall, finished: ToolFinished) -> int:
        """How often this call gave this result, this time included."""
        asked = _ENCODE([call.name, call.arguments])
        mark = fingerprint(f"{asked}\n{finished.text}".encode("utf-8", "surrogatepass"))
        self._seen[mark] += 1
        return self._seen[mark]

    def note_turn(self, finished: Iterable[ToolFinished], counts: Iterable[int]) -> None:
        """Look at what came of an answer's calls. Raises Stuck."""
        results = list(finished)
        self._empty = self._cut = 0
        self._failed_turns = self._failed_turns + 1 if results and all(one.is_error for one in results) else 0
        if any(count >= STOP_AT for count in counts):
            raise Stuck(
                f"the model made the same call {STOP_AT} times with the same result",
                hint="ask in other words, or another model",
            )
        if self._failed_turns >= MOST_FAILED_TURNS:
            raise Stuck(
                f"every call failed in {MOST_FAILED_TURNS} answers in a row; the last: {results[-1].text[:200]}",
                hint="look at the session: aiex show session",
            )

    def note_change(self) -> None:
        """Something changed, so the same call may give something else now."""
        self._seen.clear()

    def may_be_empty(self) -> bool:
        """Whether an answer without words may be asked for once more."""
        self._empty += 1
        return self._empty <= MOST_EMPTY

    def may_be_cut(self) -> bool:
        """Whether a cut answer may be gone on with."""
        self._cut += 1
        return self._cut <= MOST_CUT
