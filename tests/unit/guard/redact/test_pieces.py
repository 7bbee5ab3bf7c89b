"""Source files keep their lines, and many short texts are looked at each for itself."""

from base64 import encodebytes
from typing import NamedTuple

import pytest

from aiex.guard.redact import REMOVED, Redactor, redact, redact_lines, redact_source, redact_texts, redact_within

BODY = "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC7\n"
BLOCK = f"-----BEGIN PRIVATE KEY-----\n{BODY * 9}-----END PRIVATE KEY-----\n"


class Place(NamedTuple):
    path: str
    line: int


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "one\ntwo\n", "password: hunter2x\n"])
def test_a_block_keeps_its_number_of_lines(before: str, ends: str) -> None:
    text = f"{before}{BLOCK}last = 1\n".replace("\n", ends)
    cleaned = redact_lines(text, {})
    assert BODY[:20] not in cleaned.text
    assert cleaned.removed == 1 + ("hunter" in before)
    assert cleaned.text.count("\n") == text.count("\n")
    assert cleaned.text.split("\n").index("last = 1" + ends[:-1]) == text.split("\n").index("last = 1" + ends[:-1])
    assert redact_lines(cleaned.text, {}) == (cleaned.text, 0)


@pytest.mark.parametrize(
    "source", [b"", b"x = 1\n", b"caf\xe9 = 1\n", b"\0password=hunter2x", "a\r\nb".encode("utf-16")]
)
def test_a_clean_file_comes_back_itself(source: bytes) -> None:
    assert redact_source(source) is source


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    assert (
        redact_source(b"\xff\xfe caf\xe9\npassword: hunter2x\n\x80") == b"\xff\xfe caf\xe9\npassword: [removed]\n\x80"
    )


def test_a_secret_is_gone_from_every_place_of_a_document() -> None:
    secret = "Zk39fQ7xLw2bN8Tr"
    cleaned = redact_lines(f'client("{secret}")\nAPI_KEY = "{secret}"\n# {secret}\nname = "secret"\n', {})
    assert cleaned == (f'client("{REMOVED}")\nAPI_KEY = "{REMOVED}"\n# {REMOVED}\nname = "secret"\n', 3)


def test_texts_are_looked_at_each_for_itself() -> None:
    clean = ["password", "Hunter2x9", "token:", "a1B2c3D4e5F6g7H8"]
    assert redact_texts(clean) is clean
    assert redact_texts(["password: hunter2x", "", "b\nc"]) == [f"password: {REMOVED}", "", "b\nc"]


def test_a_text_that_was_clean_is_looked_at_again_once_more_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["the word is Tr0ub4dor-and-3", "nothing here"]
    assert redact_texts(texts) is texts
    monkeypatch.setenv("SHOP_PASSWORD", "Tr0ub4dor-and-3")
    assert redact_texts(texts) == [f"the word is {REMOVED}", "nothing here"]
    monkeypatch.delenv("SHOP_PASSWORD")
    assert redact_texts(texts) is texts


def test_a_tree_keeps_its_form() -> None:
    value = {"path": [Place("token=hunter2x", 3), ("x", None, 1.5)], "n": True}
    assert redact_within(value) == {"path": [Place(f"token={REMOVED}", 3), ("x", None, 1.5)], "n": True}
    assert redact_within(clean := {"path": [Place("a", 1)]}) is clean


@pytest.mark.parametrize(
    "key",
    ["1//0" + "gQ4zT7" * 6, "SG." + "aB3dE5fG7h" * 2 + "xY." + "kL9mN1pQ3r" * 4, "ghp_" + "aB3dE5fG7h" * 3 + "iJ2kL4"],
)
def test_a_key_behind_a_slash_of_base64_is_found(key: str) -> None:
    assert redact(f"a+b/cD3eF5gH7iJ9kL1mN3/{key}\n", {}) == f"a+b/cD3eF5gH7iJ9kL1mN3/{REMOVED}\n"


def test_lines_that_could_each_be_a_key_come_out_the_same_in_any_pieces() -> None:
    lines = encodebytes(bytes(150_000) + b"\x9c\x0f\xb3" * 10_000).decode() + "password: |\n  hunter2x\nlast = 1\n"
    redactor = Redactor({})
    pieces = [redactor.feed(lines[at : at + 3000]) for at in range(0, len(lines), 3000)]
    assert "".join(pieces) + redactor.finish() == redact(lines, {})
    assert "hunter2x" not in "".join(pieces)


def test_zeros_in_base64_are_no_keys() -> None:
    lines = encodebytes(bytes(1000)).decode()
    assert redact(lines, {}) == lines
