"""A session that is told again, its end first."""

from __future__ import annotations

from aiex import events as told
from aiex.messages import Text, ToolCall
from aiex.sessions.log import Recorded, write_event
from aiex.tui.blocks import Call, Said
from aiex.tui.retelling import FIRST, Retelling


def turn(number: int) -> list[told.Event]:
    call = ToolCall(f"c{number}", "read", {"path": "a.py"})
    return [
        told.UserSpoke((Text(f"wish {number}"),)), told.Started("one", "m"), told.TextDelta("I "),
        told.TextDelta("look."),
        told.AssistantSpoke((Text("I look."), call), "one", "m"), told.ToolStarted(call.id, "read", {"path": "a.py"}),
        told.ToolWrote(call.id, "stdout", "x"), told.ToolFinished(call.id, "read", "x"), told.Started("one", "m"),
        told.AssistantSpoke((Text(f"answer {number}"),), "one", "m"), told.TurnEnded("success", "answered", 0, "a"),
    ]  # fmt: skip


def recorded(turns: int, *more: told.Event) -> list[Recorded]:
    made: list[Recorded] = []
    number = 0
    for event in [*(event for at in range(1, turns + 1) for event in turn(at)), *more]:
        number += isinstance(event, told.UserSpoke)
        kind, data = write_event(event)
        made.append(Recorded("s", len(made) + 1, len(made) + 1, 0, number, kind, 1, data))
    return made


def whole(past: Retelling) -> list[str]:
    story = past.tell_end()
    while not past.is_done:
        story.prepend(past.tell_before())
    assert [block.turn for block in story.blocks if isinstance(block, Said)] == list(range(1, story.turn + 1))
    assert not any(block.is_live for block in story.blocks if isinstance(block, Call))
    return [block.words() for block in story.blocks]


def test_parts_make_the_same_story_as_the_whole() -> None:
    said = whole(Retelling(recorded(60)))
    one = ["I look.", "read a.py\nx"]
    expected = [[f"wish {number}", *one, f"answer {number}", ""] for number in range(1, 61)]
    assert said == [words for part in expected for words in part]


def test_the_end_alone_is_told_before_the_rest_is_there() -> None:
    events = recorded(60)
    past = Retelling(events[-FIRST - 5 :], is_whole=False)
    story = past.tell_end()
    assert [block.words() for block in story.blocks][-2] == "answer 60"
    assert (past.waits, past.is_done) == (True, False)
    past.add(events[: -FIRST - 5])
    while not past.is_done:
        story.prepend(past.tell_before())
    assert [block.words() for block in story.blocks] == whole(Retelling(events))


def test_an_answer_that_was_cut_off_is_told_from_its_pieces() -> None:
    events = recorded(1, told.UserSpoke((Text("more"),)), told.TextDelta("half "), told.TextDelta("an answer"))
    assert whole(Retelling(events))[-2:] == ["more", "half an answer"]


def test_nothing_is_told_of_nothing() -> None:
    assert whole(Retelling([])) == []
