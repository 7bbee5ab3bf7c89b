"""Runs commands under isolation: bounded, confined, watched while they run, and gone when they end.

There is no argument that leaves the bounds. Where nothing on the machine confines, each command needs an approval.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Literal, TypedDict

from aiex import dirs
from aiex.errors import Denied, StoreError, UsageError
from aiex.guard.sandbox.bounds import SandboxPolicy, is_beneath
from aiex.guard.sandbox.feeding import PIECE_BYTES, feed_input, join_pipe, open_input
from aiex.guard.sandbox.isolation import Asked, Confined, Isolation, Launch
from aiex.guard.sandbox.paths import show
from aiex.guard.sandbox.process import shell_environment
from aiex.guard.sandbox.scratch import Scratch
from aiex.guard.sandbox.spool import FILE_BYTES, MEMORY_BYTES, Spool
from aiex.guard.sandbox.waiting import close_all, is_readable, readable
from aiex.record import record

if TYPE_CHECKING:
    import asyncio
    from typing import Unpack

Stream = Literal["stdout", "stderr"]
STREAMS: tuple[Stream, Stream] = ("stdout", "stderr")
KILL_WITHIN_S = 2.0
DEFAULT_TIMEOUT_S = 120.0
_MOST_ASKED = 1000
_AHEAD = 64
"""Pieces that wait for a slow reader before the command has to wait."""
_SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash", "/bin/sh")


@record
class Wrote:
    """A piece of output, when it comes."""

    stream: Stream
    data: bytes


@record
class Ended:
    """How a command ended; no process of it runs any more."""

    code: int
    """Exit code, 128 and the number for a signal."""
    duration_s: float
    timed_out: bool = False
    killed: bool = False
    """It was ended on demand."""
    size_bytes: int = 0
    """Of the output that is kept, both streams together."""
    lost_bytes: int = 0
    """Of output beyond what is kept."""
    asked: tuple[Asked, ...] = ()
    """Hosts that it wanted to speak to, where the policy lets it speak to any."""


class How(TypedDict, total=False):
    """How a command is to run; everything may be left out."""

    cwd: str
    """Where it runs: the root, which it is by itself, or a directory in it or in an allowed place."""
    timeout_s: float | None
    """After so long it is ended, by itself after `DEFAULT_TIMEOUT_S`; None for never."""
    environ: Mapping[str, str] | None
    """Variables beside the clean environment; no secrets."""
    stdin: bytes | int | None
    """What it reads, a descriptor that it reads from, or nothing."""
    approved: bool
    """A person allowed this very command; counts where nothing confines it."""
    watch: Callable[[Asked], None] | None
    """Is told of each host that it asks for, before it is reached; Denied from there keeps it unreached."""


class Runner:
    """Runs the commands of one workspace; use it as `async with`, or close it.

    Args:
        policy: The bounds of every command.
        isolation: How they are drawn; the strongest that works when None.
        memory_bytes: Output kept in memory, for each command.
        output_bytes: Output kept at all, for each command.
    """

    def __init__(
        self,
        policy: SandboxPolicy,
        *,
        isolation: Isolation | None = None,
        memory_bytes: int = MEMORY_BYTES,
        output_bytes: int = FILE_BYTES,
    ) -> None:
        from aiex.guard.sandbox.probing import choose

        self.policy = policy
        self.isolation = isolation or choose()
        self.commands: list[Command] = []
        self._kept = (memory_bytes, output_bytes)
        self._scratch: Scratch | None = None

    async def __aenter__(self) -> Runner:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, command: str | Sequence[str], **how: Unpack[How]) -> Command:
        """Start a command, which goes on by itself: read its output later, or wait for its end.

        Args:
            command: Text for bash, or a program with its arguments.
            how: See `How`.

        Raises:
            Denied: without an approval where one is needed, for a place outside, or if the isolation ceased to work.
            StoreError: if it cannot be started.
            UsageError: for an empty command.
        """
        if self.isolation.requires_approval and not how.get("approved"):
            raise Denied(
                "nothing on this machine confines commands, so each one needs an approval",
                hint="aiex show sandbox tells what is missing",
            )
        argv = [*_shell(), command] if isinstance(command, str) else list(command)
        if not command or any("\0" in word for word in argv):
            raise UsageError("cannot run a command that is empty or has a NUL character")
        environ = how.get("environ") or {}
        if bad := next((one for one in environ.items() if not _is_variable(*one)), None):
            raise UsageError(f"cannot run a command with the variable {show(bad[0])}: no variable can be so")
        launched = Command(self._spool(), time.monotonic(), how.get("watch"))
        launch = self._launch(argv, how.get("cwd", "."), environ)
        try:
            await launched.begin(self.isolation, launch, how.get("stdin"), how.get("timeout_s", DEFAULT_TIMEOUT_S))
        except (Denied, StoreError):
            await self._require_isolation()
            raise
        self.commands.append(launched)
        return launched

    async def run(self, command: str | Sequence[str], **how: Unpack[How]) -> tuple[Ended, bytes]:
        """Run a command to its end; how it ended, and its output as far as it is kept in memory. See `start`."""
        started = await self.start(command, **how)
        try:
            return await started.wait(), started.read(0, self._kept[0])
        finally:
            await self.discard(started)

    async def discard(self, command: Command) -> None:
        """End a command if it runs, and forget its output."""
        with suppress(StoreError):
            await command.end()
        command.spool.close()
        with suppress(ValueError):
            self.commands.remove(command)

    async def close(self) -> None:
        """End what still runs, and remove what was temporary; cancelling this only ends the wait for it."""
        try:
            for command in list(self.commands):
                await self.discard(command)
        finally:
            for command in self.commands:
                command.kill()
            self.isolation.close(self.policy)
            if self._scratch:
                self._scratch.close()
                self._scratch = None

    async def _require_isolation(self) -> None:
        """Try the isolation anew; Denied if it does not work any more, for whatever worked when it was chosen."""
        import asyncio

        from aiex.guard.sandbox.probing import probe_of

        name = self.isolation.name
        probe = await asyncio.to_thread(probe_of, self.isolation, again=True)
        if not probe.works:
            raise Denied(
                f"nothing was run: {name} does not confine commands here any more: {probe.reason}",
                hint="the next run takes what still works: aiex show sandbox",
            )

    def _launch(self, argv: Sequence[str], cwd: str, environ: Mapping[str, str]) -> Launch:
        place = self._find_cwd(cwd)
        private = os.path.join(self._folder(), "tmp")
        wanted = _without_temporary(shell_environment()) | {"PWD": place} | dict(environ)
        program = _find_program(argv[0], place, wanted.get("PATH", os.defpath))
        return Launch(program, tuple(argv), place, wanted, -1, -1, -1, self.policy, private)

    def _find_cwd(self, cwd: str) -> str:
        place = os.path.realpath(os.path.join(self.policy.root, cwd.replace("\0", "\ufffd")))
        inside = (self.policy.root, *self.policy.writable, *self.policy.readable)
        if not any(is_beneath(place, one) for one in inside):
            raise Denied(f"refused to run in {show(cwd)}: it lies outside the workspace")
        if not os.path.isdir(place):
            raise UsageError(f"cannot run in {show(cwd)}: it is no directory")
        return place

    def _spool(self) -> Spool:
        return Spool(self._folder(), memory_bytes=self._kept[0], limit_bytes=self._kept[1])

    def _folder(self) -> str:
        """A private directory of this runner: output, and what is temporary inside."""
        if self._scratch is None:
            try:
                self._scratch = Scratch(os.path.join(dirs.state_dir(), "sandbox"))
                os.mkdir(os.path.join(self._scratch.path, "tmp"), 0o700)
            except OSError as error:
                raise StoreError(f"cannot run commands: no place for their output: {error.strerror}") from error
        return self._scratch.path


class Command:
    """A command that was started; its output can be read while it runs and afterwards."""

    def __init__(self, spool: Spool, began: float, watch: Callable[[Asked], None] | None = None) -> None:
        self.spool = spool
        self.ended: Ended | None = None
        self.asked: list[Asked] = []
        self._began = began
        self._watch = watch
        self._killed = False
        self._confined: Confined | None = None
        self._life: asyncio.Task[Ended] | None = None
        self._watchers: list[asyncio.Queue[Wrote | None]] = []

    @property
    def pid(self) -> int:
        """Of its first process, 0 before it has one."""
        return self._confined.pid if self._confined else 0

    async def begin(
        self, isolation: Isolation, launch: Launch, stdin: bytes | int | None, timeout_s: float | None
    ) -> None:
        """Start it; called once."""
        import asyncio

        theirs: list[int] = []
        ours: list[int] = []
        with ExitStack() as stack:
            stack.callback(close_all, theirs)
            breaking_off = stack.enter_context(ExitStack())
            breaking_off.callback(close_all, ours)
            for _ in STREAMS:
                join_pipe(ours, theirs)
            feed, data = open_input(stdin, theirs, ours)
            launch = launch._replace(stdout=theirs[0], stderr=theirs[1], stdin=theirs[2], tell=self._note)
            try:
                self._confined = await isolation.start(launch)
            except Denied as error:
                error.message += _complaint(ours[STREAMS.index("stderr")])
                raise
            breaking_off.pop_all()
        outputs = ours[: len(STREAMS)]
        self._life = asyncio.create_task(self._live(self._confined, outputs, feed, data, timeout_s))

    async def wait(self) -> Ended:
        """How it ended; cancelling this ends the command."""
        import asyncio

        try:
            return await asyncio.shield(self._lifetime())
        except asyncio.CancelledError:
            self.kill()
            raise

    async def end(self) -> Ended:
        """End it if it runs, and wait until it is gone."""
        import asyncio

        self.kill()
        for queue in self._watchers:  # who does not read any more holds nothing up; the output is kept
            _empty(queue)
        return await asyncio.shield(self._lifetime())

    def kill(self) -> None:
        """End every process of it; `wait` tells when they are gone."""
        if self.ended is None and self._confined is not None:
            self._killed = True
            self._confined.kill()

    def read(self, offset: int = 0, limit_bytes: int = MEMORY_BYTES) -> bytes:
        """A window of the output, both streams in the order in which they came."""
        return self.spool.read(offset, limit_bytes)

    async def events(self) -> AsyncGenerator[Wrote | Ended, None]:
        """The output from now on as it comes, then how it ended. A slow reader slows the command."""
        import asyncio

        queue: asyncio.Queue[Wrote | None] = asyncio.Queue(_AHEAD)
        if self.ended is None:
            self._watchers.append(queue)
            try:
                while (wrote := await queue.get()) is not None:
                    yield wrote
            finally:
                self._watchers.remove(queue)
                _empty(queue)
        yield await self.wait()

    async def _live(
        self, confined: Confined, ours: list[int], feed: int, data: bytes | int, timeout_s: float | None
    ) -> Ended:
        import asyncio

        timed_out = False
        readers = [asyncio.create_task(self._collect(*pair)) for pair in zip(ours, STREAMS, strict=True)]
        feeder = asyncio.create_task(feed_input(feed, data))
        waiting = asyncio.create_task(confined.wait())
        try:
            done, _ = await asyncio.wait([waiting], timeout=timeout_s)
            if not done:
                timed_out = True
                confined.kill()
            code = await waiting
            await self._read_rest(readers)
        finally:
            confined.kill()
            for task in (*readers, feeder, waiting):
                task.cancel()
            await asyncio.gather(*readers, feeder, waiting, return_exceptions=True)
            close_all(ours)
            for queue in list(self._watchers):
                if self._killed:
                    _empty(queue)
                await queue.put(None)
        took = time.monotonic() - self._began
        kept, lost = self.spool.size_bytes, self.spool.lost_bytes
        self.ended = Ended(code, took, timed_out, self._killed, kept, lost, tuple(self.asked))
        return self.ended

    async def _read_rest(self, readers: Sequence[asyncio.Task[None]]) -> None:
        """Wait for the end of the output, as long as it takes a reader; whoever held the pipes is gone."""
        import asyncio

        while True:
            before = self.spool.size_bytes + self.spool.lost_bytes
            _, pending = await asyncio.wait(readers, timeout=KILL_WITHIN_S)
            is_slow = not self._killed and any(queue.full() for queue in self._watchers)
            if not pending or (self.spool.size_bytes + self.spool.lost_bytes == before and not is_slow):
                return

    def _lifetime(self) -> asyncio.Task[Ended]:
        if self._life is None:
            raise RuntimeError("the command was not begun")
        return self._life

    def _note(self, asked: Asked) -> None:
        try:
            if self._watch is not None:
                self._watch(asked)
        except Denied as error:
            asked = asked._replace(allowed=False, reason=error.message)
            raise
        finally:
            self._keep(asked)

    def _keep(self, asked: Asked) -> None:
        if len(self.asked) < _MOST_ASKED:
            self.asked.append(asked)

    async def _collect(self, fd: int, stream: Stream) -> None:
        os.set_blocking(fd, False)
        while True:
            await readable(fd)
            try:
                piece = os.read(fd, PIECE_BYTES)
            except BlockingIOError:
                continue
            if not piece:
                return
            self.spool.write(piece)
            for queue in list(self._watchers):
                await queue.put(Wrote(stream, piece))


def _complaint(fd: int) -> str:
    """What was said last by a program that should have confined a command, as the end of a sentence."""
    said = os.read(fd, PIECE_BYTES).decode("utf-8", "replace").strip() if is_readable(fd, 0) else ""
    return f": {said.splitlines()[-1]}" if said else ""


def _empty(queue: asyncio.Queue[Wrote | None]) -> None:
    """Let go whoever waits to put something in."""
    while not queue.empty():
        queue.get_nowait()


def _is_variable(name: str, value: str) -> bool:
    return bool(name) and "=" not in name and "\0" not in name + value


def _without_temporary(environ: Mapping[str, str]) -> dict[str, str]:
    """Each backend names a directory of the runner's own instead."""
    return {name: value for name, value in environ.items() if name not in ("TMPDIR", "TEMP", "TMP")}


def _shell() -> list[str]:
    shell = next((path for path in _SHELLS if os.access(path, os.X_OK)), "/bin/sh")
    return [shell, "--noprofile", "--norc", "-c"] if shell.endswith("bash") else [shell, "-c"]


def _find_program(name: str, cwd: str, path: str) -> str:
    """The absolute path of a program, as a shell would find it."""
    if "/" in name:
        found = os.path.join(cwd, name)
        if not os.path.exists(found):
            raise StoreError(f"cannot run {show(name)}: there is no such file")
        return found
    which = shutil.which(name, path=path)
    if which is None:
        raise StoreError(f"cannot run {show(name)}: it is not installed")
    return which
