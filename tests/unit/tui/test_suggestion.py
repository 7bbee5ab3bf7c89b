"""What is suggested follows from what happened."""

from __future__ import annotations

import pytest

from aiex import events as told
from aiex.messages import Text, Usage
from aiex.tui.suggestion import EXAMPLE, OFFLINE, Outlook

KNOWN = frozenset(["fix", "diff", "gen", "compact", "explain"])
SPOKE = told.UserSpoke((Text("x"),))


def suggested(*events: told.Event, window: int | None = None, known: frozenset[str] = KNOWN) -> str:
    outlook = Outlook(known)
    outlook.window_tokens = window
    for event in events:
        outlook.follow(event)
    one = outlook.suggest()
    return one.text if one else ""


def check(*, passed: bool, command: str = "pytest -q") -> told.CheckRan:
    return told.CheckRan("tests", passed=passed, required=True, summary="", command=command)


def ended(*files: str) -> told.TurnEnded:
    return told.TurnEnded("success", "answered", 0, files_changed=files)


def used(tokens: int, model: str = "") -> told.UsageUpdated:
    return told.UsageUpdated(Usage(input_tokens=tokens), model=model)


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ((), EXAMPLE.text),
        ((SPOKE, ended()), ""),
        ((SPOKE, ended("a.py")), "/diff"),
        ((SPOKE, check(passed=False), ended("a.py")), "/fix -- pytest -q"),
        ((SPOKE, check(passed=False, command="cd a && b 'c'"), ended()), """/fix -- 'cd a && b '"'"'c'"'"''"""),
        ((SPOKE, check(passed=False, command="a\nb"), ended("a.py")), "/fix"),
        ((SPOKE, check(passed=False), check(passed=True), ended()), ""),
        ((SPOKE, ended("a.py"), told.Rewound("a", "b", "both")), ""),
    ],
)
def test_the_likeliest_comes_first(events: tuple[told.Event, ...], text: str):
    assert suggested(*events) == text


def test_a_long_talk_is_to_be_shortened():
    assert suggested(SPOKE, used(900), window=1_000) == "/compact"
    assert suggested(SPOKE, used(100), used(900, model="other/helper"), window=1_000) == ""
    assert suggested(SPOKE, used(900), told.Compacted(900, 100, ""), window=1_000) == ""


def test_only_commands_that_are_there_are_suggested():
    assert suggested(SPOKE, ended("a.py"), known=frozenset(["gen"])) == "/gen commit"


def test_who_looked_at_the_changes_is_asked_to_commit_them():
    outlook = Outlook(KNOWN)
    outlook.follow(SPOKE)
    outlook.follow(ended("a.py", "b.py"))

    outlook.follow_typed("/diff")
    looked = outlook.suggest()
    outlook.follow_typed("!git commit -am x")

    assert looked is not None
    assert looked.text == "/gen commit"
    assert "2 files" in looked.why
    assert outlook.suggest() is None


def test_without_a_model_it_suggests_what_needs_none():
    outlook = Outlook(KNOWN)
    outlook.is_offline = True
    assert outlook.suggest() == OFFLINE
