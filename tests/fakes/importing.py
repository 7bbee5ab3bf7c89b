"""The modules of a run's tests, imported by each of its processes from what any of them compiled first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest


def import_in_turn(config: pytest.Config) -> None:
    """Import what this process of several will collect, each beginning with other modules than the rest.

    To write assertions anew and compile takes two thirds of collecting. Every process needs all modules, in any
    order: what one has compiled the others read. What cannot be imported is told where it is collected.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return
    number, count = int(worker["workerid"].removeprefix("gw")), int(worker["workercount"])
    modules = find_modules([config.invocation_params.dir / one.partition("::")[0] for one in config.args])
    for _, path in sorted(enumerate(modules), key=lambda one: (one[0] - number) % count):
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(path.relative_to(config.rootpath).with_suffix("").parts))


def find_modules(paths: Sequence[Path]) -> list[Path]:
    """The modules of tests at and below these paths."""
    found = {path for one in paths for path in ([one] if one.is_file() else one.rglob("test_*.py"))}
    return sorted(path for path in found if path.suffix == ".py")
