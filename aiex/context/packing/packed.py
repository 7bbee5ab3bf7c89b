"""What packing gives: the text, what it holds of each candidate, and how much was saved."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class Ranked(Protocol):
    """A span that a ranking found, lines from 1, the last included."""

    @property
    def path(self) -> str: ...
    @property
    def start_line(self) -> int: ...
    @property
    def end_line(self) -> int: ...
    @property
    def why(self) -> Any: ...


class Candidate(NamedTuple):
    """A span that may be packed; anything with `path`, `start_line`, `end_line` and `why` will do as well."""

    path: str
    start_line: int
    end_line: int
    symbol: str = ""
    score: float = 0.0
    why: Any = ""
    focus: Sequence[int] = ()
    """Lines that matter most, shown when the rest of the span is left out."""
    must: bool = False
    """Packed before all that is not, as much of it as fits."""


class Part(NamedTuple):
    """What of a candidate is in a pack."""

    path: str
    start_line: int
    end_line: int
    level: str
    """whole, code, elided, signature or outline."""
    why: Any
    tokens: int
    """That it added; 0 for one that lies in others."""


class Dropped(NamedTuple):
    """A candidate that is not in a pack."""

    path: str
    start_line: int
    end_line: int
    reason: str
    """`no room`; `known` for one that the conversation holds already; `not readable` for what is not there any more;
    `long lines` for data, which is never sent."""


class Effect(NamedTuple):
    """What packing saved."""

    before_tokens: int
    """All candidates whole, each line once. An estimate: files that were not opened count by the lines of the rest."""
    after_tokens: int
    levels: dict[str, int]
    """How many candidates are delivered at which level; `drop` for those that are not."""

    def to_data(self) -> dict[str, Any]:
        """The same as JSON."""
        saved = 1 - self.after_tokens / self.before_tokens if self.before_tokens else 0.0
        return {**self._asdict(), "saved_share": round(max(saved, 0.0), 4)}


class Pack(NamedTuple):
    """Code that fits a budget, as a text for a model."""

    text: str
    tokens: int
    """Of the text as a whole, counted."""
    parts: tuple[Part, ...]
    """In the order of the text."""
    dropped: tuple[Dropped, ...]
    """In the order of the candidates."""
    effect: Effect
    delivered: dict[str, list[tuple[int, int]]]
    """The verbatim lines of each file, as ranges, in the order of the text."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files in the order of the text."""
        return tuple(dict.fromkeys(part.path for part in self.parts))

    def to_data(self) -> dict[str, Any]:
        """The same as JSON, but for the text."""
        return {
            "tokens": self.tokens,
            "parts": [part._asdict() for part in self.parts],
            "dropped": [one._asdict() for one in self.dropped],
            "delivered": {path: [list(span) for span in spans] for path, spans in self.delivered.items()},
            "effect": self.effect.to_data(),
        }
