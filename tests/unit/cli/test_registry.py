"""Commands are found by the names of their files."""

import click
import pytest

from aiex.cli import registry
from aiex.cli.groups import Root


def resolve(*words: str) -> click.Command | None:
    command: click.Command = Root()
    for word in words:
        found = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        if found is None:
            return None
        command = found
    return command


def test_every_file_of_the_rooms_is_a_command_with_one_line_of_help() -> None:
    for verb in registry.verb_names():
        assert registry.load_verb(verb).name == "command"
        assert registry.verb_summary(verb)
    for noun in registry.noun_names():
        assert registry.load_noun(noun).verbs
        assert registry.noun_summary(noun)


@pytest.mark.parametrize("words", [("list", "configs"), ("config", "list"), ("configs", "list")])
def test_plural_and_reversed_order_reach_the_same_function(words: tuple[str, ...]) -> None:
    first = resolve("list", "config")
    assert first is not None
    assert resolve(*words) is first


def test_help_lists_verbs_first_and_leaves_the_reversed_order_out() -> None:
    root = Root()
    text = root.get_help(click.Context(root, info_name="aiex", **root.context_settings))
    assert "explain" in text
    assert "list NOUN" in text
    assert "\n  config" not in text


def test_a_noun_is_found_in_singular_and_plural_only() -> None:
    assert registry.find_noun("languages") == "language"
    assert registry.find_noun("language") == "language"
    assert registry.find_noun("lang") is None


def test_naming_verb_and_noun_imports_no_other_noun(run_aiex_code) -> None:
    code = (
        "import sys; from aiex.cli.main import parse; parse(['list', 'trust']);"
        "print('aiex.cli.nouns.config' in sys.modules)"
    )
    assert run_aiex_code(code).stdout == "False\n"
