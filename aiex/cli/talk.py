"""Talk on standard error: progress, warnings, errors; nothing that a program would read."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from time import monotonic

from aiex.cli.streams import say
from aiex.events import (
    Event,
    FailedOver,
    Noted,
    Progressed,
    ReasoningDelta,
    Retrying,
    SecurityNoticed,
    TurnEnded,
    Waiting,
    Warned,
)

_BAR_CELLS = 24
_REDRAW_S = 0.1
"""Ten pictures a second look smooth and cost nothing."""
_ERASE_LINE = "\r\x1b[2K"


def may_animate(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether standard error is a person's terminal that can redraw a line."""
    return sys.stderr.isatty() and environ.get("TERM", "") not in ("dumb", "") and not environ.get("CI")


class Talk:
    """What a person is told beside the result."""

    def __init__(self, *, quiet: bool = False, verbosity: int = 0) -> None:
        self._quiet = quiet
        self._verbosity = verbosity
        self._animated = not quiet and may_animate()
        self._drawn_at = float("-inf")
        self._line_is_drawn = False
        self._started_at = monotonic()

    def show(self, event: Event) -> None:
        """Tell what is worth telling about an event."""
        match event:
            case Progressed():
                self._draw(event)
                return
            case Warned() if not self._quiet:
                self.say("warning", event.message, event.hint)
            case Noted() if not self._quiet:
                self.say("note", event.message)
            case SecurityNoticed() if not self._quiet or event.kind != "new-host":
                self.say("security", event.message)
            case Retrying() if not self._quiet:
                when = f" in {event.wait_s:.0f} s" if event.wait_s >= 1 else ""
                self.say("note", f"asking again{when}: {event.reason}")
            case Waiting() if not self._quiet:
                self.say("note", _describe_silence(event))
            case FailedOver() if not self._quiet:
                where = " from here on" if event.mid_answer else ""
                self.say("note", f"{event.to_provider} answers{where} instead of {event.from_provider}: {event.reason}")
            case ReasoningDelta() if self._verbosity > 1:
                self.clear()
                _write(_neutral(event.text))

    def end(self, ended: TurnEnded) -> None:
        """Tell about a bad outcome; with -v also what a good one took."""
        self.clear()
        if ended.subtype == "interrupted":
            say("interrupted")
        elif ended.status == "error":
            self.say("error", ended.error or ended.subtype, ended.hint)
        if self._verbosity:
            say(_describe(ended, monotonic() - self._started_at))

    def say(self, kind: str, message: str, hint: str = "") -> None:
        """One message, and what to do about it on a line of its own."""
        self.clear()
        say(f"{kind}: {_neutral(message)}")
        if hint:
            say(f"hint: {_neutral(hint)}")

    def clear(self) -> None:
        """Take the progress line away, so that other words begin on an empty line."""
        if self._line_is_drawn:
            _write(_ERASE_LINE)
            self._line_is_drawn = False

    def _draw(self, progress: Progressed) -> None:
        now = monotonic()
        if not self._animated or now - self._drawn_at < _REDRAW_S:
            return
        self._drawn_at = now
        self._line_is_drawn = True
        _write(_ERASE_LINE + render_progress(progress, _columns() - 1))


def render_progress(progress: Progressed, width: int) -> str:
    """One line of at most `width` columns: label, bar, count."""
    count = f"{progress.done}/{progress.total}" if progress.total else str(progress.done)
    filled = _BAR_CELLS * min(progress.done, progress.total) // progress.total if progress.total else 0
    bar = f" {'█' * filled}{'░' * (_BAR_CELLS - filled)}" if progress.total else ""
    return f"{_neutral(progress.label)}{bar} {count}"[: max(width, 1)]


def _describe_silence(waiting: Waiting) -> str:
    words = f"{waiting.provider} has been silent for {waiting.silent_s:.0f} s"
    return f"{words}; it is given up after {waiting.deadline_s:.0f} s" if waiting.deadline_s else words


def _describe(ended: TurnEnded, took_s: float) -> str:
    usage = ended.usage
    counts = [
        f"{amount} tokens {word}"
        for amount, word in ((usage.input_tokens, "in"), (usage.output_tokens, "out"))
        if amount is not None
    ]
    if ended.total_cost_usd is not None:
        counts.append(f"${ended.total_cost_usd:.4f}")
    elif counts:
        counts.append("cost unknown")
    return ", ".join([f"{ended.subtype} in {took_s * 1000:.0f} ms", *counts])


def _neutral(text: str) -> str:
    from aiex.guard.neutral import neutralise

    return neutralise(text)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        return
