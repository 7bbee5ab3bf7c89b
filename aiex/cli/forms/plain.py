"""Plain text, for pipes and for terminals that can do nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.cli.streams import pass_on, write_stdout
from aiex.cli.talk import Talk
from aiex.cli.work import Markup
from aiex.events import Event, TextDelta, ToolWrote, TurnEnded

if TYPE_CHECKING:
    from aiex.guard.neutral import Pieces


class PlainPrinter:
    """Writes an answer as it is written, Markdown included."""

    def __init__(self, talk: Talk, markup: Markup) -> None:
        self._talk = talk
        self._pieces = _open_pieces(markup)
        self._has_text = False
        self._last = ""

    def show(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._talk.clear()
            self._feed(event.text)
        elif isinstance(event, ToolWrote):
            self._talk.clear()
            self._has_text = True
            pass_on(event.stream, event.text)
        else:
            self._talk.show(event)

    def end(self, ended: TurnEnded) -> None:
        self._talk.clear()
        if not self._has_text:
            self._feed(ended.answer)
        if self._pieces:
            self._write(self._pieces.close())
        if self._last and not self._last.endswith("\n"):
            write_stdout("\n")
        write_stdout("", flush=True)
        self._talk.end(ended)

    def _feed(self, text: str) -> None:
        self._has_text = self._has_text or text != ""
        self._write(self._pieces.feed(text) if self._pieces else text)

    def _write(self, text: str) -> None:
        if text:
            self._last = text
            if self._pieces is None:
                pass_on("stdout", text)
            else:
                write_stdout(text, flush=True)


def _open_pieces(markup: Markup) -> Pieces | None:
    """None when the answer is for another program, which gets every byte."""
    if markup == "verbatim":
        return None
    from aiex.guard.neutral import Pieces

    return Pieces()
