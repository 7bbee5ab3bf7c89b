"""Where a history comes from, and what is said where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha512
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiex.context.history.columns import pack_texts, to_commits
from aiex.context.history.model import History
from aiex.context.history.reading import read_history
from aiex.context.shelf import MEMORY, Shelf
from aiex.context.stores.history import HistoryStore
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.history.conftest import Repository

posix = pytest.mark.skipif(sys.platform == "win32", reason="scripts and links of POSIX")


def read(root: Path, **bounds: float) -> History:
    return read_history(Workspace(str(root)), **bounds)  # type: ignore[arg-type]


def told(history: History) -> list[tuple[str, tuple[str, ...]]]:
    return [(commit.subject, commit.paths) for commit in to_commits(history.columns)]


def without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


# --- nothing to tell


def test_a_folder_without_git_has_no_history(tmp_path: Path) -> None:
    assert (len(read(tmp_path)), read(tmp_path).reason) == (0, "this is no git repository")


def test_a_repository_without_commits_has_no_history(make_repository: Callable[[str], Repository]) -> None:
    assert make_repository("fresh").history().reason == "the repository has no commits yet"


def test_a_first_commit_alone_tells_nothing(repository: Repository) -> None:
    assert repository.history().reason == "no commit has an earlier one to compare it with"


def test_a_bare_repository_has_no_workspace(repository: Repository, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    assert read(tmp_path / "bare.git").reason == "this is no git repository"


def test_a_folder_below_a_repository_has_no_history_of_its_own(repository: Repository) -> None:
    repository.commit("Add", "below/a.py", "b.py")
    assert read(repository.root / "below").reason == "this is no git repository"


@pytest.mark.parametrize("head", ["", "ref: refs/heads/main\n", f"{'a' * 40}\n"])
def test_the_repository_around_a_broken_one_is_not_asked(repository: Repository, head: str) -> None:
    repository.commit("Add", "a.py", "b.py")
    inner = repository.root / "inner"
    (inner / ".git").mkdir(parents=True)
    (inner / ".git/HEAD").write_text(head)
    history = read(inner)
    assert len(history) == 0
    assert history.reason


def test_a_missing_git_is_told(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit("Add", "a.py", "b.py")
    without_git(monkeypatch, tmp_path)
    assert repository.history().reason == "cannot run git: it is not installed"


def test_a_damaged_repository_is_told(repository: Repository) -> None:
    repository.commit("Add", "a.py", "b.py")
    shutil.rmtree(repository.root / ".git/objects")
    (repository.root / ".git/objects").mkdir()
    history = repository.history()
    assert len(history) == 0
    assert history.reason.startswith("git could not read all commits: fatal: ")


# --- every kind of clone


def test_a_linked_worktree_has_the_history_of_its_branch(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"))
    repository.commit("Later", "c.py")
    assert told(read(tmp_path / "linked")) == [("Add", ("a.py", "b.py"))]


def test_a_nested_repository_has_its_own_history(
    repository: Repository, make_repository: Callable[[str], Repository]
) -> None:
    inner = make_repository("repository/inner")
    inner.commit("Begin", "x.py")
    inner.commit("Add", "y.py", "z.py")
    repository.commit("Outside", "a.py")
    assert told(inner.history()) == [("Add", ("y.py", "z.py"))]
    assert "inner/y.py" not in {path for _, paths in told(repository.history()) for path in paths}


def test_a_shallow_clone_tells_what_it_has(repository: Repository, tmp_path: Path) -> None:
    for name in "abc":
        repository.commit(f"Add {name}", f"{name}.py", f"test_{name}.py")
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth=2", f"file://{repository.root}", str(shallow))
    store = shelf_at(tmp_path / "history.sqlite")
    assert told(read_history(Workspace(str(shallow)), store)) == [("Add c", ("c.py", "test_c.py"))]
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=shallow, check=True)
    assert len(read_history(Workspace(str(shallow)), store)) == 3


def test_a_clone_without_contents_tells_the_same_and_fetches_none(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    repository.commit("Move", "a.py > lib/c.py", "-b.py", "lib/b.py")
    repository.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    repository.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repository.root}", str(partial))
    assert told(read(partial)) == told(repository.history())
    objects = subprocess.run(["git", "count-objects", "-v"], cwd=partial, check=True, capture_output=True).stdout
    assert b"packs: 1\n" in objects


def test_merges_are_left_out(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("Side", "a.py", "b.py")
    repository.git("checkout", "-q", "main")
    repository.commit("Main", "c.py", "d.py")
    repository.minutes += 1
    repository.git("merge", "-q", "-m", "Merge", "side")
    assert told(repository.history()) == [("Main", ("c.py", "d.py")), ("Side", ("a.py", "b.py"))]


# --- bounds


def test_only_the_last_commits_are_read(repository: Repository) -> None:
    for number in range(5):
        repository.commit(f"Commit {number}", "a.py")
    history = read(repository.root, commits=2)
    assert [subject for subject, _ in told(history)] == ["Commit 4", "Commit 3"]


def test_a_git_that_tells_too_much_is_cut_at_a_whole_commit(repository: Repository) -> None:
    for number in range(9):
        repository.commit(f"Commit {number}", *(f"{'long' * 20}/{name}.py" for name in "abc"))
    history = read(repository.root, limit_bytes=1000)
    assert 0 < len(history) < 9
    assert all(len(paths) == 3 for _, paths in told(history))
    assert "older commits are left out" in history.reason


@posix
def test_a_git_that_hangs_is_stopped(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    history = read(repository.root, timeout_s=0.2)
    assert (len(history), history.reason) == (0, "git needed longer than 0.2 s: older commits are left out")


# --- nothing of the repository runs


HOSTILE = """
[core]
    pager = {run}
    fsmonitor = {run}
    hooksPath = {hooks}
    sshCommand = {run}
    alternateRefsCommand = {run}
    editor = {run}
    worktree = /
    attributesFile = {hooks}/attributes
[filter "evil"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[diff "evil"]
    command = {run}
    textconv = {run}
[diff]
    external = {run}
    orderFile = {hooks}/order
    relative = true
    renames = copies
    ignoreSubmodules = none
[log]
    showSignature = true
    mailmap = true
    decorate = full
    showRoot = false
    follow = true
[gpg]
    program = {run}
[pager]
    log = {run}
[alias]
    log = !{run}
[i18n]
    logOutputEncoding = UTF-16
[include]
    path = {hooks}/more
[extensions]
    partialClone = away
[remote "away"]
    url = ext::{run}
    promisor = true
    uploadpack = {run}
[protocol "ext"]
    allow = always
"""


@posix
def test_nothing_that_a_repository_configures_runs_or_changes_the_answer(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("Add \u00e9", "b.py", "a.py", "c.txt")
    repository.commit("Move", "a.py > lib/a.py", "-b.py", "lib/b.py", "c.txt")
    before = told(repository.history())
    marker, hooks = tmp_path / "marker", tmp_path / "hooks"
    hooks.mkdir()
    script = hooks / "post-index-change"
    script.write_text(f"#!/bin/sh\necho ran >> {marker}\ncat\n")
    script.chmod(0o755)
    (hooks / "attributes").write_text("* diff=evil filter=evil\n")
    (hooks / "order").write_text("lib/*\n")
    (hooks / "more").write_text(f"[core]\n\tfsmonitor = {script}\n")
    (repository.root / ".gitattributes").write_text("* diff=evil filter=evil\n")
    (repository.root / ".mailmap").write_text("A <a@b> <ada@example.org>\n")
    with (repository.root / ".git/config").open("a") as config:
        config.write(HOSTILE.format(run=script, hooks=hooks))
    assert told(repository.history()) == before
    assert not marker.exists()


def test_a_git_inside_the_workspace_is_not_run(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("Add", "a.py")
    fake = repository.root / "git"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(repository.root))
    assert repository.history().reason == "cannot run git: it is not installed"


# --- the store


def shelf_at(path: Path | str) -> Shelf[HistoryStore]:
    return Shelf(HistoryStore, str(path), [])


def said_by(store: Shelf[HistoryStore]) -> list[str]:
    return [warning.message for warning in store.warnings]


def kept(repository: Repository, store: Shelf[HistoryStore]) -> History:
    return read_history(Workspace(str(repository.root)), store)


def test_a_kept_history_needs_no_git(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit("Add the basket", "a.py", "b.py")
    path = tmp_path / "history.sqlite"
    first = kept(repository, shelf_at(path))
    without_git(monkeypatch, tmp_path)
    again = kept(repository, shelf_at(path))
    assert (again.head, again.columns) == (first.head, first.columns)
    assert again.changed_with(["a.py"]) == first.changed_with(["a.py"])
    assert again.commits_like(["basket"]) == first.commits_like(["basket"])


def test_only_what_is_new_is_read(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    store = shelf_at(tmp_path / "history.sqlite")
    kept(repository, store)
    store.store.save(store.store.load() | {"subjects": pack_texts(["As it was kept"])})
    repository.commit("Rename", "a.py > d.py")
    assert told(kept(repository, store)) == [("Rename", ("d.py",)), ("As it was kept", ("b.py", "d.py"))]


def test_a_changed_past_is_read_anew(repository: Repository, tmp_path: Path) -> None:
    store = shelf_at(tmp_path / "history.sqlite")
    repository.commit("First try", "a.py", "b.py")
    kept(repository, store)
    repository.git("commit", "-q", "--amend", "-m", "Second try")
    assert told(kept(repository, store)) == [("Second try", ("a.py", "b.py"))]


def test_a_past_that_is_gone_is_read_anew(repository: Repository, tmp_path: Path) -> None:
    store = shelf_at(tmp_path / "history.sqlite")
    repository.commit("First try", "a.py", "b.py")
    kept(repository, store)
    repository.git("reset", "-q", "--soft", "HEAD~1")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("commit", "-q", "-m", "Second try")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "-q", "--prune=now")
    assert told(kept(repository, store)) == [("Second try", ("a.py", "b.py"))]


def test_an_older_commit_that_is_checked_out_forgets_the_later_ones(repository: Repository, tmp_path: Path) -> None:
    store = shelf_at(tmp_path / "history.sqlite")
    repository.commit("Early", "a.py", "b.py")
    repository.commit("Late", "c.py")
    kept(repository, store)
    repository.git("checkout", "-q", "HEAD~1")
    assert told(kept(repository, store)) == [("Early", ("a.py", "b.py"))]


CHANGES = st.lists(st.lists(st.sampled_from(["a", "b", "c/a", "c/b", "mv"]), min_size=1, max_size=3), max_size=6)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=CHANGES, after=CHANGES)
def test_reading_on_gives_what_reading_all_gives(
    repository: Repository, tmp_path: Path, before: list[list[str]], after: list[list[str]]
) -> None:
    repository.git("checkout", "-q", "--force", "-B", "trial", "main")
    store = shelf_at(MEMORY)
    for changes in (before, after):
        for names in changes:
            apply(repository, names)
        kept(repository, store)
    assert told(kept(repository, store)) == told(repository.history())


def apply(repository: Repository, names: list[str]) -> None:
    """Commit changes of files, among them a move of one to a new name."""
    written = [name for name in dict.fromkeys(names) if name != "mv"]
    if "mv" in names and (repository.root / "a").exists() and "a" not in written:
        written.append(f"a > moved{repository.minutes}")
    if written:
        repository.commit(" ".join(names), *written)


def test_a_damaged_store_costs_no_answer(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"no database " * 1000)
    store = shelf_at(path)
    assert len(kept(repository, store)) == 1
    assert ["set aside" in said for said in said_by(store)] == [True]
    assert HistoryStore(str(path)).load()


@pytest.mark.parametrize("part", ["about", "times", "changed.numbers", "commits.starts", "said.numbers"])
def test_a_kept_history_that_is_not_whole_is_read_anew(repository: Repository, tmp_path: Path, part: str) -> None:
    repository.commit("Add", "a.py", "b.py")
    store = shelf_at(tmp_path / "history.sqlite")
    kept(repository, store)
    store.store.save(store.store.load() | {part: b"\xff" * 8})
    assert told(kept(repository, store)) == [("Add", ("a.py", "b.py"))]


def test_a_store_that_fails_is_told_beside_the_answer(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    store = shelf_at(tmp_path / "history.sqlite")
    store.store.connection.execute("pragma max_page_count = 1")
    for number in range(3):  # of names that cannot be packed into one page
        repository.commit("Add many", *(sha512(bytes([number, name])).hexdigest() for name in range(40)))
    history = kept(repository, store)
    assert (len(history), history.reason) == (4, "")
    assert [said.startswith("the cache does not work: ") for said in said_by(store)] == [True]


def test_without_a_place_for_the_store_there_is_a_history(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    (tmp_path / "file").write_text("no folder")
    store = shelf_at(tmp_path / "file" / "history.sqlite")
    assert len(kept(repository, store)) == 1
    assert [said.endswith("going on without a cache") for said in said_by(store)] == [True]
    assert store.store.load()


def test_a_store_that_fails_while_reading_is_begun_anew(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Add", "a.py", "b.py")
    path = tmp_path / "history.sqlite"
    store = shelf_at(path)
    kept(repository, store)
    store.store.connection.execute("pragma wal_checkpoint(truncate)")
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    store = shelf_at(path)
    assert told(kept(repository, store)) == [("Add", ("a.py", "b.py"))]
    assert ["begun anew" in said for said in said_by(store)] == [True]
    assert HistoryStore(str(path)).load()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_not_asked(repository: Repository) -> None:
    repository.commit("Add", "a.py", "b.py")
    for path in (repository.root, repository.root / ".git"):
        os.chown(path, 12345, 12345)
    assert repository.history().reason.endswith("it belongs to another user")
