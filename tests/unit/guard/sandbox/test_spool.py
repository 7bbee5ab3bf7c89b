"""Output that is kept: in memory first, then in a file, then counted."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.guard.sandbox.spool import Spool


@given(
    st.lists(st.binary(max_size=40), max_size=12),
    st.integers(0, 60),
    st.integers(0, 120),
    st.integers(0, 200),
    st.integers(0, 200),
)
def test_any_window_is_that_of_the_whole(pieces: list[bytes], memory: int, limit: int, offset: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(folder, memory_bytes=memory, limit_bytes=limit)
        for piece in pieces:
            spool.write(piece)
        whole = b"".join(pieces)
        assert spool.read(offset, size) == whole[:limit][offset : offset + size]
        assert spool.read() == whole[:limit]
        assert (spool.size_bytes, spool.lost_bytes) == (len(whole[:limit]), len(whole[limit:]))
        spool.close()


def test_the_file_has_no_name(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), memory_bytes=1)
    spool.write(b"more than one byte")
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_a_disk_without_room_is_counted_as_lost(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    spool = Spool(str(tmp_path / "missing"), memory_bytes=4)
    spool.write(b"123456")
    spool.write(b"789")
    assert (spool.read(), spool.size_bytes, spool.lost_bytes) == (b"1234", 4, 5)
