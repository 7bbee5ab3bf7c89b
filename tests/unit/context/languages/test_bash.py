"""Bash: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("bash", "sh")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Builds things. More.", 44)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "- constant LIMIT 10-10",
        "+ variable PATH 11-11",
        "- constant NAME 12-12",
        "- variable table 13-13",
        "+ function greet 18-31",
        "- function _private 33-37",
        "+ test adds 39-41",
        "+ function main 43-43",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "LIMIT": "readonly LIMIT=3",
        "PATH": 'export PATH="/x:$PATH"',
        "NAME": "NAME=${1:-world}",
        "table": "declare -A table=([a]=1)",
        "greet": "greet()",
        "_private": "_private()",
        "adds": '@test "adds"',
        "main": "main()",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {"greet": "Says hello."}


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call curl",
        "call greet",
        "call main",
        "call die",
        "call python3",
        "call jq",
        "call helper",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("$(dirname $0)/lib/common.sh", (("*", "*"),), "", 6, "source"),
        Import("./helpers.sh", (("*", "*"),), "", 7, "source"),
        Import("lib/other.sh", (("*", "*"),), "", 8, "source"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == ["exit exit @22", "raise die @29", "catch trap @34"]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == [
        "output echo @21",
        "network curl @24",
        'file "$out" @24',
        "file rm @25",
        "file cp @26",
        "code eval @35",
        "code python3 @36",
    ]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {"greet": 7, "_private": 1, "main": 1}


TREE = languages.FileTree(
    {
        "bin/build.sh": (
            '#!/bin/bash\nsource "$(dirname "$0")/lib/common.sh"\n. ./helpers.sh\nf() {\n'
            '  if x; then . "${ROOT}/etc/conf.sh"; fi\n}\nsource /etc/profile\nsource "$file"\n'
        ),
        "bin/helpers.sh": "",
        "bin/lib/common.sh": "",
        "etc/conf.sh": "",
        "test/a.bats": 'load test_helper\n\n@test "adds" {\n  run f\n}\n\n@test "works" {\n  true\n}\n',
        "test/test_helper.bash": "source ../bin/helpers.sh\n",
    }
)


def test_sourced_files_are_found():
    assert TREE.targets("bin/build.sh") == {
        "$(dirname $0)/lib/common.sh": ["bin/lib/common.sh"],
        "./helpers.sh": ["bin/helpers.sh"],
        "${ROOT}/etc/conf.sh": ["etc/conf.sh"],
        "/etc/profile": [],
        "$file": [],
    }
    assert TREE.targets("test/a.bats") == {"test_helper": ["test/test_helper.bash"]}
    assert TREE.targets("test/test_helper.bash") == {"../bin/helpers.sh": ["bin/helpers.sh"]}


def test_every_sourcing_file_mentions_a_key_of_its_targets():
    assert TREE.unmentioned() == []


def test_tests_of_a_bats_file_end_at_their_bracket():
    assert languages.outline(TREE.facts("test/a.bats")) == ["+ test adds 3-5", "+ test works 7-9"]


def test_a_script_without_main_begins_at_its_first_command():
    assert languages.facts_of("bash", "#!/bin/sh\nset -e\nX=1\nf() { :; }\n\nmake all\n").entry_line == 6
    assert languages.facts_of("bash", "f() { :; }\n").entry_line == 0


def test_names_and_interpreters_mean_the_language():
    assert find_language("install", b"#!/usr/bin/env bash\n") is get_language("bash")
    assert find_language("run", b"#!/bin/sh -e\n") is get_language("bash")
    assert find_language("a.bats") is get_language("bash")


def test_wide_characters_in_braces_do_not_crash_the_grammar():
    assert languages.outline(languages.facts_of("bash", "f() { echo; }\n: {\U000fb11c {1..\U0001f600\n"))[:1] == [
        "+ function f 1-1"
    ]


def test_names_with_dashes_are_called():
    facts = languages.facts_of("bash", "build-all() {\n  echo x\n}\nbuild-all now\n")
    assert [(ref.kind, ref.receiver, ref.name, ref.line) for ref in facts.references] == [("call", "", "build-all", 4)]
