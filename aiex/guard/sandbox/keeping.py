"""Commands with a keeper: started by the zygote, ended with everything they left (see `zygote.py`)."""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from aiex.errors import StoreError
from aiex.guard.sandbox.isolation import Launch
from aiex.guard.sandbox.limiting import limits_of
from aiex.guard.sandbox.seccomp import machine_name
from aiex.guard.sandbox.waiting import pipe_of, readable

if TYPE_CHECKING:
    import subprocess
    from socket import socket

_MESSAGE_BYTES = 64


class Zygote:
    """The helper process; it is started with the first command and ends with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._asking: socket | None = None
        self._owner = 0

    def start(self, launch: Launch, *, rules: int | None = None, filtering: bytes = b"") -> Kept:
        """Start a command.

        Args:
            launch: The command.
            rules: A Landlock ruleset to confine it with.
            filtering: A seccomp filter to confine it with.

        Raises:
            StoreError: if the helper cannot be started.
        """
        import socket

        wanted = {
            "program": os.fsencode(launch.program),
            "argv": [os.fsencode(word) for word in launch.argv],
            "cwd": os.fsencode(launch.cwd),
            "environ": {os.fsencode(name): os.fsencode(value) for name, value in launch.environ.items()},
            "limits": limits_of(launch.policy.limits),
            "drop": bool(filtering) and os.geteuid() == 0,
            "machine": machine_name(),
            "filter": filtering,
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = pipe_of(marshal.dumps(wanted))
        fds = [order, launch.stdin, launch.stdout, launch.stderr, theirs.fileno()]
        try:
            socket.send_fds(self._open(), [b"r"], fds if rules is None else [*fds, rules])
        except OSError as error:
            ours.close()
            raise StoreError(f"cannot start a command: {error.strerror}", hint="too many may be running") from error
        finally:
            theirs.close()
            os.close(order)
        return Kept(ours)

    def _open(self) -> socket:
        """The connection to the helper; a forked process, and one whose helper was killed, gets another."""
        if self._asking and self._process and self._owner == os.getpid() and self._process.poll() is None:
            return self._asking
        import socket
        import subprocess

        if self._asking:
            self._asking.close()
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", _script(), str(theirs.fileno())],
                env={"PATH": os.defpath},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        finally:
            theirs.close()
        self._owner = os.getpid()
        return self._asking


def _script() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "zygote.py")


class Kept:
    """A running command; its keeper tells over a socket how it goes."""

    def __init__(self, control: socket) -> None:
        self.pid = 0  # told soon after the start
        self._control = control
        self._code: int | None = None
        self._told_to_end = False

    async def wait(self) -> int:
        try:
            while await self._next():
                pass
        finally:
            self._control.close()
        if self._code is None:
            raise StoreError("a command was lost: the process that kept it ended", hint="is there memory left?")
        return self._code if self._code >= 0 else 128 - self._code

    def kill(self) -> None:
        if not self._told_to_end:
            self._told_to_end = True
            with suppress(OSError):
                self._control.send(b"k")

    async def _next(self) -> bytes:
        """The kind of the next message; empty when the keeper is gone."""
        await readable(self._control.fileno())
        with suppress(OSError):
            message = self._receive()
            if message[:1] == b"s":
                self.pid = int(message[1:])
            elif message[:1] == b"e":
                self._code = int(message[1:])
            return message[:1]
        return b""

    def _receive(self) -> bytes:
        """A message. A keeper that ended without reading our last word shows as a reset, once, before its own."""
        try:
            return self._control.recv(_MESSAGE_BYTES)
        except ConnectionResetError:
            return self._control.recv(_MESSAGE_BYTES)


ZYGOTE = Zygote()
