"""Notebooks as text: the cells with what they gave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

MOST_OUTPUT: Final = 2_000
"""Characters of the output of one cell."""


def to_text(source: str) -> str:
    """The cells of a notebook, each under a line that says its number and kind; empty where it is none."""
    try:
        known = json.loads(source)
    except (ValueError, RecursionError):
        return ""
    cells = known.get("cells") if isinstance(known, dict) else None
    if not isinstance(cells, list):
        return ""
    return "\n".join(line for number, cell in enumerate(cells, 1) for line in _show_cell(number, cell))


def _show_cell(number: int, cell: Any) -> Iterator[str]:
    if not isinstance(cell, dict):
        return
    yield f"# --- cell {number}: {_to_plain(cell.get('cell_type'))}"
    yield _to_plain(cell.get("source"))
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        text = _show_output(output) if isinstance(output, dict) else ""
        if text:
            yield f"# --- output of cell {number}"
            yield text if len(text) <= MOST_OUTPUT else f"{text[:MOST_OUTPUT]}… ({len(text):,} characters, cut here)"


def _show_output(output: dict[str, Any]) -> str:
    if "text" in output:
        return _to_plain(output["text"])
    if "ename" in output:
        return f"{_to_plain(output['ename'])}: {_to_plain(output.get('evalue'))}"
    data = output.get("data")
    return _to_plain(data.get("text/plain")) if isinstance(data, dict) else ""


def _to_plain(value: Any) -> str:
    """Text that is whole or in lines, as notebooks have both, without what cannot be sent."""
    text = "".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return text.encode("utf-8", "replace").decode("utf-8").rstrip("\n")
