"""Reading, listing and writing beneath a root."""

import gc
import multiprocessing
import os
import pickle
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.errors import Denied
from aiex.guard.sandbox.files import (
    Entry,
    IsADirectory,
    Missing,
    NotADirectory,
    NotAFile,
    TooLarge,
    Unreadable,
    Unwritable,
    Workspace,
    find_root,
    sandbox_engine,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, modes and pipes of POSIX")


by_descriptor = pytest.mark.parametrize("engine", ["openat2", "walk"] if sys.platform == "linux" else ["walk"])


def names_below(top: Path) -> set[str]:
    return {os.path.relpath(os.path.join(at, name), top) for at, dirs, files in os.walk(top) for name in dirs + files}


# --- reading


def test_a_file_is_read_whole(workspace: Workspace) -> None:
    assert workspace.read("src/app.py") == b"print('hi')\n"
    assert workspace.read(f"{workspace.root}//src/../README.md") == b"readme\n"


def test_a_large_file_is_read_whole(place: Path, workspace: Workspace) -> None:
    data = os.urandom(3_000_001)
    (place / "ws/big").write_bytes(data)
    assert workspace.read("big") == data


def test_a_file_that_states_no_size_is_read_to_its_end(engine: str) -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("no /proc here")
    workspace = Workspace("/proc/self", engine=engine)
    assert b"Pid:" in workspace.read("status")
    with pytest.raises(TooLarge):
        workspace.read("status", limit_bytes=10)


def test_a_limit_refuses_a_larger_file_and_says_its_size(workspace: Workspace) -> None:
    assert workspace.read("README.md", limit_bytes=7) == b"readme\n"
    with pytest.raises(TooLarge) as caught:
        workspace.read("README.md", limit_bytes=6)
    assert caught.value.size_bytes == 7


def test_a_head_is_cut(workspace: Workspace) -> None:
    assert workspace.read_head("README.md", 4) == b"read"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("nope", Missing),
        ("nope/deeper", Missing),
        ("src", IsADirectory),
        (".", IsADirectory),
        ("README.md/x", NotADirectory),
        ("README.md/", NotADirectory),
        ("pipe", NotAFile),
        ("socket", NotAFile),
        ("loop", Unreadable),
        ("x" * 300, Unreadable),
        ("../out/secret.txt", Denied),
        ("/etc/passwd", Denied),
        ("out", Denied),
        (".env", Denied),
        ("to-env", Denied),
        ("x.key", Denied),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    place: Path, workspace: Workspace, path: str, error: type[Exception]
) -> None:
    ws = place / "ws"
    (ws / ".env").write_text("secret")
    (ws / "conf").write_text("secret by the name it is asked for")
    (ws / "to-env").symlink_to(".env")
    (ws / "x.key").symlink_to("conf")
    (ws / "loop").symlink_to("loop")
    (ws / "out").symlink_to("../out/secret.txt")
    os.mkfifo(ws / "pipe")
    bind_socket(ws / "socket")
    with pytest.raises(error):
        workspace.read(path)


def bind_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def test_a_refused_link_is_explained(place: Path, workspace: Workspace) -> None:
    (place / "ws/l").symlink_to("/etc/passwd")
    with pytest.raises(Denied, match=r"leads outside, .*to /etc/passwd"):
        workspace.read("l")


@by_descriptor
def test_an_absolute_link_is_refused_even_when_it_leads_inside(place: Path, workspace: Workspace) -> None:
    (place / "ws/l").symlink_to(place / "ws/README.md")
    with pytest.raises(Denied, match="l is a link to"):
        workspace.read("l")


@by_descriptor
def test_a_chain_of_forty_links_is_followed_and_one_more_is_not(place: Path, workspace: Workspace) -> None:
    for number in range(41):
        (place / f"ws/l{number}").symlink_to(f"l{number + 1}" if number < 40 else "README.md")
    assert workspace.read("l1") == b"readme\n"
    with pytest.raises(Unreadable):
        workspace.read("l0")


def test_a_name_that_is_not_utf8_is_read_and_listed(place: Path, workspace: Workspace) -> None:
    try:
        (place / "ws/caf\udce9").write_bytes(b"latin")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    assert workspace.read("caf\udce9") == b"latin"
    assert "caf\udce9" in workspace.list()


def test_an_allowed_directory_and_an_allowed_file_are_read_but_not_their_neighbours(place: Path, engine: str) -> None:
    (place / "one.cfg").write_text("one")
    (place / "one.cfg.bak").write_text("two")
    allowed = [str(place / "allowed"), "../one.cfg"]
    workspace = Workspace(str(place / "ws"), allow_read=allowed, engine=engine)
    assert workspace.read(str(place / "allowed/shared.txt")) == b"shared\n"
    assert workspace.read(str(place / "one.cfg")) == b"one"
    for outside in ("one.cfg.bak", "one.cfg/x", "out/secret.txt", "allowedx", "allowed/../out/secret.txt"):
        with pytest.raises(Denied):
            workspace.read(str(place / outside))


def test_an_allowed_file_that_becomes_a_link_is_refused(place: Path, engine: str) -> None:
    (place / "one.cfg").write_text("one")
    workspace = Workspace(str(place / "ws"), allow_read=[str(place / "one.cfg")], engine=engine)
    (place / "one.cfg").unlink()
    (place / "one.cfg").symlink_to("out/secret.txt")
    with pytest.raises(Denied):
        workspace.read(str(place / "one.cfg"))


def test_a_secret_is_read_only_when_exactly_it_is_allowed(place: Path, engine: str) -> None:
    root = str(place / "ws")
    for name in (".env", "x.key"):
        (place / "ws" / name).write_text(name)
    workspace = Workspace(root, allow_read=[".env"], engine=engine)
    assert workspace.read(".env") == b".env"
    assert not workspace.is_secret(".env")
    with pytest.raises(Denied, match=r"x\.key"):
        workspace.read("x.key")
    with pytest.raises(Denied):
        Workspace(root, allow_read=[root], engine=engine).read(".env")


def test_secrets_below_an_allowed_directory_need_leave_too(place: Path, engine: str) -> None:
    (place / ".aws").mkdir()
    (place / ".aws/credentials").write_text("secret")
    (place / ".aws/notes").write_text("notes")
    workspace = Workspace(str(place / "ws"), allow_read=[str(place / ".aws")], engine=engine)
    assert workspace.read(str(place / ".aws/notes")) == b"notes"
    with pytest.raises(Denied):
        workspace.read(str(place / ".aws/credentials"))


# --- looking


def test_kinds_are_told_without_following_links(place: Path, workspace: Workspace) -> None:
    (place / "ws/l").symlink_to("src")
    (place / "ws/dangling").symlink_to("nowhere")
    os.mkfifo(place / "ws/pipe")
    kinds = {entry.name: entry.kind for entry in workspace.scan()}
    expected = {"README.md": "file", "src": "dir", ".git": "dir", "l": "link", "dangling": "link", "pipe": "other"}
    assert kinds == expected
    assert {name: workspace.stat(name).kind for name in expected} == expected
    assert workspace.stat("l", follow_links=True).kind == "dir"
    assert workspace.stat(".").kind == "dir"
    with pytest.raises(Missing):
        workspace.stat("dangling", follow_links=True)


def test_an_entry_says_what_lstat_says(place: Path, workspace: Workspace) -> None:
    known = (place / "ws/src/app.py").lstat()
    assert workspace.scan("src") == [Entry("app.py", "file", known.st_size, known.st_mtime_ns, known.st_ino)]


def test_a_directory_is_listed_through_a_link_inside_but_not_outside(place: Path, workspace: Workspace) -> None:
    (place / "ws/in").symlink_to("src")
    (place / "ws/up").symlink_to("..")
    assert workspace.list("in") == ["app.py"]
    for path in ("up", "..", "/", str(place)):
        with pytest.raises(Denied):
            workspace.list(path)
    with pytest.raises(NotADirectory):
        workspace.list("README.md")


@pytest.mark.parametrize(
    ("path", "relative"),
    [("src/app.py", "src/app.py"), ("./src/../README.md", "README.md"), (".", "."), ("src/", "src")],
)
def test_a_path_is_made_relative_by_text(workspace: Workspace, path: str, relative: str) -> None:
    assert workspace.relative(path) == relative
    assert workspace.relative(f"{workspace.root}/{path}") == relative


def test_a_path_above_the_root_is_not_relative(workspace: Workspace) -> None:
    for path in ("..", "src/../../x", "/etc"):
        with pytest.raises(Denied, match="outside"):
            workspace.relative(path)


def test_a_root_behind_a_link_is_found_under_both_names(place: Path, engine: str) -> None:
    (place / "link").symlink_to("ws")
    workspace = Workspace(str(place / "link"), engine=engine)
    assert workspace.root == os.path.realpath(place / "ws")
    assert workspace.read(str(place / "link/README.md")) == workspace.read(str(place / "ws/README.md")) == b"readme\n"


def test_a_root_that_is_missing_or_a_file_is_an_error(place: Path) -> None:
    for name in ("nowhere", "ws/README.md"):
        with pytest.raises(Missing, match=r"cannot work in .*(no such|not a) "):
            Workspace(str(place / name))


# --- writing


def test_a_new_file_gets_its_directories_and_the_usual_mode(place: Path, workspace: Workspace) -> None:
    workspace.write("a/b/new.txt", b"new")
    written = place / "ws/a/b/new.txt"
    mask = os.umask(0)
    os.umask(mask)
    assert written.read_bytes() == b"new"
    assert stat.S_IMODE(written.stat().st_mode) == 0o666 & ~mask


def test_writing_keeps_mode_and_owner(place: Path, workspace: Workspace) -> None:
    target = place / "ws/src/app.py"
    if os.geteuid() == 0:
        os.chown(target, 12345, 54321)
    target.chmod(0o4751)
    old = target.stat()
    workspace.write("src/app.py", b"changed")
    new = target.stat()
    assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid)
    assert new.st_ino != old.st_ino


def test_writing_through_a_link_inside_changes_its_target(place: Path, workspace: Workspace) -> None:
    (place / "ws/l").symlink_to("src/../src/app.py")
    (place / "ws/src/new").symlink_to("../made.txt")
    workspace.write("l", b"through")
    workspace.write("src/new", b"made")
    assert (place / "ws/l").is_symlink()
    assert (place / "ws/src/app.py").read_bytes() == b"through"
    assert (place / "ws/made.txt").read_bytes() == b"made"


def test_writing_one_name_of_a_hard_link_leaves_the_other(place: Path, workspace: Workspace) -> None:
    os.link(place / "out/secret.txt", place / "ws/h")
    workspace.write("h", b"mine")
    assert (place / "out/secret.txt").read_text() == "outside\n"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("src", IsADirectory),
        ("src/", IsADirectory),
        ("new/", IsADirectory),
        ("src/..", IsADirectory),
        (".", IsADirectory),
        ("README.md/x", NotADirectory),
        ("pipe", NotAFile),
        ("newdir/" + "x" * 300, Unwritable),
        ("newdir/../x", Missing),
        ("newdir/../../out/x", Denied),
        ("dangling/x", Missing),
        ("to-nowhere", Denied),
        ("../x", Denied),
        ("up/out/x", Denied),
        (".git/config", Denied),
        ("g/config", Denied),
        (".claude/new/settings.json", Denied),
        ("conf/.vscode/tasks.json", Denied),
        ("loop", Unwritable),
    ],
)
def test_a_refused_write_changes_nothing(place: Path, workspace: Workspace, path: str, error: type[Exception]) -> None:
    ws = place / "ws"
    os.mkfifo(ws / "pipe")
    for name, target in {
        "dangling": "nowhere",
        "to-nowhere": "../out/new",
        "up": "..",
        "g": ".git",
        "loop": "loop",
    }.items():
        (ws / name).symlink_to(target)
    before = names_below(place)
    with pytest.raises(error):
        workspace.write(path, b"x")
    assert names_below(place) == before


def test_a_full_disk_leaves_the_old_file_and_nothing_else(place: Path) -> None:
    program = """
import resource, signal, sys
from aiex.errors import StoreError
from aiex.guard.sandbox.files import Workspace
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for path in ("README.md", "new/dir/file"):
    try:
        Workspace(sys.argv[1]).write(path, b"x" * 5000)
    except StoreError as error:
        print(error)
"""
    before = names_below(place)
    command = [sys.executable, "-B", "-c", program, str(place / "ws")]  # or compiled modules would be cut for everybody
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.count("file too large") == 2
    assert names_below(place) == before
    assert (place / "ws/README.md").read_text() == "readme\n"


def test_an_allowed_file_whose_directory_is_missing_is_an_error(place: Path, engine: str) -> None:
    target = str(place / "gone" / "x.txt")
    with pytest.raises(Missing):
        Workspace(str(place / "ws"), allow_write=[target], engine=engine).write(target, b"x")


def test_no_more_directories_are_made_than_can_be_held_open(place: Path, workspace: Workspace) -> None:
    with pytest.raises(Unwritable, match="more than 100 directories are missing"):
        workspace.write("d/" * 1_500 + "x.txt", b"x")
    assert not (place / "ws" / "d").exists()


def test_a_directory_that_may_not_be_written_is_an_error(place: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (place / "ws/src").chmod(0o555)
    with pytest.raises(Unwritable, match="permission denied"):
        Workspace(str(place / "ws")).write("src/app.py", b"x")


def test_a_file_and_a_link_are_deleted_but_never_a_directory_or_the_root(place: Path, engine: str) -> None:
    (place / "ws/l").symlink_to("../out")
    one = place / "one.cfg"
    one.write_text("one")
    entries = [str(place / "allowed"), str(one)]
    workspace = Workspace(str(place / "ws"), allow_write=entries, engine=engine)
    workspace.delete("l")
    workspace.delete("src/app.py")
    workspace.delete(str(place / "allowed/shared.txt"))
    before = names_below(place)
    assert {"ws/l", "ws/src/app.py", "allowed/shared.txt"}.isdisjoint(before)
    for path in (".", "..", "src", "src/..", ".git/HEAD", ".git", "nope", *entries, workspace.root, "README.md/"):
        with pytest.raises((Denied, IsADirectory, Missing, NotADirectory)):
            workspace.delete(path)
    assert names_below(place) == before


def test_a_readable_place_is_not_writable(place: Path, engine: str) -> None:
    workspace = Workspace(str(place / "ws"), allow_read=[str(place / "allowed")], engine=engine)
    for act in (lambda path: workspace.write(path, b"x"), workspace.delete):
        with pytest.raises(Denied) as caught:
            act(str(place / "allowed/shared.txt"))
        assert "paths.allow_write" in caught.value.hint
    assert (place / "allowed/shared.txt").read_text() == "shared\n"


# --- the object itself


def test_a_workspace_travels_to_another_process(place: Path) -> None:
    workspace = Workspace(str(place / "ws"), allow_read=[str(place / "allowed")])
    copy = pickle.loads(pickle.dumps(workspace))
    assert copy.read("README.md") == b"readme\n"
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(workspace.read, (str(place / "allowed/shared.txt"),)) == b"shared\n"


def test_descriptors_are_given_back(place: Path, engine: str) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc here")
    (place / "ws/l").symlink_to("../out")
    workspace = Workspace(str(place / "ws"), engine=engine)
    gc.collect()  # what other tests left must not be given back while we count
    before = len(os.listdir("/proc/self/fd"))
    for act in (
        workspace.read,
        workspace.scan,
        workspace.stat,
        workspace.delete,
        lambda path: workspace.write(path, b""),
    ):
        for path in ("l/x", "README.md/x", ".git/HEAD", "src/none/..", "l", "src"):
            try:
                act(path)
            except (Denied, Missing, NotADirectory, NotAFile):
                continue
    assert len(os.listdir("/proc/self/fd")) <= before


def test_descriptors_are_not_inherited_by_programs(place: Path) -> None:
    workspace = Workspace(str(place / "ws"))
    folder = next(iter(workspace._folders.values()))
    assert folder.fd is not None
    assert not os.get_inheritable(folder.fd)


def test_a_busy_workspace_changes_to_the_strongest_engine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiex.guard.sandbox.files.OPENS_BEFORE_OPENAT2", 3)
    workspace = Workspace(str(place / "ws"))
    first = workspace._opener.name
    for _ in range(4):
        workspace.read("README.md")
    assert (first, workspace._opener.name) == ("walk", sandbox_engine())


def test_an_unknown_engine_is_a_mistake(place: Path) -> None:
    with pytest.raises(ValueError, match="no such engine"):
        Workspace(str(place), engine="magic")


@pytest.mark.parametrize("mark", [".git", ".hg", ".jj", ".aiex"])
def test_the_root_is_the_nearest_folder_with_a_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a" / mark).mkdir(parents=True)
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("")
    real = os.path.realpath(tmp_path)
    assert find_root(str(tmp_path / "a/b/c")) == find_root(str(tmp_path / "a/b/file")) == os.path.join(real, "a")


def test_without_a_mark_the_root_is_the_start(tmp_path: Path) -> None:
    if find_root("/tmp") != "/tmp":
        pytest.skip("there is a repository above")
    (tmp_path / "x").mkdir()
    assert find_root(str(tmp_path / "x")) == os.path.realpath(tmp_path / "x")
