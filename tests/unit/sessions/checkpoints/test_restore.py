"""Bringing a tree back: exactly, as a whole or not at all, and never over what others did without saying so."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from aiex.errors import Conflict, Denied, StoreError, UsageError
from aiex.guard.private import Lock
from aiex.guard.sandbox import putting, tree
from aiex.guard.sandbox.putting import Putter
from aiex.guard.sandbox.tree import Ignoring
from aiex.sessions.checkpoints.stores.catalogue import Checkpoint
from aiex.sessions.checkpoints.swapping import Swapper
from aiex.sessions.checkpoints.trees import FILE, FOLDER, Entry, pack_tree
from tests.fakes.ordinary import as_ordinary_user, open_folder
from tests.unit.sessions.checkpoints.worktrees import Changer, Lab

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")
Work = Callable[..., None]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def left_behind(lab: Lab) -> list[str]:
    """Temporary files in the tree and journals in the store."""
    found = [name for _, folders, files in os.walk(lab.root) for name in folders + files if name.endswith(".tmp")]
    return found + [name for name in os.listdir(lab.store) if "journal" in name and "db" not in name]


def test_an_undo_can_be_undone(lab: Lab):
    lab.write("a", "1")
    first, one = lab.take(), lab.look()
    lab.write("a", "2")
    lab.write("b/c", "3")
    lab.take()
    two = lab.look()
    restored = lab.restorer.restore(first)
    assert lab.look() == one
    assert restored.undo.reason == f"before restoring {first}"
    assert restored.changed == ("a", "b", "b/c")
    again = lab.restorer.restore(restored.undo.id)
    assert lab.look() == two
    lab.restorer.restore(again.undo.id)
    assert lab.look() == one
    assert left_behind(lab) == []


def test_nothing_to_do_is_done(lab: Lab):
    lab.write("a", "1")
    restored = lab.restorer.restore(lab.take())
    assert (restored.changed, restored.kept) == ((), ())


@pytest.mark.parametrize("kind", ["file", "folder", "link", "nothing"])
@pytest.mark.parametrize("other", ["file", "folder", "link", "nothing"])
def test_anything_becomes_anything_and_back(lab: Lab, kind: str, other: str):
    def make(kind: str) -> None:
        shutil.rmtree(lab.root, ignore_errors=True)
        lab.root.mkdir()
        match kind:
            case "file":
                lab.write("x", "text", 0o640)
            case "folder":
                lab.write("x/deep/er", "text")
                lab.write("x/flat", "text")
            case "link":
                (lab.root / "x").symlink_to("y")

    make(kind)
    first, one = lab.take(), lab.look()
    make(other)
    second, two = lab.take(), lab.look()
    lab.restorer.restore(first)
    assert lab.look() == one
    lab.restorer.restore(second)
    assert lab.look() == two


def test_systems_without_directory_descriptors_restore_by_path(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    for module in (tree, putting):
        monkeypatch.setattr(module, "_HAS_DESCRIPTORS", False)
    known = {}
    changer = Changer(lab.root, Random(3))
    for _ in range(8):
        changer.change(10)
        known[lab.take()] = lab.look()
    for target, wanted in known.items():
        lab.restorer.restore(target)
        assert lab.look() == wanted


def test_times_of_files_that_are_equal_stay(lab: Lab):
    kept = lab.write("kept", "same")
    os.utime(kept, (1, 1))
    lab.write("other", "1")
    first = lab.take()
    lab.write("other", "2")
    lab.take()
    lab.restorer.restore(first)
    assert kept.stat().st_mtime == 1


# What others changed


def test_what_others_changed_is_not_overwritten(lab: Lab):
    lab.write("a", "1")
    first = lab.take()
    lab.write("a", "2")
    last = lab.take()
    lab.write("a", "by hand")
    before = lab.look()
    with pytest.raises(Conflict, match=f"a changed since checkpoint {last}") as caught:
        lab.restorer.restore(first)
    assert caught.value.exit_code == 6
    assert lab.look() == before
    assert len(lab.snapshots.catalogue.list()) == 2


def test_what_others_changed_elsewhere_hinders_nothing_where_it_stays(lab: Lab):
    lab.write("a", "1")
    lab.write("mine", "1")
    first = lab.take()
    lab.write("a", "2")
    lab.take()
    lab.write("mine", "1")
    lab.restorer.restore(first)
    assert (lab.root / "a").read_text() == "1"


def test_forced_it_is_overwritten_and_can_be_had_back(lab: Lab):
    lab.write("a", "1")
    first = lab.take()
    lab.write("a", "by hand")
    restored = lab.restorer.restore(first, on_conflict="force")
    assert (lab.root / "a").read_text() == "1"
    lab.restorer.restore(restored.undo.id)
    assert (lab.root / "a").read_text() == "by hand"


def test_the_expected_state_may_be_an_older_one(lab: Lab):
    lab.write("a", "1")
    first = lab.take()
    lab.write("a", "2")
    second = lab.take()
    lab.write("a", "3")
    lab.take("somebody else's")
    with pytest.raises(Conflict):
        lab.restorer.restore(first, expected=second)
    lab.restorer.restore(first)


LINES = [f"line {number}\n" for number in range(20)]


def test_merging_joins_texts_and_keeps_what_only_others_changed(lab: Lab):
    lab.write("text", "".join(LINES))
    lab.write("theirs", "old")
    lab.write("gone/x", "x")
    first = lab.take()
    lab.write("text", "".join(["by the step\n", *LINES[1:]]))
    lab.write("made/by-the-step", "z")
    lab.take()
    lab.write("text", "".join(["by the step\n", *LINES[1:-1], "by hand\n"]))
    lab.write("theirs", "by hand")
    lab.write("made/by-hand", "y")
    restored = lab.restorer.restore(first, on_conflict="merge")
    assert (lab.root / "text").read_text() == "".join([*LINES[:-1], "by hand\n"])
    assert (lab.root / "theirs").read_text() == "by hand"
    assert os.listdir(lab.root / "made") == ["by-hand"]
    assert (restored.merged, restored.left) == (("text",), ("made/by-hand", "theirs"))


def change_line(lab: Lab) -> None:
    lab.write("text", "by hand\n")


def remove(lab: Lab) -> None:
    (lab.root / "text").unlink()


def put_folder(lab: Lab) -> None:
    (lab.root / "text").unlink()
    lab.write("text/new", "x")


@pytest.mark.parametrize("work", [change_line, remove, put_folder])
def test_what_cannot_be_merged_is_refused(lab: Lab, work: Work):
    lab.write("text", "one\n")
    first = lab.take()
    lab.write("text", "two\n")
    lab.take()
    work(lab)
    before = lab.look()
    with pytest.raises(Conflict, match="text") as caught:
        lab.restorer.restore(first, on_conflict="merge")
    assert (lab.look(), "--merge" in caught.value.hint) == (before, False)


def test_a_file_by_hand_where_a_directory_comes_back_is_a_conflict(lab: Lab):
    lab.write("place/x", "1")
    first = lab.take()
    shutil.rmtree(lab.root / "place")
    lab.take()
    lab.write("place", "by hand")
    for way in ("refuse", "merge"):
        with pytest.raises(Conflict, match="place"):
            lab.restorer.restore(first, on_conflict=way)  # type: ignore[arg-type]
    assert (lab.root / "place").read_text() == "by hand"


# What is not covered


def ignore_builds(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.endswith((".o", "build/"))}


def test_what_is_not_covered_is_never_touched(tmp_path: Path):
    lab = Lab(tmp_path, ignoring=Ignoring(ignore_builds))
    lab.write("a", "1")
    first = lab.take()
    lab.write("new/code.c", "x")
    lab.write("new/code.o", "ignored")
    lab.write("new/.env", "SECRET=1")
    lab.write(".git/hooks/x", "protected")
    os.mkfifo(lab.root / "new" / "pipe")
    lab.take()
    restored = lab.restorer.restore(first)
    assert sorted(os.listdir(lab.root / "new")) == [".env", "code.o", "pipe"]
    assert (lab.root / ".git/hooks/x").exists()
    assert (restored.changed, restored.kept) == (("new/code.c",), ("new",))
    lab.close()


def test_a_file_that_rules_ignore_now_comes_back(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.write("x.o", "kept when nothing was ignored")
    first = lab.take()
    lab.close()
    lab = Lab(tmp_path, ignoring=Ignoring(ignore_builds, b"now"))
    lab.write("x.o", "changed")
    lab.write("y.o", "ignored")
    restored = lab.restorer.restore(first, on_conflict="force")
    assert (lab.root / "x.o").read_text() == "kept when nothing was ignored"
    assert (lab.root / "y.o").read_text() == "ignored"
    lab.restorer.restore(restored.undo.id)
    assert (lab.root / "x.o").read_text() == "changed"
    lab.close()


def test_a_file_that_rules_ignored_then_stays(tmp_path: Path):
    lab = Lab(tmp_path, ignoring=Ignoring(ignore_builds))
    lab.write("x.o", "ignored")
    first = lab.take()
    lab.close()
    lab = Lab(tmp_path)
    lab.write("x.o", "covered by now")
    lab.restorer.restore(first)
    assert (lab.root / "x.o").read_text() == "covered by now"
    lab.close()


def test_what_no_checkpoint_covers_in_the_place_of_a_file_is_named(lab: Lab):
    lab.write("x", "text")
    lab.write("y/z", "text")
    first = lab.take()
    (lab.root / "x").unlink()
    os.mkfifo(lab.root / "x")
    with pytest.raises(Conflict, match="x is in the way"):
        lab.restorer.restore(first, on_conflict="force")
    lab.write("y/z", "other")
    lab.restorer.restore(first, only=["y"], on_conflict="force")
    assert (lab.root / "y/z").read_text() == "text"


def test_a_directory_with_something_uncovered_does_not_become_a_file(lab: Lab):
    lab.write("x", "text")
    first = lab.take()
    (lab.root / "x").unlink()
    lab.write("x/sub/.env", "KEY=1")
    with pytest.raises(Conflict, match=r"x/sub/\.env is in the way"):
        lab.restorer.restore(first, on_conflict="force")
    assert (lab.root / "x/sub/.env").exists()


def keep_tree(lab: Lab, entries: list[Entry]) -> str:
    """A checkpoint that was not taken here."""
    catalogue = lab.snapshots.catalogue
    tree = lab.objects.put_tree(pack_tree(entries))
    return catalogue.add(Checkpoint(catalogue.new_id(), 0, 0, "from elsewhere", "", tree, 1, 1)).id


def test_a_checkpoint_from_elsewhere_brings_no_protected_name_and_no_git_directory(lab: Lab):
    lab.take()
    text = lab.objects.put(b"[core]\n\tfsmonitor = touch /tmp/x\n")
    file, empty = Entry(b"config", FILE, 0o644, text), lab.objects.put_tree(b"")
    signs = [file._replace(name=b"HEAD"), *(Entry(name, FOLDER, 0o755, empty) for name in (b"objects", b"refs"))]
    bare = lab.objects.put_tree(pack_tree([file, *signs]))
    for entry in (
        file._replace(name=b".envrc"),
        Entry(b".GIT", FOLDER, 0o755, empty),
        Entry(b"x", FOLDER, 0o755, bare),
    ):
        target = keep_tree(lab, [entry, Entry(b"good", FILE, 0o644, text)])
        with pytest.raises(Denied, match=f"{os.fsdecode(entry.name)} is protected"):
            lab.restorer.restore(target, on_conflict="force")
        assert lab.look() == {}
    lab.restorer.restore(target, on_conflict="force", only=["good"])
    assert list(lab.look()) == [b"good"]


# Only some paths


def test_only_some_paths_come_back(lab: Lab):
    lab.write("a/one", "1")
    lab.write("a/two", "2")
    lab.write("b/one", "3")
    first = lab.take()
    shutil.rmtree(lab.root / "a")
    lab.write("b/one", "4")
    lab.write("a2", "5")
    lab.take()
    restored = lab.restorer.restore(first, only=["a/one"])
    assert restored.changed == ("a", "a/one")
    assert os.listdir(lab.root / "a") == ["one"]
    assert (lab.root / "b/one").read_text() == "4"
    lab.restorer.restore(first, only=["./a/", "b"])
    assert sorted(os.listdir(lab.root / "a")) == ["one", "two"]
    assert (lab.root / "a2").exists()


@pytest.mark.parametrize("path", ["nowhere", "a/nowhere", "../x", "/etc"])
def test_a_path_that_is_nowhere_is_said(lab: Lab, path: str):
    lab.write("a/one", "1")
    first = lab.take()
    with pytest.raises(UsageError):
        lab.restorer.restore(first, only=[path])


def test_a_preview_says_what_a_restore_would_do_and_does_nothing(lab: Lab):
    lab.write("a", "1")
    first = lab.take()
    lab.write("a", "2")
    lab.write("b", "3")
    before = lab.look()
    assert [change.path for change in lab.restorer.preview(first)] == ["a", "b"]
    assert lab.look() == before
    assert len(lab.snapshots.catalogue.list()) == 1
    lab.restorer.restore(first, on_conflict="force")
    assert (lab.root / "a").read_text() == "1"


def test_a_rehearsal_refuses_and_merges_as_a_restore_does_and_does_nothing(lab: Lab):
    lab.write("a", "1\n2\n3\n")
    lab.write("b", "1")
    first = lab.take()
    lab.write("a", "one\n2\n3\n")
    lab.write("b", "2")
    lab.take()
    lab.write("a", "one\n2\nthree\n")
    lab.write("own", "mine")
    before, rows = lab.look(), lab.objects.rows.heads()
    refusals = []
    for work in (lab.restorer.rehearse, lab.restorer.restore):
        with pytest.raises(Conflict) as caught:
            work(first)
        refusals.append((caught.value.message, caught.value.hint))
    assert refusals[0] == refusals[1]
    found = lab.restorer.rehearse(first, on_conflict="merge")
    assert ([change.path for change in found.changes], found.merged, found.left) == (["a", "b"], ("a",), ("own",))
    assert (lab.look(), lab.objects.rows.heads(), len(lab.snapshots.catalogue.list())) == (before, rows, 2)
    done = lab.restorer.restore(first, on_conflict="merge")
    assert (done.changed, done.merged, done.left) == (("a", "b"), ("a",), ("own",))


# What the system refuses


def test_directories_that_may_not_be_written_to_are_lifted_and_lowered():
    with open_folder() as place:

        def work() -> None:
            lab = Lab(place)
            lab.write("shut/file", "1", 0o444)
            lab.write("shut/sub/gone", "2")
            lab.write("shut/sub/other", "3")
            for name in ("shut/sub", "shut"):
                (lab.root / name).chmod(0o555)
            lab.root.chmod(0o555)
            first, one = lab.take(), lab.look()
            lab.root.chmod(0o755)
            for name in ("shut", "shut/sub"):
                (lab.root / name).chmod(0o755)
            (lab.root / "shut/file").chmod(0o644)
            lab.write("shut/file", "by the step", 0o444)
            (lab.root / "shut/sub/gone").unlink()
            lab.write("shut/sub/new", "x")
            for name in ("shut/sub", "shut"):
                (lab.root / name).chmod(0o555)
            lab.root.chmod(0o555)
            two = lab.look()
            lab.take()
            restored = lab.restorer.restore(first)
            assert lab.look() == one
            assert lab.root.stat().st_mode & 0o777 == 0o555
            lab.restorer.restore(restored.undo.id)
            assert lab.look() == two
            lab.root.chmod(0o755)
            for name in ("shut", "shut/sub"):
                (lab.root / name).chmod(0o755)
            lab.close()

        as_ordinary_user(work)


def test_a_link_put_in_the_way_meanwhile_stops_it_and_nothing_is_changed(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    lab.write("a/file", "1")
    lab.write("b/file", "1")
    first = lab.take()
    lab.write("a/file", "2")
    lab.write("b/file", "2")
    lab.take()
    outside = lab.root.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    forward = Swapper._forward

    def swap_and_go(self: Swapper, putter: Putter, *rest: object) -> object:
        os.rename(lab.root / "b", lab.root / "moved")
        (lab.root / "b").symlink_to("../outside")
        putter.forget()
        return forward(self, putter, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Swapper, "_forward", swap_and_go)
    with pytest.raises((Conflict, StoreError)):
        lab.restorer.restore(first)
    assert (outside / "file").read_text() == "mine"
    assert os.listdir(outside) == ["file"]


def test_a_file_changed_while_it_is_restored_stays_and_so_does_all(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    for name in "abc":
        lab.write(name, "1")
    first = lab.take()
    for name in "abc":
        lab.write(name, "2")
    lab.take()
    forward = Swapper._forward

    def edit_and_go(self: Swapper, *rest: object) -> object:
        lab.write("b", "typed in this very moment")
        return forward(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Swapper, "_forward", edit_and_go)
    with pytest.raises(Conflict, match="b was changed meanwhile"):
        lab.restorer.restore(first)
    assert [(lab.root / name).read_text() for name in "abc"] == ["2", "typed in this very moment", "2"]
    assert left_behind(lab) == []


@pytest.mark.parametrize("work", ["make_file", "rename", "keep_as", "make_folder", "remove_folder", "make_link"])
@pytest.mark.parametrize("nth", [0, 1])
def test_a_refusal_of_the_system_at_any_step_leaves_all_as_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, work: str, nth: int
):
    for number in range(3):
        lab.write(f"gone{number}/x", "1")
        (lab.root / f"link{number}").symlink_to("1")
        lab.write(f"file{number}", "1")
    first, one = lab.take(), lab.look()
    for number in range(3):
        shutil.rmtree(lab.root / f"gone{number}")
        (lab.root / f"link{number}").unlink()
        lab.write(f"file{number}", "2")
        lab.write(f"new{number}/x", "2")
    lab.take()
    two = lab.look()
    real, left = getattr(Putter, work), [nth]

    def refuse(self: Putter, *arguments: object, **options: object) -> object:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Putter, work, refuse)
    with pytest.raises((Conflict, StoreError), match="no space left on device"):
        lab.restorer.restore(first)
    assert left[0] < 0
    assert lab.look() == two
    assert left_behind(lab) == []
    monkeypatch.undo()
    lab.restorer.restore(first)
    assert lab.look() == one


def test_a_damaged_content_is_found_before_anything_is_changed(lab: Lab):
    lab.write("a", "1" * 100)
    lab.write("b", "2" * 100)
    first = lab.take()
    lab.write("a", "3")
    lab.write("b", "4")
    lab.take()
    before = lab.look()
    connection = lab.objects.database.connection
    connection.execute("update objects set data = x'00' where size = 100")
    connection.commit()
    with pytest.raises(StoreError, match="cannot read the content"):
        lab.restorer.restore(first)
    assert lab.look() == before
    assert left_behind(lab) == []


def test_a_damaged_expected_state_hinders_only_who_asks_for_it(lab: Lab):
    lab.write("a", "1")
    first = lab.take()
    lab.write("b", "2")
    last = lab.snapshots.take("last").checkpoint
    (lab.root / "b").unlink()
    lab.write("c", "3")
    connection = lab.objects.database.connection
    connection.execute("update objects set data = x'00' where id = ?", (bytes.fromhex(last.tree),))
    connection.commit()
    with pytest.raises(StoreError, match="cannot read the content"):
        lab.restorer.restore(first)
    lab.restorer.restore(first, on_conflict="force")
    assert list(lab.look()) == [b"a"]


def test_a_journal_that_says_nothing_is_said(lab: Lab):
    lab.take()
    journal = lab.store / "restore.journal"
    journal.write_text('{"v": 1, "phase"')
    journal.chmod(0o600)
    with pytest.raises(StoreError, match="does not say"):
        lab.restorer.recover()


def test_two_restores_do_not_meet(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aiex.guard.private.LOCK_WITHIN_S", 0.0)
    monkeypatch.setattr(Lock.__init__, "__kwdefaults__", {"within_s": 0.0})
    first = lab.take()
    with Lock(str(lab.store / "restore.lock")), pytest.raises(Conflict, match="another process"):
        lab.restorer.restore(first)


def test_an_unknown_checkpoint_is_said(lab: Lab):
    lab.take()
    with pytest.raises(UsageError, match="no checkpoint is called"):
        lab.restorer.restore("ffffffffffff")


def test_a_deep_tree_and_many_files_come_back(lab: Lab):
    deep = "/".join(["d"] * 300)
    os.makedirs(lab.root / deep)
    (lab.root / deep / "bottom").write_text("x")
    for number in range(300):
        lab.write(f"many/{number}", f"{number}")
    first, one = lab.take(), lab.look()
    shutil.rmtree(lab.root / "d")
    shutil.rmtree(lab.root / "many")
    lab.take()
    lab.restorer.restore(first)
    assert lab.look() == one
