"""JSON: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from tests.fakes.languages import FileTree, facts_of, imports, outline, sample, signatures

FACTS = sample("json", "json")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Sells things.", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ key name 2-2",
        "+ key description 3-3",
        "+ key main 4-4",
        "+ key exports 5-5",
        "+ key exports.. 5-5",
        "+ key exports...import 5-5",
        "+ key exports...deep 5-5",
        "+ key files 6-6",
        "+ key scripts 7-7",
        "+ key scripts.test 7-7",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert signatures(FACTS) == {
        "name": 'name: "shop"',
        "description": 'description: "Sells things."',
        "main": 'main: "lib/index.js"',
        "exports": "exports: {…}",
        "exports..": '.: { "import": "./lib/index.mjs", "deep": { "deeper": 1 } }',
        "exports...import": 'import: "./lib/index.mjs"',
        "exports...deep": 'deep: { "deeper": 1 }',
        "files": "files: […]",
        "scripts": 'scripts: { "test": "node test" }',
        "scripts.test": 'test: "node test"',
    }


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("lib/index.js", (), "", 4, "link"),
        Import("./lib/index.mjs", (), "", 5, "link"),
    ]


SHOP = FileTree(
    {
        "package.json": '{"main": "lib/run.js", "bin": {"a": "./bin/a.js"}, "version": "1.0", "extends": "base"}',
        "lib/run.js": "",
        "bin/a.js": "",
    }
)


def test_links_lead_to_files() -> None:
    assert SHOP.targets("package.json") == {"lib/run.js": ["lib/run.js"], "./bin/a.js": ["bin/a.js"]}


def test_every_linking_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []


def test_a_large_file_keeps_a_bounded_number_of_keys() -> None:
    source = "{" + ",\n".join(f'"key{n}": {{"a": {{"b": {{"c": 1}}}}}}' for n in range(10_000)) + "}"
    facts = facts_of("json", source)
    assert len(source) > 200_000
    assert len(facts.symbols) == 600


def test_comments_are_allowed() -> None:
    assert outline(facts_of("json", '// c\n{"a": 1}\n')) == ["+ key a 2-2"]
