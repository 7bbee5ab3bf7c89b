"""The blocks of a talk in their order, made of events; each event has its one renderer in `render.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from aiex.guard.neutral import Pieces, neutralise
from aiex.markdown import Blocks
from aiex.tui.blocks import Block, Call, Closing, Note, Output, Prose, Said, Thought
from aiex.tui.shelf import Shelf

if TYPE_CHECKING:
    from aiex.markdown import Block as Piece
    from aiex.tui.blocks import Tone

B = TypeVar("B", bound=Block)
BLOCK_LINES: Final = 60
"""No block of an answer is much longer, so that none is slow to draw."""
BLOCK_CHARS: Final = 3_000
_TALK: Final = (Said, Prose, Thought, Call, Closing)


class Changes(NamedTuple):
    """What became of a story since they were taken before."""

    since: int | None
    """From this place on there are other blocks; None where there are not."""
    touched: list[Block]
    """Blocks before that which say something else."""


class Story:
    """Grows at its end; blocks before that change only as calls go on."""

    def __init__(self) -> None:
        self.blocks = Shelf()
        self.calls: dict[str, Call] = {}
        """By their ids: those that go on."""
        self.asked: dict[str, tuple[str, str]] = {}
        """Approvals that are open: what would happen, and the rule."""
        self.turn = 0
        self.speaker = ""
        """Who spoke last, as `provider/model`."""
        self.has_spoken = False
        """Whether the answer of this step was shown as it came."""
        self._gone: frozenset[int] = frozenset()
        """Turns that were taken back."""
        self.has_answered: bool | None = None
        """Whether the model said something in this turn; None where its begin is not told here."""
        self._since: int | None = None
        self._touched: dict[int, Block] = {}
        self._markdown = Blocks(most_lines=BLOCK_LINES, most_chars=BLOCK_CHARS)
        self._pieces = Pieces()
        self._open: list[Prose] = []
        """The last blocks, which have no end yet."""
        self._is_stale = False
        """Whether more was said than `_open` shows."""
        self._thought: Thought | None = None

    def take_changes(self) -> Changes:
        """What is new since the last time, to be drawn now. Cost: the length of what has no end yet."""
        self._show_open()
        since, touched = self._since, self._touched
        self._since, self._touched = None, {}
        end = len(self.blocks) if since is None else since
        return Changes(since, [block for number, block in touched.items() if number - self.blocks.first < end])

    def add(self, block: B) -> B:
        """Put a block at the end, before what has no end yet."""
        if self._open:
            self._drop_open()
            self._is_stale = True
        return self._append(block)

    def changed(self, block: Block) -> None:
        """Note that a block says something else now."""
        self._touched[block.number] = block

    def index(self, block: Block) -> int:
        """The place of a block."""
        return block.number - self.blocks.first

    def prepend(self, blocks: Sequence[Block]) -> None:
        """Put a past before everything that is told already; nothing of it counts as changed."""
        if self._gone:
            turn: list[Block] = []
            for block in reversed(blocks):
                turn.append(block)
                if isinstance(block, Said):
                    _fade(turn, block.turn in self._gone)
                    turn = []
        self.blocks.prepend(blocks)
        if self._since is not None:
            self._since += len(blocks)

    def stand(self, gone: frozenset[int]) -> None:
        """Show which turns were taken back. Cost: the blocks since the first of them."""
        concerned = gone ^ self._gone
        self._gone = gone
        if not concerned:
            return
        first, blocks = min(concerned), self.blocks
        turn: list[Block] = []
        for at in range(len(blocks) - 1, -1, -1):
            block = blocks[at]
            turn.append(block)
            if isinstance(block, Said):
                for one in _fade(turn, block.turn in gone):
                    self.changed(one)
                turn = []
                if block.turn <= first:
                    return

    def note(self, text: str, tone: Tone = "note", detail: str = "") -> None:
        """Put a line at the end."""
        self.add(Note(neutralise(text), tone, neutralise(detail)))

    def print(self, name: str, text: str) -> None:
        """Put the answer of a command at the end, as it laid it out."""
        lines = neutralise(text).split("\n")
        for at in range(0, len(lines), BLOCK_LINES):
            self.add(Output(name, "\n".join(lines[at : at + BLOCK_LINES]), goes_on=at > 0))

    def speak(self, text: str) -> None:
        """The next piece of an answer."""
        self.end_thought()
        self.has_spoken = True
        self._lay(self._markdown.feed(self._pieces.feed(text)))
        self._is_stale = True

    def end_speech(self) -> None:
        """The answer, or this piece of it, is whole."""
        self._lay(self._markdown.feed(self._pieces.close()))
        self._lay(self._markdown.close())
        self._drop_open()
        self._is_stale = False

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
        """Put closed pieces where the open ones stood."""
        for piece in pieces:
            self._drop_open()
            self._append(Prose(piece))

    def _show_open(self) -> None:
        """Show what has no end yet as if it ended here."""
        if not self._is_stale:
            return
        self._is_stale = False
        pieces = self._markdown.peek()
        if len(pieces) != len(self._open):
            self._drop_open()
            self._open = [self._append(Prose(piece, is_open=True)) for piece in pieces]
            return
        for block, piece in zip(self._open, pieces, strict=True):
            if piece != block.piece:
                block.piece = piece
                block.touch()
                self.changed(block)

    def _append(self, block: B) -> B:
        self.blocks.append(block)
        self._mark(len(self.blocks) - 1)
        return block

    def _drop_open(self) -> None:
        if self._open:
            self.blocks.truncate(len(self.blocks) - len(self._open))
            self._mark(len(self.blocks))
            self._open = []

    def _mark(self, at: int) -> None:
        self._since = at if self._since is None else min(at, self._since)


def _fade(turn: Iterable[Block], is_gone: bool) -> list[Block]:
    """Mark the talk of a turn, and not what was told beside it; the blocks that look different now."""
    changed: list[Block] = [one for one in turn if isinstance(one, _TALK) and one.is_gone != is_gone]
    for one in changed:
        one.is_gone = is_gone
        one.touch()
    return changed
