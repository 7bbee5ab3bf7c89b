"""CSS: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from tests.fakes.languages import FileTree, docs, imports, outline, sample

FACTS = sample("css", "css")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Colours of the shop.", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ rule :root 6-9",
        "+ variable :root.--accent 7-7",
        "+ rule .button, .button > .icon 12-13",
        "+ rule @media (max-width: 600px) 15-17",
        "+ rule @media (max-width: 600px)..button 16-16",
        "+ rule @keyframes spin 19-19",
    ]


def test_docs_are_the_first_paragraph() -> None:
    assert docs(FACTS) == {".button, .button > .icon": "A button."}


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("base.css", (), "", 3, "import"),
        Import("print.css", (), "", 4, "import"),
        Import("img/one.png", (), "", 13, "link"),
    ]


SHOP = FileTree(
    {
        "css/a.css": "@import 'base.css';\n@import url(http://x/y.css);\n.a { background: url(../img/b.png) }\n",
        "css/base.css": "",
        "img/b.png": "",
    }
)


def test_links_lead_to_files() -> None:
    assert SHOP.targets("css/a.css") == {
        "base.css": ["css/base.css"],
        "http://x/y.css": [],
        "../img/b.png": ["img/b.png"],
    }


def test_every_linking_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []
