# ruff: noqa: E501  (tables of cases)
"""Blocks and lists below a secret name, in documents; lists of names of secrets stay."""

import pytest

from aiex.guard.redact import redact_lines

ONE, TWO = "Zk39fQ7xLw2bN8", "q7Rm2Xv9Tz4Kp1Ws"
SECRETS = [
    "tokens:\n  - {0}\n  - '{1}'  # the old one\nlast: 1\n", "api_keys:\n- {0}\n- {1}", 'x: 1\n"tokens": ["{0}", "{1}"]\n',
    '{{\n  "api_keys": [\n    "{0}",\n    "{1}"\n  ]\n}}\n', "a:\n  password: |\n    {0}\n    {1}\n  b: 2\n",
    "client_secret: >-\n  {0}\n\n  {1}\n", "passwords:\n  - hunter2!x\n  - {0}\n  - {1}\n", "- token: |\r\n    {0}\r\n    {1}\r\n",
    "keys:\n  - {0}Aa9bB8cC7dD6\n  - {1}Aa9bB8cC7dD6\n",
]  # fmt: skip
CLEAN = [
    "secrets:\n  - db_password\n  - api_key\n", "tokens:\n  - IDENTIFIER\n  - number\n  - whitespace\n", "keys:\n  - name\n  - created_at\n",
    'secrets: ["GITHUB_TOKEN", "NPM_TOKEN"]\n', "secrets:\n  - source: db\n    target: /run/db\n", "password: |\n  Choose a long one.\n  Keep it.\n",
    "passwords:\n  - correct\n  - horse\n", "token_description: |\n  Zk39fQ7xLw2bN8\n", '"keywords": ["token", "auth"]\n',
    "env:\n  - name: A\n    value: b\n", "tokens:\n  - ${TOKEN_A}\n  - ${TOKEN_B}\n", 'primary_keys: ["id", "tenant_id"]\n',
    "keys:\n  - 3f786850e387550fdab836ed7e6dc881de23001b\n", "secret: |\n", "secret: |", "tokens: [",
]  # fmt: skip


@pytest.mark.parametrize("form", SECRETS)
def test_every_line_below_a_secret_name_is_gone_and_no_line_is_lost(form: str) -> None:
    text = form.format(ONE, TWO)
    cleaned = redact_lines(text, {})
    assert ONE not in cleaned.text
    assert TWO not in cleaned.text
    assert "hunter2" not in cleaned.text
    assert cleaned.text.count("\n") == text.count("\n")
    assert redact_lines(cleaned.text, {}) == (cleaned.text, 0)
    for rest in ("last: 1", "b: 2", "x: 1"):
        assert (rest in cleaned.text) == (rest in text)


@pytest.mark.parametrize("text", CLEAN)
def test_lists_of_names_and_prose_stay(text: str) -> None:
    assert redact_lines(text, {}) == (text, 0)


def test_a_long_list_is_read_once() -> None:
    text = "tokens:\n" + "  - token\n" * 20_000
    assert redact_lines(text, {}) == (text, 0)
