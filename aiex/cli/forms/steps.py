"""Work in steps, for people: steps are told beside the answer, and in a pipe standard output has the answer alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiex.cli.streams import pass_on, say
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    CheckRan,
    Compacted,
    Event,
    FileEdited,
    PartEnded,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    ToolWrote,
    TurnEnded,
    UsageUpdated,
    UserSpoke,
)
from aiex.guard.neutral import neutralise, printable_path

if TYPE_CHECKING:
    from aiex.cli.printer import Printer
    from aiex.cli.talk import Talk

_MOST_CHARS = 100
_UNTOLD = frozenset([UserSpoke, Started, PartEnded, ToolCallStarted, ToolCallDelta, UsageUpdated, Stopped])
"""Most events: what a person is told of them comes in others."""


class StepsPrinter:
    """Tells steps on standard error; words come as they are written where a person sees both.

    Args:
        talk: Progress, warnings, errors.
        inner: Shows the words.
        is_live: Whether words that are not the last ones are shown too, as they come.
        quiet: No steps are told.
    """

    def __init__(self, talk: Talk, inner: Printer, *, is_live: bool, quiet: bool) -> None:
        self._talk = talk
        self._inner = inner
        self._is_live = is_live
        self._quiet = quiet
        self._asked: dict[str, ApprovalAsked] = {}

    def show(self, event: Event) -> None:
        """Tell of a step, or pass a word on."""
        if type(event) in _UNTOLD:
            return
        match event:
            case TextDelta():
                if self._is_live:
                    self._inner.show(event)
            case AssistantSpoke():
                if self._is_live:
                    self._inner.show(TextDelta("\n\n"))  # what was said is a block of its own
            case ApprovalAsked(approval_id):
                self._asked[approval_id] = event
            case ToolWrote():
                pass
            case _ if line := self._describe(event):
                if not self._quiet:
                    self._talk.clear()
                    say(_on_one_line(line))
            case _:
                self._inner.show(event)

    def end(self, ended: TurnEnded) -> None:
        """The answer, and in a dry run what would change."""
        patch = (ended.data or {}).get("patch", "")
        self._inner.end(ended)
        if patch:
            pass_on("stdout", ("\n" if ended.answer else "") + patch)
        if not self._quiet:
            for line in _sum_up(ended):
                say(_on_one_line(line))

    def _describe(self, event: Event) -> str:
        match event:
            case ToolStarted(_, name, arguments):
                return f"· {name} {_shorten(arguments)}".rstrip()
            case ToolFinished(_, name, text, True):
                return f"  {name} failed: {text.partition(chr(10))[0][:_MOST_CHARS]}"
            case ToolFinished(_, "run", text) if text.startswith("exit code ") and not text.startswith("exit code 0"):
                return f"  {text.partition(chr(10))[0]}"
            case FileEdited(path, change, added, removed):
                return f"  {change} {printable_path(path)} (+{added} -{removed})"
            case CheckRan(name, passed):
                return f"  check {name}: {'passed' if passed else 'failed'}"
            case ApprovalGiven(approval_id, False) if approval_id in self._asked:
                asked = self._asked.pop(approval_id)
                return f"  refused to {asked.action}: {asked.reason}"
            case Compacted(before, after):
                return f"  the conversation was shortened from about {before:,} to {after:,} tokens"
            case _:
                return ""


def _on_one_line(text: str) -> str:
    """What a command or a name spreads over several lines must not look like lines of ours."""
    return neutralise(" ".join(text.splitlines()))


def _shorten(arguments: Mapping[str, Any]) -> str:
    """The first argument, which says most; others only where it is none."""
    value = next((value for value in arguments.values() if isinstance(value, str)), None)
    text = json.dumps(arguments, ensure_ascii=False, default=str) if value is None and arguments else value or ""
    text = " ".join(text.split())
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 1]}…"


def _sum_up(ended: TurnEnded) -> list[str]:
    """What the log says came of it."""
    files = (ended.data or {}).get("files", ())
    lines = [
        f"{one['change']} {printable_path(one['path'])} (+{one['added']} -{one['removed']})"
        for one in files
        if isinstance(one, Mapping) and "change" in one
    ]
    for check in ended.checks:
        stale = "" if check["current"] else ", before the last edit"
        lines.append(f"check {check['command'] or check['name']}: {'passed' if check['passed'] else 'FAILED'}{stale}")
    if lines and not any(check["current"] for check in ended.checks) and not (ended.data or {}).get("patch"):
        lines.append("no check ran since the last edit")
    return lines
