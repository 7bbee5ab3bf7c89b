"""Steps, undo and redo, and checkpoints, as processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiex.guard.sandbox.probing import choose
from tests.conftest import RunAiex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")
Told = list[dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace that is no git directory."""
    place = tmp_path / "ws"
    place.mkdir()
    (place / "a.txt").write_text("one\ntwo\n")
    if choose().requires_approval:
        pytest.skip("nothing on this machine confines commands")
    return place


@pytest.fixture
def aiex(run_warm: RunAiex, place: Path) -> Callable[..., Any]:
    return lambda *words, **more: run_warm(*words, cwd=more.pop("cwd", place), **more)


@pytest.fixture
def step(aiex: Callable[..., Any]) -> Callable[..., Told]:
    """Run a command of the shell as a step; its lines."""

    def run(script: str, *flags: str) -> Told:
        done = aiex("run", "sandbox", "-o", "stream-json", *flags, "--", "sh", "-c", script)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def files(place: Path) -> dict[str, str]:
    return {
        os.fsencode(path.relative_to(place)).decode("utf-8", "backslashreplace"): path.read_text()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def data(done: Any) -> Any:
    return json.loads(done.stdout)["structured_output"]


# --- a step ---------------------------------------------------------------------------------------------------------


def test_what_a_command_did_to_the_files_is_found_by_looking(place: Path, step: Callable[..., Told]) -> None:
    (place / "gone").write_text("x\n")
    told = step("printf 'one\\nTWO\\nthree\\n' > a.txt; mkdir -p d/e; touch d/new; mkdir empty; rm gone")
    edits = [one for one in told if one.get("subtype") == "file_edited"]
    assert {one["path"]: (one["change"], one["added_lines"], one["removed_lines"]) for one in edits} == {
        "a.txt": ("changed", 2, 1),
        "d/e/": ("created", 0, 0),
        "d/new": ("created", 0, 0),
        "empty/": ("created", 0, 0),
        "gone": ("deleted", 0, 1),
    }
    assert [one["type"] for one in told][:3] == ["init", "checkpoint", "tool_use"]
    assert sorted(told[-1]["files_changed"]) == sorted(one["path"] for one in edits)


def test_a_step_that_changed_nothing_is_none_to_undo(aiex: Callable[..., Any], step: Callable[..., Told]) -> None:
    assert step("cat a.txt")[-1]["files_changed"] == []
    done = aiex("undo")
    assert (done.returncode, done.stderr) == (2, "error: there is nothing to be undone\n")


def test_no_checkpoint_is_taken_of_what_writes_nothing_or_when_nobody_wants_one(
    place: Path, step: Callable[..., Told]
) -> None:
    for flags in (["--read-only"], ["--set", "checkpoints.mode=off"]):
        assert "checkpoint" not in [one["type"] for one in step("true", *flags)]


def test_where_no_checkpoint_can_be_taken_the_command_runs_and_that_is_told(
    place: Path, step: Callable[..., Told]
) -> None:
    folder = Path(os.environ["AIEX_DATA_DIR"], "workspaces")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.write_text("in the way")
    told = step("echo x > b.txt")
    warned = [one["message"] for one in told if one.get("severity") == "warning"]
    assert any(text.startswith("no checkpoint could be taken, so this cannot be undone: ") for text in warned)
    assert (told[-1]["exit_code"], files(place)["b.txt"]) == (0, "x\n")
