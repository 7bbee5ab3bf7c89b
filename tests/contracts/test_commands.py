"""The command suite, every case; and what the tables of tools and the grammar must have in common with the code."""

import json
from pathlib import Path
from typing import Any

import pytest

from aiex import plugins
from aiex.guard.commands.catalogue import ROOM, all_tools
from aiex.guard.commands.classify import classify
from aiex.guard.commands.options import ROLES, read_table
from aiex.guard.commands.syntax import _language
from aiex.guard.commands.walk import _HANDLERS
from tests.fakes.tables import each

SUITE = Path(__file__).parents[1] / "data" / "suites" / "commands"
CASES: list[dict[str, Any]] = [json.loads(line) for line in (SUITE / "dev.jsonl").open(encoding="utf-8")]


@each("case", CASES, ids=lambda case: f"{case['id']}-{case['cat']}")
def test_every_case_of_the_suite_matches(case: dict[str, Any]) -> None:
    level = classify(case["command"]).level
    if case["expect"] in ("safe", "forbidden"):
        assert level == case["expect"], case["why"]
    else:
        assert level in {"ask", *case.get("accept", ())} - {"safe"}, case["why"]


@pytest.mark.parametrize("family", plugins.names(ROOM))
def test_every_table_names_only_roles_that_exist(family: str) -> None:
    for name, tool in plugins.load(ROOM, family, "TOOLS").TOOLS.items():
        roles = {*read_table(tool.options).roles.values(), *tool.operands, tool.more} - {""}
        assert roles <= {*ROLES}, name


def test_no_two_families_claim_a_program() -> None:
    claims = [name for family in plugins.names(ROOM) for name in plugins.load(ROOM, family, "TOOLS").TOOLS]
    assert sorted(claims) == sorted(all_tools())


def test_every_statement_that_is_understood_is_one_of_the_grammar() -> None:
    language = _language()
    kinds = {language.node_kind_for_id(number) for number in range(language.node_kind_count)}
    assert {*_HANDLERS} <= kinds


@pytest.mark.parametrize(
    "program", ["sudo", "env", "xargs", "sh", "bash -c", "eval", "tee", "python3", "time", "nohup"]
)
def test_what_runs_another_program_is_never_safe(program: str) -> None:
    assert classify(f"{program} ls").level != "safe"
