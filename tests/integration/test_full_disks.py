"""A disk that is full, or fails at what should make something last: no traceback, and no promise is broken.

`benchmarks/kills.py --faults` tries every call; here are some of each part.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shlex
import signal
import subprocess
import sys
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from shutil import which

import pytest

from aiex.errors import StoreError
from aiex.events import Event, SessionStarted, TurnEnded, UserSpoke
from aiex.messages import Text
from aiex.sessions.keeping import FILE, Sessions, open_sessions
from aiex.sqlite import FullStore
from aiex.wiring import Services
from tests.fakes.lanes import Lanes, Point
from tests.fakes.source import SOURCE_ROOT
from tests.fakes.syscalls import missing, watch

needs_syscalls = pytest.mark.skipif(bool(missing()), reason=missing())
NO_FAULTS: dict[str, list[str]] = {"lost": [], "half": [], "doubled": [], "stuck": []}


@needs_syscalls
def test_nothing_promised_is_lost_on_a_bad_disk(lanes: Lanes) -> None:
    points = [Point("turn", number, errno.ENOSPC, goes_on=True) for number in range(3, 640, 160)]
    points += [Point("turn", number, errno.EIO, goes_on=True) for number in range(20, 640, 160)]
    points += [Point("ask", number, errno.ENOSPC, goes_on=True) for number in range(57, 350, 180)]
    runs = list(lanes.run(points))
    assert [(tuple(run.point), run.faults) for run in runs if run.faults != NO_FAULTS] == []
    for error in (errno.ENOSPC, errno.EIO):
        assert any(run.error for run in runs if run.point.fate == error)


@needs_syscalls
def test_no_room_for_the_index_of_a_log_costs_nothing_of_the_log(lanes: Lanes) -> None:
    (whole,) = lanes.run([Point("again", 0, "go")])
    numbers = [number for number, (name, _) in enumerate(whole.calls, 1) if name == "ftruncate"][:3]
    points = [Point("again", number, errno.ENOSPC, goes_on=True) for number in numbers]
    runs = list(lanes.run(points))
    assert [(tuple(run.point), run.faults) for run in runs if run.faults != NO_FAULTS] == []
    assert any(run.error for run in runs)


# --- what was kept is still read ------------------------------------------------------------------------------------

SESSION = "5e55000000000001"
GROWS = ("write", "pwrite64", "fallocate")
FILL = "mount -t tmpfs -o size=8m tmpfs {new}; cp -a {old}/. {new}; {spoil}; "
SPOILS = {"full": "head -c 16m /dev/zero >{new}/rest 2>&- || true", "read-only": "mount -o remount,ro {new}"}


@cache
def cannot_mount() -> bool:
    """Whether this user can have no disk of its own."""
    words = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=8m tmpfs /mnt"]
    return sys.platform != "linux" or subprocess.run(words, check=False, capture_output=True).returncode != 0


def keep_something(workspace: Path) -> None:
    services = Services(str(workspace))
    (workspace / "moon.txt").write_text("old")
    services.checkpoints.take("by hand")
    services.checkpoints.close()
    begin = SessionStarted("1", str(workspace), "ask", "one", "small", root=str(workspace))
    events: list[Event] = [begin, UserSpoke((Text("Where is the moon?"),)), TurnEnded("success", "answered", 0)]
    with closing(open_sessions(services.settings)) as sessions:
        sessions.log.append(SESSION, events, after_seq=0, turn=1, at_ms=1_795_000_000_000)


def on_disk(home: Path, workspace: Path, spoil: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on a copy of our files that lies on a disk of its own."""
    new = home.with_name(f"{home.name}-disk")
    new.mkdir(exist_ok=True)
    places = {"new": shlex.quote(str(new)), "old": shlex.quote(str(home))}
    script = FILL.format(**places, spoil=SPOILS[spoil].format(**places))
    environ = {name: value.replace(str(home), str(new)) for name, value in os.environ.items()}
    return subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script + 'exec "$@"', "sh", sys.executable, "-m", "aiex", *words],
        cwd=workspace, env=environ | {"PYTHONPATH": SOURCE_ROOT, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.skipif(cannot_mount(), reason="needs the right to mount")
@pytest.mark.parametrize("spoil", SPOILS)
def test_commands_that_only_read_do_so(home: Path, workspace: Path, spoil: str) -> None:
    keep_something(workspace)
    for words, shown in {
        "list session": "Where is the moon?",
        "show session": "Where is the moon?",
        "search session moon": "moon",
        "export session": "Where is the moon?",
        "list usage": "",
        "list checkpoint": "by hand",
        "show checkpoint 1": "nothing was changed since",
        "diff checkpoint 1": "",
        "verify checkpoint": "yes",
    }.items():
        done = on_disk(home, workspace, spoil, *words.split())
        assert (done.returncode, done.stderr, shown in done.stdout) == (0, "", True), (words, done.stdout, done.stderr)


@pytest.mark.skipif(cannot_mount(), reason="needs the right to mount")
def test_what_would_change_something_names_the_disk_that_is_full(home: Path, workspace: Path) -> None:
    keep_something(workspace)
    named_by = {"create checkpoint new": "checkpoints.db: the disk is full", f"rm session {SESSION}": "disk"}
    if which("bwrap"):
        named_by["run sandbox -- true"] = "/sandbox/placeholders/"
    for words, named in named_by.items():
        done = on_disk(home, workspace, "full", *words.split())
        assert done.returncode == 74, (words, done.stdout, done.stderr)
        last = done.stderr[done.stderr.rindex("error: ") :]
        assert last.startswith(f"error: cannot write {home}-disk/"), last
        assert named in last
        assert "space on this disk" in last


@pytest.mark.skipif(cannot_mount() or not which("bwrap"), reason="needs the right to mount, and bubblewrap")
def test_a_command_runs_where_the_workspace_can_only_be_read(workspace: Path) -> None:
    (workspace / "moon.txt").write_text("old")
    script = 'mount --bind . . && cd . && mount -o remount,bind,ro "$PWD" && cd "$PWD" && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh",
         sys.executable, "-m", "aiex", "run", "sandbox", "--", "sh", "-c", "cat moon.txt; echo new > moon.txt"],
        cwd=workspace, env=dict(os.environ) | {"PYTHONPATH": SOURCE_ROOT, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.stdout, "Read-only file system" in done.stderr) == ("old", True), done.stderr


@needs_syscalls
@pytest.mark.parametrize("was_killed", [False, True], ids=["closed", "killed"])
def test_sessions_are_read_while_no_byte_can_be_written(tmp_path: Path, was_killed: bool) -> None:
    """Also what is only in the log of changes that a killed process left, the index of which is lost."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            sessions = Sessions(str(tmp_path))
            begin = SessionStarted("1", "/a", "ask", "one", "small", root="/a")
            events: list[Event] = [begin, UserSpoke((Text("hello"),))]
            sessions.log.append(SESSION, events, after_seq=0, turn=1, at_ms=1_795_000_000_000)
            if was_killed:
                os.kill(os.getpid(), signal.SIGKILL)
            sessions.close()
        os._exit(0)
    os.waitpid(child, 0)
    for path in tmp_path.glob("*-shm"):
        path.unlink()
    assert (tmp_path / f"{FILE}-wal").exists() == was_killed

    def look(say: object) -> None:
        assert callable(say)
        sessions = Sessions(str(tmp_path))
        say([one.id for one in sessions.views.listed()])
        try:
            sessions.log.append(SESSION, [UserSpoke((Text("more"),))], after_seq=2, turn=2, at_ms=1)
        except StoreError as error:
            say([isinstance(error, FullStore), error.hint])

    end = watch(look, lambda call: errno.ENOSPC if call.name in GROWS and call.is_on_disk else "go")
    assert end.said == [[SESSION], [True, "free some space on this disk"]]


@needs_syscalls
def test_who_watched_adopts_no_orphans_any_more() -> None:
    watch(lambda say: say("here"))
    adopts = ctypes.c_int(-1)
    ctypes.CDLL(None).prctl(37, ctypes.byref(adopts), 0, 0, 0)  # PR_GET_CHILD_SUBREAPER
    assert adopts.value == 0
