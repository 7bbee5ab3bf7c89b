"""How events reach their reader: chooses one of the forms, each a file of its own in `forms`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from aiex.cli.talk import Talk

if TYPE_CHECKING:
    from aiex.cli.flags import Form
    from aiex.cli.work import Markup
    from aiex.events import Event, TurnEnded


class Printer(Protocol):
    """Shows the events of one run; `end` is called exactly once, last."""

    def show(self, event: Event) -> None:
        """Tell of an event when it happens, if this form tells of such events."""

    def end(self, ended: TurnEnded) -> None:
        """Show the outcome, unless all of it was shown already, and bring everything to the reader."""


def open_printer(
    form: Form,
    color: str = "auto",
    *,
    markup: Markup = "text",
    quiet: bool = False,
    verbosity: int = 0,
    session: str = "",
    last_seq: int = 0,
    turn: int = 0,
    environ: Mapping[str, str] = os.environ,
) -> Printer:
    """The printer for a form; text looks different on a terminal and in a pipe. Lines count on behind `last_seq`."""
    talk = Talk(quiet=quiet, verbosity=verbosity)
    if form != "text":
        from aiex.cli.forms.json_lines import LinesPrinter

        return LinesPrinter(talk, only_result=form == "json", session=session, last_seq=last_seq, turn=turn)
    if markup in ("steps", "patch"):
        return _open_steps(talk, markup, color, quiet=quiet, environ=environ)
    if markup == "markdown" and has_layout(color, environ):
        from aiex.cli.forms.terminal import TerminalPrinter

        return TerminalPrinter(talk, has_color=has_color(color, environ))
    from aiex.cli.forms.plain import PlainPrinter

    return PlainPrinter(talk, markup)


def _open_steps(talk: Talk, markup: Markup, color: str, *, quiet: bool, environ: Mapping[str, str]) -> Printer:
    from aiex.cli.forms.steps import StepsPrinter

    inner: Printer
    is_laid_out = markup == "steps" and has_layout(color, environ)
    if is_laid_out:
        from aiex.cli.forms.terminal import TerminalPrinter

        inner = TerminalPrinter(talk, has_color=has_color(color, environ))
    else:
        from aiex.cli.forms.plain import PlainPrinter

        inner = PlainPrinter(talk, "verbatim" if markup == "patch" and not sys.stdout.isatty() else "markdown")
    return StepsPrinter(talk, inner, is_live=is_laid_out and sys.stderr.isatty(), quiet=quiet)


def has_layout(color: str, environ: Mapping[str, str]) -> bool:
    """Whether text is laid out for a terminal, which a pipe and a dumb terminal are not."""
    if color == "always":
        return True
    return sys.stdout.isatty() and environ.get("TERM", "") != "dumb"


def has_color(color: str, environ: Mapping[str, str]) -> bool:
    """Whether that layout may use colour. Source of NO_COLOR: https://no-color.org (set and not empty)."""
    return color == "always" or (color == "auto" and not environ.get("NO_COLOR"))
