"""Rooms of interchangeable parts: their names are read from file names, one part is imported when it is used."""

import os
from importlib import import_module
from types import ModuleType

from aiex.errors import UsageError


def folder(room: str) -> str:
    """The directory of a room such as `aiex.cli.commands`, found without importing the room."""
    top, *rest = room.split(".")
    if top != "aiex":
        raise ValueError(f"not a room of aiex: {room}")
    return os.path.join(os.path.dirname(__file__), *rest)


def names(room: str) -> list[str]:
    """The parts of a room in alphabetical order: file names without `.py`, dashes for underscores."""
    return sorted(
        entry[:-3].replace("_", "-")
        for entry in os.listdir(folder(room))
        if entry.endswith(".py") and not entry.startswith("_")
    )


def summary(room: str, name: str) -> str:
    """The first docstring line of a part, read from its source without importing it."""
    path = os.path.join(folder(room), name.replace("-", "_") + ".py")
    with open(path, encoding="utf-8") as source:
        first = source.readline().strip()
    return first.strip('"').rstrip(".") if first.startswith('"""') else ""


def load(room: str, name: str) -> ModuleType:
    """Import one part.

    Raises:
        UsageError: if the room has no such part.
    """
    if name not in names(room):
        raise UsageError(f"no {name!r} in {room}", hint=f"there is: {', '.join(names(room))}")
    return import_module(f"{room}.{name.replace('-', '_')}")
