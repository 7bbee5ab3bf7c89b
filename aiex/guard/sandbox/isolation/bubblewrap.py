"""Confines by namespaces and mounts with bubblewrap (`bwrap`), the strongest way on Linux.

The command gets a file system of its own in which everything is read only but the writable places, its own processes,
network, IPC and users. It is held at its start until the kernel confirms the mounts, for names may change while they
are laid.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from typing import TYPE_CHECKING

from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.bounds import SandboxPolicy
from aiex.guard.sandbox.isolation import Confined, Launch, Probe
from aiex.guard.sandbox.placeholders import parent_of
from aiex.guard.sandbox.waiting import close_all, is_readable, pipe_of, read_until, readable

if TYPE_CHECKING:
    import subprocess

    from aiex.guard.sandbox.cover import Cover, Covering
    from aiex.guard.sandbox.mounts import Expected
    from aiex.guard.sandbox.placeholders import Placeholders
    from aiex.guard.sandbox.proxy import Proxy

_NAMESPACES = (
    *("--die-with-parent", "--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    *("--unshare-cgroup-try", "--cap-drop", "ALL"),
)
# /proc is read only as a whole: root owns the settings of the kernel in it, whatever namespace it is in.
_WHOLE = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--remount-ro", "/proc")
_FOLDERS = ("/usr/bin", "/usr/local/bin", "/bin", "/run/current-system/sw/bin")
_EMPTIED = ("/run", "/var/tmp", "/var/run")  # noqa: S108  (empty inside)
"""Sockets of services, and files of others."""
PROXY_PORT = 3128
"""On the loopback of the command, where nothing else listens when it starts."""
_LAID_WITHIN_S = 10.0
_HELD = "held"
_INFO_BYTES = 4096
_TOLD = b"}\n"
_INFO_WITHIN_MS = 1000
_GONE_WITHIN_MS = 1000
_TRIES = 5


class _Changed(Exception):
    """The mounts are not what they should be, because names changed while they were laid."""


class Bubblewrap:
    """The backend; it remembers what it surveyed for each policy."""

    name = "bubblewrap"
    rank = 0
    requires_approval = False

    def __init__(self) -> None:
        self._known: dict[SandboxPolicy, tuple[Covering, Placeholders]] = {}

    def probe(self) -> Probe:
        from aiex.guard.sandbox.process import run
        from aiex.guard.sandbox.seccomp import filter_program, machine_name

        if not find_bwrap():
            return Probe(False, "bwrap is not installed (Debian, Ubuntu, Fedora: the package bubblewrap)")
        if not machine_name():
            return Probe(False, "the system calls of this processor are not known")
        filtering = pipe_of(filter_program(machine_name(), own_namespaces=True))
        try:
            argv = [find_bwrap(), *_NAMESPACES, *_WHOLE, "--seccomp", str(filtering), "--", "/bin/sh", "-c", "exit 0"]
            done = run(argv, cwd="/", timeout_s=20, pass_fds=(filtering,))
        except StoreError as error:
            return Probe(False, error.message)
        finally:
            os.close(filtering)
        if done.code:
            said = done.stderr.decode(errors="replace").strip()
            return Probe(False, said.splitlines()[-1] if said else f"bwrap ended with {done.code}")
        gaps = ("as root the number of processes is not limited",) if os.geteuid() == 0 else ()
        return Probe(True, "namespaces, mounts and a filter of system calls work", gaps)

    async def start(self, launch: Launch) -> Confined:
        covering, placeholders = self._of(launch.policy)
        with ExitStack() as stack:
            stack.callback(placeholders.give_back)
            placeholders.take(())  # before anything is looked at: what other processes made stays then
            running = await _start_unchanged(launch, covering, placeholders)
            running.done = stack.pop_all().close
        return running

    def _of(self, policy: SandboxPolicy) -> tuple[Covering, Placeholders]:
        from aiex.guard.sandbox.cover import Covering
        from aiex.guard.sandbox.placeholders import Placeholders

        if policy not in self._known:
            placeholders = Placeholders(policy.root)
            self._known[policy] = (Covering(policy, placeholders.is_ours), placeholders)
        return self._known[policy]

    def close(self, policy: SandboxPolicy) -> None:
        if policy in self._known:
            self._known[policy][1].close()
            if not self._known[policy][1].is_used:
                del self._known[policy]


@cache
def temporary() -> str:
    """Where temporary files go; inside, it is a directory of the runner's own."""
    return os.path.realpath("/tmp")  # noqa: S108  (never opened)


def find_bwrap() -> str:
    """The program outside every workspace, or an empty string."""
    for folder in _FOLDERS:
        if os.access(f"{folder}/bwrap", os.X_OK):
            return f"{folder}/bwrap"
    return ""


def arguments(covers: tuple[Cover, ...], private: str) -> tuple[tuple[str, ...], Expected]:
    """The options of bwrap for these covers, and what the mounts must be then; see `held` for writable places.

    Raises:
        _Changed: if something that is to be covered is gone by now: left out, it would be open once it is back.
    """
    from aiex.guard.sandbox.mounts import Expected

    given = [*_NAMESPACES, *_WHOLE]
    expected = Expected({temporary(): os.path.realpath(private)}, {"/": False})
    for path in _EMPTIED:
        if os.path.isdir(path) and not os.path.islink(path) and path != temporary():
            given += ["--tmpfs", path]
            expected.fixed[path] = True
    given += ["--bind", private, temporary()]
    for one in covers:
        match one.kind:
            case "write" | "hold":
                given += [_HELD, one.path]
                expected.writable[one.path] = one.path
                expected.fixed[one.path] = True
            case "read":
                given += ["--ro-bind", one.path, one.path]
                expected.fixed[one.path] = False
            case "hide" if _is_out_of_reach(one.path, expected):
                continue
            case "absent" if not os.path.lexists(one.path) and _cannot_be_made(one.path):
                continue
            case _ if one.is_folder:
                given += ["--perms", "0555", "--tmpfs", one.path]
                expected.fixed[one.path] = True
            case _ if os.path.lexists(one.path):
                given += ["--ro-bind", os.devnull, one.path]
                expected.fixed[one.path] = False
            case _:
                raise _Changed(f"{one.path} is gone")
    return tuple(given), expected


def held(words: Iterable[str], fds: list[int]) -> Iterator[str]:
    """The options with each writable place as a descriptor, which nobody can swap for another directory.

    Args:
        words: With the mark of a writable place before its path.
        fds: Takes the descriptors, which the caller closes.

    Raises:
        _Changed: if a link stands in the path of one by now.
    """
    following = iter(words)
    for word in following:
        if word != _HELD:
            yield word
            continue
        path = next(following)
        if not _takes_descriptors():
            yield from ("--bind", path, path)
            continue
        try:
            with parent_of(path) as (folder, name):
                fds.append(os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder))
        except OSError as error:
            raise _Changed(f"{path} changed") from error
        yield from ("--bind-fd", str(fds[-1]), path)


@cache
def _takes_descriptors() -> bool:
    """Whether this bwrap binds what a descriptor stands for (0.10, and older ones that were mended)."""
    from aiex.guard.sandbox.process import run

    with suppress(StoreError):
        return b"--bind-fd" in run([find_bwrap(), "--help"], cwd="/", timeout_s=20).stdout
    return False


def _encode(words: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def proxied() -> dict[str, str]:
    """What programs look at to find the proxy."""
    url = f"http://127.0.0.1:{PROXY_PORT}"
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    local = "localhost,127.0.0.1,::1"
    return {**dict.fromkeys(names, url), "no_proxy": local, "NO_PROXY": local}


def _is_out_of_reach(path: str, expected: Expected) -> bool:
    """Whether the user cannot read it anyway; in a writable place its mode could be changed."""
    from aiex.guard.sandbox.bounds import is_beneath

    return not os.access(path, os.R_OK) and not any(is_beneath(path, place) for place in expected.writable)


def _cannot_be_made(path: str) -> bool:
    """Whether this user can make nothing in the directory, so that nothing needs to stand in for it."""
    folder = os.path.dirname(path)
    return os.path.isdir(folder) and not os.access(folder, os.W_OK)


async def _start_unchanged(launch: Launch, covering: Covering, placeholders: Placeholders) -> _Running:
    """Start a command, anew as often as names change meanwhile. Raises Denied when they do not stop."""
    covers, last, changes = covering.guess(), _Changed(), 0
    for _ in range(_TRIES):
        placeholders.add([(one.path, one.is_folder) for one in covers if one.kind == "absent"])
        try:
            return await _start(launch, covering, covers)
        except _Changed as changed:
            before, covers, last = covers, covering.find(), changed
            changes += covers != before
    if changes < _TRIES:  # the first guess may be wrong about a workspace that rests
        raise Denied(f"nothing was run: {last}", hint="what confines commands here: aiex show sandbox") from last
    raise Denied(f"nothing was run: {last}, the workspace changes all the time", hint="try again") from last


async def _start(launch: Launch, covering: Covering, covers: tuple[Cover, ...]) -> _Running:
    given, expected = arguments(covers, launch.private)
    told, telling = os.pipe2(os.O_CLOEXEC)
    waiting, release = os.pipe2(os.O_CLOEXEC)
    with ExitStack() as stack:
        stack.callback(close_all, [told, release])
        running = _Running(_spawn(launch, given, telling, waiting))
        breaking_off = stack.enter_context(ExitStack())
        breaking_off.callback(running.break_off, told)
        await running.prepare(told, launch.policy)
        if covering.find() != covers:
            raise _Changed("names changed while its bounds were drawn")
        running.require_mounts(expected)
        await running.open_network(launch)
        os.write(release, b"x")
        breaking_off.pop_all()
    return running


def _spawn(launch: Launch, given: Iterable[str], telling: int, waiting: int) -> subprocess.Popen[bytes]:
    """Start bwrap, which writes to one descriptor and is held by another; both are closed here."""
    import subprocess

    from aiex.guard.sandbox.seccomp import filter_program, machine_name

    fds = [telling, waiting]
    try:
        fds.append(pipe_of(filter_program(machine_name(), own_namespaces=True)))
        more = ["--chdir", launch.cwd, "--seccomp", str(fds[-1]), "--info-fd", str(telling), "--block-fd", str(waiting)]
        environ = dict(launch.with_temporary(temporary()).environ) | (proxied() if launch.policy.domains else {})
        for name, value in environ.items():
            more += ["--setenv", name, value]
        fds.append(pipe_of(_encode([*held(given, fds), *more])))
        return subprocess.Popen(
            [find_bwrap(), "--args", str(fds[-1]), "--", launch.program, *launch.argv[1:]],
            env={},  # bwrap itself runs unconfined, so no variable of the command may reach it
            cwd="/",
            stdin=launch.stdin,
            stdout=launch.stdout,
            stderr=launch.stderr,
            pass_fds=fds,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot start bwrap: {getattr(error, 'strerror', None) or error}") from error
    finally:
        close_all(fds)


class _Running:
    """A command in bubblewrap: `process` waits outside, `pid` is the first process inside."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = 0
        self.done: Callable[[], None] = lambda: None
        """Called once nothing of the command runs any more."""
        self._process = process
        self._outer = os.pidfd_open(process.pid)
        self._inner = -1
        self._told = b""
        self._proxy: Proxy | None = None

    async def prepare(self, told: int, policy: SandboxPolicy) -> None:
        """Wait until the file system is complete, and set the limits."""
        import resource

        from aiex.guard.sandbox.limiting import limits_of

        self._told = await read_until(told, _TOLD, _INFO_BYTES)
        self._find_inner()
        await self._await_mounts()
        for kind, value in limits_of(policy.limits):
            with suppress(ProcessLookupError):
                resource.prlimit(self.pid, kind, (value, value))

    def break_off(self, told: int) -> None:
        """End a command that was not let go on yet, its first process inside too, of which it may not be known yet."""
        try:
            if self._inner < 0:
                with suppress(OSError, _Changed):
                    self._hear(told)
                    self._find_inner()
        finally:
            self.forget()

    def _hear(self, told: int) -> None:
        """Read what bwrap tells of itself, as far as it comes soon."""
        while not self._told.endswith(_TOLD) and is_readable(told, _INFO_WITHIN_MS):
            piece = os.read(told, _INFO_BYTES)
            if not piece:
                return
            self._told += piece

    def _find_inner(self) -> None:
        import json

        try:
            self.pid = int(json.loads(self._told)["child-pid"])
            self._inner = os.pidfd_open(self.pid)
        except (ValueError, KeyError, OSError) as error:
            raise _Changed("bwrap did not start") from error

    async def _await_mounts(self) -> None:
        import asyncio

        try:
            async with asyncio.timeout(_LAID_WITHIN_S):
                await self._follow_mounts()
        except TimeoutError:
            raise _Changed(f"bwrap did not lay the mounts within {_LAID_WITHIN_S:g} s") from None
        except OSError:
            raise _Changed("bwrap could not lay the mounts") from None

    async def _follow_mounts(self) -> None:
        """Look whenever the kernel tells that a mount came or went (proc(5)), or that bwrap ended.

        It tells of each change once, to the first who asks, so the event loop listens all the while.
        """
        import asyncio

        from aiex.guard.sandbox.mounts import is_final, read_table

        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        above = os.stat("/")
        with open(f"/proc/{self.pid}/mountinfo", "rb") as table, select.epoll() as changes:
            changes.register(table, select.EPOLLPRI)  # the loop itself would wait for EPOLLIN, which always holds here
            changes.register(self._outer, select.EPOLLIN)
            loop.add_reader(changes.fileno(), changed.set)
            try:
                # Reading the table holds up whoever mounts, so it is read only where the root is no half-made one.
                while not (self._has_root(above) and is_final(read_table(self.pid))):
                    if self._process.poll() is not None:
                        raise ProcessLookupError
                    await changed.wait()
                    changed.clear()
            finally:
                loop.remove_reader(changes.fileno())

    def _has_root(self, root: os.stat_result) -> bool:
        return os.path.samestat(root, os.stat(f"/proc/{self.pid}/root"))

    def require_mounts(self, expected: Expected) -> None:
        """Ask the kernel whether the mounts are the expected ones. Raises _Changed."""
        from aiex.guard.sandbox.mounts import parse, problem_with, read_table

        if problem := problem_with(parse(read_table(self.pid)), expected, parse(read_table("self"))):
            raise _Changed(problem)

    async def open_network(self, launch: Launch) -> None:
        """Let it speak to the hosts of the policy, and to nobody else."""
        if launch.policy.domains:
            from aiex.guard.sandbox.proxy import Proxy

            self._proxy = Proxy(launch.policy.domains, launch.tell)
            await self._proxy.start_in(self.pid, PROXY_PORT)

    async def wait(self) -> int:
        try:
            await readable(self._outer)
            code = self._process.wait()
            self.kill()
            await readable(self._inner)
            return code if code >= 0 else 128 - code
        finally:
            self.forget()

    def kill(self) -> None:
        for fd in (self._inner, self._outer):
            with suppress(OSError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)

    def forget(self) -> None:
        """Give everything back, once; nothing of it lays mounts any more then, which would make what they need."""
        if self._outer >= 0:
            self.kill()
            self._process.wait()
            if self._inner >= 0:
                is_readable(self._inner, _GONE_WITHIN_MS)  # its call of the system, at most, keeps it so long
            close_all([fd for fd in (self._inner, self._outer) if fd >= 0])
            self._inner = self._outer = -1
            self.done()
            if self._proxy:
                self._proxy.close()


ISOLATION = Bubblewrap()
