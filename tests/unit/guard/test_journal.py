"""Lines that several processes add to one file of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.guard.journal import add_line, read_lines


def test_no_file_has_no_lines(tmp_path: Path):
    assert read_lines(str(tmp_path / "none")) == []


def test_lines_come_back_in_order(tmp_path: Path):
    path = str(tmp_path / "below" / "log")
    for line in (b"one", b"two", b"three"):
        add_line(path, line)

    assert read_lines(path) == [b"one", b"two", b"three"]


def test_the_older_half_goes_where_it_is_too_long(tmp_path: Path):
    path = str(tmp_path / "log")
    for number in range(300):
        add_line(path, b"%04d" % number, limit_bytes=500)

    lines = read_lines(path)
    assert os.path.getsize(path) < 500
    assert lines[-1] == b"0299"
    assert lines == [b"%04d" % number for number in range(300 - len(lines), 300)]


def test_a_half_written_line_stays_by_itself(tmp_path: Path):
    path = tmp_path / "log"
    add_line(str(path), b"one")
    with path.open("ab") as file:
        file.write(b"tw")
    add_line(str(path), b"three")

    assert read_lines(str(path)) == [b"one", b"tw", b"three"]


def test_a_file_that_others_may_read_is_not_ours(tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(b"")
    path.chmod(0o644)

    with pytest.raises(StoreError, match="others may read"):
        add_line(str(path), b"one")


def test_processes_lose_nothing_of_each_other(tmp_path: Path):
    path = str(tmp_path / "log")
    code = (
        "import sys; from aiex.guard.journal import add_line\n"
        "for number in range(40): add_line(sys.argv[1], f'{sys.argv[2]}{number}'.encode())"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, path, name]) for name in "abc"]

    assert [one.wait() for one in running] == [0, 0, 0]
    assert sorted(read_lines(path)) == sorted(f"{name}{number}".encode() for name in "abc" for number in range(40))
