"""`aiex review` as a person and a pipeline run it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RunAiex

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(workspace: Path) -> Path:
    """The small shop, committed, with a change that breaks a caller and leaves a break point in."""
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "first")):
        subprocess.run(["git", *words], cwd=workspace, check=True)
    prices = workspace / "shop/prices.py"
    prices.write_text(prices.read_text().replace("def price_of(name: str)", "def price_in(name: str, currency=[])"))
    return workspace


def test_findings_by_file_and_a_red_end(repository: Path, run_warm: RunAiex) -> None:
    done = run_warm("review", cwd=repository)
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert (
        "shop/basket.py:3: error broken-caller: price_of was removed from shop/prices.py and is still used here"
        in lines
    )
    assert "shop/prices.py:6: warning mutable-default: every call shares this default value" in lines
    assert lines[-1].startswith("1 error, 1 warning (uncommitted changes: 1 file, ")
    assert lines[-1].endswith("red: --fail-on error")


def test_a_part_of_the_change_in_a_directory_below(repository: Path, run_warm: RunAiex) -> None:
    (repository / "other.py").write_text("x = 1\n")
    done = run_warm("review", "../other.py", "--fail-on", "note", cwd=repository / "shop")
    assert (done.returncode, done.stdout.partition(" (")[0]) == (0, "nothing found")
    assert run_warm("review", "nowhere/at/all", cwd=repository).returncode == 2


def test_a_path_that_is_nowhere_is_a_mistake_and_a_deleted_one_is_a_change(repository: Path, run_warm: RunAiex) -> None:
    for words in ((), ("--base", "main"), ("--commit", "HEAD"), ("--uncommitted",)):
        done = run_warm("review", "nosuch", *words, cwd=repository)
        assert done.returncode == 2
        assert "no such file or directory: nosuch" in done.stderr
        assert "hint: " in done.stderr
    subprocess.run(["git", "rm", "-qf", "shop/basket.py"], cwd=repository, check=True)
    assert "1 file" in run_warm("review", "shop/basket.py", cwd=repository).stdout
    subprocess.run(["git", "commit", "-qam", "second"], cwd=repository, check=True)
    assert "1 file" in run_warm("review", "shop/basket.py", cwd=repository).stdout
    assert run_warm("review", "shop/basket.py", "--commit", "HEAD~1", cwd=repository).returncode == 0
    assert run_warm("review", "shop/basket.py", "--base", "main~1", cwd=repository).returncode == 3
    subprocess.run(["git", "commit", "-qm", "third", "--allow-empty"], cwd=repository, check=True)
    assert run_warm("review", "shop/basket.py", cwd=repository).returncode == 2


def test_json_has_every_field(repository: Path, run_warm: RunAiex) -> None:
    done = run_warm("review", "-o", "json", "--set", 'review.disable=["broken-caller"]', cwd=repository)
    result = json.loads(done.stdout)
    assert (result["exit_code"], done.returncode) == (0, 0)
    (finding,) = result["structured_output"]["findings"]
    assert len(finding.pop("fingerprint")) == 32
    assert finding == {
        "rule": "mutable-default",
        "severity": "warning",
        "path": "shop/prices.py",
        "line": 6,
        "end_line": 6,
        "message": "every call shares this default value",
        "evidence": ["def price_in(name: str, currency=[]) -> int:"],
        "suggestion": "use None, and make a new one inside",
    }


def test_sarif_goes_to_a_new_file_or_to_the_pipe(repository: Path, run_warm: RunAiex) -> None:
    done = run_warm("review", "--sarif", "../review.sarif", "--fail-on", "warning", cwd=repository)
    assert done.returncode == 3
    written = json.loads((repository.parent / "review.sarif").read_text())
    assert len(written["runs"][0]["results"]) == 2
    piped = run_warm("review", "--sarif", "-", cwd=repository)
    assert json.loads(piped.stdout) == written
    again = run_warm("review", "--sarif", "../review.sarif", cwd=repository)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    assert run_warm("review", "--sarif", "-", "-o", "json", cwd=repository).returncode == 2


def test_a_commit_and_a_base(repository: Path, run_warm: RunAiex) -> None:
    for words in (("checkout", "-qb", "topic"), ("commit", "-qam", "second")):
        subprocess.run(["git", *words], cwd=repository, check=True)
    by_commit = run_warm("review", "--commit", "HEAD", "-o", "json", cwd=repository)
    by_base = run_warm("review", "--base", "main", "-o", "json", cwd=repository)
    by_itself = run_warm("review", "-o", "json", cwd=repository)
    told = [json.loads(done.stdout)["structured_output"]["findings"] for done in (by_commit, by_base, by_itself)]
    assert told[0] == told[1] == told[2] != []
    assert run_warm("review", "--base", "main", "--commit", "HEAD", cwd=repository).returncode == 2


def test_without_git_a_path_is_needed(workspace: Path, run_warm: RunAiex) -> None:
    done = run_warm("review", cwd=workspace)
    assert (done.returncode, "there is no git repository" in done.stderr) == (2, True)
    assert run_warm("review", "shop", cwd=workspace).stdout.startswith("nothing found (whole files: ")
