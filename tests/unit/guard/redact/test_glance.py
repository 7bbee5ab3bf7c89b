"""The first look at a short text never says that there is nothing where a rule finds something."""

import json
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiex.guard.redact import addresses, blocks, fields, headers, objects, redact, statements
from aiex.guard.redact.glance import SHORT, is_plain
from aiex.guard.redact.listed import find_listed
from aiex.guard.redact.manifests import MARK
from aiex.guard.redact.scan import _HINTS, find_secrets
from aiex.guard.redact.source import to_source
from tests.unit.guard.redact.test_properties import TEXTS

CASES = [json.loads(line) for line in Path("tests/data/suites/redaction/dev.jsonl").read_text().splitlines()]
_to_words = str.split
ANCHORS = [*fields.ANCHORS, *headers._ANCHORS, addresses._ADDRESS, addresses._ARGUMENT, addresses._PORT, blocks._ANCHOR]
PIECES = [
    *_to_words(
        "k e y en ie ty wd wo ord word pa ss pass phrase psk pw c ret red cret cred on trase a u th uth ha senha sen"
    ),
    *_to_words(
        "hono rization b earer : / // :// 5432 * - -u p w -k us er v ate vate lines = ' \" , ; [ ] { } < > | \\ \\n"
    ),
    *_to_words(
        "\\u001b \\x1b \\033[ \\e[ 0m + # identi fied identified by secure string sqlplus plus oracle thin http only"
    ),
    *_to_words("httpOnly hostOnly d kty value TRUE FALSE apiVersion kind Secret data LS0tLS1CRUdJTi BEGIN PRIVATE KEY"),
    *_to_words(
        "Private-Lines curl mysql user x@y Bearer Basic Cookie é \u017f \u212a Tr0ub4dor&3 q8Zr2Lw9Xv q8Zr2Lw9Xv7Tn4Bk6"
    ),
    *(" ", "\n", "\r\n", "\t", "\x1b[0m", "\u200b", "\x01", "\x7f", "'+'", '" + "'),
]
ASKED = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def finds_nothing(text: str, known: tuple[str, ...] = ()) -> bool:
    return not find_secrets(text, known) and not find_listed(to_source(text))


@settings(max_examples=1_500)
@given(text=st.one_of(ASKED, TEXTS))
@example(text='x = "pass\u200bword"\x01')
@example(text="é\x01")
def test_where_it_says_that_nothing_is_there_no_rule_finds_anything(text: str) -> None:
    assert not is_plain(text, ()) or finds_nothing(text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.get("id", ""))[:40])
def test_no_case_with_a_secret_is_called_plain(case: dict[str, object]) -> None:
    for text in [value for value in case.values() if isinstance(value, str)]:
        assert not is_plain(text, ()) or finds_nothing(text)


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda anchor: anchor.pattern.decode())
def test_every_anchor_of_a_rule_is_one_of_its_own(anchor: re.Pattern[bytes]) -> None:
    compiled = re.compile(anchor.pattern)
    letters = sorted(set(re.sub(rb"[^a-z0-9:/*-]", b"", anchor.pattern.replace(b"?", b"")).decode() + " "))
    words = [
        "".join(some) for size in (2, 3, 4) for some in product(letters, repeat=size) if len(letters) ** size < 9_999
    ]
    words += [
        "contrase",
        "senha",
        "phrase",
        "woord",
        "authorization",
        "bearer",
        "pass:",
        ":5432:",
        "vate key",
        "vate-lines",
    ]
    found = [word for word in words if compiled.search(word.encode())]
    assert found
    assert not any(is_plain(f"x{word.upper()}{word}", ()) for word in found)


@pytest.mark.parametrize(
    "word",
    [
        *(word.decode() for word, _ in statements._STATEMENTS),
        MARK,
        "kty",
        "httpOnly",
        "hostOnly",
        "\tTRUE\t",
        "\tFALSE\t",
    ],
)
def test_every_word_that_a_rule_needs_is_looked_for(word: str) -> None:
    assert not is_plain(f"a {word} b", ())
    assert all(any(sign in rule[0].pattern for sign in ("kty", "httpOnly|hostOnly")) for rule in objects._RULES)


def test_what_hides_is_looked_for() -> None:
    hints = [
        *("\\u001b", "\\u001B", "\\x1b", "\\x1B", "\\033[", "\\e[", "\\\n", "\\\r\n", "'+'", "' + '", '"+ "', "+'"),
        *("\x1b", "\x00", "\x08", "\x7f"),
    ]
    assert all(any(one.search(hint) for one in _HINTS) for hint in hints)
    assert not any(is_plain(f"a {hint} b", ()) for hint in hints)
    assert not any(
        is_plain(f"é {chr(code)} b", ()) for code in (*range(9), 11, 12, *range(14, 32), 127, 0x200B, 0xE0001)
    )


def test_known_values_and_long_runs_are_looked_for() -> None:
    assert is_plain("a b", ("c",))
    assert not is_plain("a b", ("c", "b"))
    assert is_plain("a" * 17, ())
    assert not is_plain("a" * 18, ())


@pytest.mark.parametrize("length", [0, SHORT - 30, SHORT, SHORT + 30])
def test_a_secret_is_found_in_short_and_long_texts(length: int) -> None:
    plain = "it is so. " * (length // 10)
    assert redact(plain, {}) == plain
    assert redact(f"{plain}password=Tr0ub4dor&3", {}) == f"{plain}password=[removed]"
