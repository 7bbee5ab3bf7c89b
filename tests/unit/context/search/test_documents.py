from itertools import pairwise

import pytest

from aiex.context.extract import extract
from aiex.context.language import find_language
from aiex.context.search.documents import LONGEST_LINES, to_documents


def cut(path: str, source: str) -> list[tuple[int, int, str]]:
    facts = extract(source.encode(), find_language(path))
    found = to_documents(facts, source.encode().split(b"\n"))
    return [(start, end, facts.symbols[index].qualified if index >= 0 else "") for start, end, index in found]


def test_functions_and_the_heads_of_classes_are_documents() -> None:
    source = "class Shop:\n    name = 1\n    place = 2\n\n    def open(self):\n        def inner():\n            pass\n"
    assert cut("a.py", source) == [(1, 4, "Shop"), (5, 7, "Shop.open")]


def test_comments_above_a_function_belong_to_it() -> None:
    source = "use a;\nuse b;\nuse c;\n\n/// Opens the shop.\n#[inline]\nfn open() {\n}\n"
    assert cut("a.rs", source) == [(1, 4, ""), (5, 8, "open")]


def test_a_line_between_functions_belongs_to_the_one_before() -> None:
    assert cut("a.py", "def a():\n    pass\n\n\ndef b():\n    pass\n") == [(1, 4, "a"), (5, 6, "b")]


def test_long_functions_are_cut_into_pieces_of_like_length() -> None:
    body = "    pass\n" * (2 * LONGEST_LINES)
    sizes = [end - start + 1 for start, end, _ in cut("a.py", f"def a():\n{body}")]
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    "source", ["", "\n\n", "x = 1\n", "def a(:\n  (\n", "class A:\n\n\n\n    def b(self): pass\n\n"]
)
def test_documents_cover_every_line_once(source: str) -> None:
    found = cut("a.py", source)
    lines = extract(source.encode(), find_language("a.py")).line_count
    assert [start for start, _, _ in found][:1] == ([1] if lines else [])
    assert all(right[0] == left[1] + 1 for left, right in pairwise(found))
    assert [end for _, end, _ in found][-1:] == ([lines] if lines else [])


@pytest.mark.parametrize("path", ["A.java", "a.rb", "a.c", "a.cpp", "a.go", "a.ts", "a.ex"])
def test_every_language_has_functions_as_documents(path: str) -> None:
    source = {
        "A.java": "class A {\n  int x;\n\n  void run() {\n  }\n}\n",
        "a.rb": "def run\nend\n",
        "a.c": "void run(void) {\n}\n",
        "a.cpp": "void run() {\n}\n",
        "a.go": "package a\n\nfunc run() {\n}\n",
        "a.ts": "function run() {\n}\n",
        "a.ex": "defmodule A do\n  def run do\n  end\nend\n",
    }[path]
    assert any(name.rpartition(".")[2] == "run" for _, _, name in cut(path, source))
