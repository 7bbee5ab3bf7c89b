"""How files of a project look."""

import pytest

from aiex.jobs.generating.style import find_header, indent_of, leading_comment, quote_of

PYTHON = ("#", "", "")
SLASHES = ("//", "/*", "*/")
LICENCE = "# Copyright 2024 Shop Ltd.\n# SPDX-License-Identifier: MIT"


def test_the_header_is_what_most_files_begin_with_and_has_the_newest_year() -> None:
    older = LICENCE.replace("2024", "2021")
    texts = [f"{older}\nimport a\n", f"#!/usr/bin/env python\n{LICENCE}\n\nimport b\n", f"{older}\n", "import c\n"]
    assert find_header(texts, PYTHON) == (LICENCE, "3 of 4 files")


def test_comments_that_differ_are_no_header() -> None:
    assert find_header(["# about a\n\nx = 1\n", "# about b\n\nx = 1\n"], PYTHON) == ("", "")


def test_one_file_alone_shows_a_header_only_by_its_licence() -> None:
    assert find_header(["# helpers\n\nx = 1\n"], PYTHON) == ("", "")
    assert find_header([f"{LICENCE}\n\nx = 1\n"], PYTHON)[0] == LICENCE


@pytest.mark.parametrize(
    "text",
    [
        "// Package a does.\npackage a\n",
        "//go:build linux\n\npackage a\n",
        "/** Adds. */\nexport const a = 1;\n",
        "//! Docs of a crate.\n\nfn a() {}\n",
        "package a\n",
        "",
    ],
)
def test_documentation_and_directives_are_no_header(text: str) -> None:
    assert leading_comment(text, SLASHES) == ""


def test_a_block_comment_with_a_licence_is_a_header() -> None:
    assert leading_comment("/**\n * Copyright\n */\nconst a = 1;\n", SLASHES) == "/**\n * Copyright\n */"


@pytest.mark.parametrize(
    ("text", "indent"),
    [("a:\n  b\n  c:\n    d\n", "  "), ("a:\n    b\n", "    "), ("a {\n\tb\n}\n", "\t"), ("a\nb\n", "")],
)
def test_the_indentation_of_a_text_is_its_usual_step(text: str, indent: str) -> None:
    assert indent_of(text) == indent


@pytest.mark.parametrize(
    ("text", "quote"),
    [("a = 'x'\nb = 'y'\nc = \"z\"\n", "'"), ('a = "x"\n', '"'), ("# don't\n", ""), ("'a' \"b\"", "")],
)
def test_the_quote_of_a_text_is_that_of_most_strings(text: str, quote: str) -> None:
    assert quote_of(text) == quote
