"""The error tree: every branch has a message, a hint and the exit code that the documentation promises."""

from __future__ import annotations

import pytest

from aiex import errors

EXIT_CODES = {
    "AiexError": 70,
    "UsageError": 2,
    "ConfigError": 78,
    "NotSignedIn": 77,
    "Denied": 4,
    "BudgetEnded": 5,
    "Conflict": 6,
    "ProviderError": 69,
    "Transient": 75,
    "Unavailable": 69,
    "Rejected": 1,
    "ContextOverflow": 1,
    "ToolError": 1,
    "EditError": 1,
    "StoreError": 74,
}
TREE = {name: value for name, value in vars(errors).items() if isinstance(value, type)}


def test_every_class_of_the_tree_has_its_promised_exit_code() -> None:
    assert {name: kind.exit_code for name, kind in TREE.items()} == EXIT_CODES


@pytest.mark.parametrize("name", TREE)
def test_an_error_keeps_message_and_hint_apart(name: str) -> None:
    error = TREE[name]("cannot read a.txt: no such file", hint="name a file that exists")
    assert isinstance(error, errors.AiexError)
    assert (str(error), error.message, error.hint) == (
        "cannot read a.txt: no such file",
        "cannot read a.txt: no such file",
        "name a file that exists",
    )


def test_transient_and_overflow_carry_what_the_vendor_said() -> None:
    assert errors.Transient("busy", retry_after_s=2.5).retry_after_s == 2.5
    overflow = errors.ContextOverflow("too long", needed_tokens=9, limit_tokens=8)
    assert (overflow.needed_tokens, overflow.limit_tokens) == (9, 8)
