"""The programs that may run unasked, found by the names of the files in `tools/`."""

from functools import cache

from aiex import plugins
from aiex.guard.commands.options import Tool

ROOM = "aiex.guard.commands.tools"


@cache
def all_tools() -> dict[str, Tool]:
    """Program → how its arguments are read."""
    found: dict[str, Tool] = {}
    for family in plugins.names(ROOM):
        found.update(plugins.load(ROOM, family, "TOOLS").TOOLS)
    return found


def find_tool(name: str) -> Tool | None:
    """The table of a program; None when it is not known, so that it is asked about."""
    return all_tools().get(name)
