"""Walking all that lies beneath a root."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import threading
from pathlib import Path

import pytest

from aiex.guard.sandbox import tree as trees
from aiex.guard.sandbox.paths import DEFAULT_RULES
from aiex.guard.sandbox.tree import STAMP, Decided, Ignoring, Tree, is_temporary
from tests.fakes.ordinary import as_ordinary_user, open_folder

posix = pytest.mark.skipif(os.name == "nt", reason="names and kinds of files as POSIX has them")


def open_tree(root: Path, **options: object) -> Tree:
    return Tree(str(root), names=DEFAULT_RULES, **options)  # type: ignore[arg-type]


def names_in(tree: Tree) -> list[str]:
    """Paths of all that is taken in."""
    return [os.path.join(listing.folder, name) for listing in tree.walk() for name in listing.names]


def left_out_of(tree: Tree) -> dict[str, str]:
    return {os.path.join(listing.folder, name): why for listing in tree.walk() for name, why in listing.left_out}


def make(root: Path, *paths: str) -> None:
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(path)


def test_everything_is_found_directories_before_what_they_hold(tmp_path: Path):
    make(tmp_path, "b/c/d", "a", "b/a", "empty/", "z/z")
    (tmp_path / "link").symlink_to("b")
    assert names_in(open_tree(tmp_path)) == ["a", "b", "empty", "link", "z", "b/a", "b/c", "b/c/d", "z/z"]


@posix
def test_any_name_is_a_name(tmp_path: Path):
    names = [b"\xff\xfe", b"new\nline", b"back\\slash", b"-rf", b" ", b"\xc3\xa4", b"\xf0\x9f\x90\x8d", b"x" * 255]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(name)
    (listing,) = open_tree(tmp_path).walk()
    assert {os.fsencode(name) for name in listing.names} == set(names)


@posix
def test_contents_are_read_by_the_name_found(tmp_path: Path):
    with open(os.path.join(os.fsencode(tmp_path), b"\xff\n"), "wb") as file:
        file.write(b"bytes\0")
    os.symlink(b"\xfe", os.path.join(os.fsencode(tmp_path), b"link"))
    for listing in open_tree(tmp_path).walk():
        first, second = listing.names
        assert listing.read(second).data == b"bytes\0"
        assert listing.read_link(first) == b"\xfe"


def test_protected_and_secret_names_are_left_out_whatever_rules_say(tmp_path: Path):
    make(tmp_path, ".git/config", "sub/.git", ".env", "sub/id_rsa", ".ssh/known", ".GIT/x", "kept")
    assert names_in(open_tree(tmp_path, ignoring=Ignoring(lambda *_: set()))) == [".ssh", "kept", "sub"]
    assert left_out_of(open_tree(tmp_path)) == {
        ".git": "protected", ".GIT": "protected", "sub/.git": "protected", ".env": "secret", "sub/id_rsa": "secret",
        ".ssh/known": "secret",
    }  # fmt: skip


def test_a_directory_that_git_takes_for_its_own_is_shut(tmp_path: Path):
    make(tmp_path, "bare/HEAD", "bare/objects/", "bare/refs/", "bare/config")
    assert [(listing.folder, listing.shut) for listing in open_tree(tmp_path).walk()] == [
        ("", ""),
        ("bare", "protected"),
    ]


@posix
def test_pipes_sockets_and_devices_are_named_and_left_out(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert left_out_of(open_tree(tmp_path)) == {"pipe": "special", "socket": "special"}


def test_large_files_are_named_and_left_out_unless_they_are_covered(tmp_path: Path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(200 << 20)
    make(tmp_path, "small")
    tree = open_tree(tmp_path, most_bytes=100 << 20)
    assert left_out_of(tree) == {"sparse": "large"}
    (listing,) = tree.walk(covered={"": frozenset(["sparse"])})
    assert listing.names == ["small", "sparse"]


def test_unfinished_files_of_writes_are_left_out(tmp_path: Path):
    make(tmp_path, ".aiex-0123456789abcdef.tmp", ".aiex-notes.tmp")
    assert names_in(open_tree(tmp_path)) == [".aiex-notes.tmp"]
    assert is_temporary(".aiex-0123456789abcdef.tmp")


class Rules:
    """Leaves `*.o` and `build/` out, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def is_left_out(self, folder: str, names: list[str]) -> set[str]:
        self.asked += [(folder, name) for name in names]
        return {name for name in names if name.endswith(".o") or name == "build/"}


def walk_again(tree: Tree, known: dict[str, Decided]) -> list[str]:
    found = []
    for listing in tree.walk(known.get):
        known[listing.folder] = listing.decided
        found += [os.path.join(listing.folder, name) for name in listing.names]
    return found


def test_rules_are_asked_once_about_a_name(tmp_path: Path):
    make(tmp_path, "a.c", "a.o", "build/x", "sub/b.o", "sub/b.c")
    rules, known = Rules(), dict[str, Decided]()
    tree = open_tree(tmp_path, ignoring=Ignoring(rules.is_left_out))
    assert walk_again(tree, known) == ["a.c", "sub", "sub/b.c"]
    assert sorted(rules.asked) == [
        ("", "a.c"),
        ("", "a.o"),
        ("", "build/"),
        ("", "sub/"),
        ("sub", "b.c"),
        ("sub", "b.o"),
    ]
    rules.asked.clear()
    assert walk_again(tree, known) == ["a.c", "sub", "sub/b.c"]
    make(tmp_path, "sub/c.o")
    walk_again(tree, known)
    assert rules.asked == [("sub", "c.o")]


def test_rules_are_asked_again_below_a_rule_file_that_changed(tmp_path: Path):
    make(tmp_path, "one/x", "two/rules", "two/deep/y")
    rules, known = Rules(), dict[str, Decided]()
    later = [10**19]
    ignoring = Ignoring(rules.is_left_out, b"", frozenset(["rules"]))
    tree = open_tree(tmp_path, ignoring=ignoring, clock=lambda: later[0])
    walk_again(tree, known)
    rules.asked.clear()
    walk_again(tree, known)
    assert rules.asked == []
    (tmp_path / "two" / "rules").write_text("others and longer")
    walk_again(tree, known)
    assert {folder for folder, _ in rules.asked} == {"two", "two/deep"}


def test_a_rule_file_that_may_change_without_showing_is_not_relied_on(tmp_path: Path):
    make(tmp_path, "rules", "x")
    rules, known = Rules(), dict[str, Decided]()
    tree = open_tree(tmp_path, ignoring=Ignoring(rules.is_left_out, b"", frozenset(["rules"])))
    walk_again(tree, known)
    rules.asked.clear()
    walk_again(tree, known)
    assert rules.asked == [("", "rules"), ("", "x")]


def test_other_rules_are_asked_about_everything(tmp_path: Path):
    make(tmp_path, "x", "y/z")
    rules, known = Rules(), dict[str, Decided]()
    walk_again(open_tree(tmp_path, ignoring=Ignoring(rules.is_left_out, b"one")), known)
    rules.asked.clear()
    walk_again(open_tree(tmp_path, ignoring=Ignoring(rules.is_left_out, b"two")), known)
    assert len(rules.asked) == 3


def test_what_is_covered_stays_in_although_it_is_ignored(tmp_path: Path):
    make(tmp_path, "build/x", "build/y.o", "a.o", "b.o")
    tree = open_tree(tmp_path, ignoring=Ignoring(Rules().is_left_out))
    found = {listing.folder: listing.names for listing in tree.walk(covered={"": frozenset(["build", "a.o"])})}
    assert found == {"": ["a.o", "build"], "build": ["x"]}


@posix
def test_depth_costs_no_descriptors(tmp_path: Path):
    here = os.open(tmp_path, os.O_RDONLY)
    for number in range(600):  # deeper than a path can be long
        os.mkdir("directory", dir_fd=here)
        below = os.open("directory", os.O_RDONLY, dir_fd=here)
        if number % 50 == 0:
            os.mkdir("second", dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + trees.MOST_HELD + 10, hard))
    try:
        assert len(names_in(open_tree(tmp_path))) == 612
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_directories_that_are_gone_when_their_turn_comes_cost_no_descriptors(tmp_path: Path):
    deep = [tmp_path.joinpath(*["a"] * depth) for depth in range(trees.MOST_HELD + 20)]
    for folder in deep:
        make(folder, "b/file")
    before = len(os.listdir("/dev/fd"))
    shut = []
    for listing in open_tree(tmp_path).walk():
        shut += [listing.folder] if listing.shut else []
        if listing.folder == "/".join(["a"] * (len(deep) - 1)):
            for folder in deep[:10]:
                shutil.rmtree(folder / "b")
    assert len(shut) == 10
    assert len(os.listdir("/dev/fd")) == before


def test_many_files_in_one_directory(tmp_path: Path):
    for number in range(20_000):
        os.close(os.open(tmp_path / f"{number}", os.O_CREAT | os.O_WRONLY))
    (listing,) = open_tree(tmp_path).walk()
    assert len(listing.names) == 20_000
    assert len(listing.stamps) == 20_000 * STAMP.size


@posix
def test_what_may_not_be_listed_is_shut():
    with open_folder() as root:

        def look() -> None:
            make(root, "shut/x", "blind/y", "open/z")
            (root / "shut").chmod(0)
            (root / "blind").chmod(0o444)
            shut = {listing.folder: listing.shut for listing in open_tree(root).walk()}
            (root / "shut").chmod(0o700)
            (root / "blind").chmod(0o700)
            assert shut == {"": "", "shut": "unreadable", "blind": "unreadable", "open": ""}

        as_ordinary_user(look)


@posix
def test_a_link_put_in_the_place_of_a_directory_is_not_followed(tmp_path: Path):
    make(tmp_path, "outside/secret", "root/a/x", "root/b/y")
    walk = open_tree(tmp_path / "root").walk()
    next(walk)
    os.rename(tmp_path / "root/b", tmp_path / "root/c")
    (tmp_path / "root/b").symlink_to("../outside")
    assert [(listing.folder, listing.names, listing.shut) for listing in walk] == [
        ("a", ["x"], ""),
        ("b", [], "unreadable"),
    ]


@posix
def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path: Path):
    make(tmp_path, "x")
    walk = open_tree(tmp_path).walk()
    listing = next(walk)
    (tmp_path / "x").unlink()
    os.mkfifo(tmp_path / "x")
    with pytest.raises(OSError, match="not a file"):
        listing.read("x")
    (tmp_path / "x").unlink()
    with pytest.raises(FileNotFoundError):
        listing.read("x")
    walk.close()


def test_a_file_that_grows_while_it_is_read_is_whole_as_it_was_at_some_time(tmp_path: Path):
    (tmp_path / "log").write_bytes(b"")
    ended = threading.Event()

    def grow() -> None:
        with (tmp_path / "log").open("ab", buffering=0) as log:
            for number in range(10**7, 10**7 + 20_000):
                log.write(b"%d\n" % number)
                if ended.is_set():
                    break

    writer = threading.Thread(target=grow)
    writer.start()
    walk = open_tree(tmp_path).walk()
    listing = next(walk)
    for _ in range(50):
        content = listing.read("log")
        assert b"%d\n" % 10**7 in content.data[:9] or not content.data
        assert content.data == b"".join(b"%d\n" % number for number in range(10**7, 10**7 + len(content.data) // 9))
        if content.is_steady:
            assert content.stamp.size_bytes == len(content.data)
    ended.set()
    writer.join()
    walk.close()


def test_times_before_1970_are_times(tmp_path: Path):
    make(tmp_path, "old")
    os.utime(tmp_path / "old", ns=(-(10**18), -(10**18)))
    (listing,) = open_tree(tmp_path).walk()
    assert STAMP.unpack(listing.stamps)[2] == (1 << 64) - 10**18


def test_a_root_that_is_not_there_cannot_be_walked(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        next(open_tree(tmp_path / "nowhere").walk())


def test_systems_without_directory_descriptors_walk_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make(tmp_path, "a/b/c", "d")
    (tmp_path / "link").symlink_to("a")
    monkeypatch.setattr(trees, "_HAS_DESCRIPTORS", False)
    assert names_in(open_tree(tmp_path)) == ["a", "d", "link", "a/b", "a/b/c"]
    read = {
        name: listing.read(name).data
        for listing in open_tree(tmp_path).walk()
        for name in listing.names
        if name in "cd"
    }
    assert read == {"c": b"a/b/c", "d": b"d"}
