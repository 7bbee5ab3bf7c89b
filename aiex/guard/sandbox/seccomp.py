"""System calls that a confined command may not make, as a filter program of the kernel (seccomp(2), BPF).

Refused everywhere: looking into other processes, mounts and namespaces, io_uring, kernel keys and modules, sockets
other than those of the network inside, set-user-id bits, input pushed into terminals. Programs of another
architecture are killed, for their numbers mean other calls.
"""

from __future__ import annotations

import errno
import platform
import struct
import sys
from functools import lru_cache
from typing import NamedTuple

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_NEW_NAMESPACES = 0x7E020000
_SET_ID_BITS = 0o6000
_CREATES = 0o100 | 0o20000000  # O_CREAT, __O_TMPFILE
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


class Machine(NamedTuple):
    """An architecture whose numbers are known."""

    audit: int
    column: int
    """Which number of a pair in the tables below is its own."""


MACHINES = {"x86_64": Machine(0xC000003E, 0), "aarch64": Machine(0xC00000B7, 1)}
"""AUDIT_ARCH_* of linux/audit.h."""
_NONE = -1

FORBIDDEN: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "kcmp": (312, 272), "process_madvise": (440, 440), "mount": (165, 40), "umount2": (166, 39),
    "move_mount": (429, 429), "open_tree": (428, 428), "open_tree_attr": (467, 467), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "pivot_root": (155, 41), "chroot": (161, 51), "setns": (308, 268), "unshare": (272, 97),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "perf_event_open": (298, 241), "bpf": (321, 280),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, _NONE), "ioperm": (173, _NONE), "syslog": (103, 116), "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18), "move_pages": (279, 239), "migrate_pages": (256, 238), "vhangup": (153, 58),
    "uselib": (134, _NONE), "modify_ldt": (154, _NONE), "nfsservctl": (180, 42), "memfd_secret": (447, 447),
    "file_setattr": (469, 469),
}  # fmt: skip
"""Numbers on x86_64 and aarch64 (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h)."""
ABSENT: dict[str, tuple[int, int]] = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "clone3": (435, 435), "openat2": (437, 437),
}  # fmt: skip
"""They look missing, and programs fall back: a filter cannot see into the structures that they take."""
SHARED: dict[str, tuple[int, int]] = {
    "chown": (92, _NONE), "fchown": (93, 55), "lchown": (94, _NONE), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "setxattrat": (463, 463), "removexattrat": (466, 466), "shmget": (29, 194),
    "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192),
    "semctl": (66, 191), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "socket": (41, 198),
}  # fmt: skip
"""Refused too where a command has no namespaces of its own: they reach what belongs to others."""
_OF_PROCESSES: dict[str, tuple[tuple[int, int], tuple[int, ...]]] = {
    "prlimit64": ((302, 261), (0,)), "setpriority": ((141, 140), (0, 0)), "ioprio_set": ((251, 30), (1, 0)),
    "sched_setaffinity": ((203, 122), (0,)), "sched_setscheduler": ((144, 119), (0,)),
    "sched_setparam": ((142, 118), (0,)), "sched_setattr": ((314, 274), (0,)),
}  # fmt: skip
"""There too: with the first arguments that stand for the caller itself. Landlock only keeps signals in."""
_MODES: dict[str, tuple[int, int, int]] = {
    "chmod": (90, _NONE, 1), "fchmod": (91, 52, 1), "fchmodat": (268, 53, 2), "fchmodat2": (452, 452, 2),
    "creat": (85, _NONE, 1), "mknod": (133, _NONE, 1), "mknodat": (259, 33, 2),
}  # fmt: skip
"""With the argument that is a mode."""
_OPENS: dict[str, tuple[int, int, int, int]] = {"open": (2, _NONE, 1, 2), "openat": (257, 56, 2, 3)}
"""With the arguments that are flags and mode."""
_CLONE, _IOCTL, _SOCKET, _SOCKETPAIR = (56, 220), (16, 29), (41, 198), (53, 199)


def machine_name() -> str:
    """The architecture when its numbers are known, else an empty string."""
    name = platform.machine()
    known = sys.platform == "linux" and sys.byteorder == "little" and sys.maxsize > 2**32
    return name if known and name in MACHINES else ""


@lru_cache
def filter_program(machine: str, *, own_namespaces: bool) -> bytes:
    """The filter, as the kernel and `bwrap --seccomp` take it: 8 bytes an instruction.

    Args:
        machine: A name of `MACHINES`.
        own_namespaces: Whether network, processes and IPC are the command's own; if not, no socket can be made at all.
    """
    known = MACHINES[machine]
    column = known.column
    body: list[bytes] = []
    for numbers, code in ((FORBIDDEN, errno.EPERM), (ABSENT, errno.ENOSYS)):
        body += [_refuse(row[column], code) for row in numbers.values() if row[column] != _NONE]
    if not own_namespaces:
        body += [_refuse(row[column], errno.EACCES) for row in SHARED.values() if row[column] != _NONE]
        for pair, arguments in _OF_PROCESSES.values():
            own = (_load(at) + _unless_equal(value, errno.EPERM) for at, value in enumerate(arguments))
            body.append(_when(pair[column], b"".join(own)))
    else:
        body.append(_when(_SOCKET[column], _sockets()))
    body.append(_when(_SOCKETPAIR[column], _load(0) + _unless_equal(_AF_UNIX, errno.EACCES)))
    body.append(_when(_CLONE[column], _load(0) + _if_set(_NEW_NAMESPACES, errno.EPERM)))
    body.append(_when(_IOCTL[column], _load(1) + b"".join(_if_equal(one, errno.EPERM) for one in _TERMINAL_INPUT)))
    for modes in _MODES.values():
        if modes[column] != _NONE:
            body.append(_when(modes[column], _load(modes[2]) + _if_set(_SET_ID_BITS, errno.EPERM)))
    for opens in _OPENS.values():
        if opens[column] != _NONE:
            inner = _load(opens[3]) + _if_set(_SET_ID_BITS, errno.EPERM)
            body.append(_when(opens[column], _load(opens[2]) + _op(_JUMP_SET, _CREATES, 0, _length(inner)) + inner))
    return _begin(known.audit, x32=machine == "x86_64") + b"".join(body) + _op(_RETURN, _ALLOW)


def _begin(audit: int, *, x32: bool) -> bytes:
    start = _op(_LOAD, _ARCH_AT) + _op(_JUMP_EQ, audit, 1, 0) + _op(_RETURN, _KILL) + _op(_LOAD, _NUMBER_AT)
    return start + (_op(_JUMP_GE, 0x40000000, 0, 1) + _op(_RETURN, _ERRNO | errno.ENOSYS) if x32 else b"")


def _sockets() -> bytes:
    """Internet sockets, and netlink for routes, which programs ask for their own addresses."""
    netlink = _load(2) + _unless_equal(0, errno.EACCES) + _op(_RETURN, _ALLOW)
    allowed = _op(_JUMP_EQ, _AF_INET, 2, 0) + _op(_JUMP_EQ, _AF_INET6, 1, 0) + _op(_RETURN, _ERRNO | errno.EACCES)
    return _load(0) + _op(_JUMP_EQ, _AF_NETLINK, 0, _length(netlink)) + netlink + allowed


def _refuse(number: int, code: int) -> bytes:
    return _op(_JUMP_EQ, number, 0, 1) + _op(_RETURN, _ERRNO | code)


def _when(number: int, inner: bytes) -> bytes:
    """Run `inner` for one call only; what it does not refuse goes on."""
    inner += _op(_LOAD, _NUMBER_AT)
    return _op(_JUMP_EQ, number, 0, _length(inner)) + inner


def _load(argument: int) -> bytes:
    """The lower half of an argument; all that are looked at are 32 bits wide for the kernel."""
    return _op(_LOAD, _ARGS_AT + 8 * argument)


def _if_equal(value: int, code: int) -> bytes:
    return _op(_JUMP_EQ, value, 0, 1) + _op(_RETURN, _ERRNO | code)


def _unless_equal(value: int, code: int) -> bytes:
    return _op(_JUMP_EQ, value, 1, 0) + _op(_RETURN, _ERRNO | code)


def _if_set(bits: int, code: int) -> bytes:
    return _op(_JUMP_SET, bits, 0, 1) + _op(_RETURN, _ERRNO | code)


def _op(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, true, false, value)


def _length(program: bytes) -> int:
    return len(program) // 8
