"""Who has a thing open, such as a session: one process at a time, and one that died with it open is found.

The lock is the system's own and goes with the process. Beside it lies a file that names the owner; an owner without a
lock died. Where a file system has no locks, the owner counts as long as a process with its number and start time is
there.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from aiex import dirs
from aiex.errors import Conflict, StoreError
from aiex.guard.private import read_private, remove_private, try_lock, write_private

if TYPE_CHECKING:
    from collections.abc import Callable

WITHIN_S = 2.0
"""How long one waits who finds a lock that no living process is known to have: who looks or comes has it for less."""
_LOCK, _OWNER = ".lock", ".owner"
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Owner(NamedTuple):
    """A process that has something open."""

    pid: int
    started: str
    """When the process began, as its system counts; with the number it names one process. Empty where unknown."""
    host: str
    since_ms: int
    """When it opened it, UTC."""


class OwnerLock:
    """The right of one process to write to the thing of this name."""

    def __init__(
        self, folder: str, name: str, *, title: str = "", hint: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        """In a directory of ours that all processes share; nothing is made before `acquire`.

        Args:
            folder: Where all locks of this kind lie.
            name: Of the thing, fit for a file name.
            title: What a person calls it, such as `the session 5e55…`.
            hint: What a person can do while another process has it.
        """
        self._place = os.path.join(folder, name)
        self._title = title or name
        self._hint = hint
        self._clock = clock
        self._descriptor = -1
        self._holders = 0

    def acquire(self) -> Owner | None:
        """Take it; the owner that died with it open, if there is one. Whoever has it may take it again.

        Raises:
            Conflict: naming the process that has it.
            StoreError: if the directory cannot be written.
        """
        if self._holders:
            self._holders += 1
            return None
        self._descriptor = self._lock()
        try:
            before = read_owner(self._place + _OWNER)
            if before is not None and self._descriptor < 0 and is_alive(before):
                raise self._in_use(before)
            write_private(self._place + _OWNER, json.dumps(_myself(int(self._clock() * 1000))).encode())
        except BaseException:
            self._unlock()
            raise
        self._holders = 1
        return before

    def release(self) -> None:
        """Close it properly, once for each time it was taken; the owner counts as dead otherwise."""
        if self._holders > 1:
            self._holders -= 1
            return
        if self._holders:
            self._holders = 0
            with suppress(StoreError):  # it will be told of as one that died, which loses nothing
                remove_private(self._place + _OWNER)
        self._unlock()

    def _lock(self) -> int:
        """A locked descriptor; -1 where files have no locks."""
        end = time.monotonic() + WITHIN_S
        while True:
            try:
                dirs.ensure(os.path.dirname(self._place))
                descriptor = os.open(self._place + _LOCK, _FLAGS, 0o600)
            except OSError as error:
                raise StoreError(f"cannot open {self._place + _LOCK}: {error.strerror}") from error
            try:
                is_ours = try_lock(descriptor)
            except OSError:
                os.close(descriptor)
                return -1
            if not is_ours:
                os.close(descriptor)
                owner = read_owner(self._place + _OWNER)
                if (owner and is_alive(owner)) or time.monotonic() > end:
                    raise self._in_use(owner)
                time.sleep(0.001)  # somebody looks whether it is open, comes, or goes
                continue
            if _is_at(descriptor, self._place + _LOCK):
                return descriptor
            os.close(descriptor)  # the one before removed it just when we had opened it

    def _in_use(self, owner: Owner | None) -> Conflict:
        who = f"process {owner.pid} of {owner.host}" if owner else "another process"
        return Conflict(f"{self._title} is open in {who}", hint=self._hint)

    def _unlock(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.unlink(self._place + _LOCK)
            os.close(self._descriptor)
            self._descriptor = -1


def find_dead(folder: str) -> dict[str, Owner]:
    """The names of what a process had open when it ended, each with that process; none where nothing can be read."""
    dead: dict[str, Owner] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return dead
    for name in names:
        stem, dot, _ = name.partition(_OWNER)
        if dot and (owner := _dead_owner(folder, stem)):
            dead[stem] = owner
    return dead


def find_owner(folder: str, name: str) -> Owner | None:
    """The process that has the thing of this name open now."""
    owner = read_owner(os.path.join(folder, name + _OWNER))
    return owner if owner and not _dead_owner(folder, name) else None


def _dead_owner(folder: str, name: str) -> Owner | None:
    """Who has it open in name only, and had it when we began as well as when we had looked."""
    place = os.path.join(folder, name)
    owner = read_owner(place + _OWNER)
    if owner is None or not _is_free(place + _LOCK, owner):
        return None
    return owner if read_owner(place + _OWNER) == owner else None


def _is_free(path: str, owner: Owner) -> bool:
    """Whether nobody has the lock; where files have none, whether the owner runs no more."""
    try:
        descriptor = os.open(path, _FLAGS & ~os.O_CREAT)
    except OSError:
        return True
    try:
        return try_lock(descriptor)
    except OSError:
        return not is_alive(owner)
    finally:
        os.close(descriptor)


def read_owner(path: str) -> Owner | None:
    """The owner that a file names; None where there is none, or it says nothing that can be understood."""
    try:
        data = read_private(path)
        pid, started, host, since_ms = json.loads(data) if data else (0, "", "", 0)
        return Owner(int(pid), str(started), str(host), int(since_ms)) if data else None
    except (StoreError, ValueError, TypeError):
        return None


def is_alive(owner: Owner) -> bool:
    """Whether this very process runs; of another machine that cannot be known, and it counts as running."""
    if owner.host != socket.gethostname():
        return True
    if owner.started:
        return _start_of(owner.pid) == owner.started
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _myself(now_ms: int) -> Owner:
    return Owner(os.getpid(), _start_of(os.getpid()), socket.gethostname(), now_ms)


def _start_of(pid: int) -> str:
    """When a process began, in ticks since the system did (proc(5), field 22); empty where none can be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as source:
            return source.read().rpartition(b") ")[2].split()[19].decode("ascii")
    except (OSError, IndexError, UnicodeDecodeError):
        return ""


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
