"""Confines nothing: limits, a clean environment and a sure end are all there is, so a person is asked each time."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from aiex.errors import StoreError
from aiex.guard.sandbox.bounds import SandboxPolicy
from aiex.guard.sandbox.isolation import Confined, Launch, Probe

if TYPE_CHECKING:
    import subprocess

_GAPS = ("the command can read, write and reach whatever you can",)


class Plain:
    """The last resort."""

    name = "plain"
    rank = 9
    requires_approval = True

    def probe(self) -> Probe:
        if sys.platform == "win32":
            return Probe(False, "commands cannot be run on Windows yet")
        return Probe(True, "no isolation: every command needs an approval of its own", _GAPS)

    async def start(self, launch: Launch) -> Confined:
        launch = launch.with_temporary(launch.private)
        if sys.platform == "linux":
            from aiex.guard.sandbox.keeping import ZYGOTE

            return ZYGOTE.start(launch)
        return start_group(launch, [launch.program, *launch.argv[1:]])

    def close(self, policy: SandboxPolicy) -> None:
        pass


def start_group(launch: Launch, argv: list[str]) -> Confined:
    """Start a command in a group of its own, for systems where no process can adopt orphans."""
    import subprocess

    from aiex.guard.sandbox.limiting import limits_of

    def limit() -> None:
        import resource

        for kind, value in limits_of(launch.policy.limits):
            resource.setrlimit(kind, (value, value))

    try:
        process = subprocess.Popen(
            argv,
            cwd=launch.cwd,
            env=dict(launch.environ),
            stdin=launch.stdin,
            stdout=launch.stdout,
            stderr=launch.stderr,
            start_new_session=True,
            preexec_fn=limit,  # noqa: PLW1509  (it only calls the system)
        )
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot run {argv[0]}: {getattr(error, 'strerror', None) or error}") from error
    return _Group(process)


class _Group:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    async def wait(self) -> int:
        import asyncio

        def wait_keeping() -> None:
            with suppress(ChildProcessError):  # its number stays ours until the group is killed
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

        await asyncio.get_running_loop().run_in_executor(None, wait_keeping)
        self.kill()
        code = int(self._process.wait())
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


ISOLATION = Plain()
