"""Java: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("java", "java")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Package docs.", 44)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "+ class Cart 14-45",
        "- constant Cart.LIMIT 17-17",
        "+ field Cart.items 19-19",
        "+ field Cart.b 19-19",
        "+ constructor Cart.Cart 23-23",
        "+ method Cart.add 29-37",
        "- method Cart.packagePrivate 38-38",
        "- interface Cart.Inner 39-39",
        "- method Cart.Inner.x 39-39",
        "- method Cart.Inner.y 39-39",
        "- enum Cart.Kind 40-40",
        "- constant Cart.Kind.A 40-40",
        "- constant Cart.Kind.B 40-40",
        "- constructor Cart.Kind.Kind 40-40",
        "- method Cart.Kind.m 40-40",
        "- class Cart.Point 41-41",
        "- constructor Cart.Point.Point 41-41",
        "- interface Cart.Note 42-42",
        "- method Cart.Note.value 42-42",
        "+ test Cart.adds 43-43",
        "+ method Cart.main 44-44",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "Cart": "public final class Cart<T extends Item> extends Base<T> implements Priced, java.io.Serializable",
        "Cart.LIMIT": "private static final int LIMIT = 3",
        "Cart.items": "protected List<Item> items = new ArrayList<>()",
        "Cart.b": "protected List<Item> b",
        "Cart.Cart": "public Cart(int n)",
        "Cart.add": "public void add(Item item) throws IOException",
        "Cart.packagePrivate": "int packagePrivate()",
        "Cart.Inner": "interface Inner",
        "Cart.Inner.x": "int x()",
        "Cart.Inner.y": "default int y()",
        "Cart.Kind": "enum Kind implements I",
        "Cart.Kind.A": 'A("a")',
        "Cart.Kind.B": "B",
        "Cart.Kind.Kind": "Kind()",
        "Cart.Kind.m": "int m()",
        "Cart.Point": "record Point(int x, int y)",
        "Cart.Point.Point": "Point",
        "Cart.Note": "@interface Note",
        "Cart.Note.value": 'String value() default ""',
        "Cart.adds": "public void adds()",
        "Cart.main": "public static void main(String[] args) throws Exception",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {
        "Cart": "A cart. <p>More.",
        "Cart.items": "Items.",
        "Cart.b": "Items.",
        "Cart.Cart": "Makes.",
        "Cart.add": "Adds.",
    }


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call Cart.new",
        "call Files.newBufferedReader",
        "call System.exit",
        "call System.loadLibrary",
        "call System.out.println",
        "call a",
        "call b",
        "call com.acme.other.Tool.use",
        "call items.add",
        "call run",
        "call this.go",
        "decorate Scope",
        "decorate Service",
        "decorate Test",
        "inherit Base",
        "inherit I",
        "inherit Priced",
        "inherit java.io.Serializable",
        "new ArrayList",
        "new IllegalArgumentException",
        "type Error",
        "type Exception",
        "type IOException",
        "type Item",
        "type List",
        "type Runnable",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("java.util", (("List", "List"),), "", 5, "import"),
        Import("com.acme.util.Numbers", (("round", "round"),), "", 6, "import"),
        Import("com.acme.price", (("*", "*"),), "", 7, "import"),
        Import("org.junit.Assert", (("*", "*"),), "", 8, "import"),
        Import("java.io", (("Serializable", "Serializable"),), "", 16, "mention"),
        Import("com.acme.other", (("Tool", "Tool"),), "", 36, "mention"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        'raise new IllegalArgumentException("x") @32',
        "catch IOException | Error e @33",
        "exit System.exit @33",
        "assert item != null @34",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == [
        "code System.loadLibrary @20",
        "file Files.newBufferedReader @33",
        "output System.out.println @44",
    ]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {
        "Cart.Cart": 1,
        "Cart.add": 5,
        "Cart.packagePrivate": 1,
        "Cart.Inner.y": 1,
        "Cart.Kind.Kind": 1,
        "Cart.Kind.m": 1,
        "Cart.Point.Point": 1,
        "Cart.adds": 1,
        "Cart.main": 1,
    }


TREE = languages.FileTree(
    {
        "core/src/main/java/com/acme/shop/Cart.java": (
            "import com.acme.price.*;\nimport java.util.List;\nimport com.acme.util.Numbers.Kind;\n"
            "class Cart { void f() { com.acme.log.Log.write(); } }\n"
        ),
        "core/src/main/java/com/acme/price/Price.java": "package com.acme.price;\n",
        "core/src/main/java/com/acme/price/Tax.java": "package com.acme.price;\n",
        "core/src/main/java/com/acme/log/Log.java": "",
        "other/src/main/java/com/acme/log/Log.java": "",
        "core/src/main/java/com/acme/util/Numbers.java": "",
        "core/src/test/java/com/acme/shop/CartTest.java": (
            "import static com.acme.util.Numbers.round;\nimport static com.acme.util.Numbers.*;\n"
            "import com.acme.shop.Cart;\n"
            "import com.acme.price.*;\n"
        ),
    }
)


def test_imports_lead_to_classes_and_packages():
    assert TREE.targets("core/src/main/java/com/acme/shop/Cart.java") == {
        "com.acme.price": [
            "core/src/main/java/com/acme/price/Price.java",
            "core/src/main/java/com/acme/price/Tax.java",
        ],
        "java.util": [],
        "com.acme.util.Numbers": ["core/src/main/java/com/acme/util/Numbers.java"],
        "com.acme.log": ["core/src/main/java/com/acme/log/Log.java"],
    }
    assert TREE.targets("core/src/test/java/com/acme/shop/CartTest.java") == {
        "com.acme.util.Numbers": ["core/src/main/java/com/acme/util/Numbers.java"],
        "com.acme.shop": ["core/src/main/java/com/acme/shop/Cart.java"],
        "com.acme.price": [
            "core/src/main/java/com/acme/price/Price.java",
            "core/src/main/java/com/acme/price/Tax.java",
        ],
    }


def test_every_importing_file_mentions_a_key_of_its_targets():
    assert TREE.unmentioned() == []


def test_members_of_an_interface_are_public():
    source = "public interface A {\n  int x();\n  private int y() { return 1; }\n}\n"
    assert languages.outline(languages.facts_of("java", source)) == [
        "+ interface A 1-4",
        "+ method A.x 2-2",
        "- method A.y 3-3",
    ]


def test_a_licence_does_not_document_the_file_but_its_first_type_does():
    source = "/* Copyright Nobody */\npackage a;\n\nimport b.C;\n\n/** Sells things. */\nclass A {}\n"
    assert languages.facts_of("java", source).doc == "Sells things."


def test_names_of_files_mean_the_language():
    assert find_language("src/A.java") is get_language("java")


def test_a_wildcard_import_finds_a_package_beside_the_own_root_and_the_own_library():
    tree = languages.FileTree(
        {
            "jdk.httpserver/com/sun/net/Headers.java": "package com.sun.net;",
            "jdk.httpserver/java/util/Tool.java": "package java.util;",
            "jdk.httpserver/sun/net/Filter.java": "import com.sun.net.*;\nimport java.util.Tool;\n",
        }
    )
    assert tree.targets("jdk.httpserver/sun/net/Filter.java") == {
        "com.sun.net": ["jdk.httpserver/com/sun/net/Headers.java"],
        "java.util": ["jdk.httpserver/java/util/Tool.java"],
    }


def test_types_count_once_where_they_are_made_and_wherever_else_they_stand():
    facts = languages.facts_of("java", "class A {\n  Map<K2, Item[]> m = new Map<>();\n  Object o = (Cast) x;\n}\n")
    assert [f"{ref.kind} {ref.name}" for ref in facts.references] == [
        "type Map", "type K2", "type Item", "new Map", "type Cast",
    ]  # fmt: skip
