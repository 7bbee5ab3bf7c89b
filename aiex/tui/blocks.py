"""What a transcript is made of: blocks, each of one kind, that know what they say and not how it looks.

A block changes only by its own methods, which count `version` up, so whoever drew it knows whether to draw it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiex.markdown import Block as Piece

KEPT_LINES: Final = 400
"""Of what a command writes so many last lines are shown; the session has all of it."""

Tone = Literal["note", "good", "warning", "error", "seam"]
State = Literal["running", "waiting", "done", "failed", "refused"]


@dataclass(slots=True, eq=False)
class Block:
    """One thing on the transcript."""

    version: int = field(default=0, init=False)
    is_folded: bool = field(default=False, init=False)
    can_fold: bool = field(default=False, init=False)

    def touch(self) -> None:
        """Say that it looks different now."""
        self.version += 1

    def fold(self, is_folded: bool) -> None:
        """Show it short or in full."""
        if self.can_fold and is_folded != self.is_folded:
            self.is_folded = is_folded
            self.touch()

    def words(self) -> str:
        """Everything that it says, as text: to search in and to copy."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class Said(Block):
    """What the person said; where a turn begins."""

    text: str
    turn: int = 0
    attached: tuple[str, ...] = ()
    """What came along, by its names."""

    def words(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class Prose(Block):
    """A closed piece of an answer, or the one that still grows."""

    piece: Piece
    is_open: bool = False

    def words(self) -> str:
        return self.piece.text


@dataclass(slots=True, eq=False)
class Thought(Block):
    """What the model thought before it spoke; folded."""

    text: str = ""
    is_open: bool = True

    def __post_init__(self) -> None:
        self.can_fold = self.is_folded = True

    def add(self, text: str) -> None:
        """The next piece of it."""
        self.text += text
        self.touch()

    def words(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class Call(Block):
    """A tool call: what it is about, what it writes while it runs, and what came of it."""

    call_id: str
    name: str
    about: str = ""
    """On one line."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    state: State = "running"
    output: list[str] = field(default_factory=list)
    """The last lines, at most `KEPT_LINES`."""
    left_out: int = 0
    """How many lines came before them."""
    result: str = ""
    """Its first line says how it ended."""
    edits: list[tuple[str, str, int, int]] = field(default_factory=list)
    """Path, what happened to it, lines added, lines removed."""
    duration_ms: int | None = None
    rule: str = ""
    """The rule that asked or refused."""

    def __post_init__(self) -> None:
        self.can_fold = self.is_folded = True

    def write(self, text: str) -> None:
        """The next piece of what it writes."""
        if not text:
            return
        first, *more = text.split("\n")
        if self.output:
            self.output[-1] += first
        else:
            self.output.append(first)
        self.output += more
        if (excess := len(self.output) - KEPT_LINES) > 0:
            del self.output[:excess]
            self.left_out += excess
        self.touch()

    def words(self) -> str:
        return "\n".join([f"{self.name} {self.about}", *self.output, self.result])


@dataclass(slots=True, eq=False)
class Note(Block):
    """Something that happened beside the talk, in a line; more of it where it is opened."""

    text: str
    tone: Tone = "note"
    detail: str = ""

    def __post_init__(self) -> None:
        self.can_fold = self.is_folded = bool(self.detail)

    def words(self) -> str:
        return f"{self.text}\n{self.detail}" if self.detail else self.text


@dataclass(slots=True, eq=False)
class Output(Block):
    """The answer of a command, laid out by its own."""

    name: str
    text: str
    is_bad: bool = False

    def words(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class Closing(Block):
    """How a turn ended, computed from the log: files, checks, cost."""

    lines: tuple[tuple[str, Tone], ...]
    duration_ms: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None

    def words(self) -> str:
        return "\n".join(text for text, _ in self.lines)
