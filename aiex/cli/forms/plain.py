"""Plain text, for pipes and for terminals that can do nothing else."""

from __future__ import annotations

from aiex.cli.streams import write_stdout
from aiex.cli.talk import Talk
from aiex.cli.work import Markup
from aiex.events import Event, TextDelta, TurnEnded


class PlainPrinter:
    """Writes an answer as it is written, Markdown included."""

    def __init__(self, talk: Talk, markup: Markup) -> None:
        self._talk = talk
        self._markup = markup
        self._last = ""

    def show(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._talk.clear()
            self._write(event.text)
        else:
            self._talk.show(event)

    def end(self, ended: TurnEnded) -> None:
        self._talk.clear()
        if not self._last:
            self._write(ended.answer)
        if self._last and not self._last.endswith("\n"):
            write_stdout("\n")
        write_stdout("", flush=True)
        self._talk.end(ended)

    def _write(self, text: str) -> None:
        if not text:
            return
        if self._markup != "verbatim":
            from aiex.guard.neutral import neutralise

            text = neutralise(text)
        self._last = text
        write_stdout(text, flush=True)
