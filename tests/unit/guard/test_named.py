"""A file that a person named is read wherever it lies, whatever it is."""

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.guard.sandbox.faults import IsADirectory, Missing, NotADirectory, NotAFile, TooLarge, Unreadable
from aiex.guard.sandbox.named import CHUNK_BYTES, read_named

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES])
def test_every_byte_is_read_up_to_the_limit(tmp_path: Path, size: int):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert read_named(str(tmp_path / "file"), limit_bytes=size) == content


def test_line_ends_are_kept(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"a\r\nb\rc\n\x1a\0")
    assert read_named(str(tmp_path / "file"), limit_bytes=99) == b"a\r\nb\rc\n\x1a\0"


def test_one_byte_more_is_refused(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"x" * 101)
    with pytest.raises(TooLarge, match="more than 100"):
        read_named(str(tmp_path / "file"), limit_bytes=100)


def test_what_is_no_file_is_told_apart(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"x")
    for path, kind in ((tmp_path, IsADirectory), (tmp_path / "no", Missing), (tmp_path / "file" / "in", NotADirectory)):
        with pytest.raises(kind):
            read_named(str(path), limit_bytes=9)


@POSIX
def test_a_link_is_followed_and_a_loop_is_refused(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    assert read_named(str(tmp_path / "link"), limit_bytes=9) == b"x"
    with pytest.raises(Unreadable):
        read_named(str(tmp_path / "loop"), limit_bytes=9)


@POSIX
def test_a_pipe_is_read_to_its_end(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"word " * 40_000,))
    writer.start()
    assert read_named(str(pipe), limit_bytes=200_000) == b"word " * 40_000
    writer.join()


@POSIX
def test_a_pipe_without_an_end_is_refused_at_the_limit():
    reader, writer = os.pipe()
    os.write(writer, b"x" * 1_000)
    with pytest.raises(TooLarge):
        read_named(f"/dev/fd/{reader}", limit_bytes=999)
    os.close(reader)
    os.close(writer)


@POSIX
def test_devices_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the path of a socket is short
        listener.bind("socket")
        for path in ("/dev/zero", "socket"):
            with pytest.raises(NotAFile):
                read_named(path, limit_bytes=9)


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "file").chmod(0)
    with pytest.raises(Unreadable):
        read_named(str(tmp_path / "file"), limit_bytes=9)


def test_a_name_that_cannot_be_is_an_error():
    with pytest.raises(StoreError):
        read_named("a\0b", limit_bytes=9)
