"""Bytes put out of memory: they come back as they were, have no name on the disk and cannot be read there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import StoreError
from aiex.guard.spill import Spill


def spill_in(folder: Path) -> Spill:
    return Spill(lambda: str(folder))


@given(st.lists(st.binary(max_size=2_000), max_size=8))
def test_everything_comes_back_in_any_order(pieces: list[bytes]) -> None:
    spill = Spill()
    places = [spill.put(piece) for piece in pieces]
    for place, piece in reversed(list(zip(places, pieces, strict=True))):
        assert place is not None
        assert spill.take(place) == piece


def test_nothing_of_it_has_a_name(tmp_path: Path) -> None:
    spill = spill_in(tmp_path)
    assert spill.put(b"talk") is not None
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads the open files of a process as Linux lists them")
def test_nothing_of_it_can_be_read_in_the_file(tmp_path: Path) -> None:
    spill = spill_in(tmp_path)
    spill.put(b"a secret that was said" * 10)
    files = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    ours = [name for name in files if os.path.realpath(name).startswith(str(tmp_path))]
    assert len(ours) == 1
    assert b"secret" not in Path(ours[0]).read_bytes()
    spill.close()
    assert not any(os.path.realpath(name).startswith(str(tmp_path)) for name in files)


def test_where_no_file_can_be_made_the_bytes_stay_with_the_caller(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    spill = spill_in(tmp_path / "taken")
    assert spill.put(b"talk") is None
    (tmp_path / "taken").unlink()
    assert spill.put(b"talk") is None  # it is not tried again with each page


def test_a_place_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    spill = spill_in(tmp_path)
    place = spill.put(b"talk")
    assert place is not None
    with pytest.raises(StoreError, match=r"cannot read back .*: it is damaged"):
        spill.take(place._replace(start=place.start + 1))
