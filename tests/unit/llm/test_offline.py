"""Offline answers with the briefing, word for word, and never waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex import settings
from aiex.errors import Rejected
from aiex.events import PartEnded, Started, Stopped, StreamEvent, TextDelta
from aiex.llm.router import open_stream
from aiex.messages import Document, Message, Request, Text


def drive(request: Request) -> list[StreamEvent]:
    """Without an event loop, as the command line does it."""
    stream = open_stream(settings.load(None, environ={}), "offline", environ={})(request)
    events = []
    while True:
        try:
            stream.__anext__().__await__().__next__()
        except StopIteration as step:
            events.append(step.value)
        except StopAsyncIteration:
            return events


def request_with(*documents: Document) -> Request:
    return Request("offline", (Message("user", (Text("Explain this."), *documents)),))


def briefing(text: str) -> Document:
    return Document("briefing", "text/markdown", text)


def test_the_answer_is_the_briefing() -> None:
    other = Document("source", "text/x-python", "x = 1")
    assert drive(request_with(other, briefing("# A\n\nOne.\n\n\nTwo.\n"), other)) == [
        Started("offline", "offline"),
        TextDelta("# A\n\n"),
        TextDelta("One.\n\n"),
        TextDelta("\nTwo.\n"),
        PartEnded(Text("# A\n\nOne.\n\n\nTwo.\n")),
        Stopped("end_turn"),
    ]


@given(st.text(alphabet="a\n ", max_size=40))
def test_nothing_is_added_and_nothing_left_out(text: str) -> None:
    events = drive(request_with(briefing(text)))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text
    assert events[-1] == Stopped("end_turn")


def test_the_latest_briefing_answers() -> None:
    first, second = (Message("user", (briefing(text),)) for text in ("old", "new"))
    assert TextDelta("new") in drive(Request("offline", (first, second)))


def test_a_question_without_a_briefing_needs_a_model() -> None:
    with pytest.raises(Rejected, match="static analysis") as caught:
        drive(Request("offline", (Message("user", (Text("Why?"),)),)))
    assert "-m provider/model" in caught.value.hint
