"""What changed, as git and the working tree have it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aiex.errors import Conflict, UsageError
from aiex.jobs.reviewing import changes
from aiex.jobs.reviewing.diff import Diff
from tests.unit.jobs.reviewing.conftest import NOT_UTF8, Repository


def told(diff: Diff) -> list[tuple[str, str, list[int]]]:
    return [(change.path, change.status, sorted(change.added)) for change in diff.files]


def test_a_clean_tree_is_reviewed_as_its_last_commit(repository: Repository) -> None:
    head = repository.commit("second", notes="one\ntwo\nthree\n")
    diff = repository.diff()
    assert told(diff) == [("notes", "modified", [3])]
    assert diff.scope == f"commit {head[:12]}: second"


def test_a_dirty_tree_is_reviewed_as_it_lies_there(repository: Repository) -> None:
    repository.write("notes", "one\n2\ntwo\n")
    repository.write("new.py", "x = 1\n")
    repository.git("add", "new.py")
    repository.write("untracked.py", "y = 1\n")
    (repository.root / "shop/basket.py").unlink()
    diff = repository.diff()
    assert diff.scope == "uncommitted changes"
    assert told(diff) == [
        ("new.py", "added", [1]),
        ("notes", "modified", [2]),
        ("shop/basket.py", "deleted", []),
        ("untracked.py", "added", [1]),
    ]


def test_a_touched_file_did_not_change(repository: Repository) -> None:
    os.utime(repository.root / "notes", (1, 1))
    assert repository.diff("uncommitted").files == []


def test_other_ends_of_lines_are_no_change(repository: Repository) -> None:
    repository.write("notes", b"one\r\ntwo\r\n")
    assert repository.diff("uncommitted").files == []


def test_ignored_files_are_no_change(repository: Repository) -> None:
    repository.commit("ignore", **{".gitignore": "*.log\n"})
    repository.write("run.log", "x\n")
    assert repository.diff("uncommitted").files == []


def test_what_changed_since_a_base_parted(repository: Repository) -> None:
    start = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-qb", "topic")
    repository.commit("here", here_py="x = 1\n")
    repository.git("checkout", "-q", "main")
    repository.commit("there", there_py="x = 1\n")
    repository.git("checkout", "-q", "topic")
    repository.write("dirty.py", "x = 1\n")
    diff = repository.diff("base", "main")
    assert told(diff) == [("dirty.py", "added", [1]), ("here.py", "added", [1])]
    assert diff.scope == f"changes since main ({start[:12]})"


def test_commits_without_a_common_one_cannot_be_compared(repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "other")
    repository.commit("alone", alone_py="x = 1\n")
    with pytest.raises(Conflict, match="no common one"):
        repository.diff("base", "main")


def test_the_first_commit_brings_everything(repository: Repository) -> None:
    assert told(repository.diff("commit", "HEAD")) == [("notes", "added", [1, 2]), ("shop/basket.py", "added", [1, 2])]


def test_a_merge_is_compared_with_its_first_parent(repository: Repository) -> None:
    repository.git("checkout", "-qb", "topic")
    repository.commit("there", there_py="x = 1\n")
    repository.git("checkout", "-q", "main")
    repository.commit("here", here_py="x = 1\n")
    repository.git("merge", "-q", "--no-edit", "topic")
    assert told(repository.diff("commit", "HEAD")) == [("there.py", "added", [1])]


@pytest.mark.parametrize("name", ["nothing", "--output=/tmp/x", "-x", "a\0b", "HEAD:notes"])
def test_what_is_no_commit_is_refused(repository: Repository, name: str) -> None:
    with pytest.raises(UsageError, match="no such commit"):
        repository.diff("commit", name)


def test_a_moved_file_is_compared_with_what_it_was(repository: Repository) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    repository.commit("long", long_py=text)
    repository.git("mv", "long.py", "moved.py")
    repository.write("moved.py", text + "more\n")
    diff = repository.diff("uncommitted")
    assert [(one.old_path, *row) for one, row in zip(diff.files, told(diff), strict=True)] == [
        ("long.py", "moved.py", "renamed", [21])
    ]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_are_bytes(repository: Repository) -> None:
    (repository.root / NOT_UTF8).write_text("x = 1\n")
    (repository.root / "a\nb\x1b[2J.py").write_text("x = 1\n")
    (repository.root / ":(top)*.py").write_text("x = 1\n")
    names = {NOT_UTF8, "a\nb\x1b[2J.py", ":(top)*.py"}
    assert {change.path for change in repository.diff("uncommitted").files} == names
    repository.commit()
    diff = repository.diff("commit", "HEAD")
    assert {change.path for change in diff.files if change.new and change.new.data == b"x = 1\n"} == names


def test_binary_large_and_linked_files_are_named_and_not_looked_into(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_FILE_BYTES", 1_000)
    repository.write("a.bin", b"a\0b")
    repository.write("large.txt", "x\n" * 1_000)
    os.symlink("notes", repository.root / "link")
    repository.git("add", "-A")
    expected = [("a.bin", "binary"), ("large.txt", "2.0 kB"), ("link", "a link")]
    assert sorted(repository.diff("uncommitted").skipped) == expected
    repository.git("commit", "-qm", "all")
    assert sorted(repository.diff("commit", "HEAD").skipped) == expected


def test_more_files_than_can_be_looked_into_are_counted(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_FILES", 2)
    for number in range(4):
        repository.write(f"{number}.py", "x = 1\n")
    diff = repository.diff()
    assert [change.path for change in diff.files] == ["0.py", "1.py"]
    assert [one.path for one in diff.skipped] == ["2.py", "3.py"]


def test_a_submodule_is_named_and_not_looked_into(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},part")
    repository.git("commit", "-qm", "part")
    assert repository.diff("commit", "HEAD").skipped == [("part", "a submodule")]


def test_a_file_that_a_sparse_checkout_leaves_out_is_not_deleted(repository: Repository) -> None:
    repository.git("update-index", "--skip-worktree", "notes")
    (repository.root / "notes").unlink()
    assert repository.diff("uncommitted").files == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
def test_a_mode_is_a_change(repository: Repository) -> None:
    (repository.root / "notes").chmod(0o755)
    assert [(one.path, one.old_mode, one.new_mode) for one in repository.diff().files] == [
        ("notes", 0o100644, 0o100755)
    ]


def test_a_secret_file_is_not_read(repository: Repository) -> None:
    repository.write(".env", "KEY=1\n")
    repository.git("add", "-f", ".env")
    repository.git("commit", "-qm", "oops")
    (change,) = repository.diff("commit", "HEAD").files
    assert (change.path, change.is_secret, change.new) == (".env", True, None)


def test_only_what_lies_under_a_path(repository: Repository) -> None:
    repository.write("notes", "1\n")
    repository.write("shop/basket.py", "x = 1\n")
    assert [one.path for one in repository.diff("uncommitted", "", "shop").files] == ["shop/basket.py"]


def test_a_repository_without_a_commit(bare_folder: Repository) -> None:
    subprocess.run(["git", "init", "-q"], cwd=bare_folder.root, check=True)
    bare_folder.write("a.py", "x = 1\n")
    assert told(bare_folder.diff()) == [("a.py", "added", [1])]


def test_without_git_named_files_are_looked_at_whole(bare_folder: Repository) -> None:
    bare_folder.write("a.py", "x = 1\ny = 2\n")
    bare_folder.write("b/c.py", "x = 1\n")
    diff = bare_folder.diff("", "", "a.py", "b")
    assert told(diff) == [("a.py", "whole", [1, 2]), ("b/c.py", "whole", [1])]
    assert not diff.has_base
    for wanted in (("", ""), ("base", "main", "a.py"), ("commit", "HEAD"), ("uncommitted", "")):
        with pytest.raises(UsageError, match="no git repository"):
            bare_folder.diff(*wanted)
