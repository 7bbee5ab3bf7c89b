# ruff: noqa: E501  (tables of cases)
"""What the context engine keeps of a source holds no secret, at the same lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex.context.facts import to_heavy, to_light
from aiex.context.listing import list_files
from aiex.context.reading import describe, read_content
from aiex.context.search.words import spell
from aiex.context.secrets import settings_without_secrets, without_secrets
from aiex.guard.sandbox.files import Workspace

KEY = "Zk39fQ7xLw2bN8Tr"
SOURCES = {
    "a.py": f'"""Asks with token={KEY}."""\nAPI_KEY = "{KEY}"\ndef ask(password: str = "{KEY}") -> None:\n    """`token={KEY}`"""\n',
    "a.yaml": f"a:\n  password: {KEY}\n", "a.json": f'{{"client_secret": "{KEY}"}}', "a.toml": f'[a]\ntoken = "{KEY}"\n',
    "a.ts": f'import "https://me:{KEY}@h.example/a.js";\nexport const apiKey = "{KEY}";\nfetch("https://me:{KEY}@h.example/").then();\n',
    "a.sh": f'export TOKEN="{KEY}"\ncurl -u me:{KEY} https://h.example\n', "a.md": f"# The token is {KEY}\n",
    "a.go": f'package a\n// token = "{KEY}"\nconst Token = "{KEY}"\n', "a.rs": f'const TOKEN: &str = "{KEY}";\n',
}  # fmt: skip


@pytest.mark.parametrize("path", SOURCES)
def test_facts_hold_no_secret_of_a_source(path: str) -> None:
    import zlib

    _, facts = describe(SOURCES[path].encode(), path)
    assert KEY not in to_light(facts)
    assert KEY.encode() not in zlib.decompress(to_heavy(facts))
    assert facts.line_count == SOURCES[path].count("\n") + (not SOURCES[path].endswith("\n"))
    assert without_secrets(facts) is facts


@pytest.mark.parametrize("path", SOURCES)
def test_what_is_noted_of_a_file_that_is_not_parsed_holds_no_secret(path: str, tmp_path: Path) -> None:
    (tmp_path / path).write_text(SOURCES[path], encoding="utf-8")
    workspace = Workspace(str(tmp_path))
    (entry,) = list_files(workspace).files
    assert KEY not in repr(read_content(workspace, entry, search=True).row)


def test_facts_without_secrets_stay_the_same_object() -> None:
    _, facts = describe(Path(__file__).parents[3].joinpath("aiex/errors.py").read_bytes(), "errors.py")
    assert without_secrets(facts) is facts


def test_settings_are_read_without_secrets_and_code_as_it_is() -> None:
    from aiex.context.language import find_language

    source = f"password: {KEY}\n".encode()
    assert settings_without_secrets(source, find_language("a.yaml"), "") == b"password: [removed]\n"
    assert settings_without_secrets(source, None, "") == b"password: [removed]\n"
    assert settings_without_secrets(source, find_language("a.py"), "") is source
    assert settings_without_secrets(source, None, "binary") is source


@pytest.mark.parametrize("word", ["Zk39fQ7xLw2bN8Tr", "ghp_Zk39fQ7xLw2bN8Trq7Rm2Xv9Tz4Kp1Ws", "a1b2c3d4e5f6a7b8c9d0"])
def test_a_key_is_no_word_to_look_for(word: str) -> None:
    assert spell(word.encode()) == ()


@pytest.mark.parametrize(
    "word", ["getHTTPResponseFromServer", "test_sha256_digest_of_utf8_names", "XMLHttpRequestEventTarget2", "x86_64_v2"]
)
def test_a_name_is_a_word_to_look_for(word: str) -> None:
    assert spell(word.encode())
