"""Markdown: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from tests.fakes.languages import FileTree, docs, imports, outline, sample, signatures

FACTS = sample("markdown", "md")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "The shop", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ section Guide 7-26",
        "+ section Guide.Install 11-26",
        "+ section Guide.Install.On Linux 17-26",
        "+ section Questions 23-26",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert signatures(FACTS) == {
        "Guide": "# Guide",
        "Guide.Install": "## Install",
        "Guide.Install.On Linux": "### On `Linux`",
        "Questions": "## Questions",
    }


def test_docs_are_the_first_paragraph() -> None:
    assert docs(FACTS) == {
        "Guide": "How to use the shop.",
        "Guide.Install.On Linux": "See the notes and a picture, not or here.",
        "Questions": "Ask there.",
    }


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("docs/use.md#start", (), "", 9, "link"),
        Import("img/one.png", (), "", 19, "link"),
        Import("./NOTES.md", (), "", 21, "link"),
        Import("../forum.html", (), "", 26, "link"),
    ]


SHOP = FileTree(
    {
        "docs/a.md": "[one](./b.md#x) [two](../src/run.py) [three](/LICENSE) [four](c)\n"
        "[five](https://x.y) [six](<my%20file.md>)\n\n[r]: sub/\n",
        "docs/b.md": "",
        "src/run.py": "",
        "LICENSE": "",
        "docs/c.md": "",
        "docs/my file.md": "",
        "docs/sub/README.md": "",
    }
)


def test_links_lead_to_files() -> None:
    assert SHOP.targets("docs/a.md") == {
        "./b.md#x": ["docs/b.md"],
        "../src/run.py": ["src/run.py"],
        "/LICENSE": ["LICENSE"],
        "c": ["docs/c.md"],
        "my%20file.md": ["docs/my file.md"],
        "sub/": ["docs/sub/README.md"],
    }


def test_every_linking_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []
