"""The `reasoning_details` of OpenRouter: thinking with its signatures, which goes back as it came.

Source: openrouter.ai/docs, "Reasoning tokens", and the merging in the vendor's own SDK for TypeScript, November 2026.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Details = list[dict[str, Any]]

_PIECEWISE = ("text", "summary", "data")
"""Fields that come in pieces; of any other the last value that is one stands."""


def read_details(value: Any) -> Details:
    """The entries of one event; what is no entry is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def join_details(lists: Iterable[Sequence[Mapping[str, Any]]]) -> Details:
    """Lists that followed each other as one: the first entry of a list may continue the last one before it.

    It does when both have the same type and the same index; without an index only plain text does, because entries of
    other types come whole. Entries within one list are different ones.
    """
    joined: Details = []
    for rows in lists:
        for number, row in enumerate(rows):
            if number == 0 and joined and _continues(joined[-1], row):
                _continue(joined[-1], row)
            else:
                joined.append(dict(row))
    return joined


def _continues(last: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    if last.get("type") != row.get("type") or (row.get("id") and last.get("id") not in (None, row["id"])):
        return False
    if row.get("index") is None:
        return row.get("type") == "reasoning.text" and not last.get("signature")
    return bool(last.get("index") == row["index"])


def _continue(last: dict[str, Any], row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        if name in _PIECEWISE and isinstance(value, str) and isinstance(last.get(name), str):
            last[name] += value
        elif value is not None:
            last[name] = value


def words_of(rows: Details) -> str:
    """What can be read of some entries."""
    texts = (row.get("text") or row.get("summary") for row in rows)
    return "".join(text for text in texts if isinstance(text, str))
