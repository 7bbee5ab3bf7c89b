"""Imports lead to files, and uses are found through them."""

from pathlib import Path

import pytest

from aiex.context.engine import open_engine
from aiex.context.graph import Graph
from aiex.guard.sandbox.files import Workspace

FILES = {
    "src/shop/__init__.py": "from .cart import Cart as Cart, total\n",
    "src/shop/cart.py": (
        "import json\n"
        "from shop.money import round_up\n"
        "import requests\n\n\n"
        "class Base:\n    def save(self):\n        pass\n\n\n"
        "class Cart(Base):\n    def add(self, item):\n        self.save()\n        self.items.append(item)\n\n\n"
        "def total(cart):\n    return round_up(1)\n"
    ),
    "src/shop/money.py": "def round_up(value):\n    return value\n",
    "app.py": (
        "from shop import Cart\nimport shop\n\n\n"
        "def main():\n    cart = Cart()\n    cart.add(1)\n    shop.total(cart)\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import Cart, total as count\n\n\ndef test_total():\n    assert count(Cart()) == 1\n"
    ),
    "other.py": "def total():\n    pass\n\n\ntotal()\n",
}


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Graph(open_engine(Workspace(str(tmp_path)), cache_path=None))


def uses_of(graph: Graph, path: str, name: str) -> list[tuple[str, int, str, str]]:
    symbols = graph.engine.facts(path).symbols
    index = next(index for index, symbol in enumerate(symbols) if symbol.qualified == name)
    return [(use.path, use.line, use.inside, use.certainty) for use in graph.uses(path, {index})]


def test_dependencies_say_what_is_inside_outside_and_standard(graph: Graph) -> None:
    assert [(item.item.module, item.targets, item.standard) for item in graph.dependencies("src/shop/cart.py")] == [
        ("json", (), True),
        ("shop.money", ("src/shop/money.py",), False),
        ("requests", (), False),
    ]


def test_dependents_include_those_through_the_package(graph: Graph) -> None:
    assert [(item.path, item.line, item.via) for item in graph.dependents("src/shop/cart.py")] == [
        ("app.py", 1, "src/shop/__init__.py"),
        ("src/shop/__init__.py", 1, ""),
        ("tests/test_cart.py", 1, ""),
    ]


def test_uses_follow_names_through_imports_and_aliases(graph: Graph) -> None:
    assert uses_of(graph, "src/shop/cart.py", "total") == [
        ("app.py", 8, "main", "import"),
        ("tests/test_cart.py", 5, "test_total", "import"),
    ]


def test_uses_of_a_class_are_its_calls(graph: Graph) -> None:
    assert [use[:2] for use in uses_of(graph, "src/shop/cart.py", "Cart")] == [("app.py", 6), ("tests/test_cart.py", 5)]


def test_methods_on_unknown_values_are_marked_as_by_name(graph: Graph) -> None:
    assert uses_of(graph, "src/shop/cart.py", "Cart.add") == [("app.py", 7, "main", "name")]


def test_self_calls_reach_the_base_class(graph: Graph) -> None:
    assert uses_of(graph, "src/shop/cart.py", "Base.save") == [("src/shop/cart.py", 13, "Cart.add", "import")]


def test_a_name_of_another_file_is_not_a_use(graph: Graph) -> None:
    assert all(use[0] != "other.py" for use in uses_of(graph, "src/shop/cart.py", "total"))


def test_calls_resolve_through_the_package(graph: Graph) -> None:
    facts = graph.engine.facts("app.py")
    reference = next(item for item in facts.references if item.name == "total")
    target = graph.names.resolve_call("app.py", reference)
    assert target is not None
    assert (target.path, graph.engine.facts(target.path).symbols[target.symbol].name) == ("src/shop/cart.py", "total")


def test_circular_imports_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import *\nfrom b import gone\n\ngone()\n")
    (tmp_path / "b.py").write_text("from a import *\nfrom a import gone\n")
    graph = Graph(open_engine(Workspace(str(tmp_path)), cache_path=None))
    reference = next(item for item in graph.engine.facts("a.py").references if item.name == "gone")
    assert graph.names.resolve_call("a.py", reference) is None
    assert [item.path for item in graph.dependents("a.py")] == ["b.py"]


def test_classes_that_inherit_from_each_other_are_looked_into_once(tmp_path: Path) -> None:
    bases = ", ".join(f"C{number}" for number in range(12))
    classes = [f"class C{number}({bases}):\n    def f{number}(self):\n        self.total()\n" for number in range(12)]
    graph = repository(tmp_path, {"a.py": "".join(classes) + "\n\ndef total():\n    pass\n"})
    assert uses_of(graph, "a.py", "total") == []


def test_a_base_taken_from_self_is_looked_for_outside_the_class(tmp_path: Path) -> None:
    source = (
        "class A:\n    def f(self):\n        class B(self.C):\n            def g(self):\n                self.D()\n"
    )
    graph = repository(tmp_path, {"a.py": source + "\n\nclass D:\n    pass\n"})
    assert uses_of(graph, "a.py", "D") == []


def test_a_file_of_a_thousand_namespaces_has_dependents(tmp_path: Path) -> None:
    spaces = "".join(f"namespace n{number} {{ int a; }}\n" for number in range(1_500))
    graph = repository(tmp_path, {"wide.hpp": spaces, "user.cpp": '#include "wide.hpp"\n'})
    assert [item.path for item in graph.dependents("wide.hpp")] == ["user.cpp"]
    assert graph.engine.warnings == []


def repository(folder: Path, files: dict[str, str]) -> Graph:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return Graph(open_engine(Workspace(str(folder)), cache_path=None))


def test_elixir_calls_by_the_whole_module_name_are_found_and_bare_ones_are_not(tmp_path: Path) -> None:
    graph = repository(
        tmp_path,
        {
            "lib/shop/basket.ex": "defmodule Shop.Basket do\n  def add(item), do: item\nend\n",
            "lib/shop/till.ex": (
                "defmodule Shop.Till do\n  def pay(x) do\n    Shop.Basket.add(x)\n    add(x)\n  end\nend\n"
            ),
        },
    )
    assert uses_of(graph, "lib/shop/basket.ex", "Shop.Basket.add") == [
        ("lib/shop/till.ex", 3, "Shop.Till.pay", "import")
    ]


def test_ruby_constants_are_found_by_their_whole_path_and_methods_need_their_module(tmp_path: Path) -> None:
    graph = repository(
        tmp_path,
        {
            "lib/rack/request.rb": "module Rack\n  class Request\n  end\nend\n",
            "lib/rack/utils.rb": "module Rack\n  module Utils\n    def self.escape(s)\n    end\n  end\nend\n",
            "lib/app.rb": "require 'rack/utils'\nRack::Request.new(1)\nRack::Utils.escape(2)\nescape(3)\n",
        },
    )
    assert uses_of(graph, "lib/rack/request.rb", "Rack.Request") == [("lib/app.rb", 2, "", "import")]
    assert uses_of(graph, "lib/rack/utils.rb", "Rack.Utils.escape") == [("lib/app.rb", 3, "", "import")]


def test_rust_paths_written_out_bind_no_bare_name(tmp_path: Path) -> None:
    graph = repository(
        tmp_path,
        {
            "Cargo.toml": '[package]\nname = "shop"\n',
            "src/lib.rs": "mod net;\nfn run() {\n    crate::net::connect();\n    connect();\n}\n",
            "src/net.rs": "pub fn connect() {}\n",
        },
    )
    assert uses_of(graph, "src/net.rs", "connect") == [("src/lib.rs", 3, "run", "import")]


def test_javascript_modules_that_are_one_thing_are_called_under_any_name(tmp_path: Path) -> None:
    graph = repository(
        tmp_path,
        {
            "layer.js": "module.exports = Layer;\nfunction Layer(path) {\n}\n",
            "view.js": "export default class View {\n}\n",
            "app.js": "var L = require('./layer');\nimport V from './view';\nnew L(1);\nnew V();\n",
        },
    )
    assert uses_of(graph, "layer.js", "Layer") == [("app.js", 3, "", "import")]
    assert uses_of(graph, "view.js", "View") == [("app.js", 4, "", "import")]


def test_c_functions_are_used_through_the_header_that_declares_them(tmp_path: Path) -> None:
    graph = repository(
        tmp_path,
        {
            "hash.h": "int hash(int x);\n",
            "hash.c": '#include "hash.h"\nint hash(int x)\n{\n    return x;\n}\n',
            "main.c": '#include "hash.h"\nint main(void)\n{\n    return hash(1);\n}\n',
        },
    )
    assert uses_of(graph, "hash.c", "hash") == [("main.c", 4, "main", "import")]


def test_a_type_inside_another_type_is_not_taken_for_one_of_the_same_name(tmp_path: Path) -> None:
    graph = repository(
        tmp_path,
        {
            "a/Snippet.java": "package a;\nclass Snippet {\n  enum Kind { X }\n}\n",
            "a/Files.java": "package a;\nclass Files {\n  void run(Other.Kind kind, Snippet.Kind mine) {}\n}\n",
        },
    )
    assert uses_of(graph, "a/Snippet.java", "Snippet.Kind") == [("a/Files.java", 3, "Files.run", "scope")]
