"""What a transcript is made of: blocks, each of one kind, that know what they say and not how it looks.

A block changes only by its own methods, which count `version` up, so whoever drew it knows whether to draw it again.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Final, Literal

from aiex.markdown import Block as Piece
from aiex.markdown import spans

FOLDED_LINES: Final = 30
"""Longer wishes, such as pasted logs, are folded."""
MOST_HINT_LINES: Final = 3
KEPT_CHARS: Final = 4_000
"""And of each so many last characters."""
KEPT_LINES: Final = 400
"""Of what a command writes so many last lines are shown; the session has all of it."""

Tone = Literal["note", "good", "warning", "error", "seam"]
State = Literal["running", "waiting", "done", "failed", "refused"]


@dataclass(slots=True, eq=False)
class Block:
    """One thing on the transcript."""

    number: int = field(default=0, init=False)
    """Its place in the story, which stays when a past is put before."""
    version: int = field(default=0, init=False)
    is_folded: bool = field(default=False, init=False)
    can_fold: bool = field(default=False, init=False)
    is_gone: bool = field(default=False, init=False)
    """It was taken back: the model does not know it any more."""

    def touch(self) -> None:
        """Say that it looks different now."""
        self.version += 1

    def fold(self, is_folded: bool) -> None:
        """Show it short or in full."""
        if self.can_fold and is_folded != self.is_folded:
            self.is_folded = is_folded
            self.touch()

    @property
    def is_live(self) -> bool:
        """Whether it may still change of its own."""
        return False

    @abstractmethod  # for the checker; a metaclass for it would slow down each `match` on a kind
    def words(self) -> str:
        """Everything that it says, as text: to search in and to copy."""


@dataclass(slots=True, eq=False)
class Said(Block):
    """What the person said; where a turn begins."""

    text: str
    turn: int = 0
    attached: tuple[str, ...] = ()
    """What came along, by its names."""

    def __post_init__(self) -> None:
        self.can_fold = self.is_folded = self.text.count("\n") >= FOLDED_LINES

    def words(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class Prose(Block):
    """A closed piece of an answer, or the one that still grows."""

    piece: Piece
    is_open: bool = False

    @property
    def is_live(self) -> bool:
        return self.is_open

    def words(self) -> str:
        return plain(self.piece)


@dataclass(slots=True, eq=False)
class Thought(Block):
    """What the model thought before it spoke; folded."""

    text: str = ""
    is_open: bool = True
    count: int = 0
    """Its words, about."""

    def __post_init__(self) -> None:
        self.can_fold = self.is_folded = True

    @property
    def is_live(self) -> bool:
        return self.is_open

    def add(self, text: str) -> None:
        """The next piece of it."""
        self.text += text
        self.count += text.count(" ") + text.count("\n")
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
    state: State = "running"
    output: list[str] = field(default_factory=list)
    """The last lines, at most `KEPT_LINES`; the very last may end with `\\r`, so that what comes is written over it."""
    left_out: int = 0
    """How many lines came before them."""
    result: str = ""
    """Its first line says how it ended."""
    edits: list[tuple[str, str, int, int]] = field(default_factory=list)
    """Path, what happened to it, lines added, lines removed."""
    duration_ms: int | None = None
    rule: str = ""
    """Who allowed or refused it, and by which rule; empty where nobody had to."""
    exit_code: int | None = None
    """Of a command."""

    def __post_init__(self) -> None:
        self.can_fold = self.is_folded = True

    @property
    def is_live(self) -> bool:
        return self.state in ("running", "waiting")

    def write(self, text: str) -> None:
        """The next piece of what it writes; a line that is written over with `\\r`, such as of progress, is one."""
        if not text:
            return
        first, *more = text.split("\n")
        before = self.output.pop() if self.output else ""
        self.output += [_last_of(line) for line in (before + first, *more)]
        if (excess := len(self.output) - KEPT_LINES) > 0:
            del self.output[:excess]
            self.left_out += excess
        self.touch()

    def shown(self) -> list[str]:
        """The lines that it wrote."""
        return [line.rstrip("\r") for line in self.output]

    def facts(self) -> list[str]:
        """What is known of how it went, in a few words each."""
        facts = []
        if self.exit_code is not None:
            facts.append(f"exit {self.exit_code}")
        if self.duration_ms is not None and self.duration_ms >= 1000:
            facts.append(f"{self.duration_ms / 1000:.1f} s")
        return facts

    def problem(self) -> str:
        """The line that says best what went wrong: of a command the last one it wrote, else the first of the result."""
        lines = [line for line in self.result.split("\n") if line.strip()]
        if self.exit_code is None:
            return lines[0].strip() if lines else ""
        wrote = [line for line in self.shown() if line.strip()] or lines[1:]
        return wrote[-1].strip() if wrote else ""

    def words(self) -> str:
        return "\n".join([f"{self.name} {self.about}", *self.shown(), self.result])


@dataclass(slots=True, eq=False)
class Note(Block):
    """Something that happened beside the talk, in a line, and more where it is opened, as it is after an error."""

    text: str
    tone: Tone = "note"
    detail: str = ""

    def __post_init__(self) -> None:
        self.can_fold = bool(self.detail)
        self.is_folded = self.can_fold and (self.tone != "error" or self.detail.count("\n") > MOST_HINT_LINES)

    def words(self) -> str:
        return f"{self.text}\n{self.detail}" if self.detail else self.text


@dataclass(slots=True, eq=False)
class Output(Block):
    """The answer of a command, laid out by its own."""

    name: str
    text: str
    goes_on: bool = False
    """It is the rest of an answer that was too long for one block."""

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


def plain(piece: Piece) -> str:
    """The words of a piece of an answer as they are shown, without its marks."""
    if piece.kind in ("code", "rule"):
        return piece.text
    return "".join(span.text for span in spans(piece.text))


def _last_of(line: str) -> str:
    """What a terminal would show of a line in which the cursor went back to its begin."""
    shown = line.rstrip("\r").rpartition("\r")[2] + "\r" * line.endswith("\r")
    return shown[-KEPT_CHARS:]
