"""Help: the packaged text, the reference page and the topics say what the commands are."""

import re
from pathlib import Path

import pytest

import aiex.cli
from aiex.cli import reference, registry
from aiex.cli.commands.help import find_help
from aiex.cli.topics import read_topic, topic_names
from aiex.errors import AiexError, UsageError

PACKAGE = Path(aiex.cli.__file__).parent
REFERENCE = PACKAGE.parent.parent / "docs" / "reference"


def test_the_packaged_help_is_what_click_would_print() -> None:
    assert (PACKAGE / "help.txt").read_text("ascii") == reference.help_text(), "run: make docs"


def test_the_reference_page_is_what_the_commands_say() -> None:
    assert (REFERENCE / "cli.md").read_text("utf-8") == reference.reference_page(), "run: make docs"


def test_every_word_has_help() -> None:
    for words in [(verb,) for verb in registry.verb_names()] + [(noun,) for noun in registry.noun_names()]:
        page, _markdown = find_help(words)
        assert page.strip()
    for noun in registry.noun_names():
        for verb in registry.load_noun(noun).verbs:
            assert f"aiex {verb} {noun}" in find_help((verb, noun))[0]
            assert f"aiex {verb} {noun}" in find_help((noun,))[0]


def test_the_overview_fits_a_screen_and_names_every_topic() -> None:
    page, _markdown = find_help(())
    assert len(page.splitlines()) <= 30
    assert all(topic in page for topic in topic_names())


def test_topics_are_readable_in_a_pipe() -> None:
    for name in topic_names():
        assert max(len(line) for line in read_topic(name).splitlines()) <= 120
        assert read_topic(name).startswith("# ")


def test_commands_named_in_topics_exist() -> None:
    for name in topic_names():
        for words in re.findall(r"`?aiex ([a-z]+(?: [a-z]+)?)", read_topic(name)):
            verb, _, noun = words.partition(" ")
            known_noun = registry.find_noun(noun) if noun else None
            assert verb in registry.verb_names() or (known_noun and verb in registry.load_noun(known_noun).verbs), words


def test_the_topic_on_exit_codes_knows_every_code_of_the_error_tree() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", read_topic("exit-codes"), re.MULTILINE)}

    def tree(kind: type[AiexError]) -> set[int]:
        return {kind.exit_code}.union(*(tree(child) for child in kind.__subclasses__()))

    assert tree(AiexError) <= codes


def test_help_on_something_unknown_offers_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        find_help(("targts",))
    assert caught.value.hint == "did you mean 'targets'?"
