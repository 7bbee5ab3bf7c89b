"""`aiex refactor` as processes: patches, steps that can be undone, and what is told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunAiex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names of files are compared as they are on Linux")


def files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_a_rename_is_one_step_that_undo_takes_back(workspace: Path, run_warm: RunAiex) -> None:
    before = files(workspace)
    done = run_warm("refactor", "rename", "shop/prices.py::price_of", "cost_of", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "rename price_of to cost_of: 3 places in 2 files\n"
        " shop/basket.py | 4 ++--\n shop/prices.py | 2 +-\n 2 files changed, +3 -3\n"
    )
    assert b"sum(cost_of(name) * count" in (workspace / "shop" / "basket.py").read_bytes()
    undone = run_warm("undo", cwd=workspace)
    assert undone.returncode == 0, undone.stderr
    assert files(workspace) == before


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_a_dry_run_gives_a_patch_that_git_takes(workspace: Path, run_warm: RunAiex) -> None:
    (workspace / "shop" / "prices.py").write_bytes(
        (workspace / "shop" / "prices.py").read_bytes().replace(b"\n", b"\r\n").rstrip()
    )
    subprocess.run(["git", "init", "-q"], cwd=workspace, check=True)
    before = files(workspace)
    words = ("rename", "prices.py::PRICES", "TABLE", "--dry-run", "-o", "json")
    done = run_warm("refactor", *words, cwd=workspace / "shop")
    assert done.returncode == 0, done.stderr
    assert files(workspace) == before
    assert "nothing was written" in done.stderr
    patch = json.loads(done.stdout)["structured_output"]["patch"].encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=workspace, check=True)
    assert (workspace / "shop" / "prices.py").read_bytes() == before["shop/prices.py"].replace(b"PRICES", b"TABLE")


def test_a_doubt_stops_it_and_json_has_every_place(workspace: Path, run_warm: RunAiex) -> None:
    (workspace / "use.py").write_text("def fill(basket):\n    basket.add('apple', 2)\n")
    before = files(workspace)
    done = run_warm("refactor", "rename", "shop/basket.py::Basket.add", "put", "-o", "json", cwd=workspace)
    result = json.loads(done.stdout)
    assert (done.returncode, result["exit_code"]) == (1, 1)
    assert [(place["path"], place["line"]) for place in result["structured_output"]["uncertain"]] == [("use.py", 2)]
    assert files(workspace) == before
    done = run_warm("refactor", "rename", "shop/basket.py::Basket.add", "put", "--uncertain", "change", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "basket.put('apple', 2)" in (workspace / "use.py").read_text()
    assert 'basket.put("apple", 2)' in (workspace / "tests" / "test_basket.py").read_text()


def test_an_editor_gets_a_patch_of_what_is_not_saved(workspace: Path, run_warm: RunAiex) -> None:
    before = files(workspace)
    done = run_warm(
        "refactor", "extract", "-:2-2", "show", "--name", "new.py", cwd=workspace, input="x = 1\nprint(x)\n"
    )
    assert done.returncode == 0, done.stderr
    assert "+def show():\n" in done.stdout
    assert files(workspace) == before


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["rename", "shop/basket.py::Basket.ad", "put"], 2, "did you mean Basket.add?"),
        (["rename", "shop/basket.py::Basket.add", "total"], 2, "'total' is taken: Basket in shop/basket.py has it"),
        (["rename", "shop/basket.py"], 2, "rename takes TARGET NEW_NAME"),
        (["shop/basket.py"], 2, "what is to be done with shop/basket.py?"),
        (["imports", "-"], 2, "standard input needs --name FILE"),
        (["rename", "../x.py::a", "b"], 4, "outside"),
        (["rename", "shop/prices.py::PRICES", "T", "--set", 'policy.rules=["deny write shop/**"]'], 4, "deny write"),
    ],
)
def test_what_cannot_be_says_why(workspace: Path, run_warm: RunAiex, words: list[str], code: int, told: str) -> None:
    before = files(workspace)
    done = run_warm("refactor", *words, cwd=workspace)
    assert told in done.stderr
    assert done.returncode == code
    assert files(workspace) == before


def test_nothing_of_the_repository_runs(workspace: Path, run_warm: RunAiex, tmp_path: Path) -> None:
    (workspace / ".ropeproject").mkdir()
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for name in (".ropeproject/config.py", "sitecustomize.py", "conftest.py", "ast.py"):
        (workspace / name).write_text(trap)
    done = run_warm("refactor", "imports", "shop/basket.py", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
