"""What fills the window of the model, by source, with what each piece costs: pin it, leave it out, shorten the talk."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Static

from aiex.errors import AiexError, Conflict
from aiex.guard.neutral import neutralise
from aiex.tui.screens.listing import Listing, Row, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.jobs.window import Piece, Window
    from aiex.sessions.decisions import Command
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_BAR_CELLS: Final = 20


class WindowView(Listing):
    """Every piece of the next request, the largest first."""

    HEADING = "What fills the window"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("enter", "choose", "pin, unpin"),
        Binding("ctrl+x", "drop", "leave out, take in"),
        Binding("ctrl+s", "compact", "shorten the talk"),
        Binding("ctrl+z", "uncompact", "take the summary back"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self._window: Window | None = None

    def load(self, services: Services) -> Sequence[Row]:
        """Pieces with their share."""
        from aiex.jobs.window import survey

        window = self._window = survey(services)
        pieces = sorted(window.pieces, key=lambda piece: -piece.tokens)
        return [Row(piece, _line(piece, window), f"{piece.source} {piece.name}") for piece in pieces]

    def loaded(self) -> None:
        """Tell how full it is, and with what."""
        window = self._window
        if window is None:
            return
        by_source: Counter[str] = Counter()
        for piece in window.pieces:
            by_source[piece.source] += piece.tokens
        share = window.tokens / window.window_tokens
        filled = min(_BAR_CELLS, round(share * _BAR_CELLS))
        size = f"{window.window_tokens:,}" if window.is_known else f"{window.window_tokens:,} (a guess)"
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{'█' * filled}{'░' * (_BAR_CELLS - filled)} about {window.tokens:,} of {size}, {share:.0%}   ")
        line.append("  ".join(f"{source} {tokens:,}" for source, tokens in by_source.most_common()), "dim")
        self.query_one("#keys", Static).update(Text.assemble(line, "\n", self._keys()))
        self.query_one("#keys", Static).styles.height = 2

    def preview(self, services: Services, row: Row) -> Text:
        """All that it says."""
        return Text(shorten(row.value.text))

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
            await asyncio.wrap_future(self.chat.backstage.decide(command))
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


def _line(piece: Piece, window: Window) -> Text:
    share = piece.tokens / max(1, window.tokens)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{piece.tokens:>8,} {share:>4.0%} ", "dim")
    line.append("* " if piece.is_pinned else "× " if piece.is_left_out else "  ", "bold")  # noqa: RUF001
    line.append(f"{piece.source:<13}")
    line.append(neutralise(piece.name), "dim strike" if piece.is_left_out else "")
    return line
