"""An answer is whole exactly once, wherever and however it is broken, with every protocol."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aiex.errors import AiexError, BudgetEnded, ContextOverflow, NotSignedIn, Rejected, Transient, Unavailable
from aiex.events import (
    Failed,
    FailedOver,
    PartEnded,
    Retrying,
    Started,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolCallStarted,
    Waiting,
)
from aiex.llm import answer as llm_answer
from aiex.llm.answer import AnswerReader
from aiex.llm.failover import Link, Means, answer, to_failed
from aiex.llm.health import Monitor, read_standings
from aiex.llm.retry import Policy
from aiex.llm.stores.health import HealthStore
from aiex.llm.wire import Credential
from aiex.messages import Message, Opaque, Request, Text, ToolCall, Usage
from tests.fakes.server import FakeServer
from tests.fakes.vendors import ASK, SERVERS, Second, ended, link_to, shown
from tests.fakes.wires import InProcess

TEXT = "Grüße! I read the file now, and then the next one."
CALLS = (("read", '{"path": "a.py"}'),)


class Naps:
    """Waits that take no time, and are remembered."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.now += seconds

    def policy(self, max_attempts: int = 5) -> Policy:
        return Policy(max_attempts, sleep=self.sleep, clock=lambda: self.now)


@pytest.fixture(params=SERVERS)
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[str, FakeServer]]:
    server = SERVERS[request.param]()
    yield request.param, server
    server._http.server_close()


@pytest.fixture
def chat() -> Iterator[FakeServer]:
    server = SERVERS["openai-chat"]()
    yield server
    server._http.server_close()


def means_of(wire: Any, naps: Naps | None = None, store: HealthStore | None = None, **more: Any) -> Means:
    return Means(
        connect=wire.connect, monitor=Monitor(store or HealthStore()), policy=(naps or Naps()).policy(), **more
    )


async def collect(links: list[Link], means: Means, request: Request = ASK) -> list[StreamEvent]:
    return [event async for event in answer(links, request, means)]


async def fail(links: list[Link], means: Means, request: Request = ASK) -> AiexError:
    with pytest.raises(AiexError) as caught:
        await collect(links, means, request)
    return caught.value


def check_whole(events: list[StreamEvent], text: str = TEXT) -> None:
    """One complete answer: every word once, deltas that join to parts, one end, no call twice."""
    assert shown(events) == text
    assert "".join(part.text for part in ended(events, Text)) == text
    calls = [(call.name, dict(call.arguments)) for call in ended(events, ToolCall)]
    assert calls == [("read", {"path": "a.py"})]
    assert events[-1] == Stopped("tool_use")
    assert sum(isinstance(event, Stopped | Failed) for event in events) == 1


# --- cut anywhere ---------------------------------------------------------------------------------------------------


async def test_a_stream_cut_at_every_byte_becomes_one_whole_answer(vendor: tuple[str, FakeServer]) -> None:
    """Cuts are decoded around the ends of lines and often between; of those that show the same one goes all the way."""
    protocol, server = vendor
    server.say(TEXT, calls=CALLS)
    wire, store, link = InProcess(server), HealthStore(), link_to(server, protocol)
    check_whole(await collect([link], means_of(wire)))
    seams = set()
    for at in places_that_differ(link, wire.bodies[0]):
        for how in ("clean", "reset"):
            second = Second(TEXT, (ToolCall("other", "read", {"path": "a.py"}),))
            wire.cuts = [(how, at)] * 3
            store.forget(f"a/fake-1 {server.base_url}")
            events = await collect([link, second.link], means_of(wire, store=store))
            check_whole(events)
            seams |= {event.mid_answer for event in events if isinstance(event, FailedOver)}
    assert seams == {False, True}


def places_that_differ(link: Link, body: bytes) -> list[int]:
    """The first of all places to cut a stream at that show the same; within a line nearly all do."""
    target, places, lines = link.target, {}, b"\n" + body
    assert target is not None
    for at in range(len(body)):
        if at % 50 and b"\n" not in lines[max(0, at - 9) : at + 3]:
            continue
        reader = AnswerReader(target.codec.decoder(target.profile), target.codec.stream_form)
        events: list[StreamEvent] = []
        try:
            for event in reader.feed(body[:at]):
                events.append(event)
            for event in reader.end():
                events.append(event)
            end = ""
        except AiexError as error:
            end = error.kind
            assert ended(events, ToolCall) == []
        places.setdefault((repr(events), end), at)
    return list(places.values())


async def test_what_the_second_repeats_is_shown_once(chat: FakeServer) -> None:
    chat.say(TEXT, calls=CALLS)
    wire = InProcess(chat)
    for at in range(400, 1600, 97):
        wire.cuts = [("clean", at)] * 3
        second = Second(TEXT, (ToolCall("c", "read", {"path": "a.py"}),), repeats=30)
        events = await collect([link_to(chat, "openai-chat"), second.link], means_of(wire))
        begun = shown(events[: [type(event) for event in events].index(FailedOver)]) if second.asked else TEXT
        if not second.asked or len(begun) >= 30:
            check_whole(events)
        wire.cuts.clear()


async def test_the_seam_is_closed_then_told_then_continued(chat: FakeServer) -> None:
    chat.say(TEXT)
    wire = InProcess(chat, [("reset", 900)])
    events = await collect([link_to(chat, "openai-chat"), Second(TEXT).link], means_of(wire))
    seam = next(number for number, event in enumerate(events) if isinstance(event, FailedOver))
    assert events[seam - 1] == PartEnded(Text(shown(events[:seam])))
    assert events[seam] == FailedOver("a/fake-1", "second/model", "the connection broke", mid_answer=True)
    assert events[seam + 1] == Started("second", "model")


async def test_the_next_one_gets_the_conversation_and_the_words_so_far(chat: FakeServer) -> None:
    chat.say(TEXT, calls=CALLS)
    second = Second(TEXT)
    await collect([link_to(chat, "openai-chat"), second.link], means_of(InProcess(chat, [("reset", 900)])))
    (asked,) = second.asked
    assert asked.messages[: len(ASK.messages)] == ASK.messages
    begun, wish = asked.messages[len(ASK.messages) :]
    assert begun == Message("assistant", (Text(TEXT[: len(begun.parts[0].text)]),))
    assert wish.role == "user"
    assert "exactly where it stops" in wish.parts[0].text


async def test_before_the_first_word_the_change_is_silent_but_told(chat: FakeServer) -> None:
    chat.say(status=401, body=b'{"error": {"message": "bad key"}}')
    second = Second("Hi")
    events = await collect([link_to(chat, "openai-chat"), second.link], means_of(InProcess(chat)))
    assert isinstance(events[0], FailedOver)
    assert not events[0].mid_answer
    assert second.asked == [ASK]


async def test_half_an_answer_in_a_schema_is_never_shown(chat: FakeServer) -> None:
    chat.say('{"a": 1, "b": 2, "c": 3}')
    request = Request("m", ASK.messages, response_schema={"type": "object"})
    second = Second('{"a": 1}')
    events = await collect(
        [link_to(chat, "openai-chat"), second.link], means_of(InProcess(chat, [("reset", 900)] * 3)), request
    )
    assert shown(events) == '{"a": 1}'
    assert second.asked == [request]


class Signs:
    """Gives a signed block and breaks before any word, then answers."""

    name = "signs"

    def __init__(self) -> None:
        self.asked = 0

    async def stream(self, request: Request) -> Any:
        self.asked += 1
        yield Started("signs", "m")
        yield PartEnded(Opaque("signs", "m", "here", {"number": self.asked}))
        if self.asked == 1:
            raise Transient("broke")
        yield TextDelta("Hi")
        yield PartEnded(Text("Hi"))
        yield Stopped("end_turn")


async def test_a_signed_block_alone_shows_nothing_and_is_left_behind() -> None:
    speaker = Signs()
    events = await collect([Link("signs/m", speaker=speaker)], means_of(InProcess(None)))  # type: ignore[arg-type]
    assert [block.data["number"] for block in ended(events, Opaque)] == [2]
    assert any(isinstance(event, Retrying) for event in events)


# --- one model ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["clean", "reset"])
async def test_one_break_is_mended_by_the_same_vendor(vendor: tuple[str, FakeServer], how: Any) -> None:
    protocol, server = vendor
    server.say(TEXT, calls=CALLS)
    for at in (0, 40, 300):
        wire, naps = InProcess(server, [(how, at)]), Naps()
        events = await collect([link_to(server, protocol)], means_of(wire, naps))
        assert events[-1] == Stopped("tool_use")
        assert len(ended(events, ToolCall)) == 1
        assert len([event for event in events if isinstance(event, Retrying)]) == len(naps.taken) == 1


async def test_words_that_were_shown_are_continued_once_by_the_same_vendor(chat: FakeServer) -> None:
    chat.say(TEXT)
    wire = InProcess(chat, [("reset", 900), ("reset", 900)])
    events = await collect([link_to(chat, "openai-chat")], means_of(wire))
    assert len(wire.asked) == 2
    assert wire.asked[1]["messages"][-2]["role"] == "assistant"
    assert isinstance(events[-1], Failed)
    assert events[-1].exit_code == 69
    assert "incomplete" in events[-1].hint


@pytest.mark.parametrize("status", [500, 503, 529])
async def test_a_service_that_is_dead_for_ever_gets_few_requests_and_little_time(chat: FakeServer, status: int) -> None:
    chat.say(status=status, body=b'{"error": {"message": "down"}}')
    naps, wire = Naps(), InProcess(chat)
    error = await fail([link_to(chat, "openai-chat")], means_of(wire, naps))
    assert (type(error), error.exit_code) == (Unavailable, 69)
    assert "down (5 times)" in error.message
    assert 2 <= len(wire.asked) <= 6
    assert sum(naps.taken) <= 30


@pytest.mark.parametrize("how", ["clean", "reset", "silent"])
async def test_where_nothing_was_shown_nothing_is_called_incomplete(chat: FakeServer, how: Any) -> None:
    link = link_to(chat, "openai-chat", first_byte=0.02, idle=0.02)
    error = await fail([link], means_of(InProcess(chat, [(how, 0)] * 6)))
    assert error.exit_code == 69
    assert "incomplete" not in error.hint


async def test_a_limit_that_stays_is_transient_at_the_end(chat: FakeServer) -> None:
    chat.say(status=429, headers={"retry-after": "2"}, body=b'{"error": {"message": "slow down"}}')
    naps = Naps()
    error = await fail([link_to(chat, "openai-chat")], means_of(InProcess(chat), naps))
    assert (type(error), error.exit_code) == (Transient, 75)
    assert naps.taken == [2, 2, 2, 2]


@pytest.mark.parametrize(
    "said", [{"text": "word " * 500}, {"reasoning": "hm " * 500}, {"calls": (("read", '{"p": "' + "x" * 2000 + '"}'),)}]
)
async def test_an_answer_without_end_is_broken_off(
    vendor: tuple[str, FakeServer], said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol, server = vendor
    monkeypatch.setattr(llm_answer, "MAX_ANSWER_CHARS", 1_000)
    server.say(**said)
    naps, second = Naps(), Second(TEXT)
    links = [link_to(server, protocol), second.link]
    try:
        last = (await collect(links, means_of(InProcess(server), naps)))[-1]
    except Rejected as error:  # nothing was shown
        last = to_failed(error)
    assert isinstance(last, Failed)
    assert (last.error, last.exit_code) == ("Rejected", 1)
    assert "broken off after 1000 characters" in last.message
    assert (len(server.requests), second.asked, naps.taken) == (1, [], [])


async def test_a_stream_without_end_is_broken_off(vendor: tuple[str, FakeServer], monkeypatch: Any) -> None:
    protocol, server = vendor
    monkeypatch.setattr(llm_answer, "MAX_STREAM_BYTES", 100)
    error = await fail([link_to(server, protocol)], means_of(InProcess(server)))
    assert "broken off after 100 bytes" in error.message


@pytest.mark.parametrize("wish", ["-1", "nan", "inf", "9" * 99, "soon", "Wed, 21 Oct 99999 07:28:00 GMT"])
async def test_a_wish_to_wait_that_cannot_be_meant_is_none(chat: FakeServer, wish: str) -> None:
    chat.say(status=429, headers={"retry-after": wish}, body=b'{"error": {"message": "slow down"}}')
    naps = Naps()
    error = await fail([link_to(chat, "openai-chat")], means_of(InProcess(chat), naps))
    assert (type(error), error.exit_code) == (Transient, 75)
    assert len(naps.taken) == 4
    assert all(0 < nap <= 9 for nap in naps.taken)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error": "bad key"}', NotSignedIn),
        (429, b'{"error": {"message": "no credit", "code": "insufficient_quota"}}', Rejected),
        (400, b'{"error": {"message": "too hot"}}', Rejected),
        (400, b'{"error": {"message": "too long", "code": "context_length_exceeded"}}', ContextOverflow),
    ],
)
async def test_what_asking_again_cannot_change_is_asked_once(
    chat: FakeServer, status: int, body: bytes, kind: type[AiexError]
) -> None:
    chat.say(status=status, body=body)
    wire = InProcess(chat)
    assert isinstance(await fail([link_to(chat, "openai-chat")], means_of(wire)), kind)
    assert len(wire.asked) == 1


# --- chains ---------------------------------------------------------------------------------------------------------


async def test_an_exhausted_chain_names_each_cause(chat: FakeServer) -> None:
    chat.say(status=503, body=b'{"error": {"message": "first is down"}}')
    chat.say(status=503, body=b'{"error": {"message": "first is down"}}')
    chat.say(status=503, body=b'{"error": {"message": "first is down"}}')
    chat.say(status=401, body=b'{"error": {"message": "bad key"}}')
    chat.say(status=429, body=b'{"error": {"message": "no credit", "code": "insufficient_quota"}}')
    links = [link_to(chat, "openai-chat", name) for name in ("a", "b", "c")]
    error = await fail(links, means_of(InProcess(chat)))
    assert (type(error), error.exit_code) == (Unavailable, 69)
    for words in ("a/fake-1: ", "first is down (3 times)", "b/fake-1: ", "bad key", "c/fake-1: ", "no credit"):
        assert words in error.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "too hot"}}',
        b'{"error": {"message": "too long", "code": "context_length_exceeded"}}',
        b'{"error": {"message": "filtered", "code": "content_filter"}}',
    ],
)
async def test_a_request_that_has_to_change_goes_to_nobody_else(chat: FakeServer, body: bytes) -> None:
    chat.say(status=400, body=body)
    second = Second("Hi")
    error = await fail([link_to(chat, "openai-chat"), second.link], means_of(InProcess(chat)))
    assert error.exit_code == 1
    assert second.asked == []


async def test_a_wait_that_is_too_long_goes_to_the_next_at_once(chat: FakeServer) -> None:
    chat.say(status=429, headers={"retry-after": "121"}, body=b"{}")
    naps = Naps()
    events = await collect([link_to(chat, "openai-chat"), Second("Hi").link], means_of(InProcess(chat), naps))
    assert naps.taken == []
    assert isinstance(events[0], FailedOver)


async def test_a_link_without_a_key_is_passed_over() -> None:
    links = [Link("openai/x", problem=NotSignedIn("no key for openai")), Second("Hi").link]
    events = await collect(links, means_of(InProcess(None)))  # type: ignore[arg-type]
    assert events[0] == FailedOver("openai/x", "second/model", "no key for openai", mid_answer=False)


async def test_an_open_breaker_skips_the_link_and_says_why(chat: FakeServer) -> None:
    chat.say(status=500, body=b'{"error": {"message": "down"}}')
    wire, store, links = InProcess(chat), HealthStore(), [link_to(chat, "openai-chat"), Second("Hi").link]
    for _ in range(2):
        await collect(links, means_of(wire, store=store))
    sent = len(wire.asked)
    events = await collect(links, means_of(wire, store=store))
    assert len(wire.asked) == sent == 5
    assert isinstance(events[0], FailedOver)
    assert "was not asked: it failed 5 times in a row" in events[0].reason
    assert "down" in events[0].reason


# --- silence and leaving --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 900])
async def test_silence_is_told_and_then_somebody_else_is_asked(chat: FakeServer, at: int) -> None:
    chat.say(TEXT)
    wire, second = InProcess(chat, [("silent", at)]), Second(TEXT)
    link = link_to(chat, "openai-chat", first_byte=0.6, idle=0.6)
    events = await collect([link, second.link], means_of(wire, silence_s=0.02))
    waits = [event for event in events if isinstance(event, Waiting)]
    assert len(waits) >= 2
    assert all(event.provider == "a" and event.deadline_s == 0.6 for event in waits)
    assert shown(events) == TEXT
    assert len(wire.asked) == len(second.asked) == 1


async def test_a_wait_ends_at_once_when_the_answer_is_left(chat: FakeServer) -> None:
    chat.say(status=429, headers={"retry-after": "60"}, body=b"{}")
    means = Means(connect=InProcess(chat).connect, monitor=Monitor(HealthStore()), policy=Policy())
    told = asyncio.Event()

    async def watch() -> None:
        async for event in answer([link_to(chat, "openai-chat")], ASK, means):
            assert isinstance(event, Retrying)
            told.set()

    task = asyncio.create_task(watch())
    await told.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)


@pytest.mark.parametrize("at", [0, 900])
async def test_leaving_an_answer_leaves_the_request(chat: FakeServer, at: int) -> None:
    chat.say(TEXT)
    wire = InProcess(chat, [("silent", at)])
    stream = answer([link_to(chat, "openai-chat")], ASK, means_of(wire, silence_s=0.01))
    async for event in stream:
        if isinstance(event, Waiting):
            break
    await stream.aclose()
    assert wire.left == 1


async def test_a_started_call_that_was_cut_never_ends(chat: FakeServer) -> None:
    chat.say("", calls=CALLS)
    wire = InProcess(chat, [("reset", 700)] * 3)
    events = await collect([link_to(chat, "openai-chat"), Second("Never mind.").link], means_of(wire))
    assert any(isinstance(event, ToolCallStarted) for event in events)
    assert ended(events, ToolCall) == []
    assert next(event for event in events if isinstance(event, FailedOver)).mid_answer


# --- gate and health ------------------------------------------------------------------------------------------------


class Notes:
    """A gate that writes down what it is told."""

    def __init__(self, refusal: AiexError | None = None) -> None:
        self.told: list[Any] = []
        self.refusal = refusal

    async def before(self, target_name: str, key_id: str, tokens: int) -> object:
        self.told.append(("before", target_name, tokens))
        if self.refusal is not None:
            raise self.refusal
        return len(self.told)

    async def after(self, lease: object, usage: Usage | None) -> None:
        self.told.append(("after", lease, usage))

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        self.told.append(("pushed", target_name, retry_after_s))


async def test_the_gate_is_asked_before_each_request_and_settled_after(chat: FakeServer) -> None:
    chat.say(status=429, headers={"retry-after": "3"}, body=b"{}")
    chat.say("Hi")
    gate = Notes()
    await collect([link_to(chat, "openai-chat")], means_of(InProcess(chat), gate=gate, count=lambda request: 42))
    assert gate.told == [
        ("before", "a/fake-1", 42),
        ("pushed", "a/fake-1", 3.0),
        ("after", 1, None),
        ("before", "a/fake-1", 42),
        ("after", 4, Usage(20, 7, 16, None, 2)),
    ]


async def test_a_budget_that_is_used_up_asks_nobody(chat: FakeServer) -> None:
    wire, second = InProcess(chat), Second("Hi")
    error = await fail(
        [link_to(chat, "openai-chat"), second.link], means_of(wire, gate=Notes(BudgetEnded("no more money")))
    )
    assert isinstance(error, BudgetEnded)
    assert (wire.asked, second.asked) == ([], [])


async def test_room_only_later_is_a_wait_that_is_told(chat: FakeServer) -> None:
    gate, naps, wire = Notes(Transient("limit reached", kind="rate_limit", retry_after_s=7)), Naps(), InProcess(chat)
    error = await fail([link_to(chat, "openai-chat")], means_of(wire, naps, gate=gate))
    assert error.exit_code == 75
    assert set(naps.taken) == {7}
    assert wire.asked == []


async def test_health_is_kept_from_live_traffic(chat: FakeServer) -> None:
    chat.say(status=500, body=b'{"error": {"message": "down"}}')
    chat.say("Hi")
    store = HealthStore()
    await collect([link_to(chat, "openai-chat")], means_of(InProcess(chat), store=store))
    (standing,) = read_standings(store)
    assert (standing.name, standing.base_url) == ("a/fake-1", chat.base_url)
    assert (standing.successes, standing.failures) == (1, {"server_error": 1})
    assert standing.first_byte_s is not None
    assert "down" in standing.last_error
    assert standing.breaker == "closed"


# --- sign-in --------------------------------------------------------------------------------------------------------


class SignIn:
    """A sign-in whose first token the server no longer takes."""

    place = "sign-in"
    sources = SimpleNamespace(provider="a")
    secret = ""
    credential = Credential()

    def __init__(self, *renewed: str) -> None:
        self.tokens = ["old-token", *renewed]
        self.asked: list[bool] = []

    async def fresh(self, *, refused: bool = False, **_more: object) -> Credential:
        self.asked.append(refused)
        if refused:
            self.tokens.pop(0)
        if not self.tokens:
            raise NotSignedIn("the sign-in ended")
        self.secret = self.tokens[0]
        self.credential = Credential("bearer", self.secret)
        return self.credential


def signed(server: FakeServer, signer: SignIn) -> Link:
    link = link_to(server, "openai-chat")
    assert link.target is not None
    endpoint = replace(link.target.endpoint, signer=signer)  # type: ignore[arg-type]
    return replace(link, target=replace(link.target, endpoint=endpoint))


async def test_a_sign_in_that_is_refused_is_renewed_once(chat: FakeServer) -> None:
    chat.key = "new-token"
    chat.say("Hi")
    signer = SignIn("new-token")
    events = await collect([signed(chat, signer)], means_of(InProcess(chat)))
    assert shown(events) == "Hi"
    assert signer.asked == [False, True, False]
    assert [(event.attempt, event.wait_s) for event in events if isinstance(event, Retrying)] == [(2, 0.0)]
    assert "old-token" not in str(events)


@pytest.mark.parametrize("renewed", [(), ("another-token", "third-token")])
async def test_a_sign_in_that_stays_refused_is_an_error(chat: FakeServer, renewed: tuple[str, ...]) -> None:
    chat.key = "new-token"
    error = await fail([signed(chat, SignIn(*renewed))], means_of(InProcess(chat)))
    assert (type(error), error.exit_code) == (NotSignedIn, 77)
    assert len(chat.requests) == 1 + bool(renewed)
    assert "-token" not in f"{error} {error.hint}"


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("openai-responses", {"error": {"code": "invalid_encrypted_content", "message": "could not be verified"}}),
        (
            "anthropic",
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "messages.1.content.0: Invalid `signature` in `thinking` block",
                },
            },
        ),
    ],
)
async def test_signed_blocks_that_the_vendor_refuses_are_left_out(protocol: str, said: dict[str, Any]) -> None:
    server = SERVERS[protocol]()
    try:
        link = link_to(server, protocol)
        assert link.target is not None
        block = {"type": "thinking", "thinking": "Hm.", "signature": "AAA"}
        if protocol == "openai-responses":
            block = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAA"}
        spoken = Message("assistant", (Opaque(*link.target.profile.tag, block), Text("I looked.")))
        request = replace(ASK, messages=(*ASK.messages, spoken, Message("user", (Text("And?"),))))
        server.say(status=400, body=json.dumps(said).encode())
        server.say("All is well.")
        events = await collect([link], means_of(InProcess(server)), request)
    finally:
        server._http.server_close()
    assert shown(events) == "All is well."
    assert ["AAA" in json.dumps(asked.body) for asked in server.requests] == [True, False]
    assert [event.wait_s for event in events if isinstance(event, Retrying)] == [0.0]
