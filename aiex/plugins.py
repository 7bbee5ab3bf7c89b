"""Rooms of interchangeable parts: their names are read from file names, one part is imported when it is used.

A part that is not among the files may come from another package, by an entry point named after the room
(`aiex.commands` for `aiex.cli.commands`). Those are looked up only when a name is asked for that no file has.
"""

import os
from importlib import import_module
from types import ModuleType

from aiex.errors import AiexError, UsageError


class BrokenPart(AiexError):
    """A part exists but cannot be used: its import failed, or it does not offer what its room asks for."""

    exit_code = 70


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


def literals(room: str, name: str, field: str) -> tuple[str, ...]:
    """The strings in `field=("a", "b")` at the first indentation of a part's source, read without importing it."""
    path = os.path.join(folder(room), name.replace("-", "_") + ".py")
    with open(path, encoding="utf-8") as source:
        _, found, after = source.read().partition(f"\n    {field}=(")
    return tuple(after.partition(")")[0].split('"')[1::2]) if found else ()


def load(room: str, name: str, offers: str = "") -> ModuleType:
    """Import one part.

    Args:
        room: Such as `aiex.llm.providers`.
        name: As `names` gives it.
        offers: The name that the part must define, such as `PROVIDER`; empty when nothing is required.

    Raises:
        UsageError: if neither a file nor an entry point has this name.
        BrokenPart: if the import fails or the part does not define `offers`.
    """
    if name in names(room):
        part = _import(room, name, f"{room}.{name.replace('-', '_')}")
    else:
        part = _import_foreign(room, name, _module_from_elsewhere(room, name))
    if offers and not hasattr(part, offers):
        raise BrokenPart(
            f"cannot use {name!r} of {room}: {part.__name__} does not define {offers}",
            hint=f"a part of {room} is a module that defines {offers}",
        )
    return part


def _import(room: str, name: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        missing = error.name or ""
        hint = f"install what provides {missing}" if missing and not missing.startswith("aiex") else _REPORT
        raise BrokenPart(f"cannot load {name!r} of {room}: {error}", hint=hint) from error
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}"
        raise BrokenPart(f"cannot load {name!r} of {room}: {error.msg} in {place}", hint=_REPORT) from error


def _import_foreign(room: str, name: str, module: str) -> ModuleType:
    try:
        return _import(room, name, module)
    except AiexError:
        raise
    except Exception as error:  # code of strangers may raise anything while it is imported
        raise BrokenPart(
            f"cannot load {name!r} of {room}: {module} raised {type(error).__name__}: {error}",
            hint="tell who made this part, or uninstall it",
        ) from error


_REPORT = "install aiex again; if that does not help, tell who made this part"


def _module_from_elsewhere(room: str, name: str) -> str:
    """The module that an installed package registers for this room and name."""
    from importlib.metadata import entry_points

    registered = {entry.name: entry.module for entry in entry_points(group=f"aiex.{room.rpartition('.')[2]}")}
    if name not in registered:
        known = sorted({*names(room), *registered})
        raise UsageError(f"no {name!r} in {room}", hint=f"there is: {', '.join(known)}")
    return registered[name]
