"""Small judgements: names, purposes, origins, README paragraphs, prompts, sizes."""

from __future__ import annotations

import pytest

from aiex.errors import ConfigError
from aiex.jobs.briefing.material import is_binary, kind_of_binary
from aiex.jobs.briefing.names import is_test, role_of, stem_of, words_of
from aiex.jobs.briefing.origins import origin_of, package_of
from aiex.jobs.briefing.purpose import first_paragraph, readable, title_of
from aiex.jobs.briefing.words import clip, sentence, size_words
from aiex.jobs.prompting import load_prompt


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/data/a.py", True),
        ("src/test_app.py", True),
        ("app_test.go", True),
        ("src/app.spec.ts", True),
        ("src/AppTest.java", True),
        ("src/TestApp.java", True),
        ("spec/app_spec.rb", True),
        ("conftest.py", True),
        ("testing/python/collect.py", True),
        ("src/app.py", False),
        ("src/attest.py", False),
        ("src/latest.js", False),
        ("src/TestScheduler.ts", False),
        ("numpy/testing/helpers.py", False),
    ],
)
def test_tests_are_known_by_place_and_name(path: str, expected: bool) -> None:
    assert is_test(path) is expected


@pytest.mark.parametrize(
    ("path", "language", "role"),
    [
        ("src/a.py", "python", "code"),
        ("docs/conf.py", "python", "documentation"),
        ("setup.py", "python", "configuration"),
        ("examples/a.py", "python", "examples"),
        ("README.md", "markdown", "documentation"),
        ("package.json", "json", "configuration"),
        ("src/deep/down/table.json", "json", "data"),
        ("logo.png", "", "data"),
    ],
)
def test_each_file_has_a_role(path: str, language: str, role: str) -> None:
    assert role_of(path, language) == role


def test_identifiers_fall_into_words() -> None:
    assert words_of("parseHTTPHeader_v2") == ["parse", "http", "header", "v", "2"]


@pytest.mark.parametrize(
    "path", ["src/foo_bar.py", "tests/test_foo_bar.py", "foo_bar_test.go", "FooBarTest.java", "fooBar.spec.ts"]
)
def test_a_test_has_the_stem_of_what_it_tests(path: str) -> None:
    assert stem_of(path) == "foobar"


def test_a_sentence_ends_where_it_ends() -> None:
    assert sentence("Works with e.g. Flask and vs. nothing. Then more.") == "Works with e.g. Flask and vs. nothing."
    assert sentence("No end here") == "No end here"


def test_long_text_is_clipped_at_a_word() -> None:
    assert clip("one two three four", 16) == "one two three…"
    assert len(clip("x" * 50, 10)) == 10


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (":class:`~flask.Flask` and :meth:`.run`", "`flask.Flask` and `run`"),
        ("Title ~~~~~ Then text", "Title. Then text"),
        ("See [the docs](https://example.org/x)", "See the docs"),
        ("``literal``", "`literal`"),
        (": a comment : of Sphinx", "a comment of Sphinx"),
    ],
)
def test_markup_becomes_plain_words(raw: str, shown: str) -> None:
    assert readable(raw) == shown


def test_the_first_paragraph_of_a_readme_is_prose() -> None:
    decoration = "# Tool\n\n[![ci](x.svg)](y)\n<p align=center>\n\n```sh\npip\n```\n\n"
    text = decoration + "It does one thing\nand does it well.\n\nMore.\n"
    assert first_paragraph(text) == "It does one thing and does it well."
    assert title_of(text) == "Tool"


def test_the_first_paragraph_of_restructured_text_is_prose() -> None:
    text = "====\nTool\n====\n\n.. image:: x.png\n\nIt works.\n"
    assert first_paragraph(text) == "It works."


@pytest.mark.parametrize("text", ["", "\n\n", "# only a title\n", "```\nunclosed"])
def test_a_readme_without_prose_has_no_paragraph(text: str) -> None:
    assert first_paragraph(text) == ""


@pytest.mark.parametrize(
    ("language", "module", "origin"),
    [
        ("python", "os.path", "standard"),
        ("python", "requests", "third-party"),
        ("python", ".gone", "unknown"),
        ("javascript", "node:fs", "standard"),
        ("typescript", "fs/promises", "standard"),
        ("typescript", "@scope/pkg", "third-party"),
        ("javascript", "./gone", "unknown"),
        ("go", "net/http", "standard"),
        ("go", "github.com/a/b", "third-party"),
        ("rust", "std::fs", "standard"),
        ("rust", "serde::Deserialize", "third-party"),
        ("rust", "crate::gone", "unknown"),
        ("java", "java.util.List", "standard"),
        ("c", "stdio.h", "standard"),
        ("cpp", "vector", "standard"),
        ("cpp", "boost/asio.hpp", "third-party"),
        ("ruby", "./near", "unknown"),
        ("elixir", ":ets", "standard"),
        ("python", "", "unknown"),
    ],
)
def test_imports_come_from_somewhere(language: str, module: str, origin: str) -> None:
    assert origin_of(language, module) == origin


def test_a_module_belongs_to_a_package() -> None:
    assert package_of("typescript", "@scope/pkg/deep") == "@scope/pkg"
    assert package_of("python", "requests.adapters") == "requests"
    assert package_of("rust", "tokio::sync::mpsc") == "tokio"


def test_binary_files_are_known_by_their_first_bytes() -> None:
    assert is_binary(b"a\0b")
    assert not is_binary("é".encode())
    assert kind_of_binary(b"\x7fELF\x02") == "an ELF program or library"
    assert "UTF-16" in kind_of_binary("hi".encode("utf-16"))


@pytest.mark.parametrize(("size", "words"), [(1, "1 byte"), (512, "512 bytes"), (3400, "3.4 kB"), (999_999, "1.0 MB")])
def test_sizes_are_written_for_people(size: int, words: str) -> None:
    assert size_words(size) == words


def test_a_prompt_takes_exactly_its_variables() -> None:
    prompt = load_prompt("explain", kind="file", target="a{b}.py")
    assert "the file `a{b}.py`" in prompt
    assert not prompt.startswith("---")
    for wrong in ({"kind": "file"}, {"kind": "file", "target": "a", "more": "x"}):
        with pytest.raises(ConfigError, match=r"prompt explain\.md (was not given target|does not declare more)"):
            load_prompt("explain", **wrong)
