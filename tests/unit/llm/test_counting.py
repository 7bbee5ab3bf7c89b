"""Counting requests: what is exact, what is estimated, and how estimates follow the usage that answers return."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import sqlite, tokens
from aiex.errors import NotSignedIn
from aiex.events import Failed, PartEnded, Started, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm.counting import (
    LEAST_FACTOR,
    MOST_FACTOR,
    MOST_HELD,
    TokenCounter,
    is_lesson,
    kind_of,
    learning,
    open_counter,
)
from aiex.llm.endpoints import Target, find_target
from aiex.llm.stores.ratios import Ratio, RatioStore
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
    Usage,
)
from aiex.settings import load
from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.gemini_server import FakeGemini
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.responses_server import FakeResponses

CLAUDE = "anthropic/claude-opus-4"
PROSE = "The quick brown fox jumps over the lazy dog, and then it goes home to its family. " * 40
CODE = "def add(a, b):\n    return {'sum': (a + b), 'list': [a, b]}\n\n\n" * 40


def asking(*parts: Any, **more: Any) -> Request:
    return Request("m", (Message("system", (Text("Be brief."),)), Message("user", parts)), **more)


def target_of(server: Any, model: str, protocol: str, key: str = "") -> Target:
    overrides = [f"providers.p.base_url={server.base_url}", f"providers.p.protocol={protocol}"]
    overrides.append("providers.p.api_key_env=P_KEY")
    return find_target(load(None, overrides=overrides, environ={}), f"p/{model}", {"P_KEY": key} if key else {})


@pytest.fixture
def counter() -> TokenCounter:
    return TokenCounter(RatioStore())


# --- exact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["openai-chat", "openai-responses"])
def test_a_conversation_of_texts_with_openai_is_counted_exactly_by_the_published_rule(
    counter: TokenCounter, protocol: str
) -> None:
    with FakeOpenAI() as server:
        target = target_of(server, "gpt-4o", protocol)
        count = asyncio.run(counter.count_request(asking(Text("hello world")), target, remote=True))
    own = tokens.count("Be brief.", "gpt-4o").tokens + tokens.count("hello world", "gpt-4o").tokens
    assert count == (own + 2 * 4 + 3, True)
    assert server.requests == []


@pytest.mark.parametrize(
    ("model", "request_"),
    [
        ("gpt-5", asking(Text("hi"))),
        ("gpt-4o", asking(Text("hi"), Image("image/png", "AAAA"))),
        ("gpt-4o", asking(Text("hi"), tools=(ToolDefinition("read", "Read.", {"type": "object"}),))),
        ("gpt-4o", asking(Text("hi"), response_schema={"type": "object"})),
        ("llama-4", asking(Text("hi"))),
    ],
)
def test_what_no_published_rule_covers_is_an_estimate_of_at_least_its_texts(
    counter: TokenCounter, model: str, request_: Request
) -> None:
    with FakeOpenAI() as server:
        count = asyncio.run(counter.count_request(request_, target_of(server, model, "openai-chat"), remote=True))
    assert not count.exact
    assert count.tokens > tokens.count("Be brief.", "gpt-4o").tokens + 1
    assert server.requests == []


@pytest.mark.parametrize(
    ("fake", "protocol", "path"),
    [
        (FakeAnthropic, "anthropic", "/v1/messages/count_tokens"),
        (FakeGemini, "gemini", "/v1beta/models/fake-1:countTokens"),
        (FakeResponses, "openai-responses", "/v1/responses/input_tokens"),
    ],
)
def test_the_vendor_is_asked_once_for_the_same_request(
    counter: TokenCounter, fake: Callable[[], Any], protocol: str, path: str
) -> None:
    async def count_twice(target: Target) -> list[tokens.Count]:
        return [await counter.count_request(asking(Text(PROSE)), target, remote=True) for _ in range(2)]

    with fake() as server:
        counts = asyncio.run(count_twice(target_of(server, "fake-1", protocol)))
        other = asyncio.run(
            counter.count_request(asking(Text("hi")), target_of(server, "fake-1", protocol), remote=True)
        )
    assert [asked.path for asked in server.requests] == [path, path]
    assert counts[0] == counts[1]
    assert counts[0].exact
    assert other.exact


def test_nobody_is_asked_unless_it_is_wanted(counter: TokenCounter) -> None:
    with FakeAnthropic() as server:
        count = asyncio.run(
            counter.count_request(asking(Text("hi")), target_of(server, "fake-1", "anthropic"), remote=False)
        )
    assert not count.exact
    assert server.requests == []


def test_a_refused_key_is_reported_without_the_key(counter: TokenCounter) -> None:
    with FakeAnthropic(key="right") as server:
        target = target_of(server, "fake-1", "anthropic", key="wrong-key-of-mine")
        with pytest.raises(NotSignedIn) as caught:
            asyncio.run(counter.count_request(asking(Text("hi")), target, remote=True))
    assert "wrong-key-of-mine" not in caught.value.message + caught.value.hint
    assert "P_KEY" in caught.value.hint


# --- estimates ------------------------------------------------------------------------------------------------------


def test_a_text_is_exact_for_openai_and_an_estimate_above_o200k_for_others(counter: TokenCounter) -> None:
    plain = tokens.count(CODE, "o200k_base").tokens
    assert counter.count(CODE, "openai/gpt-4o") == (plain, True)
    other = counter.count(CODE, CLAUDE)
    assert not other.exact
    assert plain * 1.3 < other.tokens < plain * 1.4


def test_offline_is_measured_by_length_alone(counter: TokenCounter) -> None:
    assert counter.count(PROSE, "offline") == tokens.estimate(PROSE)
    assert counter.count_quickly(PROSE, "offline") == tokens.estimate(PROSE)


@pytest.mark.parametrize("quick", [False, True])
def test_every_part_of_a_request_adds_to_its_estimate(counter: TokenCounter, quick: bool) -> None:
    base = counter.estimate(asking(Text("hi")), CLAUDE, quick=quick).tokens
    additions: list[Any] = [
        Text(PROSE),
        Reasoning(PROSE),
        Document("a.py", "text/plain", CODE),
        ToolCall("c1", "write", {"text": PROSE}),
        ToolResult("c1", CODE),
        ToolResult("c1", "", images=(Image("image/png", "AAAA"),)),
        Image("image/png", "AAAA"),
    ]
    for part in additions:
        assert counter.estimate(asking(Text("hi"), part), CLAUDE, quick=quick).tokens > base + 200, part
    tool = ToolDefinition("read", PROSE, {"type": "object"})
    assert counter.estimate(asking(Text("hi"), tools=(tool,)), CLAUDE, quick=quick).tokens > base + 200
    assert counter.estimate(asking(Text("hi"), CachePoint()), CLAUDE, quick=quick).tokens == base


def test_lone_surrogates_and_odd_arguments_are_counted(counter: TokenCounter) -> None:
    request = asking(Text("\ud800x"), ToolCall("c", "f", {"\udfff": float("nan")}))
    assert counter.estimate(request, CLAUDE).tokens > 10


@pytest.mark.parametrize(("text", "kind"), [(PROSE, "prose"), (CODE, "code"), ("", "prose"), ('{"a": [1]}', "code")])
def test_prose_and_code_are_told_apart(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_the_kind_of_a_file_does_not_depend_on_the_licence_at_its_beginning() -> None:
    assert kind_of("Permission is hereby granted, free of charge, to any person. " * 70 + CODE * 8) == "code"


# --- learning -------------------------------------------------------------------------------------------------------


def teach(counter: TokenCounter, request: Request, model: str, factor: float, times: int = 1) -> None:
    """Let a vendor count `factor` tokens where o200k_base counts one."""
    texts = [part.text for message in request.messages for part in message.parts if isinstance(part, Text)]
    plain = sum(tokens.count(text, "o200k_base").tokens for text in texts)
    for _ in range(times):
        counter.learn(request, model, round(plain * factor) + 11)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.7])
def test_estimates_follow_what_the_vendor_counts(counter: TokenCounter, factor: float) -> None:
    plain = tokens.count(CODE, "o200k_base").tokens
    teach(counter, asking(Text(CODE)), CLAUDE, factor, times=20)
    assert counter.count(CODE, CLAUDE).tokens == pytest.approx(plain * factor * 1.05, rel=0.03)
    assert counter.count_quickly(CODE, CLAUDE).tokens == pytest.approx(plain * factor * 1.05, rel=0.03)
    assert not counter.count(CODE, CLAUDE).exact


def test_prose_and_code_have_factors_of_their_own_even_when_they_come_mixed(counter: TokenCounter) -> None:
    prose, code = (tokens.count(text, "o200k_base").tokens for text in (PROSE, CODE))
    for _ in range(60):
        for some_prose, some_code in ((1, 4), (4, 1)):
            request = asking(*[Text(PROSE)] * some_prose, *[Text(CODE)] * some_code)
            counter.learn(request, CLAUDE, round(prose * some_prose * 1.1 + code * some_code * 1.6) + 11)
    assert counter.count(PROSE, CLAUDE).tokens == pytest.approx(prose * 1.1 * 1.05, rel=0.06)
    assert counter.count(CODE, CLAUDE).tokens == pytest.approx(code * 1.6 * 1.05, rel=0.06)


def test_one_model_teaches_nothing_about_another(counter: TokenCounter) -> None:
    before = counter.count(CODE, "gemini/gemini-3-pro")
    teach(counter, asking(Text(CODE)), CLAUDE, 2.0, times=5)
    assert counter.count(CODE, "gemini/gemini-3-pro") == before


def test_an_exact_vocabulary_stays_exact_and_only_lengths_are_learned() -> None:
    store = RatioStore()
    counter = TokenCounter(store)
    plain = counter.count(CODE, "openai/gpt-4o")
    teach(counter, asking(Text(CODE)), "openai/gpt-4o", 1.0, times=20)
    assert counter.count(CODE, "openai/gpt-4o") == plain
    assert counter.count_quickly(CODE, "openai/gpt-4o").tokens == pytest.approx(plain.tokens * 1.05, rel=0.03)
    assert set(store.read("openai/gpt-4o")) == {("length", "code")}


@settings(max_examples=30)
@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_factors_stay_within_their_bounds_whatever_a_vendor_says(counts: list[int]) -> None:
    store = RatioStore()
    counter = TokenCounter(store)
    for count in counts:
        counter.learn(asking(Text(PROSE), Text(CODE)), CLAUDE, count)
    assert all(LEAST_FACTOR <= row.factor <= MOST_FACTOR for row in store.read(CLAUDE).values())


@pytest.mark.parametrize(
    "request_",
    [
        asking(Text(CODE), Image("image/png", "AAAA")),
        asking(Text(CODE), ToolResult("c", "x", images=(Image("image/png", "AAAA"),))),
        asking(Text(CODE), Opaque("p", "m", "e", {"data": "x"})),
    ],
)
def test_requests_with_parts_of_unknown_size_teach_nothing(request_: Request) -> None:
    store = RatioStore()
    TokenCounter(store).learn(request_, CLAUDE, 3000)
    assert store.read(CLAUDE) == {}


def test_small_requests_and_counts_of_a_part_teach_nothing() -> None:
    store = RatioStore()
    counter = TokenCounter(store)
    counter.learn(asking(Text("hi")), CLAUDE, 40)
    counter.learn(asking(Text(CODE * 10)), CLAUDE, 210)
    assert store.read(CLAUDE) == {}
    assert not is_lesson(asking(Text(CODE)), "offline", 3000)


def test_learning_loads_no_vocabulary(run_python: Callable[[str], str]) -> None:
    out = run_python(
        "import sys\n"
        "from aiex.llm.counting import TokenCounter\n"
        "from aiex.llm.stores.ratios import RatioStore\n"
        "from aiex.messages import Message, Request, Text\n"
        "store = RatioStore()\n"
        "TokenCounter(store).learn(Request('m', (Message('user', (Text('words ' * 900),)),)), 'a/claude', 1200)\n"
        "print('tiktoken' in sys.modules, sorted(store.read('a/claude')))\n"
    )
    assert out == "False [('length', 'prose')]\n"


@pytest.fixture
def run_python() -> Callable[[str], str]:
    import subprocess
    import sys

    def run(script: str) -> str:
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    return run


# --- streams --------------------------------------------------------------------------------------------------------


def run(counter: TokenCounter, request: Request, *events: StreamEvent) -> list[StreamEvent]:
    async def stream(asked: Request) -> AsyncIterator[StreamEvent]:
        for event in events:
            yield event

    async def collect() -> list[StreamEvent]:
        async with aclosing(learning(stream, counter)(request)) as seen:  # type: ignore[type-var]
            return [event async for event in seen]

    return asyncio.run(collect())


def test_a_stream_teaches_from_the_usage_of_whoever_answered_and_passes_every_event_on() -> None:
    store = RatioStore()
    events = (Started("anthropic", "claude-opus-4"), TextDelta("x"), PartEnded(Text("x")))
    events += (UsageUpdated(Usage(input_tokens=900)), UsageUpdated(Usage(input_tokens=1000)), Stopped("end_turn"))
    assert run(TokenCounter(store), asking(Text(CODE)), *events) == list(events)
    assert store.read(CLAUDE)[("length", "code")].seen == 1


def test_a_lesson_is_taken_before_the_end_is_told() -> None:
    store = RatioStore()

    async def stream(asked: Request) -> AsyncIterator[StreamEvent]:
        yield Started("anthropic", "claude-opus-4")
        yield UsageUpdated(Usage(input_tokens=1000))
        yield Stopped("end_turn")

    async def listen() -> dict[Any, Ratio]:
        async with aclosing(learning(stream, TokenCounter(store))(asking(Text(CODE)))) as seen:  # type: ignore[type-var]
            async for event in seen:
                if isinstance(event, Stopped):
                    return store.read(CLAUDE)
        raise AssertionError

    assert asyncio.run(listen())


def test_lessons_of_answers_that_are_gone_on_with_are_taken_together() -> None:
    store, model, request = RatioStore(), "openai/gpt-4o", asking(Text(CODE))
    counter = TokenCounter(store)
    calling = (Started("openai", "gpt-4o"), UsageUpdated(Usage(input_tokens=1000)), Stopped("tool_use"))
    for _ in range(MOST_HELD - 1):
        assert run(counter, request, *calling) == list(calling)
    assert store.read(model) == {}
    run(counter, request, *calling)
    assert store.read(model)[("length", "code")].seen == MOST_HELD


@pytest.mark.parametrize(
    "events",
    [
        (Started("anthropic", "claude-opus-4"), UsageUpdated(Usage()), Stopped("end_turn")),
        (
            Started("anthropic", "claude-opus-4"),
            UsageUpdated(Usage(input_tokens=1000)),
            Failed("Transient", "cut", "", 75),
        ),
        (
            Started("openai", "x"),
            TextDelta("half"),
            Started("anthropic", "claude-opus-4"),
            UsageUpdated(Usage(input_tokens=1000)),
            Stopped("end_turn"),
        ),
    ],
    ids=["no count", "no end", "continued after half an answer"],
)
def test_a_stream_without_a_count_of_this_very_request_teaches_nothing(events: tuple[StreamEvent, ...]) -> None:
    store = RatioStore()
    run(TokenCounter(store), asking(Text(CODE)), *events)
    assert store.read(CLAUDE) == {}


# --- keeping --------------------------------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"AIEX_STATE_DIR": str(tmp_path)}


def test_what_was_learned_is_there_in_the_next_run(state: dict[str, str]) -> None:
    first = open_counter(state)
    before = first.count(CODE, CLAUDE)
    teach(first, asking(Text(CODE)), CLAUDE, 2.0, times=5)
    assert open_counter(state).count(CODE, CLAUDE) == first.count(CODE, CLAUDE) != before


def test_counting_alone_makes_no_file(state: dict[str, str]) -> None:
    open_counter(state).count(CODE, CLAUDE)
    assert os.listdir(state["AIEX_STATE_DIR"]) == []


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_file_fails_no_count_and_is_set_aside(state: dict[str, str], content: bytes) -> None:
    Path(state["AIEX_STATE_DIR"], "tokens.db").write_bytes(content)
    counter = open_counter(state)
    teach(counter, asking(Text(CODE)), CLAUDE, 2.0)
    assert counter.count(CODE, CLAUDE).tokens > 0
    assert ("length", "code") in RatioStore(os.path.join(state["AIEX_STATE_DIR"], "tokens.db")).read(CLAUDE)


def test_a_place_that_cannot_be_written_fails_no_count(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    counter = open_counter({"AIEX_STATE_DIR": str(tmp_path / "file")})
    teach(counter, asking(Text(CODE)), CLAUDE, 2.0)
    assert counter.count(CODE, CLAUDE).tokens > 0


def _teach_often(path: str) -> None:
    sqlite.BUSY_TIMEOUT_S = 60  # type: ignore[misc]  # a busy machine may keep the other waiting for long
    store = RatioStore(path)
    for _ in range(25):
        TokenCounter(store).learn(asking(Text(PROSE)), CLAUDE, 900)


def test_processes_learn_together_and_no_lesson_is_lost(tmp_path: Path) -> None:
    path = str(tmp_path / "tokens.db")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_teach_often, args=(path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert RatioStore(path).read(CLAUDE)[("length", "prose")].seen == 50
