from textwrap import dedent

import pytest

from aiex.context.search.scan import Place, scan
from aiex.context.search.signs import SIGNS
from aiex.plugins import names

SOURCES = {
    "bash": ("build() {\n  make\n}\nfunction clean {\n  rm -r out\n}\n", [(0, "build"), (3, "clean")]),
    "c": (
        "#include <a.h>\n\nstatic int add(int a)\n{\n    if (a) {\n    }\n}\nstruct pair {\n};\n",
        [(2, "add"), (7, "pair")],
    ),
    "cpp": (
        "namespace shop {\nclass Basket {\n  void add(int a) {\n  }\n};\n}\nint Basket::sum() const {\n}\n",
        [(0, "shop"), (1, "Basket"), (2, "Basket.add"), (6, "sum")],
    ),
    "elixir": (
        "defmodule Shop.Basket do\n  @doc false\n  def add(a), do: a\n  def add(a, b) do\n    a\n  end\nend\n",
        [(0, "Shop.Basket"), (1, "Shop.Basket.add")],
    ),
    "go": (
        "type Basket struct {\n}\n\n// Add puts it in.\nfunc (b *Basket) Add(a int) {\n}\nfunc New() *Basket {\n}\n",
        [(0, "Basket"), (3, "Basket.Add"), (6, "New")],
    ),
    "java": (
        "public class Basket {\n    @Override\n    public int add(int a) throws Full {\n    }\n}\n",
        [(0, "Basket"), (1, "Basket.add")],
    ),
    "javascript": (
        dedent("""\
            class Basket {
              add(thing) {
                if (thing) {
                }
              }
            }
            exports.sum = function (a) {
            };
            const twice = async (a) => {
            };
            export default function main() {
            }
        """),
        [(0, "Basket"), (1, "Basket.add"), (6, "sum"), (8, "twice"), (10, "main")],
    ),
    "python": (
        "import os\n\n@cache\ndef one():\n    def inner():\n        pass\n\n"
        "class Two(One):\n    async def three(self):\n        pass\n",
        [(2, "one"), (7, "Two"), (8, "Two.three")],
    ),
    "ruby": (
        "module Shop\n  class Basket\n    def self.open?\n    end\n  end\nend\n",
        [(0, "Shop"), (1, "Shop.Basket"), (2, "Shop.Basket.open?")],
    ),
    "rust": (
        "/// Holds.\npub struct Basket<T> {\n}\n"
        "impl<T> fmt::Display for Basket<T> {\n    pub(crate) async fn add() {}\n}\nmod tests;\n",
        [(0, "Basket"), (3, "Basket"), (4, "Basket.add")],
    ),
    "tsx": (
        "export interface Props {\n}\nexport const View = ({ a }: Props) => {\n};\n",
        [(0, "Props"), (2, "View")],
    ),
    "typescript": (
        dedent("""\
            export abstract class Basket<T> {
              constructor(
                private readonly a: number,
              ) {
              }
              add(a: T): void {
              }
            }
            type Names = string;
        """),
        [(0, "Basket"), (1, "Basket.constructor"), (5, "Basket.add"), (8, "Names")],
    ),
}


def found(source: str, language: str) -> list[tuple[int, str]]:
    return [(place.line, place.name) for place in scan(source.encode(), language) if place.name]


@pytest.mark.parametrize("language", sorted(SOURCES))
def test_definitions_are_found_in_every_language_with_signs(language: str) -> None:
    source, expected = SOURCES[language]
    assert found(source, language) == list(dict.fromkeys(expected))


def test_signs_are_kept_for_known_languages_only_and_each_is_proved() -> None:
    assert set(SIGNS) == set(SOURCES)
    assert set(SIGNS) <= set(names("aiex.context.languages"))


def test_a_language_without_signs_is_one_place() -> None:
    assert scan(b"def a\n", "toml") == [Place(0, 0, "", b"", "")]


def test_places_begin_where_their_lines_do() -> None:
    source = b"x = 1\n# why\ndef one():\n    pass\ndef two():\n    pass\n"
    for place in scan(source, "python"):
        assert source.count(b"\n", 0, place.start) == place.line
        assert place.start == 0 or source[place.start - 1 : place.start] == b"\n"


@pytest.mark.parametrize("text", ["# def one():\n", 'x = "def one"\n', "a class of its own\n", "undef one\n"])
def test_words_inside_a_line_begin_nothing(text: str) -> None:
    assert found(text, "python") == []


def test_a_definition_that_is_not_utf_8_has_a_name() -> None:
    assert [place.kind for place in scan(b"def \xe9t\xe9():\n  pass\ndef b():\n", "ruby")][-1] == "function"


def test_one_long_line_is_read_at_once() -> None:
    source = b"function f(a) { return a }" * 40_000
    assert len(scan(source, "javascript")) == 1
