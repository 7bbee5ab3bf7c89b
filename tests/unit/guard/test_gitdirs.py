"""Directories that git takes for a repository are protected like `.git`."""

import sys
from pathlib import Path

import pytest

from aiex.errors import Denied
from aiex.guard.sandbox.files import Workspace
from aiex.guard.sandbox.githead import git_head

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fixture uses POSIX names")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_git_file_with_a_nul_names_nothing(place: Path, workspace: Workspace) -> None:
    put(place / "ws", wt__DOTgit="gitdir: a\0b\n")
    workspace.write("wt/notes.txt", b"x")
    assert (place / "ws/wt/notes.txt").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("gitdir: real", "wt/real/hooks/pre-commit"),
        ("gitdir: real", "wt/real/anything"),
        ("gitdir: ../store/x", "store/x/config"),
        ("gitdir: {root}/store/x\r\n", "store/x/hooks/post-checkout"),
        ("gitdir:../store/x/", "store/x/new/HEAD"),
        ("gitdir: ../store/worktrees/x", "store/config"),
        ("gitdir: ../store/x", "store/x/any/thing"),
    ],
)
def test_what_a_git_file_names_is_protected(place: Path, workspace: Workspace, line: str, path: str) -> None:
    put(place / "ws", wt__DOTgit=line.format(root=place / "ws"), store__worktrees__x__commondir="../..\n")
    put(place / "ws", store__x__HEAD="ref: refs/heads/main\n", wt__real__HEAD="ref: refs/heads/main\n")
    with pytest.raises(Denied, match="git directory"):
        workspace.write(path, b"x")
    target = place / "ws" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("there")
    with pytest.raises(Denied, match="git directory"):
        workspace.delete(path)


@pytest.mark.parametrize("path", ["bare/hooks/update", "bare/config", "bare/new", "almost/HEAD"])
def test_a_bare_repository_is_protected_by_its_looks(place: Path, workspace: Workspace, path: str) -> None:
    for name in ("bare", "almost"):
        for folder in ("objects", "refs"):
            (place / "ws" / name / folder).mkdir(parents=True)
    put(place / "ws", bare__HEAD="ref: refs/heads/main\n")
    with pytest.raises(Denied, match="git directory"):
        workspace.write(path, b"x")


@pytest.mark.parametrize("path", ["hooks/use.ts", "config", "src/objects/a", "src/refs/b", "wt/config", "other/HEAD"])
def test_ordinary_folders_with_such_names_are_written(place: Path, workspace: Workspace, path: str) -> None:
    put(place / "ws", wt__DOTgit="gitdir: ../elsewhere\n", src__objects__x="", src__refs__x="", odd__DOTgit="no gitdir")
    workspace.write(path, b"x")
    assert (place / "ws" / path).read_bytes() == b"x"


def test_the_head_is_read_from_a_loose_ref_before_the_packed_one(tmp_path: Path) -> None:
    put(tmp_path, DOTgit__HEAD="ref: refs/heads/main\n")
    assert git_head(str(tmp_path)) == ""
    (tmp_path / ".git/packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n^{COMMIT}\n")
    assert git_head(str(tmp_path)) == COMMIT
    put(tmp_path, DOTgit__refs__heads__main="f" * 40 + "\n")
    assert git_head(str(tmp_path)) == "f" * 40


def test_a_detached_head_is_its_commit(tmp_path: Path) -> None:
    put(tmp_path, DOTgit__HEAD=COMMIT + "\n")
    assert git_head(str(tmp_path)) == COMMIT


def test_a_worktree_inside_the_root_uses_the_refs_of_its_repository(tmp_path: Path) -> None:
    put(tmp_path, DOTgit="gitdir: store/worktrees/w\n", store__worktrees__w__HEAD="ref: refs/heads/w\n")
    put(tmp_path, store__worktrees__w__commondir="../..\n", store__refs__heads__w=COMMIT)
    assert git_head(str(tmp_path)) == COMMIT


@pytest.mark.parametrize("text", ["gitdir: ../out\n", "gitdir: /etc\n", "nonsense", ""])
def test_a_git_directory_outside_the_root_has_no_head_here(place: Path, text: str) -> None:
    put(place, out__HEAD=COMMIT, other__DOTgit=text)
    assert git_head(str(place / "other")) == ""


@pytest.mark.parametrize("head", ["ref: refs/../../out/secret.txt", "ref: /etc/passwd", "nonsense", ""])
def test_a_head_that_leads_elsewhere_is_none(place: Path, head: str) -> None:
    put(place / "ws", DOTgit__HEAD=head)
    assert git_head(str(place / "ws")) == ""


def test_no_repository_has_no_head(tmp_path: Path) -> None:
    assert git_head(str(tmp_path)) == git_head(str(tmp_path / "nowhere")) == ""
