"""How roles look on a terminal; the only place that names colours."""

STYLES = {
    "heading1": "bold underline",
    "heading": "bold",
    "plain": "",
    "bold": "bold",
    "slant": "italic",
    "code": "cyan",
    "link": "dim",
    "mark": "dim",
    "quote": "dim italic",
    "rule": "dim",
}
CODE_THEME = "ansi_dark"
"""Uses the terminal's own sixteen colours, so it suits light and dark backgrounds."""
