"""Python: the facts of the sample file, and where imports lead."""

import pytest

from aiex.context.facts import Effect, Fault, Import
from tests.fakes.languages import FileTree, docs, imports, outline, sample, signatures

FACTS = sample("python", "py")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Keeps orders.", 78)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ constant LIMIT 20-20",
        "- variable _cache 21-21",
        "+ type Names 23-23",
        "+ class Order 26-52",
        "+ field Order.number 29-29",
        "+ field Order.state 30-30",
        "+ method Order.__init__ 32-33",
        "+ method Order.total 35-38",
        "+ method Order.load 40-52",
        "+ function Order.load.parse 42-43",
        "+ class BadOrder 55-56",
        "- function _reset 59-69",
        "+ function main 72-75",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    said = signatures(FACTS)
    assert said["Order"] == "class Order(Base, metaclass=Meta)"
    assert said["Order.load"] == "async def load(path: str, *, strict: bool = True) -> Order"
    assert said["_reset"] == "def _reset(names: Iterable[str], limit: int = LIMIT) -> None"


def test_docs_are_the_first_paragraph() -> None:
    assert docs(FACTS) == {
        "LIMIT": "Orders kept in memory.",
        "Order": "One order.",
        "Order.total": "What it costs.",
    }


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("__future__", (("annotations", "annotations"),), "", 8, "import"),
        Import("os.path", (), "os.path", 10, "import"),
        Import("subprocess", (), "sp", 11, "import"),
        Import("collections.abc", (("Iterable", "Iterable"),), "", 12, "import"),
        Import(".", (("money", "money"),), "", 13, "import"),
        Import(".store", (("Store", "Store"), ("open_store", "connect")), "", 14, "import"),
        Import("sys", (), "sys", 67, "import"),
    ]


def test_references_name_callee_receiver_and_place() -> None:
    names = [symbol.qualified for symbol in FACTS.symbols]
    calls = {
        (item.receiver, item.name, item.line, names[item.inside]) for item in FACTS.references if item.kind == "call"
    }
    assert {
        ("money", "round_up", 38, "Order.total"),
        ("", "connect", 73, "main"),
        ("sp", "run", 51, "Order.load"),
    } <= calls
    assert [item.name for item in FACTS.references if item.kind == "inherit"] == ["Base", "Exception"]


def test_faults_are_raises_catches_and_exits() -> None:
    assert [(fault.kind, fault.line) for fault in FACTS.faults] == [
        ("catch", 48),
        ("raise", 50),
        ("exit", 69),
        ("exit", 79),
        ("raise", 79),
    ]
    assert Fault("exit", "sys.exit", 69, 11) in FACTS.faults


def test_effects_are_looked_up_through_imports() -> None:
    assert {(effect.kind, effect.what) for effect in FACTS.effects} == {
        ("file", "open"),
        ("process", "sp.run"),
        ("state", "global _cache"),
        ("environment", "os.environ"),
    }
    assert Effect("process", "sp.run", 51, 8) in FACTS.effects


def test_complexity_counts_branches_of_the_innermost_function() -> None:
    known = dict(zip((symbol.qualified for symbol in FACTS.symbols), FACTS.complexity, strict=True))
    assert (known["Order.load"], known["Order.load.parse"], known["_reset"], known["main"]) == (4, 1, 5, 1)


FILES = {
    "src/shop/__init__.py": "",
    "src/shop/cart.py": "",
    "src/shop/sub/__init__.py": "",
    "src/shop/sub/deep.py": "",
    "tests/helper.py": "",
    "tests/test_cart.py": "",
    "loose/plain.py": "",
    "tools/run.py": "",
}


@pytest.mark.parametrize(
    ("path", "source", "targets"),
    [
        ("tests/test_cart.py", "import shop.cart", ["src/shop/cart.py"]),
        ("tests/test_cart.py", "from shop import cart", ["src/shop/cart.py"]),
        ("tests/test_cart.py", "from shop import Cart", ["src/shop/__init__.py"]),
        ("tests/test_cart.py", "import helper", ["tests/helper.py"]),
        ("src/shop/cart.py", "from .sub import deep", ["src/shop/sub/deep.py"]),
        ("src/shop/sub/deep.py", "from ..cart import Cart", ["src/shop/cart.py"]),
        ("src/shop/sub/deep.py", "from ....far import away", []),
        ("tools/run.py", "from loose import plain", ["loose/plain.py"]),
        ("tools/run.py", "import loose.plain", ["loose/plain.py"]),
        ("tools/run.py", "import json", []),
    ],
)
def test_imports_lead_to_files(path: str, source: str, targets: list[str]) -> None:
    tree = FileTree({**FILES, path: source})
    assert list(tree.targets(path).values()) == [targets]
