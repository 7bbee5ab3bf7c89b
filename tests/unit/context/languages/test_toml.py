"""TOML: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from tests.fakes.languages import FileTree, docs, facts_of, imports, outline, sample, signatures

FACTS = sample("toml", "toml")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "How the shop is built.", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ key title 3-3",
        "+ table project 5-9",
        "+ key project.readme 6-6",
        "+ key project.keywords 8-8",
        "+ table project.urls 10-12",
        "+ key project.urls.home 11-11",
        "+ table dependencies 13-15",
        "+ key dependencies.price 14-14",
        "+ key dependencies.price.path 14-14",
        "+ key dependencies.price.version 14-14",
        "+ table bin 16-17",
        "+ key bin.name 17-17",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert signatures(FACTS) == {
        "title": 'title = "shop"',
        "project": "[project]",
        "project.readme": 'readme = "README.md"',
        "project.keywords": "keywords = […]",
        "project.urls": "[project.urls]",
        "project.urls.home": 'home = "https://example.com"',
        "dependencies": "[dependencies]",
        "dependencies.price": 'price = { path = "../price", version = "1" }',
        "dependencies.price.path": 'path = "../price"',
        "dependencies.price.version": 'version = "1"',
        "bin": "[[bin]]",
        "bin.name": 'name = "shop"',
    }


def test_docs_are_the_first_paragraph() -> None:
    assert docs(FACTS) == {"project.keywords": "Long."}


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("README.md", (), "", 6, "link"),
        Import("../price", (), "", 14, "link"),
    ]


SHOP = FileTree(
    {
        "a/Cargo.toml": '[package]\nreadme = "READ-ME.md"\n[dependencies]\nb = { path = "../b" }\n',
        "a/READ-ME.md": "",
        "b/Cargo.toml": "",
    }
)


def test_links_lead_to_files() -> None:
    assert SHOP.targets("a/Cargo.toml") == {"READ-ME.md": ["a/READ-ME.md"], "../b": ["b/Cargo.toml"]}


def test_every_linking_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []


def test_a_large_file_keeps_a_bounded_number_of_keys() -> None:
    source = "".join(f"[table{n}]\nkey = 1\nother = {'{'} b = 1 {'}'}\n" for n in range(10_000))
    facts = facts_of("toml", source)
    assert len(source) > 200_000
    assert len(facts.symbols) == 1200


def test_a_key_broken_over_lines_stays_on_one_line() -> None:
    assert all(
        "\n" not in symbol.name + symbol.signature for symbol in facts_of("toml", "[[a\nb\n]]\nc\n.d = 1\n").symbols
    )
