"""Ruby: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("ruby", "rb")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Shop things.", 81)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "+ module Shop 13-60",
        "+ constant Shop.LIMIT 14-14",
        "+ class Shop.Basket 16-59",
        "+ property Shop.Basket.items 19-19",
        "+ property Shop.Basket.count 19-19",
        "+ property Shop.Basket.name 20-20",
        "+ class Shop.Basket.Error 22-22",
        "+ constructor Shop.Basket.initialize 25-29",
        "+ method Shop.Basket.add 32-42",
        "+ method Shop.Basket.build 44-44",
        "+ method Shop.Basket.make 46-46",
        "- method Shop.Basket.hidden 51-51",
        "- method Shop.Basket.helper 52-52",
        "+ method Shop.Basket.shown 54-54",
        "- method Shop.Basket.inline 55-55",
        "+ method Shop.Basket.plus 57-57",
        "+ method Shop.Basket.dyn 58-58",
        "+ class Shop.Other 61-61",
        "+ class Point 62-64",
        "+ method Point.dist 63-63",
        "+ test Basket 65-71",
        "+ test Basket.when empty 66-70",
        "+ test Basket.when empty.adds 67-69",
        "+ class BasketTest 72-77",
        "+ test BasketTest.test_adds 73-73",
        "+ test BasketTest.works 74-76",
        "+ target build 78-80",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "Shop": "module Shop",
        "Shop.LIMIT": "LIMIT = 3",
        "Shop.Basket": "class Basket < Struct::Base",
        "Shop.Basket.items": "attr_reader :items, :count",
        "Shop.Basket.count": "attr_reader :items, :count",
        "Shop.Basket.name": "attr_accessor :name",
        "Shop.Basket.Error": "class Error < StandardError",
        "Shop.Basket.initialize": "def initialize(items, count: 1, *rest, &block)",
        "Shop.Basket.add": "def add(name)",
        "Shop.Basket.build": "def self.build(*args)",
        "Shop.Basket.make": "def make",
        "Shop.Basket.hidden": "def hidden",
        "Shop.Basket.helper": "def helper",
        "Shop.Basket.shown": "def shown",
        "Shop.Basket.inline": "def inline",
        "Shop.Basket.plus": "alias_method :plus, :add",
        "Shop.Basket.dyn": "define_method(:dyn) { |x| x }",
        "Shop.Other": "class Shop::Other",
        "Point": "Point = Struct.new(:x, :y)",
        "Point.dist": "def dist",
        "Basket": "describe Basket",
        "Basket.when empty": 'context "when empty"',
        "Basket.when empty.adds": 'it "adds"',
        "BasketTest": "class BasketTest < Minitest::Test",
        "BasketTest.test_adds": "def test_adds",
        "BasketTest.works": 'test "works"',
        "build": "task :build",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {
        "Shop": "Namespace.",
        "Shop.Basket": "A basket.",
        "Shop.Basket.initialize": "Makes one.",
        "Shop.Basket.add": "Adds.",
    }


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call File.write",
        "call Price.new",
        "call Price.new(1).to_s",
        "call Shop::Basket.build",
        "call Shop::Tax.rate",
        "call Struct.new",
        "call alias_method",
        "call basket.add",
        "call define_method",
        "call exit",
        "call expect(basket.add(1)).to",
        "call has_many",
        "call items.each",
        "call name.nil?",
        "call new",
        "call sh",
        "call task",
        "inherit Comparable",
        "inherit Forwardable",
        "inherit Minitest.Test",
        "inherit StandardError",
        "inherit Struct.Base",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("json", (), "", 6, "require"),
        Import("../lib/shop/price", (), "", 7, "require_relative"),
        Import("x", (), "", 8, "require_relative"),
        Import("tasks.rb", (), "", 9, "load"),
        Import("shop/tax", (("Tax", "Tax"),), "", 10, "autoload"),
        Import("Forwardable", (), "", 18, "mention"),
        Import("Price", (), "", 36, "mention"),
        Import("Shop::Tax", (), "", 37, "mention"),
        Import("Error", (), "", 38, "mention"),
        Import("Basket", (), "", 65, "mention"),
        Import("Minitest::Test", (), "", 72, "mention"),
        Import("Shop::Basket", (), "", 82, "mention"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        'raise raise ArgumentError, "x" @28',
        "catch Error, KeyError @38",
        "exit exit @39",
        "assert expect(basket.add(1)) @68",
        "assert assert_equal 1, 2 @73",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == [
        "state $total = 1 @27",
        "output puts @34",
        "file File.write @35",
        "code define_method @58",
        "process sh @79",
    ]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {
        "Shop.Basket.initialize": 2,
        "Shop.Basket.add": 5,
        "Shop.Basket.build": 1,
        "Shop.Basket.make": 1,
        "Shop.Basket.hidden": 1,
        "Shop.Basket.helper": 1,
        "Shop.Basket.shown": 1,
        "Shop.Basket.inline": 1,
        "Point.dist": 1,
        "Basket": 1,
        "Basket.when empty": 1,
        "Basket.when empty.adds": 1,
        "BasketTest.test_adds": 1,
        "BasketTest.works": 1,
    }


TREE = languages.FileTree(
    {
        "lib/shop.rb": 'require "json"\nrequire "shop/price"\nautoload :Tax, "shop/tax"\nmodule Shop; end\n',
        "lib/shop/price.rb": 'require_relative "tax"\n',
        "lib/shop/tax.rb": "",
        "lib/shop/http_client.rb": "module Shop\n  Tax.rate\nend\n",
        "spec/shop_spec.rb": 'require "spec_helper"\nrequire "shop"\nShop::HTTPClient.get\n',
        "spec/spec_helper.rb": "",
        "app/models/order_line.rb": "class OrderLine\nend\n",
        "app/controllers/orders_controller.rb": "OrderLine.all\nUnknown.call\nArray.new\n",
        "Rakefile": 'load "tasks/build.rake"\n',
        "tasks/build.rake": "",
    }
)


def test_requires_and_constants_lead_to_files():
    assert TREE.targets("lib/shop.rb") == {
        "json": [],
        "shop/price": ["lib/shop/price.rb"],
        "shop/tax": ["lib/shop/tax.rb"],
    }
    assert TREE.targets("lib/shop/price.rb") == {"tax": ["lib/shop/tax.rb"]}
    assert TREE.targets("lib/shop/http_client.rb") == {"Tax": ["lib/shop/tax.rb"]}
    assert TREE.targets("spec/shop_spec.rb") == {
        "spec_helper": ["spec/spec_helper.rb"],
        "shop": ["lib/shop.rb"],
        "Shop::HTTPClient": ["lib/shop/http_client.rb"],
    }
    assert TREE.targets("app/controllers/orders_controller.rb") == {
        "OrderLine": ["app/models/order_line.rb"],
        "Unknown": [],
    }
    assert TREE.targets("Rakefile") == {"tasks/build.rake": ["tasks/build.rake"]}


def test_every_requiring_file_mentions_a_key_of_its_targets():
    assert TREE.unmentioned() == []


def test_what_follows_private_is_not_for_others():
    source = "class A\n  def a; end\n  private\n  def b; end\n  public\n  def c; end\n  private def d; end\nend\n"
    assert languages.outline(languages.facts_of("ruby", source)) == [
        "+ class A 1-8",
        "+ method A.a 2-2",
        "- method A.b 4-4",
        "+ method A.c 6-6",
        "- method A.d 7-7",
    ]


def test_the_comment_of_the_first_class_does_not_document_the_file():
    assert languages.facts_of("ruby", "# frozen_string_literal: true\n\n# A cart.\nclass A\nend\n").doc == ""


def test_names_of_files_mean_the_language():
    assert {find_language(name) for name in ("a.rb", "Rakefile", "Gemfile", "shop.gemspec")} == {get_language("ruby")}


def test_a_comment_above_the_first_method_of_a_class_is_its_documentation():
    facts = languages.facts_of(
        "ruby", "class A\n  # Makes one.\n  def make\n  end\n\n  # Ends it.\n  def end_it\n  end\nend\n"
    )
    assert languages.docs(facts) == {"A.make": "Makes one.", "A.end_it": "Ends it."}


def test_methods_of_a_module_are_methods_and_global_variables_inside_are_no_definitions():
    facts = languages.facts_of(
        "ruby", "module M\n  def run\n    $x = 1\n    require 'pp'\n  end\nend\ndef top\nend\n$y = 2\n"
    )
    assert languages.outline(facts) == [
        "+ module M 1-6", "+ method M.run 2-5", "+ function top 7-8", "+ variable $y 9-9",
    ]  # fmt: skip


def test_names_of_paths_touch_no_file():
    facts = languages.facts_of("ruby", "File.join('a', File.basename(b))\nFile.read(c)\n")
    assert [(effect.kind, effect.what) for effect in facts.effects] == [("file", "File.read")]


def test_one_line_above_a_require_is_not_about_the_file():
    assert languages.facts_of("ruby", "# external dependencies\nrequire 'rack'\n").doc == ""


def test_marks_for_the_documentation_tool_are_no_documentation():
    assert languages.docs(languages.facts_of("ruby", "class A\n  #:nodoc:\n  def make\n  end\nend\n")) == {}
