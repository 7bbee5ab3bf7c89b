"""A transaction writes all of an edit or nothing, over what it was made for, and says what does not parse any more."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.transaction import prepare
from aiex.agent.overlay import Overlay
from aiex.agent.seen import Seen
from aiex.errors import Conflict, Denied, EditError, StoreError
from aiex.events import CheckpointTaken, Event, FileEdited
from aiex.guard.redact import REMOVED
from aiex.guard.sandbox.files import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("y = 1\n")
    return tmp_path


def _change(path: str, old: str, new: str) -> FileWish:
    return FileWish(path, "change", (Change(old, new, is_lines=False),))


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_file_is_written_and_told(root: Path) -> None:
    files = Workspace(str(root))
    made = FileWish("new/c.py", "create", content="z = 1\nw = 2\n")
    wishes = [_change("a.py", "1", "2"), made, _change("b.py", "y", "v")]
    events = list(prepare(wishes, files).commit(files, root=str(root), step=None))
    assert events == [
        FileEdited("a.py", "changed", 1, 1),
        FileEdited("new/c.py", "created", 2, 0),
        FileEdited("b.py", "changed", 1, 1),
    ]
    assert _tree(root) == {"a.py": b"x = 2\n", "b.py": b"v = 1\n", "new/c.py": b"z = 1\nw = 2\n"}


def test_nothing_is_written_where_one_file_changed_meanwhile(root: Path) -> None:
    files = Workspace(str(root))
    transaction = prepare([_change("a.py", "1", "2"), _change("b.py", "1", "2")], files)
    (root / "b.py").write_text("y = 1  # by hand\n")
    before = _tree(root)
    with pytest.raises(Conflict, match=r"b\.py changed while this was done; nothing was written"):
        list(transaction.commit(files, root=str(root), step=None))
    assert _tree(root) == before


def test_what_was_written_is_put_back_where_one_file_cannot_be(root: Path) -> None:
    (root / "c").mkdir()
    files = Workspace(str(root))
    transaction = prepare([_change("a.py", "1", "2"), FileWish("c/d/e.py", "create", content="z\n")], files)
    (root / "c" / "d").write_text("in the way")
    before = _tree(root)
    with pytest.raises((StoreError, Conflict)):
        list(transaction.commit(files, root=str(root), step=None))
    assert _tree(root) == before


def test_protected_names_are_refused(root: Path) -> None:
    (root / ".git").mkdir()
    files = Workspace(str(root))
    transaction = prepare(
        [_change("a.py", "1", "2"), FileWish(".git/hooks/post-merge", "create", content="x\n")], files
    )
    before = _tree(root)
    with pytest.raises(Denied):
        list(transaction.commit(files, root=str(root), step=None))
    assert _tree(root) == before


def test_a_file_that_does_not_parse_any_more_is_told(root: Path) -> None:
    files = Workspace(str(root))
    (said,) = prepare([_change("a.py", "1", "(1")], files).breaks
    assert said == "warning: a.py parsed before this edit, and now has a syntax error near line 1: x = (1"
    assert prepare([_change("a.py", "1", "2")], files).breaks == ()


def test_a_file_that_was_broken_before_is_not_told(root: Path) -> None:
    (root / "a.py").write_text("x = (1\n")
    assert prepare([_change("a.py", "1", "2")], Workspace(str(root))).breaks == ()


def test_a_miss_says_that_the_file_changed_since_it_was_read(root: Path) -> None:
    files, seen = Workspace(str(root)), Seen()
    seen.note("a.py", b"x = 0\n")
    with pytest.raises(EditError) as raised:
        prepare([_change("a.py", "x = 0", "x = 3")], files, seen)
    assert raised.value.hint.startswith("changed since you read it: a.py; read it again")


@pytest.mark.parametrize(("known", "said"), [(None, "you have not read it"), (b"x = 0\n", "it changed since")])
def test_a_whole_file_is_not_written_over_what_is_not_known(root: Path, known: bytes | None, said: str) -> None:
    files, seen = Workspace(str(root)), Seen()
    if known is not None:
        seen.note("a.py", known)
    with pytest.raises(EditError, match=said):
        prepare([FileWish("a.py", "write", content="x = 3\n")], files, seen)


def test_what_was_written_is_known(root: Path) -> None:
    files, seen = Workspace(str(root)), Seen()
    list(prepare([_change("a.py", "1", "2")], files, seen).commit(files, root=str(root), step=None, seen=seen))
    assert seen.compare("a.py", b"x = 2\n") == "same"
    prepare([FileWish("a.py", "write", content="x = 3\n")], files, seen)


def test_a_moved_program_stays_one(root: Path) -> None:
    (root / "run.sh").write_text("#!/bin/sh\n")
    os.chmod(root / "run.sh", 0o755)
    files = Workspace(str(root))
    events = list(
        prepare([FileWish("run.sh", "move", moved_to="bin/run.sh")], files).commit(files, root=str(root), step=None)
    )
    assert [event.path for event in events if isinstance(event, FileEdited)] == ["run.sh", "bin/run.sh"]
    assert stat.S_IMODE(os.stat(root / "bin" / "run.sh").st_mode) == 0o755
    assert not (root / "run.sh").exists()


class _Step:
    """Looks after nothing, and says so."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def cover(self, paths: Iterable[str]) -> None:
        self.calls.append(f"cover {' '.join(paths)}")

    def begin(self) -> Iterator[Event]:
        self.calls.append("begin")
        yield CheckpointTaken("one", "edit")

    def end(self) -> tuple[tuple[Event, ...], bool]:
        self.calls.append("end")
        return (), True

    def cut_off(self) -> None:
        self.calls.append("cut off")


def test_the_checkpoint_comes_first_and_the_edits_are_told_in_any_case(root: Path) -> None:
    files, step = Workspace(str(root)), _Step()
    events = list(prepare([_change("a.py", "1", "2")], files).commit(files, root=str(root), step=step))
    assert events == [CheckpointTaken("one", "edit"), FileEdited("a.py", "changed", 1, 1)]
    assert step.calls == ["cover a.py", "begin", "end", "cut off"]


def test_a_dry_run_writes_in_memory_alone(root: Path) -> None:
    overlay, before = Overlay(Workspace(str(root))), _tree(root)
    for wish in (_change("a.py", "1", "2"), _change("a.py", "2", "3"), FileWish("n.py", "create", content="n\n")):
        list(prepare([wish], overlay).commit(overlay, root=str(root), step=None))
    assert _tree(root) == before
    assert list(overlay.changes()) == [("a.py", b"x = 1\n", b"x = 3\n"), ("n.py", None, b"n\n")]


def test_the_mark_of_a_secret_does_not_get_into_a_file(root: Path) -> None:
    (root / "conf.py").write_text('API_KEY = "sk-proj-4f9d8c7b6a5e4d3c2b1a0f9e8d7c6b5a"\nX = 1\n')
    files, seen = Workspace(str(root)), Seen()
    seen.note("conf.py", (root / "conf.py").read_bytes())
    with pytest.raises(EditError, match="stands for a secret"):
        prepare([FileWish("conf.py", "write", content=f'API_KEY = "{REMOVED}"\nX = 2\n')], files, seen)


def test_words_that_look_like_that_mark_are_words_elsewhere(root: Path) -> None:
    (change,) = prepare([_change("a.py", "1", f'"{REMOVED}"')], Workspace(str(root))).changes
    assert change.after == f'x = "{REMOVED}"\n'.encode()
