"""A conversation that nearly fills the window is shortened, and nothing that has to stay is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.compaction import FULL_AT, UNKNOWN_WINDOW_TOKENS, choose_cut, list_what_happened, size_of
from aiex.errors import ContextOverflow, Unavailable
from aiex.events import AssistantSpoke, Compacted, Pinned, StreamEvent, ToolFinished, UsageUpdated, Warned
from aiex.messages import Document, Message, Request, Text, ToolCall, ToolResult, Usage
from aiex.sessions.decisions import Rewind
from aiex.sessions.requests import SUMMARY_TITLE, Entry, conversation
from tests.fakes.legality import faults_of_request, faults_of_session
from tests.fakes.scripted_model import USAGE, Bench, Script, says, words_of

Open = Callable[..., Bench]
LOOK = ("list", {"path": "shop"})
READ = ("read", {"path": "shop/basket.py"})
FULL = Usage(int(FULL_AT * UNKNOWN_WINDOW_TOKENS), 500)
OVERFLOW = says(error=ContextOverflow("the request is too long", needed_tokens=9, limit_tokens=8))


def summary_in(bench: Bench, request: int) -> str:
    parts = [part for message in bench.requests[request].messages for part in message.parts]
    return next((part.text for part in parts if isinstance(part, Document) and part.title == SUMMARY_TITLE), "")


# --- in a loop --------------------------------------------------------------------------------------------------------


async def test_a_conversation_is_shortened_before_it_fills_the_window(bench: Open) -> None:
    made = bench(
        says("I look.", LOOK), says("I read.", READ, usage=FULL), says("Wanted: prices."), says("I go on.", LOOK),
        says("Done."),
    )  # fmt: skip
    ran = await made.work("where are the prices?")
    (compacted,) = ran.of(Compacted)
    assert compacted.summary == "Wanted: prices."
    assert compacted.after_tokens < compacted.before_tokens
    wish = made.requests[2]
    assert words_of(wish.messages[-1]).startswith("Stop here and write a summary")
    assert (wish.tool_choice, wish.tools) == ("none", made.requests[0].tools)
    assert summary_in(made, 3) == "Wanted: prices."
    assert "I read." in [words_of(message) for message in made.requests[3].messages]
    assert [faults_of_request(request) for request in made.requests] == [[]] * 5
    assert (ran.end.exit_code, ran.end.answer) == (0, "Done.")


async def test_a_conversation_that_others_filled_is_shortened_before_the_first_request(bench: Open) -> None:
    long = "what was said. " * (4 * UNKNOWN_WINDOW_TOKENS // 15)
    made = bench(says(long), says("Wanted: prices."), says("Done."))
    await made.work("where are the prices?")
    ran = await made.work("go on")
    assert [one.summary for one in ran.of(Compacted)] == ["Wanted: prices."]
    assert words_of(made.requests[1].messages[-1]).startswith("Stop here and write a summary")
    assert (summary_in(made, 2), ran.end.answer) == ("Wanted: prices.", "Done.")


async def test_what_a_summary_stands_for_is_in_the_log_alone_and_comes_back(bench: Open) -> None:
    long = "what was said. " * (4 * UNKNOWN_WINDOW_TOKENS // 15)
    made = bench(says(long), says("Wanted: prices."), says("Done."))
    await made.work("where are the prices?")
    before = conversation(made.state)
    await made.work("go on")
    packed = [node for node in made.state.chat.nodes if node.is_packed]
    assert [node.kind for node in packed] == ["user", "assistant"]
    assert all(node.message is None for node in packed)
    assert conversation(made.state, at_seq=before[-1].seq) == before


async def test_a_second_summary_stands_for_the_first_and_what_came_behind(bench: Open) -> None:
    long = "what was said. " * (4 * UNKNOWN_WINDOW_TOKENS // 15)
    made = bench(
        says(long), says("First summary."), says("A look.", LOOK), says(long), says("Second summary."), says("Done."),
    )  # fmt: skip
    await made.work("where are the prices?")
    await made.work("look")
    between = conversation(made.state)
    ran = await made.work("go on")
    assert [one.summary for one in ran.of(Compacted)] == ["Second summary."]
    said = [words_of(entry.message) for entry in conversation(made.state)]
    assert "First summary." not in str(said)
    assert said[-2:] == ["go on", "Done."]
    assert "First summary." in str(between)
    assert conversation(made.state, at_seq=between[-1].seq) == between
    assert [faults_of_request(request) for request in made.requests] == [[]] * 6


async def test_an_overflow_is_answered_with_a_summary_and_the_work_goes_on(bench: Open) -> None:
    made = bench(says("", LOOK), says("", READ), OVERFLOW, says("Wanted: prices."), says("Done."))
    ran = await made.work()
    assert [one.summary for one in ran.of(Compacted)] == ["Wanted: prices."]
    assert (ran.end.exit_code, ran.end.answer) == (0, "Done.")
    assert len(made.requests[4].messages) < len(made.requests[2].messages)
    assert faults_of_request(made.requests[4]) == []


@pytest.mark.parametrize("answer", [says(error=Unavailable("nobody is left")), says("", LOOK), says("Half",
                                    reason="max_tokens"), OVERFLOW])  # fmt: skip
async def test_without_a_summary_a_list_of_what_happened_takes_its_place(bench: Open, answer: Any) -> None:
    made = bench(says("I look.", LOOK), says("I read.", READ, usage=FULL), answer, says("Done."))
    ran = await made.work("where are the prices?")
    assert "wrote no summary" in ran.of(Warned)[0].message
    (compacted,) = ran.of(Compacted)
    assert compacted.summary.splitlines()[0] == "- person: where are the prices?"
    assert (ran.end.exit_code, len(ran.of(ToolFinished))) == (0, 2)
    assert faults_of_session(made.state) == []


async def test_the_summary_is_no_answer_and_is_paid_for(bench: Open) -> None:
    made = bench(says("", LOOK), says("", READ, usage=FULL), says("Short."), says("Done."))
    ran = await made.work()
    assert [words_of(Message("assistant", one.parts)) for one in ran.of(AssistantSpoke)] == ["", "", "Done."]
    assert ran.end.total_cost_usd == pytest.approx(0.04)
    (paid,) = [one for one in ran.of(UsageUpdated) if one.model]
    assert paid == UsageUpdated(USAGE, 0.01, "one/fake-1")
    assert made.state.spent.cost_usd == pytest.approx(0.04)


async def test_what_is_pinned_stays_word_for_word(bench: Open) -> None:
    made = bench(says("Yes."), says("", LOOK), says("", READ, usage=FULL), says("Short."), says("Done."))
    await made.work("Never touch web/app.js.")
    pinned = next(entry.seq for entry in conversation(made.state))
    made.recorder.record(Pinned(pinned))
    await made.work("look at the shop")
    told = [words_of(message) for message in made.requests[-1].messages if message.role == "user"]
    assert summary_in(made, -1) == "Short."
    assert any("Never touch web/app.js." in text for text in told)
    assert faults_of_session(made.state) == []


async def test_going_back_before_it_brings_the_whole_conversation_back(bench: Open) -> None:
    made = bench(says("", LOOK), says("", READ, usage=FULL), says("Short."), says("Done."))
    before: list[Any] = []
    async for event in made.begin("where are the prices?"):
        if isinstance(event, Compacted):
            seq = made.state.seq
            before = [entry.message for entry in conversation(made.state, at_seq=seq - 1)]
    assert SUMMARY_TITLE in str(conversation(made.state)[0])
    made.recorder.do(Rewind(seq - 1, "conversation"), "admin")
    assert [entry.message for entry in conversation(made.state)] == before
    assert before[0] == Message("user", (Text("where are the prices?"),))


async def test_a_small_conversation_that_is_too_long_is_not_shortened_in_vain(bench: Open) -> None:
    made = bench(OVERFLOW)
    ran = await made.work("x")
    assert (ran.of(Compacted), ran.end.exit_code, ran.end.subtype) == ([], 1, "ContextOverflow")


async def test_a_vendor_that_finds_everything_too_long_is_asked_so_often_and_no_more(bench: Open) -> None:
    looks = [says("", LOOK), says("", READ), says("", ("read", {"path": "README.md"}))]
    made = bench(*looks, OVERFLOW, says("Short."), OVERFLOW, says("Shorter."), OVERFLOW)
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.subtype) == (1, "ContextOverflow")
    assert len(ran.of(Compacted)) == 2
    assert faults_of_session(made.state) == []


async def test_a_summary_takes_no_more_time_than_is_left(bench: Open) -> None:
    class Silent(Script):
        async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
            if request.tool_choice == "none":
                await asyncio.Event().wait()
            async for event in super().stream(request):
                yield event

    made = bench(overrides=("budget.time_s=0.5",))
    made.services.script = Silent(says("", LOOK), says("", READ, usage=FULL))
    ran = await made.work()
    assert (ran.end.exit_code, ran.of(Compacted)) == (5, [])
    assert faults_of_session(made.state) == []


# --- where it is cut --------------------------------------------------------------------------------------------------

MESSAGES = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "call"]), st.integers(0, 400), st.integers(1, 3)), max_size=14
)


def entries_of(story: list[tuple[str, int, int]]) -> list[Entry]:
    entries: list[Entry] = []
    for kind, size, calls in story:
        seq = len(entries) + 1
        if kind != "call":
            role: Any = kind
            entries.append(Entry(seq, Message(role, (Text("x" * size),))))
            continue
        ids = [f"{seq}-{at}" for at in range(calls)]
        entries.append(Entry(seq, Message("assistant", tuple(ToolCall(id, "read", {}) for id in ids))))
        entries += [Entry(seq + 1 + at, Message("tool", (ToolResult(id, "x" * size),))) for at, id in enumerate(ids)]
    return entries


@given(MESSAGES, st.integers(0, 500))
def test_it_is_never_cut_between_a_call_and_its_result(story: list[tuple[str, int, int]], kept: int) -> None:
    entries = entries_of(story)
    upto = choose_cut(entries, kept)
    if upto is None:
        return
    left, stays = [e for e in entries if e.seq <= upto], [e for e in entries if e.seq > upto]
    assert len(left) >= 2
    assert not stays or stays[0].message.role != "tool"
    calls = {part.id for entry in left for part in entry.message.parts if isinstance(part, ToolCall)}
    results = {part.call_id for entry in left for part in entry.message.parts if isinstance(part, ToolResult)}
    assert calls == results


def test_the_last_words_that_fit_stay() -> None:
    entries = entries_of([("user", 350, 1), ("assistant", 350, 1)] * 5)
    size = size_of(entries[0].message)
    assert choose_cut(entries, 3 * size) == 7
    assert choose_cut(entries, 0) == 10
    assert choose_cut(entries, 100 * size) == 5
    assert choose_cut(entries[:1], 0) is None
    assert choose_cut([], 0) is None


def test_a_list_of_what_happened_keeps_both_ends_and_counts_the_middle() -> None:
    story = [Entry(1, Message("user", (Text("mend  the\nsum"),)))]
    story += [
        Entry(at, Message("assistant", (ToolCall(str(at), "read", {"path": f"{at}.py"}),))) for at in range(2, 90)
    ]
    rows = list_what_happened(story).splitlines()
    assert rows[:2] == ["- person: mend the sum", "- call read {'path': '2.py'}"]
    assert rows[10] == "- … 19 more"
    assert rows[-1] == "- call read {'path': '89.py'}"
    assert list_what_happened([Entry(1, Message("user", (Document("log", "text/plain", "y" * 9_000),)))]).endswith("y…")
