"""HTML: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from tests.fakes.languages import FileTree, facts_of, imports, outline, sample, signatures

FACTS = sample("html", "html")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "A shop", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ element script 8-11",
        "+ section Things to buy 14-14",
        "+ element nav 15-15",
        "+ element order 16-16",
        "+ element list 17-17",
        "+ section list.All 17-17",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert signatures(FACTS) == {
        "script": '<script type="module">',
        "Things to buy": "<h1> Things to buy",
        "nav": "<nav>",
        "order": '<form name="order" action="/order">',
        "list": '<section id="list">',
        "list.All": "<h2> All",
    }


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("css/shop.css", (), "", 5, "link"),
        Import("https://cdn.example.com/lib.js", (), "", 7, "link"),
        Import("./js/start.js", (("start", "start"),), "", 9, "import"),
        Import("about.html#us", (), "", 15, "link"),
        Import("img/one.png", (), "", 17, "link"),
    ]


SHOP = FileTree(
    {
        "site/index.html": '<a href="about.html?x#y">a</a><img src="/img/a.png">'
        '<script src="js/run.js"></script><a href="mailto:x@y">m</a><link href="main-style.css">',
        "site/about.html": "",
        "public/img/a.png": "",
        "site/js/run.js": "",
        "site/main-style.css": "",
        "App.vue": "<script>\nimport Foo from './Foo.vue'\n</script>",
        "Foo.vue": "<p>a</p>",
    }
)


def test_links_lead_to_files() -> None:
    assert SHOP.targets("site/index.html") == {
        "about.html?x#y": ["site/about.html"],
        "/img/a.png": ["public/img/a.png"],
        "js/run.js": ["site/js/run.js"],
        "main-style.css": ["site/main-style.css"],
    }


def test_every_linking_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []


def test_the_script_of_a_component_is_read_in_its_own_language() -> None:
    assert SHOP.targets("App.vue") == {"./Foo.vue": ["Foo.vue"]}
    source = '<script lang="ts">\nimport type { A } from "./a"\n</script>\n'
    assert facts_of("html", source).imports == (Import("./a", (("A", "A"),), "", 2, "import"),)
