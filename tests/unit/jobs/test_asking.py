"""The request that asks a model to explain."""

from __future__ import annotations

from collections.abc import Callable

from aiex.context.engine import Engine
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.asking import Planned, plan
from aiex.jobs.briefing.code import Sources, brief_file
from aiex.jobs.briefing.material import Material
from aiex.jobs.briefing.render import Links
from aiex.jobs.target import Target
from aiex.tokens import Count

Open = Callable[..., tuple[Engine, Workspace]]


def _plan(opened: tuple[Engine, Workspace], counting: Callable[[str, str], Count]) -> Planned:
    engine, workspace = opened
    material = Material("a.py", engine.source("a.py"), engine.facts("a.py"))
    briefing = brief_file(Sources(engine, workspace, None), material, Target("a.py"))
    return plan(briefing, [material], model="openai/x", budget_tokens=5_000, counting=counting, links=Links())


def test_one_part_that_is_estimated_makes_the_whole_an_estimate(open_tree: Open) -> None:
    opened = open_tree({"a.py": "blob = 1\n"})
    assert _plan(opened, lambda text, _model: Count(len(text) // 4, exact=True)).exact
    assert not _plan(opened, lambda text, _model: Count(len(text) // 4, exact="blob = 1" not in text)).exact
