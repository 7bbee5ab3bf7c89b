"""What a turn changed, and what two checkpoints differ in, with the bytes of both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.agent.edits.applying import FileChange
from aiex.errors import Conflict, UsageError
from aiex.events import Event, FileEdited, TurnEnded
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.revisiting import changes_between, changes_of_turn, put_back
from aiex.jobs.stepping import Step
from aiex.sessions.checkpoints.opening import Checkpoints
from aiex.sessions.log import EventLog
from aiex.sessions.stores.sqlite import SqliteStore

SESSION = "5" * 16


@pytest.fixture
def log() -> EventLog:
    return EventLog(SqliteStore(":memory:"))


Take = Callable[[int, dict[str, str | None]], None]


@pytest.fixture
def take(tree: Path, checkpoints: Checkpoints, log: EventLog) -> Take:
    """`take(1, {"a.txt": "new"})`: a step of a turn that leaves files so; None removes one."""
    seq = 0

    def run(turn: int, files: dict[str, str | None]) -> None:
        nonlocal seq
        step = Step(checkpoints, f"turn {turn}", session=SESSION)
        events: list[Event] = list(step.begin())
        for name, text in files.items():
            (tree / name).unlink(missing_ok=True) if text is None else (tree / name).write_text(text)
        events += step.end()[0]
        log.append(SESSION, events, after_seq=seq, turn=turn, at_ms=1000)
        seq += len(events)

    return run


def test_a_turn_of_several_steps_is_one_change_without_what_others_did(
    tree: Path, checkpoints: Checkpoints, log: EventLog, take: Take
) -> None:
    (tree / "a.txt").write_text("1\n2\n")
    (tree / "gone.txt").write_text("x\n")
    take(1, {"a.txt": "one\n2\n"})
    take(2, {"a.txt": "one\ntwo\n"})
    (tree / "mine.txt").write_text("a person's\n")
    take(2, {"a.txt": "one\ntwo\nthree\n", "gone.txt": None})
    (tree / "a.txt").write_text("later\n")
    found = changes_of_turn(log, SESSION, checkpoints)
    assert found == changes_of_turn(log, SESSION, checkpoints, 2)
    assert found.title == "what turn 2 changed"
    assert {(one.path, one.before, one.after) for one in found.changes} == {
        ("a.txt", b"one\n2\n", b"one\ntwo\nthree\n"),
        ("gone.txt", b"x\n", None),
    }
    with pytest.raises(UsageError, match="turn 3 changed no files"):
        changes_of_turn(log, SESSION, checkpoints, 3)


def test_two_checkpoints_and_a_checkpoint_and_now(tree: Path, checkpoints: Checkpoints) -> None:
    (tree / "a.txt").write_text("1\n")
    (tree / "link").symlink_to("a.txt")
    first = checkpoints.take("first").checkpoint
    (tree / "a.txt").write_text("2\n")
    (tree / "link").unlink()
    second = checkpoints.take("second").checkpoint
    (tree / "a.txt").write_text("3\n")
    both, now = changes_between(checkpoints, first.id, second.id), changes_between(checkpoints, second.id)
    assert [(one.path, one.before, one.after) for one in both.changes] == [("a.txt", b"1\n", b"2\n")]
    assert both.left_out == ("link",)
    assert [(one.before, one.after) for one in now.changes] == [(b"2\n", b"3\n")]


def test_what_is_put_back_is_a_step_unless_a_file_changed_since(tree: Path, checkpoints: Checkpoints) -> None:
    (tree / "a.txt").write_text("1\n2\n")
    workspace = Workspace(str(tree))
    change = FileChange("a.txt", b"1\n2\n", b"one\n2\n")
    step = Step(checkpoints, "put back", session=SESSION)
    *events, ended = put_back([change], workspace=workspace, gate=None, step=step)
    assert isinstance(ended, TurnEnded)
    assert FileEdited("a.txt", "changed", 1, 1) in events
    assert (tree / "a.txt").read_text() == "one\n2\n"
    with pytest.raises(Conflict, match=r"changed since: a\.txt; nothing was put back"):
        list(put_back([change], workspace=workspace, gate=None, step=None))
