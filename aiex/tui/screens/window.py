"""What fills the window of the model, by source, with what each piece costs: pin it, leave it out, shorten the talk."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Static

from aiex.errors import AiexError, Conflict
from aiex.tui.screens.listing import Leaf, Listing, Row, shielded, to_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from aiex.jobs.window import Piece, Window
    from aiex.sessions.decisions import Command
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_BAR_CELLS: Final = 20
_FULL: Final = 0.9
_ALMOST_FULL: Final = 0.6


class WindowView(Listing):
    """Every piece of the next request, the largest first."""

    HEADING = "What fills the window"
    EMPTY = "nothing yet"
    ENTER = "pin, unpin"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+x", "drop", "leave out, take in"),
        Binding("ctrl+s", "compact", "shorten"),
        Binding("ctrl+z", "uncompact", "undo that"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self._window: Window | None = None

    def compose(self) -> ComposeResult:
        """How full it is stands above the pieces."""
        for widget in super().compose():
            yield widget
            if widget.id == "heading":
                yield Static(id="above")

    def load(self, services: Services) -> Iterator[Row]:
        """Pieces with their share."""
        from aiex.jobs.window import survey

        window = self._window = survey(services)
        for piece in sorted(window.pieces, key=lambda piece: -piece.tokens):
            yield Row(piece, _pieces(piece, window), f"{piece.source} {piece.name}".casefold())

    def loaded(self) -> None:
        """Tell how full it is, and with what."""
        window = self._window
        if window is None:
            return
        by_source: Counter[str] = Counter()
        for piece in window.pieces:
            by_source[piece.source] += 0 if piece.is_left_out else piece.tokens
        share = window.tokens / window.window_tokens
        filled = min(_BAR_CELLS, round(share * _BAR_CELLS))
        size = f"{window.window_tokens:,}" if window.is_known else f"{window.window_tokens:,} (a guess)"
        role = "error" if share > _FULL else "warning" if share > _ALMOST_FULL else "good"
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append("█" * filled, self.look[role])
        line.append("░" * (_BAR_CELLS - filled), self.look["muted"])
        line.append(f" about {window.tokens:,} of {size}, {share:.0%}   ")
        line.append("  ".join(f"{source} {tokens:,}" for source, tokens in by_source.most_common()), self.look["muted"])
        self.query_one("#above", Static).update(line)

    def preview(self, services: Services, row: Row) -> Leaf:
        """All that it says."""
        return to_leaf(row.value.text)

    def choose(self, row: Row) -> None:
        """Keep it word for word when the talk is shortened, or no longer."""
        from aiex.sessions.decisions import Pin

        piece: Piece = row.value
        self._decide(piece, Pin(piece.seq, not piece.is_pinned))

    def action_drop(self) -> None:
        """Let the model see it no more, or again."""
        from aiex.sessions.decisions import LeaveOut

        if (row := self.current) is not None:
            piece: Piece = row.value
            self._decide(piece, LeaveOut(piece.seq, not piece.is_left_out))

    def _decide(self, piece: Piece, command: Command) -> None:
        if not piece.seq:
            self.notify("this is part of every request", severity="warning", markup=False)
        elif self.chat.is_busy:
            self.notify("something runs: Esc in the talk stops it", severity="warning", markup=False)
        else:
            self.run_worker(self._do(command))

    async def _do(self, command: Command) -> None:
        try:
            await shielded(self.chat.backstage.decide(command))
        except AiexError as error:
            self.say(error)
        self.reload()

    def action_compact(self) -> None:
        """Shorten the talk."""
        self.dismiss(None)
        self.chat.command("compact")

    def action_uncompact(self) -> None:
        """Bring back what the last summary stands for."""
        self.run_worker(self._uncompact())

    async def _uncompact(self) -> None:
        def find(services: Services) -> tuple[str, int]:
            path = services.recorder.state.chat.path() if services.recorder else []
            seqs = [node.seq for node in path if node.kind == "summary"]
            if not seqs:
                raise Conflict("the talk was not shortened")
            return services.session, seqs[-1] - 1

        try:
            session, seq = await self.ask(find)
        except AiexError as error:
            self.say(error)
            return
        self.dismiss(None)
        self.chat.command(f"rewind session {session} --to {seq} --only chat")


def _pieces(piece: Piece, window: Window) -> tuple[tuple[str, str], ...]:
    share = piece.tokens / max(1, window.tokens)
    sign = ("pinned ", "good") if piece.is_pinned else ("left out ", "warning") if piece.is_left_out else ("", "text")
    return (
        (f"{piece.tokens:>8,} {share:>4.0%} ", "muted"),
        (f"{piece.source:<13}", "mark"),
        sign,
        (piece.name, "muted" if piece.is_left_out else "text"),
    )
