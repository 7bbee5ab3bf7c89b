"""Starts confined commands from a small process of its own, and ends whatever they leave behind.

It runs alone (`python -I -S zygote.py FD`), for a fork of the assistant itself would copy its page tables and its
threads' locks. Each command gets a keeper, a fork of this process that adopts every orphan of the command
(PR_SET_CHILD_SUBREAPER): when nothing is left to wait for, nothing of the command runs. A keeper ends its command when
it is told to, or when the assistant is gone. Only modules that cost little are imported.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # the module around it costs 6 ms
import ctypes
import fcntl
import marshal
import os
import resource
import sys
from _socket import socket as Socket  # the module around it costs 4 ms
from select import POLLIN, poll

if False:  # typing costs 3 ms
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_SUBREAPER, _NO_NEW_PRIVILEGES, _DROP_BOUNDING = 36, 38, 24
_SECCOMP, _SECCOMP_FILTER, _LANDLOCK_RESTRICT, _CLOSE_RANGE = 22, 2, 446, 436
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522
_SOL_SOCKET, _SCM_RIGHTS = 1, 1
_CHUNK = 1 << 16
_NOT_STARTED, _NOT_FOUND = 126, 127

_libc = ctypes.CDLL(None, use_errno=True)


def serve(fd: int) -> None:
    """Fork a keeper for each request until the assistant is gone.

    A request is one byte with descriptors: order, standard streams, control, and rules when there are any.
    """
    asked = Socket(fileno=fd)
    keepers: set[int] = set()
    _prctl(_SUBREAPER, 1)  # when a keeper is killed itself, what it kept comes here
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting = poll()
    waiting.register(fd, POLLIN)
    wake = _open_wake()
    waiting.register(wake, POLLIN)
    while True:
        ready = [one for one, _ in waiting.poll()]
        if wake in ready:
            os.read(wake, _CHUNK)
            _reap_keepers(keepers)
        if fd in ready:
            data, ancillary, _, _ = asked.recvmsg(1, 1024)
            if not data:
                os._exit(0)
            fds = _descriptors(ancillary)
            pid = os.fork()
            if pid == 0:
                os.close(wake)
                _protect(_keep, asked, fds)
            keepers.add(pid)
            for one in fds:
                os.close(one)


def _open_wake() -> int:
    """A descriptor that can be read when a child ended."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    return wake


def _reap_keepers(keepers: set[int]) -> None:
    """Forget the keepers that ended, and kill what one of them left because it was killed."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            keepers.discard(ended)
    except ChildProcessError:
        return
    for stray in _children(os.getpid()) - keepers:
        left = {stray, *_descendants(stray)}
        _signal_all(left, signal.SIGSTOP)
        _signal_all(left | _descendants(stray), signal.SIGKILL)


def _descriptors(ancillary: Iterable[tuple[int, int, bytes]]) -> list[int]:
    fds: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_SOCKET, _SCM_RIGHTS):
            fds += [int.from_bytes(data[at : at + 4], sys.byteorder) for at in range(0, len(data) // 4 * 4, 4)]
    return fds


def _protect(work: Callable[..., int], *arguments: Any) -> None:
    """Run the life of a forked process; it never returns into the loop above."""
    code = _NOT_STARTED
    try:
        code = work(*arguments)
    finally:
        os._exit(code or 0)


def _keep(asked: Socket, fds: Sequence[int]) -> int:
    """The life of a keeper: start the command, tell how it ended, leave nothing behind."""
    order, stdin, stdout, stderr, control, *rules = fds
    asked.close()
    _prctl(_SUBREAPER, 1)
    wake = _open_wake()
    with os.fdopen(order, "rb") as source:
        wanted = marshal.load(source)  # noqa: S302  (our parent wrote it)
    pid = os.fork()
    if pid == 0:
        _protect(_become, wanted, (stdin, stdout, stderr), rules)
    for one in (stdin, stdout, stderr, *rules):
        os.close(one)
    _tell(control, b"s%d" % pid)
    status = _watch(control, wake, pid)
    found = _end_all(pid)
    status = found if status is None else status
    _tell(control, b"e%d" % (-9 if status is None else os.waitstatus_to_exitcode(status)))
    return 0


def _watch(control: int, wake: int, pid: int) -> int | None:
    """Wait until the command ended and give its status, or until it is told to end."""
    waiting = poll()
    waiting.register(control, POLLIN)
    waiting.register(wake, POLLIN)
    while True:
        for fd, _ in waiting.poll():
            if fd == control:
                return None
            os.read(wake, _CHUNK)
            status = _reap(pid)
            if status is not None:
                return status


def _reap(wanted: int) -> int | None:
    """Take the status of every process that ended; that of the wanted one is given."""
    status = None
    try:
        while True:
            pid, found = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return status
            if pid == wanted:
                status = found
    except ChildProcessError:
        return status


def _end_all(wanted: int) -> int | None:
    """Kill every descendant. Without children left there is none at all, because orphans come to the keeper."""
    own, status = os.getpid(), None
    while True:
        found = _reap(wanted)
        status = found if found is not None else status
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return status
        stopped: set[int] = set()
        while new := _descendants(own) - stopped:
            _signal_all(new, signal.SIGSTOP)  # what is stopped makes no more processes
            stopped |= new
        _signal_all(stopped, signal.SIGKILL)
        if stopped:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)


def _signal_all(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:  # noqa: SIM105  (contextlib costs 2 ms)
            os.kill(pid, number)
        except OSError:
            pass


def _descendants(top: int) -> set[int]:
    found: set[int] = set()
    waiting = [top]
    while waiting:
        parent = waiting.pop()
        for child in _children(parent) - found:
            found.add(child)
            waiting.append(child)
    return found


def _children(pid: int) -> set[int]:
    """The children of every thread of a process."""
    found: set[int] = set()
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as source:
                found.update(map(int, source.read().split()))
    except FileNotFoundError:
        if os.path.exists(f"/proc/{pid}"):
            found |= _children_by_parent(pid)
    except OSError:
        pass
    return found


def _children_by_parent(pid: int) -> set[int]:
    """The same for kernels without CONFIG_PROC_CHILDREN, and for a thread that ended meanwhile."""
    found: set[int] = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as source:
                    if int(source.read().rpartition(b")")[2].split()[1]) == pid:
                        found.add(int(name))
            except OSError:
                pass
    return found


def _become(wanted: dict[str, Any], streams: Sequence[int], rules: Sequence[int]) -> int:
    """Turn into the command; whatever fails before that ends the process without it."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    for number, fd in enumerate(_above(streams)):
        os.dup2(fd, number)
    try:
        _confine(wanted, rules)
        _require(_libc.syscall(_CLOSE_RANGE, 3, 0xFFFFFFFF, 0), "close_range")
        os.execve(wanted["program"], wanted["argv"], wanted["environ"])  # noqa: S606  (the guard chose it)
    except OSError as error:
        name = os.fsdecode(wanted["argv"][0])
        os.write(2, f"cannot run {name}: {error.strerror or error}\n".encode("utf-8", "surrogateescape"))
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_STARTED


def _above(streams: Iterable[int]) -> list[int]:
    """The same descriptors beyond the standard ones, so that none is overwritten before it is used."""
    return [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in streams]


def _confine(wanted: dict[str, Any], rules: Sequence[int]) -> None:
    os.chdir(wanted["cwd"])
    for kind, value in wanted["limits"]:
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))
    _prctl(_NO_NEW_PRIVILEGES, 1)
    if wanted["drop"]:
        _drop_capabilities(wanted["machine"])
    if rules:
        _require(_libc.syscall(_LANDLOCK_RESTRICT, rules[0], 0), "landlock_restrict_self")
    if wanted["filter"]:
        _filter(wanted["filter"])


def _drop_capabilities(machine: str) -> None:
    for number in range(64):
        if _libc.prctl(_DROP_BOUNDING, number, 0, 0, 0):
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _require(_libc.syscall(_CAPSET[machine], header, (ctypes.c_uint32 * 6)()), "capset")


def _filter(program: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]

    _prctl(_SECCOMP, _SECCOMP_FILTER, ctypes.byref(Program(len(program) // 8, program)))


def _prctl(option: int, value: int, pointer: Any = 0) -> None:
    _require(_libc.prctl(option, ctypes.c_ulong(value), pointer, 0, 0), "prctl")


def _require(result: int, call: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def _tell(control: int, message: bytes) -> None:
    try:  # noqa: SIM105  (contextlib costs 2 ms)
        os.write(control, message)
    except OSError:
        pass


if __name__ == "__main__":
    serve(int(sys.argv[1]))
