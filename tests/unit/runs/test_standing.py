"""What stands of a session after steps were taken back and redone."""

from __future__ import annotations

from collections.abc import Sequence

from aiex.events import (
    AssistantSpoke,
    CheckpointTaken,
    CheckRan,
    Event,
    FileEdited,
    Rewound,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    UserSpoke,
)  # fmt: skip
from aiex.messages import Text, ToolCall
from aiex.runs.standing import Standing, find_standing, read_behind
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.stores.sqlite import SqliteStore


def turn(words: str, *between: Event) -> list[Event]:
    return [
        UserSpoke((Text(words),)),
        *between,
        AssistantSpoke((Text("done"),), "one", "m"),
        TurnEnded("success", "done", 1),
    ]


def step(checkpoint: str, *edits: tuple[str, str]) -> list[Event]:
    return [CheckpointTaken(checkpoint, "edit"), *(FileEdited(path, change, 1, 0) for path, change in edits)]  # type: ignore[arg-type]


def record(*events: Event) -> tuple[EventLog, Recorder]:
    log = EventLog(SqliteStore(":memory:"))
    recorder = Recorder(log, "s1")
    for event in events:
        recorder.record(event)
    return log, recorder


def stand(events: Sequence[Event]) -> Standing:
    return find_standing(*record(*events))


def test_steps_that_were_taken_back_changed_nothing() -> None:
    two = [*turn("a", *step("c1", ("x", "created"))), *turn("b", *step("c2", ("x", "changed"), ("y", "deleted")))]
    assert stand(two).files == {"x": "created", "y": "deleted"}
    undone = [*two, Rewound("c2", "u1", "files")]
    assert stand(undone).files == {"x": "created"}
    assert stand([*undone, Rewound("c1", "u2", "files")]).files == {}
    assert stand([*undone, Rewound("u1", "u2", "files", direction="forth")]).files == {"x": "created", "y": "deleted"}
    assert stand(undone).gone == frozenset()


def test_a_new_step_ends_what_could_be_redone() -> None:
    undone = [*turn("a", *step("c1", ("x", "changed"))), Rewound("c1", "u1", "files")]
    again = [*undone, *turn("b", *step("c2", ("z", "created")))]
    assert stand([*again, Rewound("u1", "u2", "files", direction="forth")]).files == {"z": "created"}


def test_what_was_created_and_deleted_was_never_there() -> None:
    events = turn("a", *step("c1", ("x", "created")), *step("c2", ("x", "deleted")))
    assert stand(events).files == {}


def test_turns_behind_a_rewind_are_gone_until_it_is_taken_back() -> None:
    talk = [*turn("a"), *turn("b"), *turn("c")]
    back = [*talk, Rewound("", "", "conversation", 3)]
    assert stand(back).gone == frozenset({2, 3})
    assert stand([*back, Rewound("", "", "conversation", 9, "forth")]).gone == frozenset()
    assert stand([*back, *turn("d")]).gone == frozenset({2, 3})


def test_the_last_list_and_checks_stand() -> None:
    todo = AssistantSpoke((ToolCall("1", "todo", {"items": ["one"]}),), "one", "m")
    called: list[Event] = [todo, ToolStarted("1", "todo", {"items": ["one"]}), ToolFinished("1", "todo", "1 item")]
    events = [*turn("a"), *turn("b", *called, CheckRan("pytest", False, True, ""), CheckRan("pytest", True, True, ""))]
    found = stand(events)
    assert (found.todo, found.checks) == (["one"], {"pytest": True})
    assert stand([*events, Rewound("", "", "conversation", 3)]).todo is None


def test_what_others_wrote_is_read_once() -> None:
    log, recorder = record(*turn("a"))
    before = recorder.seq
    rewound = Rewound("c1", "u1", "files")
    log.append("s1", [rewound], after_seq=before, turn=1, at_ms=0)
    assert list(read_behind(log, recorder, before)) == [rewound]
    assert list(read_behind(log, recorder, before + 1)) == []
