"""What a step tells about files, and what it leaves for undo."""

from __future__ import annotations

import os
from pathlib import Path

from aiex.errors import StoreError
from aiex.events import CheckpointTaken, FileEdited, Warned
from aiex.jobs.stepping import Step, find_left, is_too_wide, keep_now, tell_left_out, tell_uncovered
from aiex.sessions.checkpoints.opening import CLEAN_EVERY, Checkpoints
from aiex.sessions.checkpoints.snapshots import LeftOut


def test_a_step_tells_what_came_changed_and_went(tree: Path, checkpoints: Checkpoints) -> None:
    for name, text in {"old": "a\nb\n", "mode": "x", "binary": "\0", "becomes": "f\n", "link": ""}.items():
        (tree / name).write_text(text)
    (tree / "folder").mkdir()
    step = Step(checkpoints, "make", session="5" * 16)
    (taken,) = step.begin()
    assert isinstance(taken, CheckpointTaken)
    (tree / "old").write_text("a\nc\nd\n")
    (tree / "mode").chmod(0o700)
    (tree / "binary").write_bytes(b"\0\1\n\n")
    (tree / "becomes").unlink()
    (tree / "becomes").mkdir()
    (tree / "becomes/inner").write_text("1\n2")
    (tree / "link").unlink()
    (tree / "link").symlink_to("old")
    (tree / "folder").rmdir()
    events, is_known = step.end()
    assert is_known
    assert set(events) == {
        FileEdited("old", "changed", 2, 1),
        FileEdited("mode", "changed", 0, 0),
        FileEdited("binary", "changed", 0, 0),
        FileEdited("becomes", "deleted", 0, 1),
        FileEdited("becomes/inner", "created", 2, 0),
        FileEdited("link", "changed", 0, 0),
        FileEdited("folder/", "deleted", 0, 0),
    }
    left = find_left(checkpoints)
    last = checkpoints.catalogue.last()
    assert left
    assert last
    assert (left.checkpoint_id, left.by_step, last.reason) == (last.id, True, "after: make")


def test_a_step_names_what_came_and_went_that_no_checkpoint_holds(tmp_path: Path, tree: Path) -> None:
    checkpoints = Checkpoints(str(tmp_path / "small"), str(tree), most_file_bytes=100)
    for name, size in {".netrc": 3, "grows": 9, "shrinks": 200, "stays": 200, "goes": 200}.items():
        (tree / name).write_text("x" * size)
    list(Step(checkpoints, "look").begin())
    step = Step(checkpoints, "make")
    list(step.begin())
    (tree / "web").mkdir()
    for name, size in {".env": 3, "web/.npmrc": 3, "large.bin": 101, "grows": 300, "shrinks": 9}.items():
        (tree / name).write_text("y" * size)
    (tree / ".netrc").unlink()
    (tree / "goes").unlink()
    events, _ = step.end()
    edits = {one.path: one.change for one in events if isinstance(one, FileEdited)}
    assert edits == {
        ".env": "created", "web/.npmrc": "created", "large.bin": "created", "grows": "changed", "shrinks": "changed",
        ".netrc": "deleted", "goes": "deleted",
    }  # fmt: skip
    (warned,) = [one for one in events if isinstance(one, Warned)]
    assert warned.message.startswith("not kept in checkpoints, so undo leaves it as it is: .env (created), ")
    checkpoints.close()


def test_where_nothing_changed_since_the_last_checkpoint_that_one_serves(tree: Path, checkpoints: Checkpoints) -> None:
    (tree / "a").write_text("a")
    first = [list(Step(checkpoints, "one").begin()) for _ in range(2)]
    assert first[0] == first[1]
    assert len(checkpoints.catalogue.list()) == 1


def test_a_step_that_was_cut_off_leaves_how_the_files_are(tree: Path, checkpoints: Checkpoints) -> None:
    step = Step(checkpoints, "make")
    list(step.begin())
    (tree / "a").write_text("a")
    step.cut_off()
    left = find_left(checkpoints)
    assert left
    assert checkpoints.catalogue.find(left.checkpoint_id).files == 1


def test_what_a_checkpoint_does_not_hold_is_named(tree: Path, tmp_path: Path) -> None:
    (tree / "big\x1b").write_text("x" * 100)
    checkpoints = Checkpoints(str(tmp_path / "kept"), str(tree), most_file_bytes=10)
    warned = next(iter(Step(checkpoints, "make").begin()))
    assert isinstance(warned, Warned)
    assert warned.message == "the checkpoint does not hold big\u241b (large)"
    checkpoints.close()


def test_what_stands_for_a_protected_name_while_a_command_runs_is_not_missed(
    tree: Path, checkpoints: Checkpoints
) -> None:
    (tree / ".vscode").mkdir()
    (tree / ".env").write_text("KEY=1")
    before, _ = keep_now(checkpoints, "run make")
    (tree / ".vscode").rmdir()
    (tree / ".env").unlink()
    told = [*tell_uncovered(checkpoints.restorer.restore(before.id, on_conflict="force").uncovered)]
    assert [one.message.rpartition(": ")[2] for one in told if isinstance(one, Warned)] == [".env"]


def test_only_for_large_files_the_setting_is_named() -> None:
    hints = [[one.hint for one in tell_left_out((LeftOut("a", reason),))] for reason in ("large", "unreadable")]
    assert hints == [["for large files: aiex show config checkpoints"], [""]]


def test_a_damaged_store_stops_no_step(tree: Path, checkpoints: Checkpoints) -> None:
    Path(checkpoints.folder).mkdir(mode=0o700)
    Path(checkpoints.folder, "checkpoints.db").write_bytes(b"no database" * 1000)
    (warned,) = (one for one in Step(checkpoints, "make").begin() if isinstance(one, Warned))
    assert warned.message.startswith("no checkpoint could be taken, so this cannot be undone")


def test_what_a_step_did_is_told_where_old_checkpoints_cannot_be_cleaned_up(
    tree: Path, checkpoints: Checkpoints
) -> None:
    for number in range(CLEAN_EVERY - 1):
        checkpoints.take(str(number))

    def keep() -> tuple[str, ...]:
        raise StoreError("cannot read the sessions")

    step = Step(checkpoints, "make", keep=keep)
    list(step.begin())
    (tree / "a").write_text("a\n")
    warned = Warned("old checkpoints could not be cleaned up: cannot read the sessions")
    assert step.end() == ((FileEdited("a", "created", 1, 0), warned), True)


def test_a_home_is_too_wide(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for root, expected in ((home, True), (tmp_path, True), (home / "work", False), (tmp_path / "hom", False)):
        assert is_too_wide(str(root), str(home)) == expected
    assert is_too_wide(os.sep, str(home))
