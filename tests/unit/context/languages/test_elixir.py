"""Elixir: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("elixir", "ex")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "What a customer wants.", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "+ module Shop.Basket 2-63",
        "+ type Shop.Basket.t 14-14",
        "- constant Shop.Basket.@limit 15-15",
        "+ struct Shop.Basket.__struct__ 16-16",
        "+ function Shop.Basket.add 18-30",
        "- function Shop.Basket.hidden 32-32",
        "+ function Shop.Basket.zero 33-33",
        "+ macro Shop.Basket.twice 34-36",
        "+ macro Shop.Basket.is_big 37-37",
        "+ function Shop.Basket.size 38-38",
        "+ function Shop.Basket.run 39-56",
        "+ module Shop.Basket.Inner 57-59",
        "+ function Shop.Basket.Inner.deep 58-58",
        "+ function Shop.Basket.only_dev 61-61",
        "+ protocol Sized 64-67",
        "+ method Sized.size 65-66",
        "+ implementation Sized.Shop.Basket 68-70",
        "+ method Sized.Shop.Basket.size 69-69",
        "+ module Shop.BasketTest 71-79",
        "+ test Shop.BasketTest.add 73-77",
        "+ test Shop.BasketTest.add.adds one 74-76",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "Shop.Basket": "defmodule Shop.Basket",
        "Shop.Basket.t": "@type t :: %__MODULE__{items: list}",
        "Shop.Basket.@limit": "@limit 3",
        "Shop.Basket.__struct__": "defstruct [:items, count: 0]",
        "Shop.Basket.add": "def add(basket, name) when is_atom(name)",
        "Shop.Basket.hidden": "defp hidden(x)",
        "Shop.Basket.zero": "def zero",
        "Shop.Basket.twice": "defmacro twice(x)",
        "Shop.Basket.is_big": "defguard is_big(x) when x > 3",
        "Shop.Basket.size": "defdelegate size(b)",
        "Shop.Basket.run": "def run",
        "Shop.Basket.Inner": "defmodule Inner",
        "Shop.Basket.Inner.deep": "def deep(x \\\\ 1)",
        "Shop.Basket.only_dev": "def only_dev",
        "Sized": "defprotocol Sized",
        "Sized.size": "def size(x)",
        "Sized.Shop.Basket": "defimpl Sized, for: Shop.Basket",
        "Sized.Shop.Basket.size": "def size(b)",
        "Shop.BasketTest": "defmodule Shop.BasketTest",
        "Shop.BasketTest.add": 'describe "add"',
        "Shop.BasketTest.add.adds one": 'test "adds one"',
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {
        "Shop.Basket": "What a customer wants.",
        "Shop.Basket.add": "Adds one.",
        "Shop.Basket.hidden": "private thing",
        "Sized.size": "Size.",
    }


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call Basket.add",
        "call File.write!",
        "call Mix.env",
        "call Price.of",
        "call R.insert!",
        "call Rate.of",
        "call Shop.Log.Writer.write",
        "call System.halt",
        "call limit",
        "call spawn",
        "new Price",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("GenServer", (), "GenServer", 8, "use"),
        Import("Shop.Price", (), "Price", 9, "import"),
        Import("Shop.Tax.Rate", (), "Rate", 9, "import"),
        Import("Shop.Repo", (), "R", 10, "import"),
        Import("Ecto.Query", (("*", "*"),), "", 11, "import"),
        Import("Logger", (), "Logger", 12, "require"),
        Import("Shop.Counted", (), "", 13, "use"),
        Import("ArgumentError", (), "", 25, "mention"),
        Import("File", (), "", 27, "mention"),
        Import("Shop.Log.Writer", (), "", 28, "mention"),
        Import("Enum", (), "", 38, "mention"),
        Import("RuntimeError", (), "", 46, "mention"),
        Import("System", (), "", 46, "mention"),
        Import("Mix", (), "", 60, "mention"),
        Import("Sized", (), "", 68, "mention"),
        Import("Shop.Basket", (), "", 68, "mention"),
        Import("ExUnit.Case", (), "ExUnit.Case", 72, "use"),
        Import("Basket", (), "", 75, "mention"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        'raise raise ArgumentError, "no" @25',
        "raise throw(:x) @43",
        "catch e in RuntimeError @46",
        "exit System.halt @46",
        "catch :exit, _ @48",
        "assert assert Basket.add(b, :x) == 1 @75",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == ["file File.write! @27", "thread spawn @50"]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {
        "Shop.Basket.add": 2,
        "Shop.Basket.twice": 1,
        "Shop.Basket.run": 5,
        "Shop.BasketTest.add": 1,
        "Shop.BasketTest.add.adds one": 1,
    }


TREE = languages.FileTree(
    {
        "lib/shop/basket.ex": (
            "defmodule Shop.Basket do\n  alias Shop.{Price, HTTPClient}\n  alias Shop.Repo, as: R\n"
            "  def f, do: R.all(Price.of(1))\n  def g, do: ShopWeb.PageController.show()\n"
            "  def h, do: Shop.Price.Inner.x(Enum.map([], 1))\nend\n"
        ),
        "lib/shop/price.ex": "defmodule Shop.Price do\n  defmodule Inner do\n  end\nend\n",
        "lib/shop/http_client.ex": "",
        "lib/shop/repo.ex": "",
        "lib/iex.ex": "",
        "lib/shop_web/controllers/page_controller.ex": "",
        "test/shop/basket_test.exs": "defmodule Shop.BasketTest do\n  import Shop.Basket\n  use IEx\nend\n",
    }
)


def test_modules_lead_to_files_by_their_underscored_name():
    assert TREE.targets("lib/shop/basket.ex") == {
        "Shop.Price": ["lib/shop/price.ex"],
        "Shop.HTTPClient": ["lib/shop/http_client.ex"],
        "Shop.Repo": ["lib/shop/repo.ex"],
        "ShopWeb.PageController": ["lib/shop_web/controllers/page_controller.ex"],
        "Shop.Price.Inner": ["lib/shop/price.ex"],
        "Enum": [],
    }
    assert TREE.targets("test/shop/basket_test.exs") == {"Shop.Basket": ["lib/shop/basket.ex"], "IEx": ["lib/iex.ex"]}


def test_every_importing_file_mentions_a_key_of_its_targets():
    assert TREE.unmentioned() == []


def test_clauses_of_one_function_are_one_symbol():
    source = "defmodule A do\n  def f(1), do: 2\n  def f(2), do: 3\n  def f(1, 2), do: 4\n  defp g, do: 5\nend\n"
    assert languages.outline(languages.facts_of("elixir", source)) == [
        "+ module A 1-6",
        "+ function A.f 2-3",
        "+ function A.f 4-4",
        "- function A.g 5-5",
    ]


def test_doc_false_hides_a_function():
    source = "defmodule A do\n  @doc false\n  def f, do: 1\nend\n"
    assert languages.outline(languages.facts_of("elixir", source)) == ["+ module A 1-4", "- function A.f 2-3"]


def test_heads_and_specs_are_no_calls():
    source = "defmodule A do\n  @spec f(t()) :: String.t()\n  def f(x) when is_big(x), do: g(x)\nend\n"
    assert languages.references(languages.facts_of("elixir", source)) == {"call is_big", "call g"}


def test_an_application_begins_at_start():
    source = "defmodule A do\n  use Application\n\n  def start(_type, _args), do: 1\nend\n"
    assert languages.facts_of("elixir", source).entry_line == 4
    assert find_language("mix.exs") is get_language("elixir")


def test_an_application_in_an_example_of_the_documentation_starts_nothing():
    doc = '  @moduledoc """\n  Begin with:\n\n      use Application\n  """\n'
    source = f"defmodule A do\n{doc}\n  def start(app, type \\\\ :temporary), do: app\nend\n"
    assert languages.facts_of("elixir", source).entry_line == 0


def test_modules_are_dependencies_wherever_code_names_them_and_not_in_text():
    facts = languages.facts_of(
        "elixir",
        'defmodule A do\n  @moduledoc """\n  See Told.\n  """\n  # not Said\n'
        '  def run, do: [{Worker, []}, "Quoted", %Made{}, Used.call(1)]\nend\n',
    )
    assert [item.module for item in facts.imports] == ["Worker", "Made", "Used"]
