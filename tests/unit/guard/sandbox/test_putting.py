"""Putting files into place beneath a root."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiex.guard.sandbox.putting import MOST_HELD, Putter
from tests.fakes.ordinary import as_ordinary_user, open_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def putter(root: Path) -> Iterator[Putter]:
    putter = Putter(str(root))
    yield putter
    putter.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_has_the_bytes_and_the_mode(root: Path, putter: Putter):
    putter.make_file("sub/file", [b"one", b"", b"two"], 0o4751)
    assert (root / "sub/file").read_bytes() == b"onetwo"
    assert mode_of(root / "sub/file") == 0o4751


def test_names_that_cannot_be_made_to_last_are_an_error(putter: Putter, monkeypatch: pytest.MonkeyPatch):
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    putter.make_link("link", b"there")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        putter.sync()


def test_a_taken_name_is_not_written_over(root: Path, putter: Putter):
    (root / "there").symlink_to("sub/new")
    with pytest.raises(FileExistsError):
        putter.make_file("there", [b"x"], 0o644)
    assert not (root / "sub/new").exists()


@pytest.mark.parametrize("path", ["../x", "sub/../x", "/x", "sub//x", "sub/.", "x/", "a\0b"])
def test_what_is_no_plain_path_is_refused(putter: Putter, path: str):
    with pytest.raises(OSError, match=r"no name|No such file"):
        putter.make_folder(path)


def test_nothing_is_done_through_a_link(root: Path, putter: Putter):
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    (outside / "folder").mkdir()
    (root / "way").symlink_to("../outside")
    works = [
        lambda: putter.make_file("way/new", [b"x"], 0o644),
        lambda: putter.make_link("way/link", b"x"),
        lambda: putter.make_folder("way/sub"),
        lambda: putter.remove("way/file"),
        lambda: putter.rename("way/file", "way/other"),
        lambda: putter.keep_as("way/file", "kept"),
        lambda: putter.set_mode("way/file", 0),
        lambda: putter.set_mode("way", 0o700),
        lambda: putter.make_folder("way"),
    ]
    for work in works:
        with pytest.raises(OSError, match=r"Not a directory|levels of symbolic"):
            work()
    assert putter.look("way/file") is None
    putter.remove_folder("way/folder")
    assert sorted(os.listdir(outside)) == ["file", "folder"]
    assert mode_of(outside) == 0o755 or mode_of(outside) == 0o775
    assert sorted(os.listdir(root)) == ["sub", "way"]


def test_a_link_put_in_the_way_after_the_first_look_is_not_followed(root: Path, putter: Putter):
    assert putter.look("sub/x") is None
    outside = root.parent / "outside"
    outside.mkdir()
    os.rename(root / "sub", root / "moved")
    (root / "sub").symlink_to("../outside")
    putter.forget("sub")
    with pytest.raises(OSError, match=r"Not a directory|levels of symbolic"):
        putter.make_file("sub/x", [b"x"], 0o644)
    assert os.listdir(outside) == []


def test_a_link_is_removed_itself(root: Path, putter: Putter):
    (root / "link").symlink_to("sub")
    assert putter.read_link("link") == b"sub"
    assert putter.remove("link")
    assert not putter.remove("link")
    assert (root / "sub").is_dir()


def test_a_directory_goes_only_when_it_is_empty(root: Path, putter: Putter):
    (root / "sub/x").write_text("")
    assert not putter.remove_folder("sub")
    putter.remove("sub/x")
    assert putter.remove_folder("sub")
    assert putter.remove_folder("sub")


def test_what_is_kept_aside_can_be_brought_back(root: Path, putter: Putter):
    (root / "file").write_text("old")
    putter.keep_as("file", "sub/aside")
    putter.make_file("new", [b"new"], 0o600)
    putter.rename("new", "file")
    assert (root / "file").read_text() == "new"
    putter.rename("sub/aside", "file")
    assert (root / "file").read_text() == "old"
    putter.sync()


def test_without_hard_links_the_file_is_moved_aside(root: Path, putter: Putter, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (root / "file").write_text("old")
    putter.keep_as("file", "aside")
    assert os.listdir(root) == ["sub", "aside"] or sorted(os.listdir(root)) == ["aside", "sub"]


def test_deep_directories_are_reached_with_few_descriptors(root: Path, putter: Putter):
    path = ""
    for _ in range(500):
        path = f"{path}/directory".lstrip("/")
        putter.make_folder(path)
    for number in range(3 * MOST_HELD):
        putter.make_folder(f"folder{number}")
        putter.make_file(f"folder{number}/x", [b"x"], 0o644, sync=False)
    putter.make_file(path + "/bottom", [b"x"], 0o644)
    putter.sync()
    assert len(putter._held) <= MOST_HELD
    assert putter.look(path + "/bottom") is not None
    putter.remove(path + "/bottom")
    while path:
        assert putter.remove_folder(path)
        path = path.rpartition("/")[0]


def test_its_owner_changes_the_mode_of_what_may_not_be_read():
    with open_folder() as place:

        def change() -> None:
            (place / "file").write_text("x")
            (place / "file").chmod(0)
            (place / "folder").mkdir(mode=0)
            putter = Putter(str(place))
            putter.set_mode("file", 0o640)
            putter.set_mode("folder", 0o750)
            putter.close()
            assert mode_of(place / "file") == 0o640
            assert mode_of(place / "folder") == 0o750

        as_ordinary_user(change)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_new_file_belongs_to_whom_the_old_one_did(root: Path, putter: Putter):
    (root / "old").write_text("x")
    os.chown(root / "old", 1234, 4321)
    putter.make_file("new", [b"y"], 0o6755, like="old")
    found = (root / "new").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o6755)
