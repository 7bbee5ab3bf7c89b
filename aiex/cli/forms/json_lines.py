"""JSON for programs: every event as a line (`stream-json`), or the outcome alone (`json`)."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from time import monotonic

from aiex import __version__
from aiex.cli.streams import write_stdout, writes_unicode
from aiex.cli.talk import Talk
from aiex.eventlines import Sequencer, to_line
from aiex.events import Event, SessionStarted, TurnEnded
from aiex.guard.neutral import INVISIBLE
from aiex.jsonform import dump


class LinesPrinter:
    """Writes a line for each event as it happens: first `init`, last exactly one `result`."""

    def __init__(
        self, talk: Talk, *, only_result: bool = False, session: str = "", last_seq: int = 0, turn: int = 0
    ) -> None:
        self._talk = talk
        self._only_result = only_result
        self._sequencer = Sequencer(session or os.urandom(8).hex(), last_seq=last_seq, turn=turn)
        self._first_seq = last_seq
        self._started_at = monotonic()

    def show(self, event: Event) -> None:
        self._write(event, quiet=self._only_result)
        self._talk.show(event)

    def end(self, ended: TurnEnded) -> None:
        self._talk.clear()
        if self._sequencer.last_seq == self._first_seq:  # it failed before anything began
            self._write(SessionStarted(__version__, "", "", "", ""), quiet=self._only_result)
        took_ms = round((monotonic() - self._started_at) * 1000)
        self._write(ended if ended.duration_ms is not None else replace(ended, duration_ms=took_ms))
        self._talk.end(ended)

    def _write(self, event: Event, *, quiet: bool = False) -> None:
        line = to_line(self._sequencer.wrap(event))
        if line is not None and not quiet:
            write_stdout(escape(dump(line), ascii_only=not writes_unicode()) + "\n", flush=True)


def escape(line: str, *, ascii_only: bool = False) -> str:
    """The same JSON, with what steers a terminal or hides on it as escapes; with all beyond ASCII when asked."""
    if line.isascii() and "\x7f" not in line:
        return line
    return re.sub(r"[^ -~]" if ascii_only else f"[{INVISIBLE}]", lambda found: json.dumps(found[0])[1:-1], line)
