"""The path suite, every case with every engine: nothing outside is read or changed, everything inside works."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aiex.guard.sandbox.paths import DEFAULT_RULES
from tests.fakes import path_impl

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the checker swaps names with renameat2, Linux only")

SUITE = Path(__file__).parent.parent / "data" / "paths"
ENGINES = [path_impl.openat2, path_impl.walk]


def _load_checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("path_suite_checker", SUITE / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = _load_checker()
CASES: list[dict[str, Any]] = [json.loads(line) for line in (SUITE / "dev.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['cat']}-{case['op']}")
def test_every_case_of_the_suite_passes(case: dict[str, Any], engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", os.environ["HOME"])
    monkeypatch.setenv("AIEX_FAKE_KEY", "")
    outcome, why = CHECKER.run(case, engine)
    if outcome == "skip":
        pytest.skip(why)
    assert (outcome, why) == ("pass", "")


@pytest.mark.parametrize("case", [case for case in CASES if "race" not in case], ids=lambda case: case["id"])
def test_opening_by_name_keeps_the_rules_when_nobody_races(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    test_every_case_of_the_suite_passes(case, path_impl.realpath, monkeypatch)


def test_the_rules_are_those_of_the_policy_file() -> None:
    policy = json.loads((SUITE / "policy.json").read_text(encoding="utf-8"))
    write, read = policy["deny_write"], policy["deny_read"]
    assert {*write["any_component"], *write["dirs"], *write["files"]} == DEFAULT_RULES.protected
    assert set(read["names"]) == DEFAULT_RULES.secret_names
    assert tuple(read["globs"]) == DEFAULT_RULES.secret_globs
    assert tuple(read["paths"]) == DEFAULT_RULES.secret_paths
    assert tuple(read["except"]) == DEFAULT_RULES.never_secret


def test_the_copy_is_the_shared_suite() -> None:
    shared = Path(__file__).parents[3] / "shared" / "suites" / "paths"
    if not shared.is_dir():
        pytest.skip("there is no shared suite beside the checkout")
    for name in ("dev.jsonl", "policy.json", "check.py"):
        assert (SUITE / name).read_bytes() == (shared / name).read_bytes()
