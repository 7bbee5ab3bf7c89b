"""A talk that grows event by event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex import events as told
from aiex.messages import Text, ToolCall
from aiex.tui.blocks import Block, Call, Closing, Note, Prose, Said
from aiex.tui.render import render, render_printed
from aiex.tui.story import BLOCK_LINES, Story

ANSWER = "# One\n\nsome *words*\nand more\n\n- a\n- b\n\n```py\nx = 1\n\ny = 2\n```\n\n| a |\n|---|\n| 1 |\n\nend"


def story_of(*events: told.Event) -> Story:
    story = Story()
    for event in events:
        render(story, event)
    story.take_changes()
    return story


def seen(story: Story) -> list[tuple[str, str]]:
    return [(type(block).__name__, block.words()) for block in story.blocks]


def kind_of(story: Story, kind: type[Block]) -> list[Block]:
    return [block for block in story.blocks if isinstance(block, kind)]


@given(st.lists(st.integers(1, 12)))
def test_an_answer_in_pieces_is_the_answer_as_a_whole(sizes: list[int]) -> None:
    story, at = Story(), 0
    for size in sizes:
        render(story, told.TextDelta(ANSWER[at : at + size]))
        story.take_changes()
        at += size
    render(story, told.TextDelta(ANSWER[at:]))
    story.end_parts()
    whole = story_of(told.AssistantSpoke((Text(ANSWER),), "one", "m"))
    assert seen(story) == seen(whole)


def test_only_what_has_no_end_yet_counts_as_changed() -> None:
    story = story_of(told.TextDelta("first\n\nsecond"))
    render(story, told.TextDelta(" goes"))
    render(story, told.TextDelta(" on"))
    since, touched = story.take_changes()
    assert since is None
    assert [block.words() for block in touched] == ["second goes on"]
    assert story.take_changes() == (None, [])


def test_a_note_in_the_middle_of_a_paragraph_does_not_cut_it() -> None:
    story = story_of(told.TextDelta("half a "), told.Warned("disk is full"), told.TextDelta("sentence"))
    assert seen(story) == [("Note", "disk is full"), ("Prose", "half a sentence")]


def test_an_open_fence_of_a_thousand_lines_comes_in_short_blocks() -> None:
    code = "".join(f"def f{number}():\n    return {number}\n\n" for number in range(400))
    story = story_of(told.TextDelta(f"```python\n{code}"))
    pieces = [block.piece for block in kind_of(story, Prose) if isinstance(block, Prose)]
    assert max(piece.text.count("\n") for piece in pieces) < 3 * BLOCK_LINES
    assert "\n".join(piece.text for piece in pieces).rstrip("\n") == code.rstrip("\n")
    assert {(piece.kind, piece.mark) for piece in pieces} == {("code", "python")}
    assert [piece.goes_on for piece in pieces] == [False] + [True] * (len(pieces) - 1)


def test_a_failover_in_mid_answer_is_a_seam_between_two_parts() -> None:
    story = story_of(
        told.TextDelta("It is"),
        told.FailedOver("one/a", "two/b", "it broke", mid_answer=True),
        told.TextDelta(" so."),
    )
    assert [words for _, words in seen(story)] == [
        "It is", "two/b goes on with the answer instead of one/a: it broke", "so.",
    ]  # fmt: skip


def calling(*events: told.Event) -> Call:
    call = ToolCall("c", "run", {"command": "pytest -q", "timeout_s": 5, "env": {"A": "1"}})
    story = story_of(told.AssistantSpoke((call,), "one", "m"), told.ToolStarted("c", "run", call.arguments), *events)
    found = kind_of(story, Call)[0]
    assert isinstance(found, Call)
    return found


def test_a_call_says_its_arguments_in_one_line() -> None:
    assert calling().about == "pytest -q  timeout_s=5  env: 1"


@pytest.mark.parametrize(
    ("text", "is_error", "state", "code", "problem"),
    [
        ("exit code 0\nfine", False, "done", 0, "fine"),
        ("exit code 2\nE one\nE two\n", False, "failed", 2, "E two"),
        ("no such file: a.py\nhint: look", True, "failed", None, "no such file: a.py"),
    ],
)
def test_a_call_ends(text: str, is_error: bool, state: str, code: int | None, problem: str) -> None:
    call = calling(told.ToolFinished("c", "run", text, is_error, 1200))
    assert (call.state, call.exit_code, call.problem(), call.duration_ms) == (state, code, problem, 1200)


def test_a_call_that_the_turn_left_open_has_failed() -> None:
    assert calling(told.TurnInterrupted("the process died", ("c",))).state == "failed"


def test_an_approval_names_the_rule() -> None:
    asked = told.ApprovalAsked("a", "run pytest", "ask: run *")
    given_ = told.ApprovalGiven("a", True, "session", "person")
    assert seen(story_of(asked, given_)) == [("Note", "you allowed it in this session: run pytest (ask: run *)")]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (told.BudgetHit("money", 0.5, 0.5), "the budget of money ended: $0.5 of $0.5"),
        (told.BudgetHit("tokens", 900, 1000), "the budget of tokens ends before the next request: 900 of 1,000 used"),
        (told.CheckRan("pytest", True, True, "12 passed", 2100), "check pytest passed (2.1 s)\n12 passed"),
        (told.CheckRan("ruff", False, False, "E501 a.py", None, "ruff check", 1),
         "check ruff FAILED (exit 1, not required): E501 a.py\nruff check"),
        (told.Stopped("max_tokens"), "the answer was cut at the length that the vendor allows"),
        (told.UnknownEvent("moon_rose", {}), "moon_rose: nothing is known of this kind of event"),
    ],
)  # fmt: skip
def test_a_reader_is_told_in_a_line(event: told.Event, words: str) -> None:
    assert seen(story_of(event)) == [("Note", words)]


def test_a_turn_without_an_answer_says_so() -> None:
    wish, ended = told.UserSpoke((Text("wish"),)), told.TurnEnded("success", "answered", 0)
    answer = told.AssistantSpoke((Text("answer"),), "one", "m")
    assert kind_of(story_of(wish, ended), Closing)[0].words() == "the turn ended without an answer"
    assert kind_of(story_of(wish, answer, ended), Closing)[0].words() == ""
    assert kind_of(story_of(ended), Closing)[0].words() == ""


def test_a_long_answer_of_a_command_comes_in_short_blocks() -> None:
    story = Story()
    text = "\n".join(f"row {number}" for number in range(500))
    render_printed(story, "list", told.TurnEnded("success", "listed", 0, text), "plain")
    assert max(block.words().count("\n") for block in story.blocks) < BLOCK_LINES
    assert "\n".join(block.words() for block in story.blocks) == text


def test_wishes_are_numbered() -> None:
    story = story_of(*(told.UserSpoke((Text(f"wish {number}"),)) for number in range(3)))
    assert [block.turn for block in story.blocks if isinstance(block, Said)] == [1, 2, 3]
    assert kind_of(story, Note) == []


def test_progress_that_writes_over_its_line_is_one_line() -> None:
    pieces = ["\x1b[32mgo\x1b[0m\n 10 %\r 5", "0 %\r", "100 %\r\ndone\r\n", "\x07"]
    call = calling(*(told.ToolWrote("c", "stdout", piece) for piece in pieces))
    assert call.shown() == ["go", "100 %", "done", "\u2407"]
