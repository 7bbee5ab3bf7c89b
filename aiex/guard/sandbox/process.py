"""Running programs: a clean environment, a process group of their own, bounded time and bounded output."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.paths import upwards

if TYPE_CHECKING:
    import subprocess
    from threading import Thread

DEFAULT_LIMIT_BYTES = 4_000_000
KEPT_VARIABLES = frozenset(
    (
        *("PATH", "HOME", "LANG", "LANGUAGE", "TERM", "TMPDIR", "USER", "LOGNAME", "TZ"),
        *("SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "USERNAME", "APPDATA", "LOCALAPPDATA"),
    )
)
"""The rest is not passed on, secrets least of all; `LC_*` is kept too."""
_QUIET = {"PAGER": "cat", "EDITOR": "false", "VISUAL": "false", "GIT_TERMINAL_PROMPT": "0"}
_SHELL_GIT = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "sequence.editor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "safe.bareRepository": "explicit",
}
"""For git in a command: nothing starts by itself, nothing waits for a person."""
_SHELL_QUIET = {
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_SEQUENCE_EDITOR": "false",
    "GIT_ASKPASS": "false",
    "GIT_NO_LAZY_FETCH": "1",
    "SSH_ASKPASS": "false",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "LESSHISTFILE": "-",
    "HISTFILE": os.devnull,
    "DEBIAN_FRONTEND": "noninteractive",
    "PYTHONUNBUFFERED": "1",
}
_PIECE_BYTES = 65536
_GRACE_S = 0.3
"""How long output of a program that ended may still come from its children."""

GIT_COMMANDS = frozenset(
    (
        *("log", "show", "rev-list", "rev-parse", "shortlog", "for-each-ref", "cat-file", "ls-tree", "diff-tree"),
        *("ls-files", "merge-base", "name-rev", "describe", "version"),
    )
)
"""They read objects and refs only. What reads the working tree (`status`, `diff`, `blame`) runs configured filters."""
_DIFFING = frozenset(["log", "show", "diff-tree"])
_REFUSED_OPTIONS = (
    *("--output", "--ext-diff", "--textconv", "--filters", "--remerge-diff", "--show-signature", "--dirty", "--broken"),
    *("--modified", "--others", "--deleted", "--killed", "--exec-path", "--submodule", "--upload-pack"),
)
"""They write files, run configured programs, or read the working tree. Git accepts any unambiguous beginning."""
_REFUSED_LETTERS = {"ls-files": "mdok"}
_GIT_SETTINGS = (
    *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.quotePath=false"),
    *(
        "core.sshCommand=false",
        "core.untrackedCache=false",
        "core.alternateRefsCommand=",
        "safe.bareRepository=explicit",
    ),
    *("log.showSignature=false", "gpg.program=false", "gpg.openpgp.program=false", "gpg.ssh.program=false"),
    *("gpg.x509.program=false", "diff.external=", "diff.submodule=short", "diff.ignoreSubmodules=all"),
    *("submodule.recurse=false", "color.ui=false", "protocol.allow=never", "mailmap.file=/dev/null"),
)
"""Every setting of git-config(1) that names a program these commands could run, or a place they could read."""
_GIT_VARIABLES = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "LC_ALL": "C.UTF-8",
}


class Completed(NamedTuple):
    """How a program ended."""

    code: int
    """Exit code; the negative signal number when a signal ended it."""
    stdout: bytes
    stderr: bytes
    truncated: bool
    """It wrote more than the limit and was stopped there."""
    timed_out: bool = False
    """It ran longer than it may and was stopped."""


def run(
    argv: Sequence[str],
    *,
    cwd: str,
    timeout_s: float,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
    stdin: bytes | None = None,
    environ: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    keeps_session: bool = False,
) -> Completed:
    """Run a program without a shell and without a terminal; it and its children are gone when this returns.

    Args:
        argv: Program and arguments.
        cwd: Its working directory.
        timeout_s: After this its process group is killed.
        limit_bytes: For stdout and stderr each; a program that writes more is killed.
        stdin: What it reads; nothing when None.
        environ: Variables added to the clean environment.
        pass_fds: Descriptors that it gets under the same numbers; every other one is closed.
        keeps_session: It gets a process group of its own, but no session, whose first turn on a busy machine comes
            late; for helpers that never look for a terminal.

    Raises:
        StoreError: if the program cannot be started.
    """
    import subprocess

    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=clean_environment() | dict(environ or {}),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=not keeps_session,
            process_group=0 if keeps_session and sys.platform != "win32" else None,
            pass_fds=tuple(pass_fds),
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"cannot run {argv[0]}: {reason.lower()}", hint=f"is {argv[0]} installed?") from error
    return _Running(process, limit_bytes).finish(stdin, timeout_s)


def clean_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables a program may see: where things are and how to speak, no secrets, no pager, no editor."""
    given = os.environ if environ is None else environ
    kept = {name: value for name, value in given.items() if name in KEPT_VARIABLES or name.startswith("LC_")}
    if "PATH" in kept:
        kept["PATH"] = os.pathsep.join(folder for folder in kept["PATH"].split(os.pathsep) if os.path.isabs(folder))
    return kept | _QUIET


def shell_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The clean environment of a command: git runs no hooks, nothing pages, edits or asks."""
    git = {"GIT_CONFIG_COUNT": str(len(_SHELL_GIT))}
    for number, (key, value) in enumerate(_SHELL_GIT.items()):
        git |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return clean_environment(environ) | _SHELL_QUIET | git


def git(workspace_root: str, *args: str, timeout_s: float = 5.0, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> Completed:
    """Ask git about commits and refs; nothing that the repository configures is run, nothing is written.

    Raises:
        Denied: for a command or an option that could do more than read objects.
        StoreError: if git is missing, or refuses a repository of another user.
    """
    if not args or args[0] not in GIT_COMMANDS:
        raise Denied(f"refused git {' '.join(args[:1])}: only {', '.join(sorted(GIT_COMMANDS))}")
    command, *rest = args
    _require_reading(command, rest)
    argv = [*quiet_git(workspace_root), "--no-optional-locks", "--literal-pathspecs"]
    quiet = ["--no-ext-diff", "--no-textconv"] if command in _DIFFING else []
    completed = run(
        [*argv, command, *quiet, *rest],
        cwd=workspace_root,
        timeout_s=timeout_s,
        limit_bytes=limit_bytes,
        environ=_GIT_VARIABLES | _work_tree(workspace_root),
    )
    if completed.code and b"dubious ownership" in completed.stderr:
        hint = f"if you trust it: git config --global --add safe.directory {workspace_root}"
        raise StoreError(f"git refuses {workspace_root}: it belongs to another user", hint=hint)
    return completed


def quiet_git(workspace_root: str) -> list[str]:
    """The git of the machine with options by which nothing that a repository configures is run, but for filters.

    Raises:
        StoreError: if it is missing.
    """
    argv = [_find_git(workspace_root), "--no-pager"]
    for setting in _GIT_SETTINGS:
        argv += ["-c", setting]
    return argv


def _work_tree(workspace_root: str) -> dict[str, str]:
    """The directory that has `.git`, so that `core.worktree` of a repository cannot point elsewhere."""
    for at in upwards(os.path.realpath(workspace_root)):
        if os.path.lexists(os.path.join(at, ".git")):
            return {"GIT_WORK_TREE": at}
    return {}


def _require_reading(command: str, options: Sequence[str]) -> None:
    letters = _REFUSED_LETTERS.get(command, "")
    for option in options:
        if option == "--":
            return
        name = option.partition("=")[0]
        is_long = name.startswith("--")
        refused = is_long and any(other.startswith(name) for other in _REFUSED_OPTIONS)
        if refused or (not is_long and name.startswith("-") and any(letter in name for letter in letters)):
            raise Denied(f"refused git {command} {name}: it could write, run programs or read the working tree")


def _find_git(workspace_root: str) -> str:
    """The git of the machine."""
    found = find_outside("git", workspace_root)
    if found is None:
        raise StoreError("cannot run git: it is not installed", hint="install git to see the history")
    return found


def find_outside(name: str, workspace_root: str) -> str | None:
    """A program of the machine, never one that lies in the workspace; None where it is not installed."""
    import shutil

    inside = os.path.join(os.path.realpath(workspace_root), "")
    folders = clean_environment().get("PATH", os.defpath).split(os.pathsep)
    outside = [folder for folder in folders if not os.path.join(os.path.realpath(folder), "").startswith(inside)]
    return shutil.which(name, path=os.pathsep.join(outside))


class _Running:
    """A started program whose output is read by threads, which works on every system."""

    def __init__(self, process: subprocess.Popen[bytes], limit_bytes: int) -> None:
        from threading import Lock

        self.process = process
        self.limit_bytes = limit_bytes
        self.truncated = False
        self.lock = Lock()

    def finish(self, stdin: bytes | None, timeout_s: float) -> Completed:
        """Wait for the end, or make it."""
        from threading import Thread

        stdout, stderr = bytearray(), bytearray()
        readers = [Thread(target=self._collect, args=("stdout", stdout), daemon=True)]
        readers.append(Thread(target=self._collect, args=("stderr", stderr), daemon=True))
        end = Thread(target=self._await_end, daemon=True)
        feeders = [] if stdin is None else [Thread(target=self._feed, args=(stdin,), daemon=True)]
        for thread in (*readers, *feeders, end):
            thread.start()
        timed_out = True
        try:
            end.join(timeout_s)
            timed_out = end.is_alive()
            if not timed_out:
                _join(readers, _GRACE_S)
        finally:
            self._kill_group()
            with self.lock:
                self.process.wait()
        _join([*readers, *feeders, end], _GRACE_S)
        return Completed(self.process.returncode, bytes(stdout), bytes(stderr), self.truncated, timed_out)

    def _collect(self, name: str, into: bytearray) -> None:
        with getattr(self.process, name) as stream:
            while piece := stream.read1(_PIECE_BYTES):
                room = self.limit_bytes - len(into)
                into += piece[:room]
                if len(piece) > room or (len(piece) == room and stream.read1(1)):
                    self.truncated = True
                    self._kill_group()
                    return

    def _feed(self, data: bytes) -> None:
        if self.process.stdin is not None:
            with suppress(OSError), self.process.stdin as stream:
                stream.write(data)

    def _await_end(self) -> None:
        """Return when the program ended; where possible without giving its id back, so that its group stays ours."""
        if sys.platform != "win32" and hasattr(os, "waitid"):
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self.process.wait()

    def _kill_group(self) -> None:
        """Kill the program and everything it started that stayed in its group."""
        with self.lock:
            if self.process.returncode is not None and hasattr(os, "waitid"):
                return
            if sys.platform == "win32":
                self.process.kill()
                return
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _join(threads: Sequence[Thread], timeout_s: float) -> None:
    """Wait for all of them together, at most so long."""
    end = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
