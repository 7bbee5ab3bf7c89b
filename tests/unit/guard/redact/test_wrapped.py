"""Secrets in rarer wrappings: keys in base64, XML data, strings in strings, options of programs; and piece by piece."""

from __future__ import annotations

from base64 import b64encode

import pytest

from aiex.guard.redact import REMOVED, redact
from tests.fakes.tables import each
from tests.unit.guard.redact.drawn import by_piece, draw, split_template, what_is_wrong

FIELDS = [
    ("<pwd><![CDATA[{}]]></pwd>", "a16"), ('token = """\n{}\n"""\n', "a30"), ("token = '''\n  {}'''\n", "a30"),
    (r'{{\u0022password\u0022:\u0022{}\u0022,\u0022n\u0022:1}}', "a16"),
    ("SSHPASS={} sshpass -e ssh h", "a16"), ("smtppass: {}\n", "a12"), ("redis-cli -h h -a {} ping", "a16"),
    ("mongosh -u admin -p {} --host h", "a16"), ("http -a me:{} GET h", "a16"), ("smbclient //h/s -U me%{}", "a16"),
    ("openssl enc -aes-256-cbc -k {} -in x", "a16"), ("zip -P {} x.zip y", "a16"), ("7z x -p{} x.7z", "a16"),
    ("ldapsearch -x -D cn=me -w {} -b dc=x", "a16"),
]  # fmt: skip
KEPT = [
    'Authorization: Digest username="Mufasa", realm="x"',
    "PWD={password};",
    "https://x-access-name:8080/path",
    "<password><![CDATA[]]></password>",
    'password = """\n    Ask the person for it.\n    """',
    "grep -w exactlythis file | ldapsearch",
    "tar -k keepthisold.tar",
    "Private-Lines: 0\n",
]


@pytest.mark.parametrize(("template", "kind"), FIELDS)
def test_a_secret_goes_and_what_is_around_it_stays(template: str, kind: str) -> None:
    before, after = split_template(template)
    secret = draw(kind[0], int(kind[1:]), template)
    assert what_is_wrong(before + secret + after, secret, before, after if len(after.strip()) > 3 else "") == []


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text, {}) == text


def test_a_value_in_braces_is_a_secret_where_it_is_drawn() -> None:
    assert redact(f"Driver={{ODBC}};PWD={{{draw('a', 16, 0)}}};", {}) == f"Driver={{ODBC}};PWD={REMOVED};"


def pem(words: str) -> str:
    lines = [draw("b", 64, f"{words}{number}") for number in range(6)] + [draw("b", 20, words) + "=="]
    return "\n".join([f"-----BEGIN {words}-----", *lines, f"-----END {words}-----", ""])


@each("words", ["RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", ""])
@each("width", [64, 76, 10_000])
@each("indent", ["", "    "])
def test_a_private_key_in_base64_is_removed_in_one_line_or_in_many(words: str, width: int, indent: str) -> None:
    whole = b64encode(pem(f"{words}PRIVATE KEY").encode()).decode()
    wrapped = f"\n{indent}".join(whole[at : at + width] for at in range(0, len(whole), width))
    text = f"data:\n{indent}{wrapped}\nnext: 1\n"
    assert redact(text, {}) == by_piece(text, 1) == f"data:\n{indent}{REMOVED}\nnext: 1\n"


def test_a_certificate_in_base64_stays() -> None:
    text = f"client-certificate-data: {b64encode(pem('CERTIFICATE').encode()).decode()}\n"
    assert redact(text, {}) == text


@pytest.mark.parametrize("form", ["{}", '"{}\\n" +', "+{}", "{n:4}  {}", "id_rsa:{n}:{}", "2026-01-01 INFO x: {}"])
def test_a_private_key_is_removed_by_piece_as_from_the_whole(form: str) -> None:
    lines = pem("RSA PRIVATE KEY").split("\n")
    text = "\n".join(["begin", *(form.format(line, n=number) for number, line in enumerate(lines)), "end", "of", "it"])
    for size in (1, 3, 70):
        assert by_piece(text, size) == redact(text, {}), size
    assert not any(line in redact(text, {}) for line in lines[1:8])


def test_a_key_of_putty_is_removed_by_piece() -> None:
    body = "\n".join(draw("b", 64, number) for number in range(4))
    text = f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 4\n{body}\nPrivate-MAC: 00\n"
    assert by_piece(text, 1) == redact(text, {}) == text.replace(body, REMOVED)
