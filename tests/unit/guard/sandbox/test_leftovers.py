"""What a killed process left in a workspace goes; what a living one needs, and all that is a person's, stays."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aiex.guard.sandbox.files import Workspace
from aiex.guard.sandbox.leftovers import remove_leftovers
from aiex.guard.sandbox.placeholders import Placeholders

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a writer")
LEFT = ".aiex-0123456789abcdef.tmp"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    (root / "deep/er").mkdir(parents=True)
    return root


def die_before_renaming(root: Path, name: str) -> None:
    """Write a file of a workspace in a process that ends without warning when it is about to put it in place."""
    child = os.fork()
    if child == 0:
        os.replace = lambda *_, **__: os._exit(0)  # type: ignore[assignment]
        try:
            Workspace(str(root)).write(name, b"new")
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_an_unfinished_file_of_a_process_that_died_goes(root: Path) -> None:
    (root / "deep/er/file").write_text("old")
    die_before_renaming(root, "deep/er/file")
    (left,) = set(os.listdir(root / "deep/er")) - {"file"}
    assert remove_leftovers(str(root)) == [f"deep/er/{left}"]
    assert os.listdir(root / "deep/er") == ["file"]
    assert (root / "deep/er/file").read_text() == "old"


def test_a_file_that_is_being_written_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, removed = os.replace, []

    def look_first(*args: object, **options: object) -> None:
        removed.append(remove_leftovers(str(root)))
        replace(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", look_first)
    Workspace(str(root)).write("deep/file", b"new")
    assert removed == [[]]
    assert (root / "deep/file").read_bytes() == b"new"


def test_nothing_else_goes(root: Path, tmp_path: Path) -> None:
    kept = [".aiex-notes.tmp", ".aiex-0123456789ABCDEF.tmp", "aiex-0123456789abcdef.tmp", f".git/{LEFT}", "a.tmp"]
    (root / ".git").mkdir()
    for name in kept:
        (root / name).touch()
    (root / f"deep/{LEFT}").mkdir()
    (tmp_path / LEFT).touch()
    (root / "out").symlink_to(tmp_path)
    (root / LEFT).symlink_to(tmp_path / LEFT)
    assert remove_leftovers(str(root)) == []
    assert all((root / name).exists() for name in (*kept, f"deep/{LEFT}", LEFT))


@pytest.mark.skipif(sys.platform != "linux", reason="stand-ins are for Linux")
def test_stand_ins_of_a_command_whose_aiex_died_go(root: Path) -> None:
    child = os.fork()
    if child == 0:
        Placeholders(str(root)).take([(str(root / ".claude"), True), (str(root / ".envrc"), False)])
        os._exit(0)
    os.waitpid(child, 0)
    assert sorted(os.listdir(root)) == [".claude", ".envrc", "deep"]
    remove_leftovers(str(root))
    assert os.listdir(root) == ["deep"]


@pytest.mark.skipif(sys.platform != "linux", reason="stand-ins are for Linux")
def test_stand_ins_of_a_command_that_runs_stay(root: Path) -> None:
    stand_ins = Placeholders(str(root))
    stand_ins.take([(str(root / ".envrc"), False)])
    remove_leftovers(str(root))
    assert sorted(os.listdir(root)) == [".envrc", "deep"]
    stand_ins.give_back()
