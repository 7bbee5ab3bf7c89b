"""Conversations that fit: nothing a person said is lost, and the history stays valid."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.context.packing.compacted import Compaction, from_data
from aiex.context.packing.talk import fit_talk
from aiex.errors import ContextOverflow
from aiex.messages import Document, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from aiex.pairing import balanced
from aiex.tokens import estimate


def count(text: str) -> int:
    return estimate(text).tokens


def user(text: str, *more: Part) -> Message:
    return Message("user", (*more, Text(text)))


def step(number: int, result: str, *, path: str = "", words: str = "", failed: bool = False) -> list[Message]:
    """One answer of the model with one call, and its result."""
    call = ToolCall(f"c{number}", "read", {"path": path or f"src/part{number}.py"})
    said: tuple[Part, ...] = (Text(words),) if words else ()
    return [Message("assistant", (*said, call)), Message("tool", (ToolResult(call.id, result, failed),))]


def results(messages: Sequence[Message]) -> dict[str, str]:
    return {part.call_id: part.text for message in messages for part in message.parts if isinstance(part, ToolResult)}


def spoken(messages: Sequence[Message]) -> list[str]:
    return [
        part.text
        for message in messages
        if message.role in ("user", "system")
        for part in message.parts
        if isinstance(part, Text) and not part.text.startswith("[Notes on the work")
    ]


def is_valid(messages: Sequence[Message]) -> bool:
    """Each call has exactly one result, in the message right behind it, and there are no others."""
    waiting: list[str] = []
    for message in messages:
        answered = [part.call_id for part in message.parts if isinstance(part, ToolResult)]
        if answered != waiting:
            return False
        waiting = [part.id for part in message.parts if isinstance(part, ToolCall)]
    return not waiting


LONG = "x = compute(1)\n" * 120
"""About 560 tokens."""


def long_talk(steps: int, **named: Any) -> list[Message]:
    """One wish and many steps."""
    messages = [Message("system", (Text("Be brief."),)), user("Make the tests green.")]
    for number in range(steps):
        messages += step(number, LONG, **named)
    return messages


def test_a_short_conversation_stays_as_it_is():
    talk = long_talk(3)
    fitted = fit_talk(talk, 50_000, count)
    assert fitted.messages == tuple(talk)
    assert not fitted.changed


def test_old_results_go_first_and_recent_ones_stay():
    fitted = fit_talk(long_talk(12), 8_000, count)
    texts = results(fitted.messages)
    assert "left out" in texts["c0"]
    assert "read path=src/part0.py" in texts["c0"]
    assert all(texts[f"c{number}"] == LONG for number in (9, 10, 11))
    assert fitted.effect.after_tokens < fitted.effect.before_tokens


def test_the_latest_result_about_a_file_outlives_the_earlier_ones():
    talk = [user("Go.")]
    for number in range(12):
        talk += step(number, LONG, path="src/same.py" if number < 5 else "src/other.py")
    texts = results(fit_talk(talk, 7_500, count).messages)
    assert texts["c4"] == LONG
    assert texts["c3"] != LONG


def test_an_error_outlives_other_results():
    talk = [user("Go."), *step(0, LONG, path="make", failed=True)]
    for number in range(1, 12):
        talk += step(number, LONG, path="make")
    texts = results(fit_talk(talk, 7_500, count).messages)
    assert texts["c0"] == LONG
    assert texts["c1"] != LONG


def test_what_is_spoken_of_later_outlives_what_is_not():
    talk = [user("Go."), *step(0, LONG), *step(1, LONG)]
    for number in range(2, 12):
        talk += step(number, LONG, path="other.py", words="As part1.py shows.")
    texts = results(fit_talk(talk, 7_500, count).messages)
    assert (texts["c0"] == LONG) <= (texts["c1"] == LONG)
    assert texts["c1"] == LONG


def test_notes_stand_for_old_steps_when_results_are_not_enough():
    talk = long_talk(40, words="Thinking aloud about the next thing to look at. " * 12)
    fitted = fit_talk(talk, 6_000, count)
    notes = [text for message in fitted.messages for text in spoken_notes(message)]
    assert len(notes) == 1
    assert "earlier calls" in notes[0]
    assert "read path=src/part" in notes[0]
    assert fitted.effect.noted > 0


def spoken_notes(message: Message) -> list[str]:
    return [
        part.text for part in message.parts if isinstance(part, Text) and part.text.startswith("[Notes on the work")
    ]


def test_a_summary_comes_from_the_function_passed_in():
    seen: list[list[Message]] = []

    def summarise(messages: list[Message]) -> str:
        seen.append(messages)
        return "Parts were read."

    talk = long_talk(40, words="Words. " * 60)
    fitted = fit_talk(talk, 6_000, count, summarise=summarise)
    assert seen[0][0] == talk[2]
    assert any(text.endswith("Parts were read.") for message in fitted.messages for text in spoken_notes(message))


def test_a_summary_that_is_too_long_is_shortened():
    fitted = fit_talk(long_talk(40, words="Words. " * 60), 6_000, count, summarise=lambda _: "very long " * 9_000)
    assert fitted.tokens <= 6_000


def test_thinking_of_earlier_turns_goes_with_its_blocks():
    block = Opaque("anthropic", "m", "e", {"signature": "s" * 2_000}, covers=1)
    talk = [user("One."), Message("assistant", (Reasoning("hm " * 900), block, Text("Done.")))]
    talk += [user("Two."), Message("assistant", (Reasoning("so " * 900), block, Text("Done too.")))]
    for number in range(4):
        talk += [user(f"More {number}."), Message("assistant", (Text("ok " * 300),))]
    fitted = fit_talk(talk, 4_200, count)
    assert not any(isinstance(part, Reasoning | Opaque) for message in fitted.messages for part in message.parts)
    assert spoken(fitted.messages) == spoken(talk)


def test_thinking_of_the_running_turn_stays():
    block = Opaque("anthropic", "m", "e", {"signature": "abc"}, covers=1)
    talk = long_talk(12)
    last = Message("assistant", (Reasoning("so"), block, ToolCall("last", "read", {"path": "a.py"})))
    talk += [last, Message("tool", (ToolResult("last", "text"),))]
    assert last in fit_talk(talk, 6_000, count).messages


def test_pinned_messages_stay_whole():
    tasks = step(99, "1. read\n2. write\n" * 80)
    talk = [user("Go."), *tasks, *long_talk(30)[2:]]
    fitted = fit_talk(talk, 5_000, count, pinned=lambda message: message in tasks)
    assert tasks[0] in fitted.messages
    assert tasks[1] in fitted.messages


def test_material_of_a_user_goes_but_the_words_stay():
    talk = [user("Read this.", Document("notes", "text/plain", LONG * 4)), Message("assistant", (Text("I did."),))]
    talk += [user("And now?"), *step(1, "a")]
    fitted = fit_talk(talk, 1_000, count)
    assert spoken(fitted.messages) == ["Read this.", "And now?"]
    assert "left out" in next(p.text for m in fitted.messages for p in m.parts if isinstance(p, Document))


def test_one_huge_result_is_sent_with_its_beginning_and_end():
    talk = [user("Go."), *step(0, "first line\n" + LONG * 60 + "last line")]
    fitted = fit_talk(talk, 3_000, count)
    text = results(fitted.messages)["c0"]
    assert text.startswith("first line")
    assert text.endswith("last line")
    assert fitted.tokens <= 3_000


def test_words_that_do_not_fit_are_an_error_that_says_how_much_is_needed():
    with pytest.raises(ContextOverflow) as caught:
        fit_talk([user("word " * 5_000)], 1_000, count)
    assert (caught.value.needed_tokens or 0) > 1_000
    assert caught.value.limit_tokens == 1_000


def test_requests_keep_their_beginning_between_two_compactions():
    talk, decided, before, changes = long_talk(1), None, (), 0
    for number in range(1, 120):
        talk += step(number, LONG)
        fitted = fit_talk(talk, 12_000, count, decided=decided)
        if fitted.changed:
            changes += 1
        else:
            assert fitted.messages[: len(before)] == before
        decided, before = fitted.decided, fitted.messages
    assert 0 < changes <= 24


def test_decisions_survive_being_stored():
    decided = fit_talk(long_talk(40, words="Words. " * 60), 6_000, count).decided
    assert from_data(decided.to_data()) == decided


def test_decisions_about_another_conversation_are_not_used():
    decided = fit_talk(long_talk(40), 8_000, count).decided
    other = [user("Something else."), *step(1, "short")]
    assert fit_talk(other, 8_000, count, decided=decided).messages == tuple(other)
    rewound = long_talk(5)
    assert fit_talk(rewound, 8_000, count, decided=decided).messages == tuple(rewound)


# --- any conversation -----------------------------------------------------------------------------------------------

TEXTS = st.builds(
    lambda word, times: f"{word} " * times, st.sampled_from(["one", "src/a.py", "é", "\n"]), st.integers(1, 300)
)
PATHS = st.sampled_from(["src/a.py", "src/b.py", "c", ""])


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Valid histories of every shape."""
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", (Text("Rules."),)))
    number = 0
    for kind in draw(st.lists(st.sampled_from("uasssw"), max_size=30)):
        if kind == "u":
            more = [Document("d", "text/plain", draw(TEXTS))] if draw(st.booleans()) else []
            messages.append(user(f"wish {len(messages)}", *more))
        elif kind == "a":
            messages.append(Message("assistant", (Text(draw(TEXTS)),)))
        else:
            ids = [f"c{number + at}" if draw(st.booleans()) else f"same{at}" for at in range(draw(st.integers(1, 3)))]
            number += len(ids)
            calls = [ToolCall(one, "read", {"path": draw(PATHS)}) for one in ids]
            thought: list[Part] = [Reasoning(draw(TEXTS)), Opaque("p", "m", "e", {"s": "x"}, 1)] if kind == "w" else []
            messages.append(Message("assistant", (*thought, *calls)))
            answers = tuple(ToolResult(one, draw(TEXTS), draw(st.booleans())) for one in ids)
            messages.append(Message("tool", answers))
    return messages


@settings(max_examples=150)
@given(conversations(), st.integers(300, 6_000))
def test_any_conversation_fits_stays_valid_and_keeps_the_words(talk: list[Message], budget: int):
    try:
        fitted = fit_talk(talk, budget, count)
    except ContextOverflow:
        assert budget < 3_000
        return
    assert fitted.tokens <= budget
    assert is_valid(fitted.messages)
    assert balanced(fitted.messages) == fitted.messages
    assert spoken(fitted.messages) == spoken(talk)
    assert [m for m in fitted.messages if m.role == "system"] == [m for m in talk if m.role == "system"]


@settings(max_examples=80)
@given(conversations(), st.integers(3_000, 8_000))
def test_a_growing_conversation_keeps_its_beginning_until_it_is_compacted(talk: list[Message], budget: int):
    decided, before = Compaction(), ()
    for end in range(1, len(talk) + 1):
        if talk[end - 1].role == "assistant" and end < len(talk) and talk[end].role == "tool":
            continue
        fitted = fit_talk(talk[:end], budget, count, decided=decided)
        assert is_valid(fitted.messages)
        if not fitted.changed:
            assert fitted.messages[: len(before)] == before
            assert fitted.decided == decided
        decided, before = fitted.decided, fitted.messages
