"""Sessions to be read: Markdown and HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    FileEdited,
    Rewound,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnInterrupted,
    UserSpoke,
)
from aiex.messages import Image, Reasoning, Text, ToolCall, Usage
from aiex.sessions.log import EventLog
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.sessions.transcript import to_html, to_markdown
from tests.fakes.histories import START_MS, Histories, answered, said, started

ONE = "00000000000000e1"
PIXEL = "iVBORw0KGgo="
HOSTILE = "<script>alert(1)</script>\x1b]0;owned\x07\u202e\"'&--><img src=x onerror=alert(1)>"


@pytest.fixture
def log():
    opened = EventLog(SqliteStore(":memory:"))
    yield opened
    opened.close()


def told(log, *events):
    log.append(ONE, events, after_seq=0, turn=1, at_ms=START_MS)
    return list(log.read(ONE))


def markdown(log, *events):
    return "".join(to_markdown(told(log, *events), title="A talk"))


def html(log, *events, title="A talk"):
    return "".join(to_html(told(log, *events), title=title))


class Tags(HTMLParser):
    """What a browser would see: tags with attributes, and the text between."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_a_turn_reads_as_it_happened(log):
    page = markdown(
        log, started(), said("Why?"), TextDelta("Be"), TextDelta("cause"),
        AssistantSpoke((Reasoning("hm"), Text("Because."), ToolCall("c1", "run", {"argv": ["make", "test"]})),
                       "a", "m"),
        ApprovalAsked("p", "run make test", "rule 2"), ApprovalGiven("p", True, "session", "person"),
        ToolStarted("c1", "run", {"argv": ["make", "test"]}), ToolFinished("c1", "run", "3 passed", False, 1500),
        FileEdited("src/a.py", "changed", 3, 1),
        TurnEnded("success", "answered", 0, usage=Usage(1200, 34), total_cost_usd=0.0125, files_changed=("src/a.py",)),
    )  # fmt: skip
    words = ["# A talk", "ask began in /code/app, asking anthropic/claude-x", "## You", "Why?", "thought", "## a/m",
             "Because.", "Calls run", 'argv: ["make","test"]', "Asked for leave: run make test (rule 2)",
             "Allowed by a person, session", "run answered in 1.5 s", "3 passed",
             "File changed: src/a.py (+3 -1)", "1200 tokens in, 34 out; $0.0125; changed src/a.py"]  # fmt: skip
    places = [page.find(word) for word in words]
    assert -1 not in places
    assert places == sorted(places)
    assert page.count("Because") == 1
    assert page.count("Calls run") == 1


def test_words_that_were_cut_and_an_answer_that_only_its_end_tells_are_shown(log):
    page = markdown(
        log, said("one"), TextDelta("half an "), TextDelta("answer"), TurnInterrupted("the process died", ("c1",)),
        said("two"), Rewound("", "", "conversation", 2), said("three"),
        TurnEnded("success", "answered", 0, "the whole"),
    )  # fmt: skip
    assert "half an answer" in page
    assert "the process died; 1 calls have no outcome" in page
    assert "Went back to event 2 (conversation)" in page
    assert "the whole" in page


def test_a_fence_is_longer_than_any_in_the_text(log):
    page = markdown(log, ToolFinished("c", "read", "```py\n````\n```"))
    assert "`````text\n```py\n````\n```\n`````" in page


def test_a_page_holds_no_tag_but_ours_whatever_was_said(log):
    page = html(
        log, started(f"/code/{HOSTILE}"), said(HOSTILE), answered(HOSTILE, provider=HOSTILE, model=HOSTILE),
        ToolStarted("c", HOSTILE, {HOSTILE: HOSTILE}), ToolFinished("c", HOSTILE, HOSTILE, True),
        ApprovalAsked("a", HOSTILE, HOSTILE), FileEdited(HOSTILE, "changed", 1, 1),
        UserSpoke((Image("image/svg+xml", PIXEL), Image('image/png" onerror="x', PIXEL), Image("image/png", '"><b>'))),
        TurnEnded("error", HOSTILE, 1, HOSTILE, error=HOSTILE), title=HOSTILE,
    )  # fmt: skip
    seen = Tags(page)
    ours = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "article", "time", "span", "pre",
            "details", "summary", "figure", "figcaption"}  # fmt: skip
    assert {tag for tag, _ in seen.tags} <= ours
    allowed = {"class", "lang", "charset", "name", "content", "http-equiv"}
    assert {name for _, attributes in seen.tags for name in attributes} <= allowed
    assert "".join(seen.text).count("<script>alert(1)</script>") >= 8
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_a_page_needs_nothing_else(log):
    page = html(log, UserSpoke((Text("see"), Image("image/png", PIXEL))))
    seen = Tags(page)
    assert [attributes["src"] for tag, attributes in seen.tags if tag == "img"] == [f"data:image/png;base64,{PIXEL}"]
    assert not [tag for tag, attributes in seen.tags if tag in ("script", "link", "iframe") or "href" in attributes]
    (policy,) = [attributes["content"] for tag, attributes in seen.tags if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'")


def test_a_terminal_obeys_nothing_of_a_transcript(log):
    page = markdown(
        log, started(), said(HOSTILE), ToolFinished("c", HOSTILE, HOSTILE), FileEdited(HOSTILE, "changed", 1, 1)
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_any_session_becomes_a_page_that_can_be_written_as_utf_8(tmp_path):
    log = EventLog(SqliteStore(str(tmp_path / "sessions.db")))
    histories = Histories(log, 4)
    session = histories.begin()
    for _ in range(120):
        histories.live(session)
    for render in (to_html, to_markdown):
        assert "".join(render(log.read(session), title="\udce9 odd")).encode()
    log.close()
