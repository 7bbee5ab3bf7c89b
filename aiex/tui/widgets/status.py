"""The line at the bottom: who answers, in which mode, what it costs, and what is going on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.widget import Widget

from aiex.guard.neutral import neutralise
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.style import Style

BAR_CELLS: Final = 10


@record
class Glance:
    """What the line says."""

    model: str = ""
    mode: str = ""
    session: str = ""
    doing: str = ""
    """What goes on, such as `thinking` or `run pytest`; empty when nothing does."""
    progress: tuple[int, int] | None = None
    """How far that is, of how much; 0 while that is unknown."""
    for_s: float | None = 0
    """How long it does; None where that does not count."""
    tokens: int | None = None
    cost_usd: float | None = None
    waiting: int = 0
    """Wishes in line."""


class Status(Widget):
    """Shows a `Glance`."""

    def __init__(self, styles: Mapping[str, Style], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._styles = styles
        self.glance = Glance()

    def show(self, styles: Mapping[str, Style] | None = None, **changes: object) -> None:
        """Change what is said."""
        glance = replace(self.glance, **changes)  # type: ignore[arg-type]  # names are checked by `replace`
        if styles is not None or glance != self.glance:
            self._styles = styles or self._styles
            self.glance = glance
            self.refresh()

    def render(self) -> Text:
        """One line; what matters least is cut."""
        one = self.glance
        line = Text(no_wrap=True, overflow="ellipsis")
        if one.doing:
            line.append(f"● {neutralise(one.doing)} ", self._styles["accent"])
            took = "" if one.for_s is None else f"{one.for_s:.0f} s"
            line.append(f"{draw_progress(one.progress)}{took}  ", self._styles["mark"])
        line.append(neutralise(one.model) or "starting", self._styles["bold"])
        if one.mode:
            line.append(f"  {one.mode}", self._styles["warning" if one.mode == "bypass" else "muted"])
        if one.waiting:
            line.append(f"  {one.waiting} waiting", self._styles["muted"])
        if one.tokens:
            line.append(f"  {one.tokens:,} tokens", self._styles["muted"])
        if one.cost_usd:
            line.append(f"  ${one.cost_usd:.4f}", self._styles["muted"])
        if one.session:
            line.append(f"  {one.session[:8]}", self._styles["muted"])
        return line


def draw_progress(progress: tuple[int, int] | None) -> str:
    """A bar with its share, or a count where nobody knows the end; empty for nothing."""
    if progress is None:
        return ""
    done, total = progress
    if not total:
        return f"{done:,} "
    filled = max(0, min(BAR_CELLS, done * BAR_CELLS // total))
    return f"{'█' * filled}{'░' * (BAR_CELLS - filled)} {done:,}/{total:,} "
