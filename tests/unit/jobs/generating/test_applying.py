"""Drafts are written all or none, through the gate, and tell what they did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.errors import Conflict, Denied, StoreError
from aiex.events import FileEdited
from aiex.guard.gate import Gate
from aiex.guard.policy.judge import Judge
from aiex.guard.policy.policy import Policy
from aiex.jobs.generating.applying import apply, find_ignored, render_diff, require_leave
from aiex.jobs.generating.model import Draft
from tests.unit.jobs.conftest import Opened

NEW = Draft("pkg/new.py", None, b"x = 1\n")
CHANGED = Draft("a.py", b"a\nb\n", b"a\nc\n")


def gate(mode: str = "accept-edits") -> Gate:
    return Gate(Judge(Policy, mode=mode))  # type: ignore[arg-type]


def test_files_are_written_and_told(open_tree: Callable[..., Opened], tmp_path: Path) -> None:
    _, workspace = open_tree({"a.py": "a\nb\n"})
    events = list(apply([NEW, CHANGED], workspace=workspace, gate=gate(), step=None, wish="it"))
    assert [event for event in events if isinstance(event, FileEdited)] == [
        FileEdited("pkg/new.py", "created", 1, 0),
        FileEdited("a.py", "changed", 1, 1),
    ]
    assert (tmp_path / "tree/pkg/new.py").read_bytes() == b"x = 1\n"
    assert (tmp_path / "tree/a.py").read_bytes() == b"a\nc\n"


@pytest.mark.parametrize("other", [Draft("a.py", b"old\n", b"new\n"), Draft("b.py", None, b"new\n")])
def test_what_changed_meanwhile_is_a_conflict_and_nothing_is_written(
    open_tree: Callable[..., Opened], tmp_path: Path, other: Draft
) -> None:
    _, workspace = open_tree({"a.py": "a\nb\n", "b.py": ""})
    with pytest.raises(Conflict):
        list(apply([NEW, other], workspace=workspace, gate=gate(), step=None, wish="it"))
    assert not (tmp_path / "tree/pkg").exists()


def test_where_one_cannot_be_written_none_is(open_tree: Callable[..., Opened], tmp_path: Path) -> None:
    _, workspace = open_tree({"a.py": "a\nb\n", "file": ""})
    drafts = [CHANGED, Draft("x.py", None, b"1\n"), Draft("file/below.py", None, b"1\n")]
    with pytest.raises(StoreError):
        list(apply(drafts, workspace=workspace, gate=gate(), step=None, wish="it"))
    assert (tmp_path / "tree/a.py").read_bytes() == b"a\nb\n"
    assert not (tmp_path / "tree/x.py").exists()


def test_a_rule_or_a_mode_that_forbids_it_is_heeded_in_a_dry_run_too(open_tree: Callable[..., Opened]) -> None:
    _, workspace = open_tree({"a.py": "a\nb\n"})
    with pytest.raises(Denied):
        list(apply([CHANGED], workspace=workspace, gate=gate("plan"), step=None, wish="it"))
    with pytest.raises(Denied):
        require_leave([CHANGED], workspace, gate("plan"))
    with pytest.raises(Denied):
        require_leave([Draft(".git/hooks/x", None, b"")], workspace, gate())


def test_the_patch_is_one_that_git_takes() -> None:
    assert render_diff([NEW, CHANGED]) == (
        b"diff --git a/pkg/new.py b/pkg/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/pkg/new.py\n@@ -0,0 +1 @@\n"
        b"+x = 1\ndiff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    )


def test_new_files_that_are_ignored_are_found(open_tree: Callable[..., Opened]) -> None:
    _, workspace = open_tree({".gitignore": "build/\n*.gen.py\n", "a.py": ""})
    drafts = [Draft("build/deep/x.py", None, b""), Draft("a.gen.py", None, b""), NEW, CHANGED]
    assert find_ignored(drafts, workspace) == ["build/deep/x.py", "a.gen.py"]
