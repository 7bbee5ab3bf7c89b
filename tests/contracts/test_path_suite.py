"""The path suite, every case with every engine: nothing outside is read or changed, everything inside works."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex.guard.sandbox.paths import DEFAULT_RULES
from tests.conftest import SOURCE_ROOT
from tests.fakes.path_suite import SUITE
from tests.fakes.tables import each

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the checker swaps names with renameat2, Linux only")

CASES: list[dict[str, Any]] = [json.loads(line) for line in (SUITE / "dev.jsonl").open(encoding="utf-8")]

Check = Callable[[dict[str, Any], str], tuple[str, str]]


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    """The outcome of a case with an engine, and why."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.path_suite"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT, "TMPDIR": str(tmp_path_factory.mktemp("suite"))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask(case: dict[str, Any], engine: str) -> tuple[str, str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps([engine, case]) + "\n")
            process.stdin.flush()
            outcome, why = json.loads(process.stdout.readline())
            return outcome, why

        yield ask


@pytest.mark.parametrize("engine", ["openat2", "walk"])
@each("case", CASES, ids=lambda case: f"{case['id']}-{case['cat']}-{case['op']}")
def test_every_case_of_the_suite_passes(case: dict[str, Any], engine: str, check: Check) -> None:
    require_pass(case, engine, check)


def require_pass(case: dict[str, Any], engine: str, check: Check) -> None:
    outcome, why = check(case, engine)
    if outcome == "skip":
        pytest.skip(why)
    assert (outcome, why) == ("pass", "")


@each("case", [case for case in CASES if "race" not in case], ids=lambda case: case["id"])
def test_opening_by_name_keeps_the_rules_when_nobody_races(case: dict[str, Any], check: Check) -> None:
    require_pass(case, "realpath", check)


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
