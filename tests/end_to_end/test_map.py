"""A map of the workspace, for a person or an editor, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import RunAiex

MANY = "".join(f"def price_of_{number}(fruit):\n    return {number}\n\n\n" for number in range(1_200))


def test_a_map_names_files_and_lines(workspace: Path, run_warm: RunAiex) -> None:
    done = run_warm("show", "context", "--map", cwd=workspace)
    assert (done.returncode, done.stderr) == (0, "")
    lines = (workspace / "shop" / "prices.py").read_text().split("\n")
    line = 1 + next(number for number, text in enumerate(lines) if text.startswith("def price_of"))
    assert f"\nshop/prices.py:\n  {line} price_of()\n" in f"\n{done.stdout}"


@pytest.mark.parametrize(("words", "most"), [((), 2_000), (("--budget", "300"), 300), (("--budget", "5000"), 5_000)])
def test_a_map_is_as_long_as_it_may_be(workspace: Path, run_warm: RunAiex, words: tuple[str, ...], most: int) -> None:
    (workspace / "many.py").write_text(MANY)
    done = run_warm("show", "context", "--map", *words, "--json", cwd=workspace)
    known = json.loads(done.stdout)["structured_output"]["map"]
    assert 0.9 * most < known["tokens"] <= most
    assert sum(len(file["definitions"]) for file in known["files"]) == known["definitions"]


def test_a_smaller_budget_of_the_settings_bounds_a_map(workspace: Path, run_warm: RunAiex) -> None:
    (workspace / "many.py").write_text(MANY)
    done = run_warm("show", "context", "--map", "--json", "--set", "budget_tokens=500", cwd=workspace)
    assert json.loads(done.stdout)["structured_output"]["map"]["tokens"] <= 500


def test_a_map_for_a_task_begins_with_what_it_is_about(workspace: Path, run_warm: RunAiex) -> None:
    words = ("--task", "What is the price_of a fruit?", "--budget", "30")
    assert "price_of()" in run_warm("show", "context", "--map", *words, cwd=workspace).stdout
