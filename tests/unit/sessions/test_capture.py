"""No secret gets into a log, and nothing else is lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex import events as told
from aiex.eventforms import to_json
from aiex.events import Event
from aiex.guard.redact import REMOVED
from aiex.jsonform import dump
from aiex.messages import Image, Opaque, Text, ToolCall, Usage
from aiex.sessions.capture import Capture, without_secrets
from tests.unit.sessions.stories import answer, said

KEY = "sk-ant-" + "api03-" + "A1b2C3d4E5f6G7h8I9j0" * 4 + "-QAAA"


@pytest.mark.parametrize(
    "event",
    [
        said(f"my key is API_KEY={KEY}"),
        answer(ToolCall("1", "run", {"command": f"export ANTHROPIC_API_KEY={KEY}"})),
        answer(ToolCall("1", "login", {"user": "me", "password": KEY})),
        told.ToolStarted("1", "login", {"nested": [{"password": KEY}]}),
        told.ToolFinished("1", "run", f"ANTHROPIC_API_KEY={KEY}\n"),
        told.ApprovalAsked("a", f"curl -H 'Authorization: Bearer {KEY}'", "asks"),
        told.Compacted(9, 1, f"the key is API_KEY={KEY}"),
        told.TurnEnded("success", "answered", 0, answer=f"API_KEY={KEY}", data={"password": KEY}),
        told.CheckRan("tests", False, True, f"password={KEY}"),
        told.AssistantSpoke((Text("x"), Opaque("p", "m", "e", {"input": {"password": KEY}}, 1)), "p", "m"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_secret_is_taken_out(event: Event) -> None:
    cleaned = Capture().clean(event)
    assert type(cleaned) is type(event)
    assert KEY not in dump(to_json(cleaned))
    assert Capture().clean(cleaned) is cleaned


@pytest.mark.parametrize(
    "event",
    [
        said("nothing to hide", "password rules are in docs/passwords.md"),
        answer(Text("ok"), ToolCall("1", "read", {"path": "src/tokens.py", "max_tokens": 3})),
        told.UserSpoke((Image("image/png", "A" * 1000),)),
        told.AssistantSpoke((Text("x"), Opaque("p", "m", "e", {"signature": "c2lnbmVk"}, 1)), "p", "m"),
        told.CheckpointTaken("0123456789ab", "write"),
        told.UsageUpdated(Usage(1, 2), 0.5),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_no_secret_is_the_same_object(event: Event) -> None:
    assert Capture().clean(event) is event


def test_a_block_with_a_secret_goes_and_the_words_it_stands_for_stay() -> None:
    block = Opaque("p", "m", "e", {"text": f"API_KEY={KEY}"}, covers=1)
    spoken = told.AssistantSpoke((Text(f"API_KEY={KEY}"), block, Text("done")), "p", "m")
    assert Capture().clean(spoken) == told.AssistantSpoke((Text(f"API_KEY={REMOVED}"), Text("done")), "p", "m")


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_a_secret_in_pieces_is_found_and_whole_lines_come_out(size: int) -> None:
    text = f"here:\nANTHROPIC_API_KEY={KEY}\nand more\nrest"
    for make in (told.TextDelta, told.ReasoningDelta, lambda piece: told.ToolWrote("1", "stdout", piece)):
        capture = Capture()
        pieces = [capture.clean(make(text[at : at + size])) for at in range(0, len(text), size)]
        kept = "".join(piece.text for piece in pieces)  # type: ignore[union-attr]
        assert kept == f"here:\nANTHROPIC_API_KEY={REMOVED}\nand more\n"


def test_streams_do_not_run_into_each_other() -> None:
    capture = Capture()
    capture.clean(told.ToolWrote("1", "stdout", "half "))
    assert capture.clean(told.ToolWrote("1", "stderr", "other\n")) == told.ToolWrote("1", "stderr", "other\n")
    capture.clean(told.ToolFinished("1", "run", "half"))
    assert capture.clean(told.ToolWrote("1", "stdout", "new\n")) == told.ToolWrote("1", "stdout", "new\n")


_WORDS = st.sampled_from(["", "plain", f"API_KEY={KEY}", KEY, "two\nlines", "password: hunter2hunter2", "é\ud800"])
_ARGUMENTS = st.dictionaries(
    st.sampled_from(["path", "password", "max_tokens", "nested", "token"]),
    st.recursive(
        st.one_of(_WORDS, st.integers(), st.none(), st.booleans(), st.floats(allow_nan=False)),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "secret"]), inner, max_size=2)
        ),
        max_leaves=4,
    ),
    max_size=3,
)
_PARTS = st.lists(
    st.one_of(
        st.builds(Text, _WORDS),
        st.builds(ToolCall, _WORDS, _WORDS, _ARGUMENTS),
        st.builds(Image, st.just("image/png"), _WORDS),
        st.builds(Opaque, st.just("p"), st.just("m"), st.just("e"), _ARGUMENTS, st.just(1)),
    ),
    max_size=3,
).map(tuple)
_EVENTS = st.one_of(
    st.builds(told.UserSpoke, _PARTS),
    st.builds(told.AssistantSpoke, _PARTS, _WORDS, _WORDS),
    st.builds(told.ToolStarted, _WORDS, _WORDS, _ARGUMENTS),
    st.builds(told.ToolFinished, _WORDS, _WORDS, _WORDS, images=st.just((Image("image/png", KEY),))),
    st.builds(told.Compacted, st.just(9), st.just(1), _WORDS),
    st.builds(told.TurnEnded, st.just("success"), _WORDS, st.just(0), _WORDS, _ARGUMENTS),
    st.builds(told.UnknownEvent, st.just("session_frozen"), _ARGUMENTS),
)


@given(_EVENTS)
def test_an_event_is_as_its_json_would_be(event: Event) -> None:
    data = to_json(event)
    cleaned = Capture().clean(event)
    assert to_json(cleaned) == without_secrets(data["type"], data)
    assert (cleaned is event) == (without_secrets(data["type"], data) is data)
