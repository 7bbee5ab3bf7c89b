"""C++: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("cpp", "cpp")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "What people want to buy.", 63)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "+ namespace shop 8-48",
        "+ class shop.Cart 11-29",
        "+ constructor shop.Cart.Cart 14-14",
        "+ method shop.Cart.~Cart 15-15",
        "+ constructor shop.Cart.Cart 16-16",
        "+ method shop.Cart.add 18-18",
        "+ method shop.Cart.size 19-19",
        "+ method shop.Cart.operator== 20-20",
        "+ method shop.Cart.operator bool 21-21",
        "+ field shop.Cart.kMax 22-22",
        "+ type shop.Cart.value_type 23-23",
        "+ enum shop.Cart.Kind 24-24",
        "+ constant shop.Cart.Kind.kA 24-24",
        "+ constant shop.Cart.Kind.kB 24-24",
        "- field shop.Cart.n_ 27-27",
        "- field shop.Cart.m_ 27-27",
        "- method shop.Cart.hidden 28-28",
        "- namespace shop.(anonymous) 31-33",
        "- function shop.(anonymous).secret 32-32",
        "+ type shop.Names 35-35",
        "+ function shop.max_of 36-39",
        "+ constant shop.kSize 40-40",
        "+ method shop.Status.ToString 42-46",
        "+ method shop.Cart.add 50-57",
        "+ constructor shop.Cart.Cart 59-59",
        "+ test CartTest.Adds 61-61",
        "+ function main 63-67",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "shop": "namespace shop",
        "shop.Cart": "class Cart final : public Base<T>, private Other",
        "shop.Cart.Cart": "shop::Cart::Cart(int n)",
        "shop.Cart.~Cart": "~Cart()",
        "shop.Cart.add": "void shop::Cart<T>::add(const T& item) const",
        "shop.Cart.size": "int size() const",
        "shop.Cart.operator==": "bool operator==(const Cart&) const",
        "shop.Cart.operator bool": "operator bool() const",
        "shop.Cart.kMax": "static constexpr int kMax = 3",
        "shop.Cart.value_type": "using value_type = T",
        "shop.Cart.Kind": "enum class Kind : int",
        "shop.Cart.Kind.kA": "kA",
        "shop.Cart.Kind.kB": "kB",
        "shop.Cart.n_": "int n_, m_[3]",
        "shop.Cart.m_": "int n_, m_[3]",
        "shop.Cart.hidden": "void hidden()",
        "shop.(anonymous)": "namespace",
        "shop.(anonymous).secret": "int secret()",
        "shop.Names": "using Names = std::vector<std::string>",
        "shop.max_of": "T max_of(T a, T b)",
        "shop.kSize": "constexpr int kSize = 4",
        "shop.Status.ToString": "std::string Status::ToString() const",
        "CartTest.Adds": "TEST(CartTest, Adds)",
        "main": "int main()",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {"shop.Cart": "A cart.", "shop.Cart.add": "Adds."}


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call EXPECT_EQ",
        "call p.go",
        "call std.abort",
        "call std.make_unique",
        "call std.runtime_error",
        "inherit Base",
        "inherit Other",
        "new Foo",
        "type Adds",
        "type Cart",
        "type CartTest",
        "type std.exception",
        "type std.string",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("vector", (("*", "*"),), "", 5, "system"),
        Import("shop/cart.h", (("*", "*"),), "", 6, "include"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        'raise std::runtime_error("x") @53',
        "catch (const std::exception& e) @54",
        "exit std.abort @55",
        "assert EXPECT_EQ(1, 2) @61",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == ["state static int calls = 0; @64", "output std::cout @65"]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {
        "shop.Cart.Cart": 1,
        "shop.Cart.size": 1,
        "shop.(anonymous).secret": 1,
        "shop.max_of": 2,
        "shop.Status.ToString": 1,
        "shop.Cart.add": 2,
        "CartTest.Adds": 1,
        "main": 1,
    }


def test_annotations_in_capitals_do_not_hide_the_member():
    facts = languages.facts_of("cpp", "class A {\n  Node* seed_ GUARDED_BY(mutex_);\n  NO_COPY(A);\n};\n")
    assert languages.outline(facts) == ["+ class A 1-4", "- field A.seed_ 2-2"]


def test_names_of_files_mean_the_language():
    assert {
        find_language(f"a{ending}") for ending in (".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".inl")
    } == {get_language("cpp")}


def test_methods_outside_their_class_are_named_by_class_and_namespace():
    source = "namespace a {\nvoid B::C::d() {}\n}\nint a::B::e(int x) { return x; }\n"
    assert languages.outline(languages.facts_of("cpp", source)) == [
        "+ namespace a 1-3",
        "+ method a.B.C.d 2-2",
        "+ method a.B.e 4-4",
    ]


def test_a_source_leads_to_its_own_header():
    tree = languages.FileTree(
        {"shop/cart.cc": '#include "shop/cart.h"\n#include <vector>\n', "shop/cart.h": "class A {};\n"}
    )
    assert tree.targets("shop/cart.cc") == {"shop/cart.h": ["shop/cart.h"], "vector": []}
    assert tree.unmentioned() == []


def test_macros_in_front_of_the_name_of_a_class_hide_nothing():
    facts = languages.facts_of(
        "cpp", "class LEVELDB_EXPORT Slice {\n public:\n  int size();\n};\nclass A_B final {};\n"
    )
    assert (facts.parsed, languages.outline(facts)) == (
        "full", ["+ class Slice 1-4", "+ method Slice.size 3-3", "+ class A_B 5-5"],
    )  # fmt: skip
