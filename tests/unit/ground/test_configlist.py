"""Lists of texts in TOML files: adding and removing an entry leaves every other byte as it was."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.configlist import entry_lines, with_entry, without_entry
from aiex.errors import ConfigError

PATH = ("policy", "rules")

MANY_LINES = b"""# mine
model = "offline"   # for now

[policy]
rules = [
  "allow one",  # why one
  'deny "two"',
  # three comes later
]
mode = "ask"
"""


def add(data: bytes, entry: str) -> bytes:
    return with_entry(data, "config.toml", PATH, entry)


def remove(data: bytes, entry: str) -> bytes:
    return without_entry(data, "config.toml", PATH, entry)


def test_an_entry_goes_behind_the_others_on_a_line_of_its_own():
    assert add(MANY_LINES, "ask three").decode() == MANY_LINES.decode().replace(
        "'deny \"two\"',\n", '\'deny "two"\',\n  "ask three",\n'
    )


def test_a_missing_comma_is_added():
    data = b'[policy]\nrules = [\n\t"a"  # last, as yet\n]\n'
    assert add(data, "b") == b'[policy]\nrules = [\n\t"a",  # last, as yet\n\t"b",\n]\n'


def test_a_list_on_one_line_stays_on_one_line():
    assert add(b'policy.rules = ["a"] # x\n', "b") == b'policy.rules = ["a", "b"] # x\n'


@pytest.mark.parametrize("data", [b"", b'model = "offline"\n', b'[policy]\nmode = "ask"\n', b"\xef\xbb\xbfmodel = 'x'"])
def test_a_missing_list_is_made(data):
    made = add(data, "a")
    assert made.startswith(data.rstrip(b"\n"))
    assert [value for value, _ in entry_lines(made, "config.toml", PATH)] == ["a"]


def test_line_ends_of_windows_stay():
    data = b'[policy]\r\nrules = [\r\n  "a",\r\n]\r\n'
    assert add(data, "b") == b'[policy]\r\nrules = [\r\n  "a",\r\n  "b",\r\n]\r\n'


def test_removing_takes_the_whole_line_but_not_its_neighbours():
    assert remove(MANY_LINES, 'deny "two"').decode() == MANY_LINES.decode().replace("  'deny \"two\"',\n", "")


def test_a_comment_beside_what_goes_stays():
    assert b"# why one" in remove(MANY_LINES, "allow one")


@pytest.mark.parametrize(("gone", "left"), [("a", b'["b", "c"]'), ("b", b'["a", "c"]'), ("c", b'["a", "b"]')])
def test_removing_from_one_line(gone, left):
    assert remove(b'[policy]\nrules = ["a", "b", "c"]\n', gone) == b"[policy]\nrules = " + left + b"\n"


def test_lines_of_entries_are_those_in_the_file():
    assert entry_lines(MANY_LINES, "config.toml", PATH) == [("allow one", 6), ('deny "two"', 7)]


@pytest.mark.parametrize("data", [b"[policy]\nrules = 1\n", b"[policy]\nrules = [1]\n", b"policy = 3\n", b"\xff", b"["])
def test_what_is_no_list_of_texts_is_refused(data):
    with pytest.raises(ConfigError):
        add(data, "a")


def test_an_inline_table_is_refused_instead_of_damaged():
    with pytest.raises(ConfigError, match="inline table"):
        add(b"policy = { mode = 'ask' }\n", "a")


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
spaces = st.sampled_from(["", " ", "\n", "\n  ", " # c\n", "\t"])


@given(st.lists(st.tuples(spaces, texts, spaces), max_size=4), texts, st.booleans())
def test_any_list_keeps_the_rest_of_its_file(entries, new, trailing):
    from aiex.configfile import render

    inside = ",".join(f"{before}{render(text)}{after}" for before, text, after in entries)
    comma = "," if trailing and entries else ""
    data = f'# top\na = 1\n[policy]\nrules = [{inside}{comma}\n]\nmode = "x" # end\n'.encode()
    old = [text for _, text, _ in entries]
    added = add(data, new)
    assert tomllib.loads(added.decode()) == {"a": 1, "policy": {"rules": [*old, new], "mode": "x"}}
    removed = remove(added, new)
    assert tomllib.loads(removed.decode())["policy"]["rules"] == [text for text in old if text != new]
    assert added.startswith(b"# top\na = 1\n")
    assert removed.endswith(b'mode = "x" # end\n')
