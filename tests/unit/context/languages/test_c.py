"""C: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("c", "c")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "A stack of numbers.", 57)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "- function plat 9-9",
        "+ macro MAX 12-12",
        "+ constant LIMIT 13-13",
        "+ struct node_t 16-21",
        "+ field node_t.value 17-17",
        "+ field node_t.next 18-18",
        "+ field node_t.prev 18-18",
        "+ field node_t.free 19-19",
        "+ field node_t.name 20-20",
        "+ struct point 22-22",
        "+ field point.x 22-22",
        "+ field point.y 22-22",
        "+ enum color 23-23",
        "+ constant color.RED 23-23",
        "+ constant color.GREEN 23-23",
        "+ type callback 24-24",
        "- variable counter 25-25",
        "+ variable shared 26-26",
        "+ constant names 27-28",
        "+ function push 33-33",
        "- function make 35-53",
        "+ function fp 55-55",
        "+ function main 57-61",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "plat": "static int plat(void)",
        "MAX": "#define MAX(a, b)",
        "LIMIT": "#define LIMIT 10",
        "node_t": "typedef struct node node_t",
        "node_t.value": "int value",
        "node_t.next": "struct node *next, *prev",
        "node_t.prev": "struct node *next, *prev",
        "node_t.free": "void (*free)(void *)",
        "node_t.name": "char name[10]",
        "point": "struct point",
        "point.x": "int x, y",
        "point.y": "int x, y",
        "color": "enum color",
        "color.RED": "RED",
        "color.GREEN": "GREEN = 2",
        "callback": "typedef int (*callback)(int, void *)",
        "counter": "static int counter = 0",
        "shared": "extern int shared",
        "names": 'const char *names[] = { "a", …',
        "push": "int push(node_t *n, int v)",
        "make": "static inline node_t *make(int v)",
        "fp": "char *(*fp(int a))(int)",
        "main": "int main(int argc, char **argv)",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {"node_t": "A node.", "push": "Push."}


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call abort",
        "call exit",
        "call fopen",
        "call getenv",
        "call handler",
        "call malloc",
        "call n.free",
        "call perror",
        "type node",
        "type node_t",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("stdio.h", (("*", "*"),), "", 5, "system"),
        Import("stack.h", (("*", "*"),), "", 6, "include"),
        Import("sys/epoll.h", (("*", "*"),), "", 8, "system"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        'catch perror("x") @40',
        "exit exit @41",
        "assert assert(v > 0 && v < 3) @44",
        "exit abort @49",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == [
        "state static int calls = 0; @37",
        "output perror @40",
        "file fopen @51",
        "environment getenv @51",
    ]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {"plat": 1, "make": 4, "fp": 1, "main": 1}


TREE = languages.FileTree(
    {
        "include/shop/cart.h": '#include "price.h"\n',
        "include/shop/price.h": "",
        "src/cart.c": '#include <shop/cart.h>\n#include <stdio.h>\n#include "../lib/my-util.h"\n#include MACRO\n',
        "lib/my-util.h": "",
        "lib/my-util.c": '#include "my-util.h"\n',
        "test/all.cpp": '#include "cart.h"\n# include "my-util.h"\n',
        "compat/stdio.h": "",
    }
)


def test_includes_lead_to_headers_and_to_the_source_of_the_same_name():
    assert TREE.targets("src/cart.c") == {
        "shop/cart.h": ["include/shop/cart.h"],
        "stdio.h": [],
        "../lib/my-util.h": ["lib/my-util.h", "lib/my-util.c"],
    }
    assert TREE.targets("test/all.cpp") == {
        "cart.h": ["include/shop/cart.h", "src/cart.c"],
        "my-util.h": ["lib/my-util.h", "lib/my-util.c"],
    }
    assert TREE.targets("include/shop/cart.h") == {"price.h": ["include/shop/price.h"]}


def test_every_including_file_mentions_a_key_of_its_targets():
    assert TREE.unmentioned() == []


def test_headers_are_cpp_when_they_look_like_it():
    assert find_language("a.h", b"#pragma once\nclass Cart {\n") is get_language("cpp")
    assert find_language("a.h", b"struct cart {\n  int class_of;\n};\n") is get_language("c")
    assert find_language("a.h", b'#ifdef __cplusplus\nextern "C" {\n#endif\n') is get_language("c")
    assert get_language("c").kin == get_language("cpp").kin


def test_declarations_in_headers_are_meant_for_others_and_guards_are_left_out():
    header = "#ifndef A_H\n#define A_H\n/* Adds. */\nint add(int a, int b);\nextern int sum;\n#endif\n"
    facts = languages.facts_of("c", header)
    assert (languages.outline(facts), languages.docs(facts)) == (
        ["+ function add 4-4", "+ variable sum 5-5"],
        {"add": "Adds."},
    )


def test_the_words_before_a_licence_document_the_file():
    source = "/* adler.c -- compute the checksum of data\n * Copyright (C) 1995 Nobody\n */\n\nint a;\n"
    assert languages.facts_of("c", source).doc == "adler.c -- compute the checksum of data"


def test_macros_in_front_of_names_hide_nothing():
    facts = languages.facts_of(
        "c", "ZEXTERN int ZEXPORT gzread(int f);\nint ZEXPORT compress(int x)\n{\n    return x;\n}\n"
    )
    assert (facts.parsed, languages.outline(facts)) == ("full", ["+ function gzread 1-1", "+ function compress 2-5"])
    assert languages.signatures(facts)["compress"] == "int ZEXPORT compress(int x)"
