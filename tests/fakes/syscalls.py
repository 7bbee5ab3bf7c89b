"""Work in a process of its own, whose system calls that change something are seen before they happen.

Each of them is numbered, and a `Fate` decides: it happens, the process is killed before it, half of its bytes are
written and the process is killed then, or it fails. The kernel does the stopping (seccomp, user notification), so it
is the same program with the same libraries, its threads and its commands included.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Literal, NamedTuple

from tests.fakes.memory import MEMORY

Fate = int | Literal["go", "kill", "cut"]
"""What becomes of a call; a number is the error that it fails with."""

WRITES = {"write": 1, "pwrite64": 18, "writev": 20, "pwritev": 296, "pwritev2": 328, "sendfile": 40,
          "copy_file_range": 326, "fallocate": 285, "ftruncate": 77}  # fmt: skip
SYNCS = {"fsync": 74, "fdatasync": 75, "sync_file_range": 277, "syncfs": 306, "msync": 26}
NAMES = {"rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88, "symlinkat": 266,
         "unlink": 87, "unlinkat": 263, "mkdir": 83, "mkdirat": 258, "rmdir": 84, "truncate": 76}  # fmt: skip
MODES = {"chmod": 90, "fchmod": 91, "fchmodat": 268, "chown": 92, "fchown": 93, "fchownat": 260, "utimensat": 280}
SENDS = {"sendto": 44, "sendmsg": 46, "sendmmsg": 307}
OPENS = {"open": 2, "openat": 257}
NUMBERS = WRITES | SYNCS | NAMES | MODES | SENDS | OPENS
"""Of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl); of `OPENS` only what makes or empties a file."""
_CALLS = {number: name for name, number in NUMBERS.items()}
CONTROL: int = 900
"""The descriptor on which the process says something; what goes there is not counted."""
PATIENCE_S = 120.0
ORPHANS_S = 0.3
"""So long what the process started may be idle when it is dead itself."""

_ARCH_X86_64 = 0xC000003E
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_SECCOMP, _PIDFD_GETFD = 317, 438
_NO_NEW_PRIVILEGES, _SUBREAPER, _SET_FILTER, _LISTENER = 38, 36, 1, 8
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE, _RESPONSE = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_CONTINUE = 1


class Call(NamedTuple):
    """A system call that is about to happen."""

    number: int
    """Counts from 1."""
    name: str
    pid: int
    is_own: bool
    """Of the process itself, not of one that it started."""
    args: tuple[int, ...]

    @property
    def target(self) -> str:
        """What its first descriptor is open on; empty for a call that has none."""
        if self.name not in WRITES | SYNCS | SENDS:
            return ""
        with suppress(OSError):
            return os.readlink(f"/proc/{self.pid}/fd/{self.args[0]}")
        return ""

    @property
    def is_on_disk(self) -> bool:
        """It writes to a file, or makes one, on a file system that can be full."""
        if self.name in WRITES | SYNCS:
            target = self.target.removeprefix(MEMORY)  # files in memory count
            return target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/sys/", "/memfd:"))
        return self.name in NAMES | OPENS


class End(NamedTuple):
    """How the work ended."""

    code: int
    """Exit code; negative the number of the signal that killed it."""
    said: list[Any]
    """What it said, in order."""
    calls: list[tuple[str, bool]]
    """Every call that was seen: its name, and whether it could be cut in two."""


@cache
def missing() -> str:
    """Why system calls cannot be seen here; empty where they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the calls of a process are seen by seccomp, on Linux on x86-64"
    try:
        end = watch(lambda say: say("here"))
    except OSError as error:
        return f"seccomp gives no notice here: {error.strerror}"
    return "" if end.said == ["here"] else "seccomp gives no notice here"


def watch(work: Callable[[Callable[[Any], None]], object], fate: Callable[[Call], Fate] = lambda _: "go") -> End:
    """Do the work in a fork, which gets a way to say something; until every process of it is gone.

    To be called without other threads. An exception ends the work with its traceback said last, under `traceback`.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, _adopting() as before:
        pid = os.fork()
        if pid == 0:
            ours.close()
            _work(work, theirs)
        theirs.close()
        listener = _receive_listener(ours)
        if listener < 0:
            os.waitpid(pid, 0)
            raise OSError(errno.ENOSYS, "it refuses")
        try:
            return _Watch(pid, listener, ours, fate, before).run()
        finally:
            os.close(listener)


@contextmanager
def _adopting() -> Iterator[set[int]]:
    """Orphans of our processes become ours meanwhile, and no longer: who runs on does not wait for them.

    Gives the processes that are ours already.
    """
    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield _children()
    finally:
        prctl(_SUBREAPER, 0, 0, 0, 0)


def _children() -> set[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as source:
        return set(map(int, source.read().split()))


def _receive_listener(channel: socket.socket) -> int:
    _, descriptors, _, _ = socket.recv_fds(channel, 16, 1)
    return descriptors[0] if descriptors else -1


class _Watch:
    """The side that decides."""

    def __init__(
        self, pid: int, listener: int, channel: socket.socket, fate: Callable[[Call], Fate], others: set[int]
    ) -> None:
        self._pid = pid
        self._listener = listener
        self._channel = channel
        self._fate = fate
        self._others = others
        self._said: list[Any] = []
        self._calls: list[tuple[str, bool]] = []
        self._is_dead = False

    def run(self) -> End:
        code: int | None = None
        pidfd = os.pidfd_open(self._pid)
        poll = select.poll()
        for descriptor in (self._listener, self._channel.fileno(), pidfd):
            poll.register(descriptor, select.POLLIN)
        try:
            while True:
                events = dict(poll.poll((PATIENCE_S if code is None else ORPHANS_S) * 1000))
                if not events and code is not None and self._end_orphans():
                    continue
                if not events:
                    self._kill()
                    raise TimeoutError(f"nothing happened for {PATIENCE_S:g} s after {len(self._calls)} calls")
                if self._channel.fileno() in events and not self._hear():
                    poll.unregister(self._channel)
                if events.get(self._listener, 0) & select.POLLIN:
                    self._decide()
                elif events.get(self._listener, 0) & select.POLLHUP and code is not None:
                    break
                if code is not None:
                    self._reap()
                if pidfd in events and code is None:
                    code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
                    poll.unregister(pidfd)
        finally:
            os.close(pidfd)
        self._reap()
        while self._hear():
            pass
        return End(code, self._said, self._calls)

    def _end_orphans(self) -> bool:
        """Kill what waits for a process that died, such as a command that had not begun yet; whether there was any."""
        orphans = _children() - self._others
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)
        return bool(orphans)

    def _reap(self) -> None:
        for orphan in _children() - self._others:
            with suppress(ChildProcessError):
                os.waitpid(orphan, os.WNOHANG)

    def _hear(self) -> bool:
        try:
            data = self._channel.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        if data:
            self._said.append(json.loads(data))
        return bool(data)

    def _decide(self) -> None:
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, notice)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # whoever called was killed meanwhile
                return
            raise
        id, pid, _, number, _, _, *args = _NOTICE.unpack(notice)
        call = Call(len(self._calls) + 1, _CALLS[number], pid, _group_of(pid) == self._pid, tuple(args))
        fate: Fate = "go"
        can_be_cut = False
        if not self._is_dead:
            can_be_cut = call.is_own and call.name in ("write", "pwrite64") and args[2] > 1 and call.is_on_disk
            self._calls.append((call.name, can_be_cut))
            fate = self._fate(call)
        if fate == "cut" and can_be_cut:
            _write_half(self._pid, call)
        if fate in ("cut", "kill"):
            self._kill()
        response = (id, 0, 0, _CONTINUE) if isinstance(fate, str) else (id, 0, -fate, 0)
        with suppress(FileNotFoundError):
            fcntl.ioctl(self._listener, _SEND, bytearray(_RESPONSE.pack(*response)))

    def _kill(self) -> None:
        self._is_dead = True
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


def _group_of(pid: int) -> int:
    """The process to which a thread belongs."""
    with suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as lines:
        return next((int(line.split()[1]) for line in lines if line.startswith("Tgid:")), pid)
    return pid


def _write_half(pid: int, call: Call) -> None:
    target, start, size = call.args[:3]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(start)
        half = memory.read(size // 2)
    pidfd = os.pidfd_open(pid)
    try:
        descriptor = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, pidfd, ctypes.c_long(target), 0)
    finally:
        os.close(pidfd)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "cannot take over a descriptor")
    try:
        os.pwrite(descriptor, half, call.args[3]) if call.name == "pwrite64" else os.write(descriptor, half)
    finally:
        os.close(descriptor)


# --- the side that works --------------------------------------------------------------------------------------------


def _work(work: Callable[[Callable[[Any], None]], object], channel: socket.socket) -> None:
    code = 1
    try:
        os.dup2(channel.fileno(), CONTROL, inheritable=False)
        channel.close()
        control = socket.socket(fileno=CONTROL)
        listener = _install()
        socket.send_fds(control, [b"listener"], [listener] if listener >= 0 else [])
        os.close(listener)

        def say(word: Any) -> None:
            control.send(json.dumps(word).encode())

        try:
            work(say)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            say({"traceback": traceback.format_exc()})
    finally:
        os._exit(code)


def _install() -> int:
    """Have the calls noticed; the descriptor on which they are, or -1."""
    program = _program()
    filters = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    head = struct.pack("@HxxxxxxQ", len(program), ctypes.addressof(filters))
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return -1
    return int(system.syscall(_SECCOMP, _SET_FILTER, _LISTENER, head))


def _program() -> list[tuple[int, int, int, int]]:
    """The filter: notice for the calls above, but for what goes to `CONTROL` and what is only opened."""
    arch, number, first, second, third = 4, 0, 16, 24, 32
    makes = os.O_CREAT | os.O_TRUNC
    told = [NUMBERS[name] for name in ("write", "sendto", "sendmsg")]
    plain = [value for name, value in NUMBERS.items() if name not in OPENS and value not in told]
    lines = [(_LOAD, 0, 0, arch), (_EQUAL, 1, 0, _ARCH_X86_64), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, number)]
    for value in plain:
        lines += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _NOTIFY)]
    for name, flags in (("open", second), ("openat", third)):
        lines += [
            (_EQUAL, 0, 4, OPENS[name]), (_LOAD, 0, 0, flags), (_ANY_BIT, 0, 1, makes),
            (_RETURN, 0, 0, _NOTIFY), (_RETURN, 0, 0, _ALLOW),
        ]  # fmt: skip
    for value in told:
        lines += [
            (_EQUAL, 0, 4, value), (_LOAD, 0, 0, first), (_EQUAL, 0, 1, CONTROL),
            (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY),
        ]  # fmt: skip
    return [*lines, (_RETURN, 0, 0, _ALLOW)]
