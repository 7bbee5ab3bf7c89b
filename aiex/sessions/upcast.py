"""Forms of stored events: which version is written now, and how data of an earlier one becomes that.

A change of a field that a reader of the old form would misunderstand is a new version; a new field with a default is
not. `UPCASTERS` has a function for each step, from one version to the next, over the parsed data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(type, v): data of that version -> data of version v + 1."""


def current_version(kind: str) -> int:
    """The version in which events of a type are written, counted from 1."""
    version = 1
    while (kind, version) in UPCASTERS:
        version += 1
    return version


def upcast(kind: str, v: int, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The data in the current form; None when a later version of Aiex wrote it."""
    newest = current_version(kind)
    if not 1 <= v <= newest:
        return None
    fields = dict(data)
    for version in range(v, newest):
        fields = UPCASTERS[kind, version](fields)
    return fields
