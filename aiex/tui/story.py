"""The blocks of a talk in their order, made of events; each event has its one renderer in `render.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from aiex.guard.neutral import Pieces, neutralise
from aiex.markdown import Blocks
from aiex.tui.blocks import Block, Call, Note, Prose, Thought

if TYPE_CHECKING:
    from aiex.markdown import Block as Piece
    from aiex.tui.blocks import Tone

B = TypeVar("B", bound=Block)


class Story:
    """Grows at its end; blocks before that change only as calls go on."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.first_changed: int | None = None
        """The first block that is new or changed since `settle`; None where nothing is."""
        self.calls: dict[str, Call] = {}
        """By their ids: those that go on."""
        self.asked: dict[str, tuple[str, str]] = {}
        """Approvals that are open: what would happen, and the rule."""
        self.turn = 0
        self.speaker = ""
        """Who spoke last, as `provider/model`."""
        self.has_spoken = False
        """Whether the answer of this step was shown as it came."""
        self._markdown = Blocks()
        self._pieces = Pieces()
        self._open: list[Prose] = []
        """The last blocks, which have no end yet."""
        self._thought: Thought | None = None

    def settle(self) -> None:
        """Everything up to here is shown."""
        self.first_changed = None

    def add(self, block: B) -> B:
        """Put a block at the end."""
        self.blocks.append(block)
        self._mark(len(self.blocks) - 1)
        return block

    def changed(self, block: Block) -> None:
        """Note that a block says something else now; it is one of the last."""
        for at in range(len(self.blocks) - 1, -1, -1):
            if self.blocks[at] is block:
                self._mark(at)
                return

    def note(self, text: str, tone: Tone = "note", detail: str = "") -> None:
        """Put a line at the end."""
        self.add(Note(neutralise(text), tone, neutralise(detail)))

    def speak(self, text: str) -> None:
        """The next piece of an answer."""
        self.end_thought()
        self.has_spoken = True
        self._lay(self._markdown.feed(self._pieces.feed(text)))
        self._show_open()

    def end_speech(self) -> None:
        """The answer, or this piece of it, is whole."""
        self._lay(self._markdown.feed(self._pieces.close()))
        self._lay(self._markdown.close())
        self._drop_open()

    def think(self, text: str) -> None:
        """The next piece of a thought."""
        if self._thought is None:
            self.end_speech()
            self._thought = self.add(Thought())
        self._thought.add(neutralise(text))
        self.changed(self._thought)

    def end_thought(self) -> None:
        """The thought is whole."""
        if self._thought is not None:
            self._thought.is_open = False
            self._thought.touch()
            self.changed(self._thought)
            self._thought = None

    def end_parts(self) -> None:
        """Nothing that was begun goes on."""
        self.end_thought()
        self.end_speech()

    def _lay(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self._drop_open()
            self.add(Prose(piece))

    def _show_open(self) -> None:
        """Show what has no end yet as if it ended here."""
        pieces = self._markdown.peek()
        if len(pieces) != len(self._open):
            self._drop_open()
            self._open = [self.add(Prose(piece, is_open=True)) for piece in pieces]
            return
        for block, piece in zip(self._open, pieces, strict=True):
            if piece != block.piece:
                block.piece = piece
                block.touch()
        self._mark(len(self.blocks) - len(self._open))

    def _drop_open(self) -> None:
        if self._open:
            del self.blocks[len(self.blocks) - len(self._open) :]
            self._mark(len(self.blocks))
            self._open = []

    def _mark(self, at: int) -> None:
        self.first_changed = at if self.first_changed is None else min(at, self.first_changed)
