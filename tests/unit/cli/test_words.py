"""Small parts of the door: suggestions, columns, spelling for other encodings."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.cli.columns import columns
from aiex.cli.streams import prepare_streams
from aiex.cli.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("explan", ["explain"]), ("ls", ["list"]), ("remove", ["rm"]), ("conf", ["config"]), ("zzz", []), ("", [])],
)
def test_the_nearest_words_are_found(word: str, wanted: list[str]) -> None:
    assert nearest(word, ["explain", "list", "rm", "config"]) == wanted


def test_a_hint_names_what_was_meant() -> None:
    assert did_you_mean("explan", ["explain"]) == "did you mean 'explain'?"
    assert did_you_mean("zzz", ["explain"]) == ""


def test_columns_align_and_leave_no_spaces_behind() -> None:
    assert columns([("a", "bb"), ("ccc", "")], head=("X", "Y")) == "X    Y\na    bb\nccc"
    assert columns([], head=("X",)) == ""


@given(st.lists(st.tuples(st.text("ab ", max_size=5), st.text("ab", max_size=5)), min_size=1))
def test_every_cell_of_a_column_begins_at_the_same_place(rows: list[tuple[str, str]]) -> None:
    width = max(len(first) for first, _second in rows)
    for line, (first, second) in zip(columns(rows).split("\n"), rows, strict=True):
        assert line.rstrip() == f"{first:<{width}}  {second}".rstrip()


@pytest.mark.parametrize(
    ("encoding", "wanted"),
    [("utf-8", b"\xe2\x80\xa6 \xe2\x86\x92 \\udcff"), ("ascii", b"... -> \\udcff"), ("latin-1", b"... -> \\udcff")],
)
def test_what_an_encoding_lacks_is_spelled(encoding: str, wanted: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    prepare_streams()
    sys.stdout.write("… → \udcff")
    sys.stdout.flush()
    assert raw.getvalue() == wanted
