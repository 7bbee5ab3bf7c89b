"""YAML: the facts of the sample file, and where imports lead."""

import hypothesis
from hypothesis import strategies as st

from aiex.context.extract import extract
from aiex.context.facts import Import
from aiex.context.language import get_language
from tests.fakes.languages import FileTree, facts_of, imports, outline, sample, signatures

FACTS = sample("yaml", "yaml")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Checks every change.", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ key name 2-2",
        "+ key on 3-3",
        "+ key jobs 4-12",
        "+ key jobs.test 6-11",
        "+ key jobs.test.runs-on 7-7",
        "+ key jobs.test.steps 8-11",
        "+ key jobs.lint 12-12",
        "+ key jobs.lint.if 12-12",
        "+ key jobs.lint.uses 12-12",
        "+ key second 14-14",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert signatures(FACTS) == {
        "name": "name: check",
        "on": "on: [push]",
        "jobs": "jobs:",
        "jobs.test": "test:",
        "jobs.test.runs-on": "runs-on: ubuntu-latest",
        "jobs.test.steps": "steps:",
        "jobs.lint": "lint: { if: always, uses: ../shared/lint.yml }",
        "jobs.lint.if": "if: always",
        "jobs.lint.uses": "uses: ../shared/lint.yml",
        "second": "second: document",
    }


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("./.github/actions/setup", (), "", 9, "link"),
        Import("../shared/lint.yml", (), "", 12, "link"),
    ]


SHOP = FileTree(
    {
        ".github/workflows/a.yml": "jobs:\n  b:\n    steps:\n      - uses: ./.github/actions/go\n"
        "      - uses: actions/checkout@v4\n",
        ".github/actions/go/action.yml": "name: x\n",
    }
)


def test_links_lead_to_files() -> None:
    assert SHOP.targets(".github/workflows/a.yml") == {"./.github/actions/go": [".github/actions/go/action.yml"]}


def test_every_linking_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []


def test_a_large_file_keeps_a_bounded_number_of_keys() -> None:
    source = "".join(f"key{n}:\n  a:\n    b:\n      c: 1\n" for n in range(10_000))
    facts = facts_of("yaml", source)
    assert len(source) > 200_000
    assert len(facts.symbols) == 600


@hypothesis.given(st.sampled_from(["- ", "? ", ": ", "? - ", "-\t"]), st.integers(100, 9_000))
def test_nesting_that_would_end_the_process_is_not_parsed(mark: str, count: int) -> None:
    facts = facts_of("yaml", mark * count)
    assert (facts.parsed, facts.note[:15]) in (("fallback", "nested too deep"), ("fallback", "minified or gen"))


def test_levels_spread_over_lines_count_too() -> None:
    facts = facts_of("yaml", "".join(f"{' ' * level}- \n" for level in range(130)))
    assert (facts.parsed, facts.note) == ("fallback", "nested too deeply to parse")


def test_values_that_are_no_text_are_read_past():
    facts = extract(b"b: ./x.yml\na: \xe9t\xe9\n", get_language("yaml"))
    assert [item.module for item in facts.imports] == ["./x.yml"]
