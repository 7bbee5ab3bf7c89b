"""Every theme can be read: text stands out from what is behind it, and states do not hang on colour alone."""

from __future__ import annotations

import pytest

from aiex.tui.theme import _ROLES, PALETTES, THEMES, Palette, ThemeName, styles_of

LEAST = 4.5
"""Of text, WCAG 2.2 level AA (https://www.w3.org/TR/WCAG22/#contrast-minimum)."""
TEXTS = ("text", "muted", "accent", "good", "warning", "error", "code")
BACKGROUNDS = ("background", "surface", "panel")


def luminance(color: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def too_faint(palette: Palette, texts: tuple[str, ...], backgrounds: tuple[str, ...]) -> dict[tuple[str, str], float]:
    found = {
        (text, back): round(contrast(getattr(palette, text), getattr(palette, back)), 2)
        for text in texts
        for back in backgrounds
    }
    return {pair: ratio for pair, ratio in found.items() if ratio < LEAST}


@pytest.mark.parametrize("name", [name for name in THEMES if name != "plain"])
def test_all_text_stands_out_from_every_background(name: ThemeName) -> None:
    assert too_faint(PALETTES[name], TEXTS, BACKGROUNDS) == {}


@pytest.mark.parametrize("name", [name for name in THEMES if name != "plain"])
def test_changed_lines_can_be_read(name: ThemeName) -> None:
    backgrounds = ("added", "removed", "added_word", "removed_word")
    assert too_faint(PALETTES[name], ("text",), backgrounds) == {}


def test_the_contrast_theme_is_stricter() -> None:
    palette = PALETTES["contrast"]
    assert min(contrast(getattr(palette, text), palette.background) for text in TEXTS) >= 7


def test_the_plain_theme_has_no_colour() -> None:
    assert {style.color for style in styles_of("plain").values()} == {None}
    assert {style.bgcolor for style in styles_of("plain").values()} == {None}


@pytest.mark.parametrize("name", THEMES)
def test_every_theme_knows_every_role(name: ThemeName) -> None:
    assert set(_ROLES) <= set(styles_of(name))
