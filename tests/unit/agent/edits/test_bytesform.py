"""Whatever a file of text is made of comes back byte for byte; what is not text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.edits.bytesform import decode, encode
from aiex.errors import EditError

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1", "koi8-r", "shift_jis"]
LETTERS = st.text(st.sampled_from("ab\n\r\t\f\v \u2028\x85é日😀ю"), max_size=20)


@given(st.binary(max_size=40).filter(lambda data: b"\0" not in data))
def test_any_bytes_without_nul_come_back(data):
    assert encode(*decode(data, "a"), "a", before=decode(data, "a")[0]) == data


@given(LETTERS, st.sampled_from(ENCODINGS))
def test_text_in_any_encoding_comes_back(text, encoding):
    data = text.encode(encoding, "ignore")
    made, form = decode(data, "a")
    assert encode(made, form, "a", before=made) == data


@pytest.mark.parametrize("data", [b"a\0b", b"\0", b"\xff\xfe\0", b"\x89PNG\r\n\x1a\n\0\0"])
def test_what_holds_a_nul_is_not_text(data):
    with pytest.raises(EditError, match="not text"):
        decode(data, "a.bin")


def test_a_declared_encoding_is_used():
    text, form = decode("# coding: koi8-r\nю\n".encode("koi8-r"), "a.py")
    assert text.endswith("ю\n")
    assert encode(text + "я\n", form, "a.py").endswith("я\n".encode("koi8-r"))


def test_a_character_that_the_encoding_lacks_is_refused():
    _, form = decode("# coding: latin-1\né\n".encode("latin-1"), "a.py")
    with pytest.raises(EditError, match="no such character"):
        encode("日", form, "a.py")


def test_an_encoding_that_is_guessed_takes_no_new_characters():
    text, form = decode("caf\xe9\n".encode("latin-1"), "a")
    assert encode(text + "é", form, "a", before=text) == b"caf\xe9\n\xe9"
    with pytest.raises(EditError, match="encoding is not known"):
        encode(text + "ü", form, "a", before=text)


def test_stray_bytes_in_utf8_stay():
    text, form = decode("é\n".encode() + b"\xff\n", "a")
    assert text.startswith("é")
    assert encode(text, form, "a", before=text) == "é\n".encode() + b"\xff\n"


def test_a_lone_surrogate_cannot_be_written():
    text, form = decode(b"a", "a")
    with pytest.raises(EditError):
        encode(text + "\ud83d", form, "a")
