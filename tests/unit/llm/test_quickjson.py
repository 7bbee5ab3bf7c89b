"""The quick way to parse is no other than the library's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.llm.quickjson import parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.sampled_from(["", " ", "\n"]))
def test_what_is_json_is_read(value: object, blank: str) -> None:
    text = json.dumps(value)
    assert parse(blank + text + blank) == json.loads(text)


@given(st.text(alphabet='{}[]":, \\untrue01.-e\x00\ud800', max_size=12))
def test_what_is_not_is_refused_as_the_library_does(text: str) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            parse(text)
    else:
        assert repr(parse(text)) == repr(wanted)


def test_too_many_brackets_are_an_error_to_catch() -> None:
    with pytest.raises(RecursionError):
        parse("[" * 100_000)
