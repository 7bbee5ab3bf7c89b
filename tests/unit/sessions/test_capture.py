"""No secret gets into a log, and nothing else is lost on the way."""

from __future__ import annotations

import pytest

from aiex import events as told
from aiex.eventforms import to_json
from aiex.events import Event
from aiex.guard.redact import REMOVED
from aiex.jsonform import dump
from aiex.messages import Image, Opaque, Text, ToolCall, Usage
from aiex.sessions.capture import Capture
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
