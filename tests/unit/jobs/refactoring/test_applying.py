"""Putting a plan in place: all files or none, and only over what was read."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from aiex.errors import Conflict, Denied, StoreError
from aiex.events import FileEdited, TurnEnded
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.refactoring.applying import apply_changes
from aiex.jobs.refactoring.checking import check_plan
from aiex.jobs.refactoring.edits import Change, Plan
from aiex.jobs.refactoring.job import RefactorTask, refactor
from aiex.jobs.refactoring.patching import render_patch


def apply(workspace: Workspace, *changes: Change) -> list[object]:
    return list(apply_changes(changes, workspace=workspace, gate=None, step=None, arguments={}))


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.iterdir())}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_bytes(b"a = 1\n")
    (tmp_path / "b.py").write_bytes(b"b = 1\n")
    return tmp_path


def test_files_are_changed_made_and_removed(place: Path) -> None:
    (place / "a.py").chmod(0o755)
    changes = [Change("a.py", b"a = 1\n", b"a = 2\n"), Change("b.py", b"b = 1\n", None), Change("c.py", None, b"c\n")]
    told = apply(Workspace(str(place)), *changes)
    assert contents(place) == {"a.py": b"a = 2\n", "c.py": b"c\n"}
    assert stat.S_IMODE((place / "a.py").stat().st_mode) == 0o755
    edits = [event for event in told if isinstance(event, FileEdited)]
    assert [(edit.path, edit.change) for edit in edits] == [
        ("a.py", "changed"), ("b.py", "deleted"), ("c.py", "created"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change", [Change("b.py", b"other\n", b"b = 2\n"), Change("b.py", None, b"b\n"), Change("z.py", b"z\n", None)]
)
def test_what_changed_meanwhile_is_not_written_over(place: Path, change: Change) -> None:
    before = contents(place)
    with pytest.raises(Conflict):
        apply(Workspace(str(place)), Change("a.py", b"a = 1\n", b"a = 2\n"), change)
    assert contents(place) == before


@pytest.mark.skipif(os.name == "nt", reason="directories are closed otherwise there")
def test_a_file_that_cannot_be_written_leaves_all_as_they_were(place: Path) -> None:
    (place / "sub").mkdir()
    (place / "x.txt").write_bytes(b"no folder\n")
    before = (place / "a.py").read_bytes()
    with pytest.raises((StoreError, Denied)):
        apply(
            Workspace(str(place)), Change("a.py", before, b"a = 2\n"), Change("new.py", None, b"new\n"),
            Change("x.txt/y.py", None, b"y\n"),
        )  # fmt: skip
    assert (place / "a.py").read_bytes() == before
    assert not (place / "new.py").exists()


def test_what_no_longer_parses_is_refused() -> None:
    broken = Plan("break", (Change("a.py", b"a = 1\n", b"a = (\n"),))
    with pytest.raises(Exception, match="would no longer parse: syntax error at line 1"):
        check_plan(broken)
    check_plan(Plan("leave", (Change("a.py", b"a = (\n", b"b = (\n"),)))


def test_a_name_that_nothing_defines_is_refused() -> None:
    with pytest.raises(Exception, match=r"a\.py:1 would use b, which nothing defines there"):
        check_plan(Plan("lose", (Change("a.py", b"a = 1\n", b"a = b\n"),)))


def test_names_of_files_are_quoted_in_patches_as_git_does() -> None:
    patch = render_patch([Change("a b.py", b"a\n", b"b"), Change("caf\u00e9.py", None, b"x\n")])
    assert patch == (
        b"diff --git a/a b.py b/a b.py\n--- a/a b.py\t\n+++ b/a b.py\t\n"
        b"@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n"
        b'diff --git "a/caf\\303\\251.py" "b/caf\\303\\251.py"\nnew file mode 100644\n--- /dev/null\n'
        b'+++ "b/caf\\303\\251.py"\n@@ -0,0 +1 @@\n+x\n'
    )


def run(task: RefactorTask, opened) -> TurnEnded:
    engine, workspace = opened

    async def last() -> object:
        return [event async for event in refactor(task, engine=engine, workspace=workspace)][-1]

    ended = asyncio.run(last())
    assert isinstance(ended, TurnEnded)
    return ended


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfold = 1\r\nx = 'caf\xc3\xa9'; old\n\x0cold",
         b"\xef\xbb\xbfnew = 1\r\nx = 'caf\xc3\xa9'; new\n\x0cnew"),
        (b"# coding: latin-1\nx = 'caf\xe9'; old = 1\r\n", b"# coding: latin-1\nx = 'caf\xe9'; new = 1\r\n"),
    ],
)  # fmt: skip
def test_every_untouched_byte_stays(open_tree, data: bytes, expected: bytes) -> None:
    opened = open_tree({"m.py": data})
    assert run(RefactorTask("rename", "m.py::old", "new"), opened).status == "success"
    assert (Path(opened[1].root) / "m.py").read_bytes() == expected


def test_a_doubt_refuses_and_says_how_to_go_on(open_tree) -> None:
    opened = open_tree({"m.py": "class C:\n    def a(self): ...\ndef f(x): x.a()\n"})
    ended = run(RefactorTask("rename", "m.py::C.a", "b"), opened)
    assert (ended.status, ended.exit_code) == ("error", 1)
    assert "--uncertain leave" in ended.hint
    assert ended.data is not None
    assert [place["line"] for place in ended.data["uncertain"]] == [3]
    assert run(RefactorTask("rename", "m.py::C.a", "b", uncertain="leave"), opened).exit_code == 0
    assert (Path(opened[1].root) / "m.py").read_text() == "class C:\n    def b(self): ...\ndef f(x): x.a()\n"


def test_standard_input_stands_for_the_file_and_nothing_is_written(open_tree) -> None:
    opened = open_tree({"m.py": "old = 1\n"})
    ended = run(RefactorTask("rename", "m.py::older", "new", stdin=b"older = 2\n", name="m.py"), opened)
    assert "-older = 2\n+new = 2\n" in ended.answer
    assert (Path(opened[1].root) / "m.py").read_text() == "old = 1\n"


@pytest.mark.parametrize(
    ("files", "target", "told"),
    [
        ({"m.py": b"\0" * 9}, "m.py::x", "it is not text"),
        ({"m.py": b"x = 1\n" * 2_000_000}, "m.py::x", "larger than 1 MB"),
        ({"m.py": b"# coding: utf-8\nx = '\xe9'\n"}, "m.py::x", "not utf-8 text"),
        ({"m.zzz": b"x"}, "m.zzz::x", "its language is not known"),
        ({}, "none.py::x", "there is no file none.py"),
    ],
)
def test_what_cannot_be_read_is_refused(open_tree, files, target, told) -> None:
    ended = run(RefactorTask("rename", target, "y"), open_tree(files))
    assert ended.exit_code == 2
    assert told in ended.error
