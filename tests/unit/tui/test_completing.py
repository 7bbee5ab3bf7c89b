"""What is begun at the cursor, and what there is to choose from."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from aiex.cli.hosting import CommandLine
from aiex.cli.main import parse
from aiex.tui.completing import Begun, Choice, Completer, find_begun_at
from aiex.wiring import Services, open_services


@pytest.mark.parametrize(
    ("line", "begun"),
    [
        ("/", Begun("command", 1, "")),
        ("/fi", Begun("command", 1, "fi")),
        ("/list se", Begun("command", 6, "se", ("list",))),
        ("/list  sessions --", Begun("command", 16, "--", ("list", "sessions"))),
        ("//fi", None),
        ("say /fi", None),
        ("see @sr", Begun("mention", 4, "sr")),
        ("", None),
    ],
)
def test_what_is_begun(line: str, begun: Begun | None):
    assert find_begun_at(line, len(line), is_first=True, begins=line[:2]) == begun


def test_commands_stand_on_the_first_line_only_and_a_shell_mentions_nothing():
    assert find_begun_at("/fi", 3, is_first=False, begins="ab") is None
    assert find_begun_at("!cat @sr", 8, is_first=True, begins="!c") is None


def test_a_word_of_a_shell_command_is_a_path_where_it_is_asked_for():
    def begun(line: str) -> Begun | None:
        return find_begun_at(line, len(line), is_first=True, begins=line[:2], lists_paths=True)

    assert begun("!cat sr") == Begun("path", 5, "sr")
    assert begun("!") == Begun("path", 1, "")
    assert begun("!a --b=sr") == Begun("path", 7, "sr")


class Behind:
    """The work, in the thread of the test."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def ask(self, work: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_result(work(self._services))
        return answer


@pytest.fixture
def completer(workspace: Path) -> Completer:
    services = open_services(str(workspace), None)
    for _ in services.index.refresh():
        pass
    behind: Any = Behind(services)
    return Completer(CommandLine(parse(["chat"])), behind, lambda: None)


def words(choices: list[Choice]) -> list[str]:
    return [choice.word for choice in choices]


def test_commands_of_the_screen_come_first_each_with_its_help(completer: Completer):
    choices = completer.answer(Begun("command", 1, ""))

    assert {"explain", "fix", "list", "quit", "theme"} <= set(words(choices))
    assert words(choices).index("theme") < words(choices).index("explain")
    assert Choice("quit", "quit ", "Leave the screen; what was said and done is kept") in choices
    assert len(set(words(choices))) == len(choices)


def test_commands_are_found_by_letters(completer: Completer):
    assert words(completer.answer(Begun("command", 1, "xpl")))[0] == "explain"
    assert completer.answer(Begun("command", 1, "zzz")) == []


def test_words_and_options_of_a_command_are_completed(completer: Completer):
    assert "session" in words(completer.answer(Begun("command", 6, "ses", ("list",))))
    options = completer.answer(Begun("command", 6, "--dry", ("run",)))
    assert options[0].word == "--dry-run"
    assert options[0].help


def test_words_behind_a_command_of_the_screen_are_completed(completer: Completer):
    assert words(completer.answer(Begun("command", 6, "acc", ("mode",)))) == ["accept-edits"]
    assert words(completer.answer(Begun("command", 7, "li", ("theme",))))[0] == "light"
    assert "offline" in words(completer.answer(Begun("command", 7, "offl", ("model",))))
    assert words(completer.answer(Begun("command", 5, "screen.the", ("use",))))[0] == "screen.theme"
    assert "contrast" in words(completer.answer(Begun("command", 18, "", ("use", "screen.theme"))))
    assert completer.answer(Begun("command", 6, "x", ("quit",))) == []


def test_values_of_settings_and_providers_are_completed(completer: Completer):
    assert words(completer.answer(Begun("command", 24, "al", ("set", "config", "output.color"))))[0] == "always"
    assert "anthropic" in words(completer.answer(Begun("command", 9, "anth", ("set", "key"))))


def test_paths_of_a_shell_command_are_quoted(completer: Completer, workspace: Path):
    (workspace / "with space.md").write_text("x")

    assert [one.text for one in completer.answer(Begun("path", 5, "with"))] == ["'with space.md' "]
    assert completer.answer(Begun("path", 5, "shop"))[0].text == "shop/"


def test_nonsense_has_no_choices(completer: Completer):
    assert completer.answer(Begun("command", 6, "x", ("no", "such", "thing", "\0"))) == []


def test_files_and_symbols_are_mentioned(completer: Completer, workspace: Path):
    found = completer.answer(Begun("mention", 0, "prices"))

    assert found[0].text == "@shop/prices.py "
    (workspace / "with space.md").write_text("x")
    assert completer.answer(Begun("mention", 0, "zzz")) == []


def test_symbols_of_one_file_are_those_of_now(completer: Completer, workspace: Path):
    (workspace / "new.py").write_text("class Till:\n    def open(self):\n        pass\n")

    assert words(completer.answer(Begun("mention", 0, "new.py::"))) == ["new.py::Till", "new.py::Till.open"]
    assert words(completer.answer(Begun("mention", 0, "new.py::op"))) == ["new.py::Till.open"]
    assert completer.answer(Begun("mention", 0, "none.py::op")) == []
