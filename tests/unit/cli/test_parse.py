"""The parse stage: words become work and flags, or an error that says what was meant."""

import pytest

from aiex.cli.flags import Flags, find_form
from aiex.cli.main import Answered, parse
from aiex.errors import UsageError
from tests.fakes.tables import each


def test_global_flags_work_before_and_after_the_verb() -> None:
    before = parse(["-C", "x", "--json", "--set", "a=1", "-v", "list", "config"])
    after = parse(["list", "config", "-C", "x", "--json", "--set", "a=1", "-v"])
    between = parse(["list", "-C", "x", "--json", "config", "--set", "a=1", "-v"])
    wanted = vars(Flags()) | {"cwd": "x", "form": "json", "overrides": ["a=1"], "verbosity": 1}
    assert vars(before.flags) == vars(after.flags) == vars(between.flags) == wanted
    assert before.work.name == "list config"


def test_flags_on_both_sides_add_up_and_the_later_one_wins() -> None:
    flags = parse(["-v", "--set", "a=1", "-m", "x/1", "version", "-v", "--set", "b=2", "-m", "y/2"]).flags
    assert (flags.verbosity, flags.overrides, flags.model) == (2, ["a=1", "b=2"], "y/2")


@pytest.mark.parametrize(("verb", "noun"), [("query", "context"), ("show", "context"), ("create", "index")])
def test_noun_and_verb_go_in_either_order(verb: str, noun: str) -> None:
    assert parse([verb, noun]).work.name == parse([noun, verb]).work.name == f"{verb} {noun}"


def test_lines_of_a_query_are_no_form_of_the_result() -> None:
    assert parse(["query", "context", "--task", "x", "--json"]).flags.form is None
    assert parse(["--json", "query", "context", "--task", "x"]).flags.form == "json"


def test_flags_become_settings() -> None:
    flags = parse(["explain", "x", "--json", "-m", "a/b", "--no-color", "--budget", "9"]).flags
    wanted = {"output.format": "json", "model": "a/b", "output.color": "never", "budget_tokens": 9}
    assert flags.to_settings() == wanted


def test_offline_wins_over_a_model() -> None:
    assert parse(["explain", "x", "--offline", "-m", "a/b"]).flags.to_settings()["model"] == "offline"


@each(
    ("words", "message", "hint"),
    [
        (["verson"], "no such command: verson", "did you mean 'version'?"),
        (["lst", "config"], "no such command: lst", "did you mean 'list'?"),
        (["list", "confg"], "cannot list 'confg'", "did you mean 'config'?"),
        (["config", "lst"], "cannot lst config", "did you mean 'list'?"),
        (["set", "provider"], "cannot set provider", "there is: list provider, show provider, test provider"),
        (["explain", "x", "--buget", "1"], "no such option: --buget", "did you mean '--budget'?"),
        (
            ["run", "sandbox", "--memory", "abc", "x"],
            "--memory cannot be 'abc': it takes a whole number of at least 1",
            "--memory MB: Address space of each process.",
        ),
        (
            ["run", "sandbox", "--timeout", "-1", "x"],
            "--timeout cannot be '-1': it takes a number above 0",
            "--timeout SECONDS: End it after so long.",
        ),
        (
            ["explain", "x", "--max-tokens", "1.5"],
            "--max-tokens cannot be '1.5': it takes a whole number",
            "--max-tokens N: Use at most so many tokens in this run.",
        ),
        (
            ["list", "config", "-o", "jsn"],
            "--output-format cannot be 'jsn': it takes text, json or stream-json",
            "did you mean 'json'?",
        ),
        (
            ["run", "sandbox", "--memory", "this is not much", "x"],
            "--memory cannot be 'this is not much': it takes a whole number of at least 1",
            "--memory MB: Address space of each process.",
        ),
        (["completion", "bsh"], "SHELL cannot be 'bsh': it takes bash, zsh or fish", "did you mean 'bash'?"),
        (
            ["show", "audit", "0"],
            "SEQ cannot be '0': it takes a whole number of at least 1",
            "usage: aiex show audit [OPTIONS] SEQ",
        ),
        (["explain"], "missing argument 'TARGET'", "usage: aiex explain [OPTIONS] TARGET"),
        (["version", "x"], "got unexpected extra argument (x)", "usage: aiex version [OPTIONS]"),
        (["rm"], "rm what?", "one of: audit, checkpoint, index, key, policy, session, trust"),
        (["create"], "create what?", "one of: checkpoint, index"),
        (["query"], "query what?", "one of: context"),
        (["context"], "what about context?", "one of: list context, query context, show context"),
        (["index"], "what about index?", "one of: create index, rm index, show index"),
        (["rm", "context"], "cannot rm context", "there is: list context, query context, show context"),
        (["crate", "index"], "no such command: crate", "did you mean 'create'?"),
        (["query", "contxt"], "cannot query 'contxt'", "did you mean 'context'?"),
        (["query", "context", "--taks", "x"], "no such option: --taks", "did you mean '--task'?"),
        (["query", "context", "x"], "got unexpected extra argument (x)", "usage: aiex query context [OPTIONS]"),
        (["trust"], "what about trust?", "one of: add trust, list trust, rm trust, show trust"),
        (["describe", "x"], "no such command: describe", "did you mean 'explain'?"),
        (["zebra"], "no such command: zebra", "aiex help lists the commands; to send it as a wish: aiex chat zebra"),
        (["zebra", "x"], "no such command: zebra", "aiex help lists the commands"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_word(words: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_path_in_place_of_a_verb_is_answered_with_explain() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["pyproject.toml"])
    assert "aiex" in caught.value.hint


def test_budget_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="budget"):
        parse(["explain", "x", "--budget", "0"])


def test_asking_for_help_is_answered_while_parsing() -> None:
    with pytest.raises(Answered) as caught:
        parse(["explain", "--help"])
    assert caught.value.exit_code == 0
    assert "TARGET" in caught.value.text


def test_places_in_standard_input_are_no_options() -> None:
    assert parse(["explain", "-:3-4", "--name", "a.py"]).work.name == "explain"


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (["x", "--json"], "json"),
        (["-o", "stream-json", "x"], "stream-json"),
        (["-ojson"], "json"),
        (["--output-format=json"], "json"),
        (["x", "--", "--json"], "text"),
        ([], "text"),
        (["-o"], "text"),
        (["-qo", "json"], "json"),
        (["-qvojson"], "json"),
        (["--json", "-o", "text"], "text"),
        (["--output-formats=json"], "text"),
    ],
)
def test_the_form_is_found_in_words_that_make_no_sense_otherwise(words: list[str], form: str) -> None:
    assert find_form(words) == form


def test_a_word_that_is_no_command_is_shown_on_one_line() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["no\nsuch\x1b"])
    assert caught.value.message == r"no such command: no\nsuch␛"
