"""A refactoring as a plan: what the files would be, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from aiex.jobs.refactoring.edits import Plan
from aiex.jobs.refactoring.job import RefactorTask, make_plan

Planned = Callable[..., Plan]


@pytest.fixture
def plan(open_tree) -> Planned:
    """`plan({"a.py": "…"}, "rename", "a.py::x", "y")`; texts are dedented."""

    def make(files, kind, target, word="", **more) -> Plan:
        tree = {path: dedent(text) if isinstance(text, str) else text for path, text in files.items()}
        engine, workspace = open_tree(tree)
        return make_plan(RefactorTask(kind, target, word, **more), engine, workspace)

    return make


def after(plan: Plan, path: str) -> str:
    """What a file would be."""
    change = next(change for change in plan.changes if change.path == path)
    assert change.after is not None
    return change.after.decode()
