"""Files that a person names: written new and whole, or not at all; and read."""

from __future__ import annotations

import stat
import sys

import pytest

from aiex.errors import StoreError, UsageError
from aiex.guard.handover import open_named, write_new


def test_a_new_file_is_written_whole_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "talk.jsonl"
    assert write_new(str(path), [b"one\n", b"", b"two\n"]) == 8
    assert path.read_bytes() == b"one\ntwo\n"
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_is_never_replaced(tmp_path):
    path = tmp_path / "talk.jsonl"
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists already"):
        write_new(str(path), [b"theirs"])
    assert path.read_bytes() == b"mine"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_not_followed(tmp_path):
    path = tmp_path / "talk.jsonl"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists already"):
        write_new(str(path), [b"theirs"])
    assert not (tmp_path / "elsewhere").exists()


def test_what_fails_in_the_middle_leaves_no_file(tmp_path):
    def blocks():
        yield b"half"
        raise StoreError("the session is damaged")

    with pytest.raises(StoreError, match="the session is damaged"):
        write_new(str(tmp_path / "talk.jsonl"), blocks())
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(StoreError, match="gone"):
        write_new(str(tmp_path / "gone" / "talk.jsonl"), [b""])


def test_a_file_is_read_and_what_is_none_is_told(tmp_path):
    (tmp_path / "talk.jsonl").write_bytes(b"words")
    with open_named(str(tmp_path / "talk.jsonl")) as source:
        assert source.read() == b"words"
    with pytest.raises(UsageError, match="no such file"):
        open_named(str(tmp_path / "gone\x1b"))
    with pytest.raises(UsageError, match="no such file"):
        open_named(str(tmp_path / "talk.jsonl" / "beneath"))
    with pytest.raises(UsageError, match="it is a directory"):
        open_named(str(tmp_path))
    with pytest.raises(StoreError):
        open_named("a\0b")
