"""The themes, and the only place of the screen that names colours: roles, never colours, stand everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from aiex.record import record

if TYPE_CHECKING:
    from rich.style import Style
    from textual.theme import Theme

ThemeName = Literal["dark", "light", "contrast", "plain"]
THEMES: Final[tuple[ThemeName, ...]] = ("dark", "light", "contrast", "plain")


@record
class Palette:
    """The colours of one theme; every role of the screen is made of these."""

    is_dark: bool
    text: str
    muted: str
    accent: str
    good: str
    warning: str
    error: str
    code: str
    background: str
    surface: str
    panel: str
    added: str
    """Background of a line that came."""
    removed: str
    added_word: str
    """Background of the words that differ in such a line."""
    removed_word: str
    syntax: str
    """The style of Pygments for code."""


PALETTES: Final[Mapping[ThemeName, Palette]] = {
    "dark": Palette(True, "#d8dee9", "#8f98a8", "#7aa2f7", "#9ece6a", "#e0af68", "#f7768e", "#7dcfff", "#16181d",
                    "#1d2026", "#262a33", "#1d3326", "#3a1f26", "#2c5a3c", "#6b2c3a", "one-dark"),
    "light": Palette(False, "#24292f", "#5c646d", "#0550ae", "#187533", "#8a5a00", "#c21f39", "#0a5a7a", "#ffffff",
                     "#f4f6f8", "#e6eaef", "#e2f6e7", "#fde7e9", "#a9e3b8", "#f6b8bf", "friendly"),
    "contrast": Palette(True, "#ffffff", "#d0d0d0", "#ffff00", "#00ff5f", "#ffd700", "#ff8080", "#00ffff", "#000000",
                        "#000000", "#1a1a1a", "#003300", "#440000", "#006600", "#880000", "monokai"),
    "plain": Palette(True, "ansi_default", "ansi_default", "ansi_default", "ansi_default", "ansi_default",
                     "ansi_default", "ansi_default", "ansi_default", "ansi_default", "ansi_default", "ansi_default",
                     "ansi_default", "ansi_default", "ansi_default", "bw"),
}  # fmt: skip

_ROLES: Final[Mapping[str, tuple[str, str]]] = {
    "text": ("text", ""),
    "muted": ("muted", ""),
    "accent": ("accent", "bold"),
    "mark": ("accent", ""),
    "good": ("good", ""),
    "note": ("muted", ""),
    "seam": ("muted", "italic"),
    "warning": ("warning", ""),
    "error": ("error", "bold"),
    "heading1": ("accent", "bold underline"),
    "heading": ("accent", "bold"),
    "plain": ("text", ""),
    "bold": ("text", "bold"),
    "slant": ("text", "italic"),
    "code": ("code", ""),
    "link": ("muted", "underline"),
    "quote": ("muted", "italic"),
    "rule": ("muted", ""),
    "said": ("text", "bold"),
    "found": ("text", "reverse"),
    "gone": ("muted", "strike"),
}
"""Role → colour and attributes; attributes alone have to suffice, for a terminal without colour."""


@cache
def styles_of(name: ThemeName) -> Mapping[str, Style]:
    """The style of each role, without backgrounds; those of a diff are `added`, `removed` and each with `_word`."""
    from rich.style import Style

    palette = PALETTES[name]
    made = {role: Style.parse(f"{attributes} {_color(getattr(palette, color))}") for role, (color, attributes) in
            _ROLES.items()}  # fmt: skip
    for role in ("added", "removed"):
        back = _color(getattr(palette, role))
        word = _color(getattr(palette, f"{role}_word"))
        made[role] = Style.parse(f"on {back}" if back else "")
        made[f"{role}_word"] = Style.parse(f"on {word}" if word else "bold underline")
    return made


def _color(color: str) -> str:
    return "" if color == "ansi_default" else color


def make_theme(name: ThemeName) -> Theme:
    """The theme as Textual takes it."""
    from textual.theme import Theme

    one = PALETTES[name]
    return Theme(
        name=f"aiex-{name}",
        primary=one.accent,
        secondary=one.code,
        warning=one.warning,
        error=one.error,
        success=one.good,
        accent=one.accent,
        foreground=one.text,
        background=one.background,
        surface=one.surface,
        panel=one.panel,
        dark=one.is_dark,
        variables={"muted": one.muted, "footer-key-foreground": one.accent},
    )
