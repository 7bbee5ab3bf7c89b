"""Programs: clean environment, own group, bounded time and output; git never runs what a repository configures."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.githead import git_head
from aiex.guard.sandbox.process import GIT_COMMANDS, Completed, clean_environment, git, run
from tests.fakes.processes import is_gone

PYTHON = sys.executable
posix = pytest.mark.skipif(sys.platform == "win32", reason="process groups and scripts of POSIX")
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_output_and_code_come_back(tmp_path: Path) -> None:
    program = "import sys, os; print(os.getcwd()); sys.stderr.write(sys.stdin.read()); sys.exit(3)"
    done = run([PYTHON, "-c", program], cwd=str(tmp_path), timeout_s=120, stdin=b"heard")
    line = os.path.realpath(tmp_path) + os.linesep
    assert done == Completed(3, line.encode(), b"heard", truncated=False, timed_out=False)


def test_without_stdin_nothing_is_waited_for(tmp_path: Path) -> None:
    assert run([PYTHON, "-c", "input()"], cwd=str(tmp_path), timeout_s=120).code == 1


def test_only_named_variables_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("LC_TIME", "C")
    done = run([PYTHON, "-c", "import os; print(*os.environ)"], cwd=str(tmp_path), timeout_s=120)
    names = set(done.stdout.decode().split())
    assert {"PATH", "LC_TIME"} <= names
    assert {"OPENAI_API_KEY", "GIT_DIR", "LD_PRELOAD"}.isdisjoint(names)


def test_relative_folders_leave_the_path() -> None:
    given = os.pathsep.join(["", ".", "bin", os.path.abspath(os.sep)])
    assert clean_environment({"PATH": given})["PATH"] == os.path.abspath(os.sep)


def test_a_program_that_is_missing_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot run no-such-program"):
        run(["no-such-program"], cwd=str(tmp_path), timeout_s=5)
    with pytest.raises(StoreError, match="cannot run"):
        run([PYTHON], cwd=str(tmp_path / "nowhere"), timeout_s=5)


@posix
def test_at_the_timeout_the_whole_group_is_killed(tmp_path: Path) -> None:
    child = "import os, time; open('child', 'w').write(str(os.getpid())); time.sleep(600)"
    program = f"""
import subprocess, sys, time, os
subprocess.Popen([sys.executable, "-c", {child!r}])
while not (os.path.exists("child") and open("child").read()): time.sleep(0.01)
print("started", flush=True)
time.sleep(600)
"""
    for timeout_s in (1, 10, 100):  # a busy machine may need longer until both run
        done = run([PYTHON, "-c", program], cwd=str(tmp_path), timeout_s=timeout_s)
        if done.stdout:
            break
    assert (done.timed_out, done.code, done.stdout) == (True, -9, b"started\n")
    assert is_gone(int((tmp_path / "child").read_text()))


@posix
def test_children_left_behind_are_killed_and_do_not_hold_us(tmp_path: Path) -> None:
    program = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    done = run([PYTHON, "-c", program], cwd=str(tmp_path), timeout_s=120)
    assert (done.code, done.timed_out) == (0, False)
    assert is_gone(int(done.stdout))


@posix
def test_output_beyond_the_limit_stops_the_program(tmp_path: Path) -> None:
    done = run(["yes"], cwd=str(tmp_path), timeout_s=120, limit_bytes=10_000)
    assert (len(done.stdout), done.truncated, done.timed_out) == (10_000, True, False)


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000])
def test_output_up_to_the_limit_is_whole(tmp_path: Path, size: int) -> None:
    program = f"import sys; sys.stdout.write('x' * {size}); sys.stderr.write('y' * {size})"
    done = run([PYTHON, "-c", program], cwd=str(tmp_path), timeout_s=120, limit_bytes=100_000)
    assert done == Completed(0, b"x" * size, b"y" * size, truncated=False)


def test_the_last_piece_of_too_much_output_is_not_cut_silently(tmp_path: Path) -> None:
    completed = run(
        [sys.executable, "-c", "print('x' * 131_071)"], cwd=str(tmp_path), timeout_s=120, limit_bytes=70_000
    )
    assert (len(completed.stdout), completed.truncated) == (70_000, True)


def test_much_input_that_nobody_reads_does_not_block(tmp_path: Path) -> None:
    assert run([PYTHON, "-c", ""], cwd=str(tmp_path), timeout_s=120, stdin=b"x" * 5_000_000).code == 0


# --- git

HOSTILE_CONFIG = """
[core]
    fsmonitor = {run}
    pager = {run}
    editor = {run}
    sshCommand = {run}
    hooksPath = {hooks}
    askPass = {run}
    alternateRefsCommand = {run}
    attributesFile = {hooks}/attributes
    worktree = /
[log]
    showSignature = true
[gpg]
    program = {run}
[gpg "ssh"]
    program = {run}
[gpg "openpgp"]
    program = {run}
[diff]
    external = {run}
    submodule = diff
[diff "evil"]
    textconv = {run}
    command = {run}
    cachetextconv = false
[filter "evil"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[alias]
    log = !{run}
    history = !{run}
[pager]
    log = {run}
    show = {run}
[credential]
    helper = !{run}
[remote "origin"]
    url = ext::{run}
    promisor = true
    partialclonefilter = blob:none
[extensions]
    partialClone = origin
[protocol "ext"]
    allow = always
[include]
    path = {hooks}/more
[uploadpack]
    packObjectsHook = {run}
"""


def plain_git(root: Path, *args: str) -> str:
    """Git as a test's author uses it, without the guard."""
    settings = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *settings, *args], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    plain_git(root, "init", "-q")
    (root / ".gitattributes").write_text("*.txt diff=evil filter=evil\n")
    for number in range(2):
        (root / "a.txt").write_text(f"line {number}\n")
        plain_git(root, "add", ".")
        plain_git(root, "commit", "-q", "-m", f"change {number}")
    return root


def make_hostile(root: Path) -> Path:
    """Configure every program that git could run; the marker exists when one of them ran."""
    marker, hooks = root.parent / "marker", root.parent / "hooks"
    script = root.parent / "evil.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {marker}\ncat\n')
    script.chmod(0o755)
    hooks.mkdir()
    (hooks / "attributes").write_text("* diff=evil filter=evil\n")
    (hooks / "more").write_text(f'[core]\n\tfsmonitor = {script}\n[gpg "x509"]\n\tprogram = {script}\n')
    for name in ("post-index-change", "reference-transaction", "pre-auto-gc", "post-checkout"):
        shutil.copy(script, hooks / name)
    with (root / ".git/config").open("a") as config:
        config.write(HOSTILE_CONFIG.format(run=script, hooks=hooks))
    (root / ".git/info/attributes").write_text("* diff=evil filter=evil\n")
    os.utime(root / "a.txt", (1, 1))
    return marker


def sign_last_commit(root: Path) -> None:
    """Give HEAD a signature header, so that asking for its state would start a program."""
    body = plain_git(root, "cat-file", "commit", "HEAD")
    head, _, rest = body.partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        input=f"{head}\n{signature}\n\n{rest}\n",
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    plain_git(root, "update-ref", "refs/heads/main", made.stdout.strip())


READING = [
    ("log", "-p", "--stat", "--", "a.txt"),
    ("log", "--format=%H %G? %GS"),
    ("log", "-z", "--numstat", "--no-renames", "--format=%h", "--", "a.txt"),
    ("log", "-L", "1,1:a.txt"),
    ("show", "HEAD"),
    ("show", "HEAD:a.txt"),
    ("rev-list", "HEAD"),
    ("rev-parse", "HEAD"),
    ("shortlog", "-s", "HEAD"),
    ("for-each-ref", "--format=%(refname) %(contents:subject)"),
    ("cat-file", "-p", "HEAD:a.txt"),
    ("ls-tree", "-r", "HEAD"),
    ("ls-files", "-s"),
    ("diff-tree", "-p", "HEAD"),
    ("merge-base", "HEAD", "HEAD~1"),
    ("name-rev", "HEAD"),
    ("describe", "--always"),
    ("version",),
]


@posix
@needs_git
@pytest.mark.parametrize("args", READING, ids=" ".join)
def test_no_program_that_the_repository_names_is_run(repository: Path, args: tuple[str, ...]) -> None:
    sign_last_commit(repository)
    marker = make_hostile(repository)
    done = git(str(repository), *args)
    assert (done.code, done.stderr) == (0, b"")
    assert done.stdout
    assert not marker.exists()


@posix
@needs_git
def test_the_hostile_repository_is_hostile(repository: Path) -> None:
    sign_last_commit(repository)
    marker = make_hostile(repository)
    subprocess.run(["git", "--work-tree=.", "log", "-p"], cwd=repository, check=False, capture_output=True)
    assert marker.exists()


def test_every_command_that_is_allowed_is_tried() -> None:
    assert {args[0] for args in READING} == GIT_COMMANDS


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("status",),
        ("diff",),
        ("blame", "a.txt"),
        ("history",),
        ("-c", "core.pager=x", "log"),
        ("commit",),
        ("log", "--output=x"),
        ("log", "--outp=x"),
        ("log", "--ext-diff"),
        ("show", "--textc"),
        ("log", "--show-sig"),
        ("cat-file", "--filters", "HEAD:a.txt"),
        ("describe", "--dirty"),
        ("ls-files", "-m"),
        ("ls-files", "-so"),
        ("ls-files", "--others"),
    ],
)
def test_what_could_do_more_than_read_objects_is_refused(tmp_path: Path, args: tuple[str, ...]) -> None:
    with pytest.raises(Denied, match="refused git"):
        git(str(tmp_path), *args)


@needs_git
def test_a_path_after_the_dashes_is_no_option(repository: Path) -> None:
    assert git(str(repository), "log", "--", "--output=x").code == 0
    assert not (repository / "x").exists()


@needs_git
def test_no_repository_is_told_by_the_code(tmp_path: Path) -> None:
    done = git(str(tmp_path), "log")
    assert done.code == 128
    assert b"not a git repository" in done.stderr


@needs_git
def test_the_head_read_from_files_is_the_one_git_tells(repository: Path) -> None:
    told = plain_git(repository, "rev-parse", "HEAD")
    assert git_head(str(repository)) == told
    plain_git(repository, "pack-refs", "--all")
    assert git_head(str(repository)) == told


def test_a_missing_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="not installed"):
        git(str(tmp_path), "log")


@posix
def test_a_git_inside_the_workspace_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\ntouch ran\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(StoreError, match="not installed"):
        git(str(tmp_path), "log")
    assert not (tmp_path / "ran").exists()


@posix
@needs_git
def test_a_repository_of_another_user_is_explained(repository: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository away")
    os.chown(repository, 12345, 12345)
    os.chown(repository / ".git", 12345, 12345)
    with pytest.raises(StoreError, match="another user") as caught:
        git(str(repository), "log")
    assert "safe.directory" in caught.value.hint
