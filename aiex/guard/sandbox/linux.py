"""The calls of the Linux kernel that Python does not offer: Landlock, filters, capabilities, namespaces.

Loading ctypes costs about 3 ms, so this is imported when a backend is used. Source of numbers and structures:
linux/landlock.h, linux/prctl.h, linux/seccomp.h, linux/capability.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import NamedTuple

_CREATE_RULESET, _ADD_RULE = 444, 445
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG = 16, 32, 64, 128, 256
MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 512, 1024, 2048, 4096
REFER, TRUNCATE, IOCTL_DEV = 8192, 16384, 32768

OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""The rights that a rule on something that is no directory may carry."""
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER
"""Everything in a directory of one's own, but no devices and no sockets."""
_SINCE = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
"""The version of Landlock that brought a right."""
_ALL_OF_FIRST = (1 << 13) - 1
SCOPES = 3
"""Abstract sockets and signals, since version 6."""

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


class Rules(NamedTuple):
    """An open Landlock ruleset that takes rules and can be applied to any number of processes."""

    fd: int
    handled: int

    def allow(self, fd: int, rights: int) -> None:
        """Grant rights on what an `O_PATH` descriptor stands for, and on everything beneath it."""
        attributes = struct.pack("=Qi", rights & self.handled, fd)
        if _syscall(_ADD_RULE, self.fd, _RULE_PATH_BENEATH, attributes, 0):
            raise _failure("landlock_add_rule")


def landlock_version() -> int:
    """The version of Landlock in this kernel; 0 where it is missing or switched off."""
    return max(0, int(_syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def create_rules(version: int) -> Rules:
    """A ruleset that refuses everything which this version can refuse. Raises OSError."""
    handled = _ALL_OF_FIRST
    for since, right in _SINCE.items():
        handled |= right if version >= since else 0
    attributes = struct.pack("=QQQ", handled, 0, SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    fd = int(_syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    if fd < 0:
        raise _failure("landlock_create_ruleset")
    os.set_inheritable(fd, False)
    return Rules(fd, handled)


def _failure(call: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{call}: {os.strerror(code)}")
