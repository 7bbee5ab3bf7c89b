# ruff: noqa: E501  (tables of cases)
"""What holds for every text: a second pass changes nothing, nothing raises, pieces give what the whole gives."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiex.guard.redact import HELD_CHARACTERS, REMOVED, Redactor, redact, redact_lines
from tests.fakes.tables import each
from tests.unit.guard.redact.drawn import by_piece, redact_cut

NAMES = st.sampled_from(
    [
        "password",
        "DB_PASSWORD",
        "apiKey",
        "api-key",
        "token",
        "secret",
        "client_secret",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "aws_secret_access_key",
        "pwd",
        "key",
        "auth",
    ]
)
SIGNS = st.sampled_from(
    [
        "=",
        ": ",
        " = ",
        '": "',
        " ",
        "='",
        '="',
        ":\n  ",
        ": |\n  ",
        ">",
        " => '",
        '", "',
        "%3D",
        ": Bearer ",
        '=\\"',
        ":-",
        "==",
    ]
)
PIECES = st.one_of(
    NAMES, SIGNS, st.text(max_size=12), st.text("abcXYZ0189_-", min_size=8, max_size=60),
    st.sampled_from([
        "\n", "\r\n", "  ", '"', "'", "`", "\\", "\x1b[0m", "\u200b", "[removed]", "[", "removed]", "${", "}", "<", ">", "&", ";", ",", "://", "u:", "@",
        "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----", "sk-ant-api03-", "ghp_", "AKIA", "eyJ", "export ", "--", "name: ", "value: ",
        "-u ", "curl ", "\ud800", "é", "Bearer ", "\" + \"", "\\\n",
    ]),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=24).map("".join)
SECRETS = st.integers(0, 2**64).map(
    lambda seed: (
        "a1Z" + "".join(random.Random(seed).choices("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=29))
    )
)


@given(st.one_of(st.text(), TEXTS))
@example("password=[removed]x")
@example("token: [removed] ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
def test_a_second_pass_changes_nothing(text: str) -> None:
    once = redact(text, {})
    assert redact(once, {}) == once


@given(NAMES, st.sampled_from(["=", ": ", " = '", '": "', '="', ": \x1b[1m"]), SECRETS, TEXTS, TEXTS)
def test_a_secret_behind_its_name_is_gone_whatever_stands_around(
    name: str, sign: str, secret: str, before: str, after: str
) -> None:
    if name in {"key", "auth", "Cookie", "Set-Cookie"}:
        name = "api_key"
    shown = redact(f"{before}\n{name}{sign}{secret}\n{after}", {})
    assert secret not in shown
    assert redact(shown, {}) == shown


@given(TEXTS, SECRETS, TEXTS)
def test_values_of_secret_variables_are_gone_wherever_they_stand(before: str, secret: str, after: str) -> None:
    assert secret not in redact(before + secret + after, {"DEPLOY_TOKEN": secret})


@given(TEXTS, st.data())
def test_pieces_give_what_the_whole_gives(text: str, data: Any) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    assert redact_cut(text, cuts) == redact(text, {})


CASES = [json.loads(line) for line in Path("tests/data/suites/redaction/dev.jsonl").read_text().splitlines()]


@each("case", [case for case in CASES if case["expect"] == "keep"], ids=lambda case: case["id"])
def test_a_document_is_not_redacted_more_than_a_stream(case: dict[str, Any]) -> None:
    text = "".join("".join(part["keep"]) for part in case["segments"])
    assert redact_lines(text, {}) == (text, 0)


@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_stream_in_steps_gives_what_the_whole_gives(step: int) -> None:
    text = "\n".join(
        "".join("".join(part.get("secret") or part["keep"]) for part in case["segments"]) for case in CASES
    )
    shown = by_piece(text, step)
    assert shown == redact(text, {})
    assert shown.count(REMOVED) > 30


def test_a_line_is_given_out_as_soon_as_it_is_whole() -> None:
    redactor = Redactor({})
    assert redactor.feed("building\npassword=hun") == "building\n"
    assert redactor.feed("ter2x9\n") == f"password={REMOVED}\n"
    assert redactor.feed("done") == ""
    assert redactor.finish() == "done"


def test_a_private_key_is_held_until_its_end() -> None:
    redactor = Redactor({})
    body = "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC7\n"
    assert redactor.feed("x\n-----BEGIN PRIVATE KEY-----\n" + body * 4) == "x\n"
    assert redactor.feed(body * 4 + "-----END PRIVATE KEY-----\nrest\n") == f"{REMOVED}\nrest\n"


def test_no_more_than_the_bound_is_held() -> None:
    redactor = Redactor({})
    given_out = 0
    for count in range(1, 9):
        given_out += len(redactor.feed("a" * 50_000))
        assert count * 50_000 - given_out < HELD_CHARACTERS


def test_a_secret_in_a_line_without_end_is_not_cut_in_two() -> None:
    secret = "a1Z" + "bC4dE5fG" * 4
    for offset in range(0, 120, 7):
        text = '{"n": 1}, ' * ((HELD_CHARACTERS - offset) // 10) + f'{{"password": "{secret}"}}, ' + '{"n": 1}, ' * 20
        redactor = Redactor({})
        shown = redactor.feed(text) + redactor.finish()
        assert secret[:12] not in shown
        assert secret[-12:] not in shown


HOSTILE = [
    "a", "A1", '"', "'", "=", ":", "\\", " ", "\n", "\r", "-", "_", "@", "://", "password", "password=", "key:", "key: \"", "<", "<password>", "${", "\x1b", "\x1b[",
    "\u200b", "eyJ", "eyJa.", "sk-", "sk-a1-", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n", "PRIVATE KEY", "Cookie: a=b;", "Bearer ", "Authorization: ",
    "[removed]", "xox", "token ", "https://a:", "\\\n", "\" + \"", "%3D", "name: key\n value:", "a1B2", "A3-", ".atlasv1.", "12345678:", "Private-Lines: 1\nAAAA\n", "-u a:", "curl -u ",
    "apiVersion: v1\n", "apiVersion: v1\n ", '"apiVersion":"v1",', '{"apiVersion":{', '{"kty":', '"d":"a",', "'kty':", 'form-data; name="password"\n', 'variable "token" {\n', "identified by ",
    "create user a identified by ", "ConvertTo-SecureString ", "sqlplus a/b@", "password: |\n  a\n", "password: |\n", '"a1b2c3"\n', 'password = "a1b2c3"\n  ', "http://a:b/", "htpasswd -b a ", "echo a:b | chpasswd ",
    "\tTRUE\t/", "password:\n ", "Authorization: Basic\n ", "password('", "oracle:thin:a/", 'name="password"\n\n', "Authorization: Digest ", "response=a",
]  # fmt: skip


@each("unit", HOSTILE)
def test_a_hostile_text_is_read_in_linear_steps(unit: str) -> None:
    """Steps are lines of our own code; so many characters end soon only where no pattern tries the rest from every place."""
    small, large = (count_steps(unit * (size // len(unit))) for size in (2_000, 16_000))
    assert large <= 8 * small * 2.5 + 20_000
    redact(unit * (40_000 // len(unit)), {})


def count_steps(text: str) -> int:
    """The lines of the package that run for a text, counted by the interpreter."""
    import sys

    steps = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal steps
        if "redact" not in frame.f_code.co_filename:
            return None
        steps += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        redact(text, {})
    finally:
        sys.settrace(before)
    return steps
