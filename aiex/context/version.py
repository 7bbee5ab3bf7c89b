"""The version of everything that decides what is known of a source."""

import os

import aiex
from aiex import plugins
from aiex.context.facts import VERSION
from aiex.context.languages import ROOM


def parser_version() -> str:
    """Changes whenever the same source could give other facts, also while a language file is being written."""
    with os.scandir(plugins.folder(ROOM)) as entries:
        newest = max(entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".py"))
    return f"{aiex.__version__}/{VERSION}/{newest}"
