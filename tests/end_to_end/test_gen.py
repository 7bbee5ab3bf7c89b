"""`aiex gen` as a process: what it prints, writes and keeps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.conftest import RunAiex


def test_a_module_is_made_told_and_taken_back_in_one_step(run_aiex: RunAiex, workspace: Path) -> None:
    before = sorted(path.name for path in workspace.rglob("*.py"))
    words = ("gen", "module", "tax rates", "--language", "python")
    planned = run_aiex(*words, "--dry-run", cwd=workspace)
    assert planned.returncode == 0, planned.stderr
    assert sorted(path.name for path in workspace.rglob("*.py")) == before
    done = run_aiex(*words, "--diff", cwd=workspace)
    assert (done.returncode, done.stdout.startswith(planned.stdout)) == (0, True), done.stderr
    assert done.stdout.removeprefix(planned.stdout) == (
        "\ncreated shop/tax_rates.py (6 lines)\ncreated tests/test_tax_rates.py (16 lines)\n"
        "tests left open: 1, each is skipped and says what is to do\n"
        "to run the tests: python -m pytest tests/test_tax_rates.py\nto take this back: aiex undo\n"
    )
    again = run_aiex(*words, cwd=workspace)
    assert (again.returncode, again.stdout) == (6, "")
    assert again.stderr.endswith("hint: choose another name\n")
    assert run_aiex("undo", cwd=workspace).returncode == 0
    assert sorted(path.name for path in workspace.rglob("*.py")) == before


def test_the_patch_of_a_dry_run_is_taken_by_git_and_the_result_is_json(run_aiex: RunAiex, workspace: Path) -> None:
    wish = ("gen", "function", "cheapest", "--in", "shop/prices.py", "--signature", "(names: list[str]) -> str")
    patch = run_aiex(*wish, "--dry-run", cwd=workspace).stdout
    subprocess.run(["git", "init", "-q"], cwd=workspace, check=True)
    subprocess.run(["git", "apply", "--check", "-"], cwd=workspace, input=patch, text=True, check=True)
    told = json.loads(run_aiex(*wish, "-o", "json", cwd=workspace).stdout)
    data = told["structured_output"]
    assert told["files_changed"] == ["shop/prices.py", "tests/test_prices.py"]
    assert (data["kind"], data["language"], data["applied"]) == ("function", "python", True)
    assert {"name": "test style", "value": "pytest functions", "evidence": "1 of 1 file"} in data["conventions"]
    message = run_aiex("gen", "commit", cwd=workspace)
    assert (message.returncode, message.stdout.count("\n")) == (0, 1), message.stderr


def test_words_that_lead_nowhere_are_told(run_aiex: RunAiex, workspace: Path) -> None:
    done = run_aiex("gen", "modul", "x", cwd=workspace)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: cannot make 'modul'\nhint: did you mean 'module'?\n"


def test_in_the_mode_plan_nothing_is_written(run_aiex: RunAiex, workspace: Path) -> None:
    done = run_aiex("gen", "docs", "web/sum.js", "--permission-mode", "plan", cwd=workspace)
    assert done.returncode == 4
    assert "/**" not in (workspace / "web/sum.js").read_text()
