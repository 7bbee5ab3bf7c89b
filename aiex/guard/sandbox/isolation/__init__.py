"""Ways to confine a command, one file each offering `ISOLATION`; the strongest that works on this machine is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from aiex.guard.sandbox.bounds import SandboxPolicy
from aiex.record import record

ROOM = "aiex.guard.sandbox.isolation"


@record
class Probe:
    """What a trial run of a backend showed."""

    works: bool
    reason: str
    """Why it does not work, or what works, for a person."""
    gaps: tuple[str, ...] = ()
    """What it does not cover on this machine, each a clause for a person."""


class Asked(NamedTuple):
    """A host that a command wanted to speak to, and what became of it."""

    host: str
    port: int
    allowed: bool
    reason: str


class Launch(NamedTuple):
    """A command that is ready to start."""

    program: str
    """Absolute path."""
    argv: tuple[str, ...]
    cwd: str
    environ: Mapping[str, str]
    stdin: int
    stdout: int
    stderr: int
    policy: SandboxPolicy
    private: str
    """A directory of the runner's own for temporary files, which commands of the runner share."""
    tell: Callable[[Asked], None] | None = None
    """Is told of the hosts that it asks for."""

    def with_temporary(self, folder: str) -> Launch:
        """The same, with a directory for temporary files as the command sees it."""
        places = {"TMPDIR": folder, "XDG_CACHE_HOME": f"{folder}/cache"}
        return self._replace(environ={**places, **self.environ})


class Confined(Protocol):
    """A command that runs."""

    pid: int
    """Of its first process, as this process sees it."""

    async def wait(self) -> int:
        """The exit code, 128 and the number for a signal, once nothing that the command started runs any more."""

    def kill(self) -> None:
        """End every process of the command at once; `wait` tells when they are gone."""


class Isolation(Protocol):
    """One way to confine a command."""

    name: str
    rank: int
    """The lowest that works is used."""
    requires_approval: bool
    """It confines nothing that counts, so a person is asked for every command."""

    def probe(self) -> Probe:
        """Try it with a real command; a few milliseconds to a second."""

    async def start(self, launch: Launch) -> Confined:
        """Start a command.

        Raises:
            StoreError: if the system does not let it start.
            Denied: if the bounds of the policy cannot be drawn; nothing ran then.
        """

    def close(self, policy: SandboxPolicy) -> None:
        """Take away what lay ready for commands of this policy; those that run keep it."""
