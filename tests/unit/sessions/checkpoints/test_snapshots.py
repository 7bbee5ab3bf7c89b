"""Taking checkpoints: what is kept, what is read again, what is left out and named."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.guard.sandbox.tree import Ignoring
from aiex.sessions.checkpoints.objects import Objects
from aiex.sessions.checkpoints.planning import read_tree
from aiex.sessions.checkpoints.seen import pack_seen, unpack_seen
from aiex.sessions.checkpoints.snapshots import LeftOut, Snapshots
from aiex.sessions.checkpoints.trees import FILE, FOLDER, LINK, OMITTED
from tests.fakes.ordinary import as_ordinary_user, open_folder
from tests.unit.sessions.checkpoints.worktrees import Lab, look

posix = pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")


def later() -> int:
    """A clock by which all files were settled long ago."""
    return time.time_ns() + 10**12


OpenLab = Callable[..., Lab]


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    labs = []

    def open_one(**options: object) -> Lab:
        labs.append(Lab(tmp_path, **options))
        return labs[-1]

    yield open_one
    for lab in labs:
        lab.close()


def held(lab: Lab, tree: str, prefix: str = "") -> dict[str, tuple[str, int, bytes]]:
    """What a tree says, in the form of `look`."""
    found = {}
    for name, entry in read_tree(lab.objects, tree).items():
        path = prefix + name
        found[path] = entry.kind, entry.mode, b"" if entry.kind in (FOLDER, OMITTED) else lab.objects.get(entry.id)
        if entry.kind == FOLDER:
            found |= held(lab, entry.id, path + "/")
    return found


@posix
def test_a_checkpoint_holds_all_kinds_of_things(open_lab: OpenLab):
    lab = open_lab()
    lab.write("file", "text", 0o4755)
    (lab.root / "empty").mkdir(0o700)
    (lab.root / "link").symlink_to("../nowhere")
    lab.write("sub/other", "x", 0o400)
    (lab.root / "sub").chmod(0o755)
    taken = lab.snapshots.take("why", session="0123456789abcdef")
    checkpoint = taken.checkpoint
    assert held(lab, checkpoint.tree) == {
        "empty": (FOLDER, 0o700, b""), "file": (FILE, 0o4755, b"text"), "link": (LINK, 0, b"../nowhere"),
        "sub": (FOLDER, 0o755, b""), "sub/other": (FILE, 0o400, b"x"),
    }  # fmt: skip
    assert (checkpoint.number, checkpoint.reason, checkpoint.session) == (1, "why", "0123456789abcdef")
    assert (checkpoint.files, checkpoint.bytes, taken.left_out) == (2, 5, ())


def test_an_unchanged_tree_is_not_read_again(open_lab: OpenLab):
    lab = open_lab(clock=later)
    for number in range(20):
        lab.write(f"{number % 3}/{number}", f"{number}")
    first = lab.snapshots.take("one")
    again = lab.snapshots.take("two")
    other_process = open_lab(clock=later).snapshots.take("three")
    assert (first.read, again.read, other_process.read) == (20, 0, 0)
    assert first.checkpoint.tree == again.checkpoint.tree == other_process.checkpoint.tree


def test_only_what_changed_is_read(open_lab: OpenLab):
    lab = open_lab(clock=later)
    for number in range(20):
        lab.write(f"{number % 3}/{number}", f"{number}")
    lab.take()
    lab.write("1/4", "other")
    lab.write("2/new", "n")
    (lab.root / "0/3").unlink()
    taken = lab.snapshots.take("two")
    assert taken.read == 2
    found = held(lab, taken.checkpoint.tree)
    assert found["1/4"][2] == b"other"
    assert "0/3" not in found
    assert taken.checkpoint.files == 20


def test_what_may_have_changed_without_a_new_time_is_read_again(open_lab: OpenLab):
    lab = open_lab()
    path = lab.write("file", "aaaa")
    assert lab.snapshots.take("one").read == 1
    before = path.stat()
    path.write_text("bbbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    taken = lab.snapshots.take("two")
    assert taken.read == 1
    assert held(lab, taken.checkpoint.tree)["file"][2] == b"bbbb"


@posix
def test_times_that_were_set_back_deceive_nobody(open_lab: OpenLab):
    lab = open_lab(clock=later)
    path = lab.write("file", "aaaa")
    lab.take()
    before = path.stat()
    path.write_text("bbbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert held(lab, lab.snapshots.take("two").checkpoint.tree)["file"][2] == b"bbbb"


def test_contents_that_were_cleaned_up_are_kept_again(open_lab: OpenLab):
    lab = open_lab(clock=later)
    lab.write("sub/file", "text")
    number = lab.snapshots.take("one").checkpoint.number
    lab.snapshots.catalogue.remove([number])
    with lab.objects.writing():
        lab.objects.rows.remove([head[0] for head in lab.objects.rows.heads()])
    tree = lab.snapshots.take("two").checkpoint.tree
    assert held(lab, tree)["sub/file"][2] == b"text"


def test_a_capture_that_was_taken_back_leaves_no_trust_in_what_it_kept(open_lab: OpenLab):
    lab = open_lab(clock=later)
    lab.write("file", "text")

    def fail() -> None:
        with lab.objects.writing():
            lab.snapshots.keep(lab.snapshots.capture(), "never")
            raise StoreError("as if the disk were full")

    with pytest.raises(StoreError):
        fail()
    assert lab.snapshots.catalogue.list() == []
    assert held(lab, lab.snapshots.take("two").checkpoint.tree)["file"][2] == b"text"


def ignore_objects(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.endswith((".o", "node_modules/"))}


def test_what_is_left_out_is_named_in_the_tree_and_to_the_caller(open_lab: OpenLab):
    lab = open_lab(ignoring=Ignoring(ignore_objects), most_file_bytes=1000)
    lab.write("a.o")
    lab.write("sub/node_modules/x")
    lab.write(".env", "KEY=1")
    lab.write("large", "x" * 1001)
    lab.write(".git/config")
    taken = lab.snapshots.take("one")
    assert taken.left_out == (
        LeftOut(".env", "secret"), LeftOut(".git", "protected"), LeftOut("a.o", "ignored"), LeftOut("large", "large"),
        LeftOut("sub/node_modules", "ignored"),
    )  # fmt: skip
    found = held(lab, taken.checkpoint.tree)
    assert {path for path, (kind, _, _) in found.items() if kind == OMITTED} == {one.path for one in taken.left_out}
    assert taken.checkpoint.files == 0


def test_rules_that_change_are_followed(open_lab: OpenLab, tmp_path: Path):
    open_lab(ignoring=Ignoring(ignore_objects)).write("a.o", "x")
    lab = open_lab(ignoring=Ignoring(ignore_objects), clock=later)
    assert lab.snapshots.take("one").checkpoint.files == 0
    other = open_lab(ignoring=Ignoring(lambda *_: set(), b"other"), clock=later)
    assert other.snapshots.take("two").checkpoint.files == 1


@posix
def test_what_may_not_be_read_is_named():
    with open_folder() as place:

        def take() -> None:
            lab = Lab(place, clock=later)
            lab.write("closed", "x", 0)
            lab.write("shut/in", "y")
            (lab.root / "shut").chmod(0)
            taken = lab.snapshots.take("one")
            assert taken.left_out == (LeftOut("closed", "unreadable"), LeftOut("shut", "unreadable"))
            assert {kind for kind, _, _ in held(lab, taken.checkpoint.tree).values()} == {OMITTED}
            (lab.root / "shut").chmod(0o700)
            assert held(lab, lab.snapshots.take("two").checkpoint.tree)["shut/in"] == (FILE, 0o644, b"y")
            (lab.root / "shut").chmod(0)
            assert "shut/in" not in held(lab, lab.snapshots.take("three").checkpoint.tree)
            (lab.root / "shut").chmod(0o700)
            lab.close()

        os.umask(0o022)
        as_ordinary_user(take)


@posix
def test_a_file_that_became_unreadable_keeps_the_content_that_was_read():
    with open_folder() as place:

        def take() -> None:
            lab = Lab(place, clock=later)
            path = lab.write("file", "text")
            lab.take()
            path.chmod(0)
            taken = lab.snapshots.take("two")
            assert taken.left_out == ()
            assert held(lab, taken.checkpoint.tree) == {"file": (FILE, 0, b"text")}
            lab.close()

        as_ordinary_user(take)


@posix
def test_hard_links_and_holes_are_contents(open_lab: OpenLab):
    lab = open_lab()
    first = lab.write("first", "same")
    os.link(first, lab.root / "second")
    with (lab.root / "sparse").open("wb") as file:
        file.truncate(10 << 20)
        file.seek(5 << 20)
        file.write(b"middle")
    taken = lab.snapshots.take("one").checkpoint
    found = held(lab, taken.tree)
    assert found["first"] == found["second"] == (FILE, 0o644, b"same")
    assert found["sparse"][2] == (lab.root / "sparse").read_bytes()
    assert os.path.getsize(lab.objects.database.path) < 1 << 20


@posix
def test_any_name_is_kept(open_lab: OpenLab):
    lab = open_lab()
    root = os.fsencode(lab.root)
    for name in (b"\xff", b"new\nline", b"back\\nslash", b"\\", b" "):
        with open(os.path.join(root, name), "wb") as file:
            file.write(name)
        os.makedirs(os.path.join(root, b"in", name))
    tree = lab.snapshots.take("one").checkpoint.tree
    assert {os.fsencode(path): content for path, (_, _, content) in held(lab, tree).items()} == {
        path: content for path, (_, _, content) in look(lab.root).items()
    }


def test_a_root_that_is_gone_is_said(open_lab: OpenLab):
    lab = open_lab()
    lab.root.rmdir()
    with pytest.raises(StoreError, match="No such file"):
        lab.take()


def test_a_file_goes_while_the_tree_is_walked(open_lab: OpenLab, monkeypatch: pytest.MonkeyPatch):
    lab = open_lab()
    lab.write("one", "1")
    lab.write("two", "2")
    put = Objects.put

    def put_and_remove(self: Objects, data: bytes, *, like: str | None = None) -> str:
        (lab.root / "two").unlink(missing_ok=True)
        return put(self, data, like=like)

    monkeypatch.setattr(Objects, "put", put_and_remove)
    taken = lab.snapshots.take("one")
    assert held(lab, taken.checkpoint.tree) == {"one": (FILE, stat.S_IMODE(os.stat(lab.root / "one").st_mode), b"1")}
    assert taken.checkpoint.files == 1


def test_what_was_seen_is_packed_and_unpacked(open_lab: OpenLab):
    lab = open_lab(ignoring=Ignoring(ignore_objects))
    for path in ("a", "b.o", "sub/c", "sub/deep/d", "sub/e.o"):
        lab.write(path, path)
    with lab.objects.writing():
        rows = lab.snapshots.capture().rows
    packed = pack_seen(rows)
    assert unpack_seen(packed) == rows
    assert unpack_seen(packed[:-1]) != rows
    assert unpack_seen(b"nonsense") == unpack_seen(None) == {}


def test_two_snapshots_of_one_root_do_not_confuse_each_other(tmp_path: Path, open_lab: OpenLab):
    one, other = open_lab(clock=later), open_lab(clock=later)
    for number in range(6):
        (one, other)[number % 2].write(f"file{number % 3}", f"{number}")
        taken = (one, other)[number // 2 % 2].snapshots.take(f"{number}")
        assert held(one, taken.checkpoint.tree) == {
            os.fsdecode(path): (FILE, mode, content) for path, (_, mode, content) in one.look().items()
        }
    assert isinstance(one.snapshots, Snapshots)
