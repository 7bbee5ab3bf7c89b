"""The commands that one run starts: confined, each with a number by which its output is read on, gone when it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, ToolError, UsageError
from aiex.events import Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiex.agent.kit import Kit
    from aiex.guard.policy.bounds import Bounded
    from aiex.guard.policy.policy import Policy
    from aiex.guard.sandbox.isolation import Asked, Isolation
    from aiex.guard.sandbox.runner import Command, Ended, Runner

MEMORY_BYTES: Final = 64 << 10
"""Of the output of each command; the rest lies in a file."""
OUTPUT_BYTES: Final = 256 << 20
"""Of the output of each command that is kept at all."""
MOST_KEPT: Final = 16
"""Commands that ended and whose output can still be read; the oldest go first."""


class Process:
    """One command of the run.

    Args:
        number: What the model calls it by.
        text: The command.
        command: It itself.
        runner: Keeps its output.
    """

    def __init__(self, number: str, text: str, command: Command, runner: Runner) -> None:
        self.number = number
        self.text = text
        self.command = command
        self.runner = runner
        self.read_to = 0
        """Up to where the model has read."""
        self.watching: asyncio.Task[None] | None = None
        """Waits for the end of a command in the background."""

    async def settle(self, timeout_s: float | None = None) -> Ended | None:
        """How it ended, once its end was seen to; None if it still runs when the time is over."""
        if self.watching:
            await asyncio.wait([self.watching], timeout=timeout_s)
        return self.command.ended

    async def stop(self) -> Ended:
        """End it with all that it started."""
        ended = await self.command.end()
        if self.watching:
            await asyncio.wait([self.watching])
        return ended


class Processes:
    """Starts commands and knows them by number; see `Kit.processes`."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._isolation: Isolation | None = None
        self._bounds: dict[bool, tuple[tuple[Policy, str, str], Bounded]] = {}
        self._runners: list[Runner] = []
        self._known: dict[str, Process] = {}
        self._count = 0
        self._warned: set[str] = set()

    @property
    def isolation(self) -> Isolation:
        """What confines them; the same for the whole run."""
        if self._isolation is None:
            from aiex.guard.sandbox.probing import choose

            self._isolation = choose("plain" if self._kit.means.settings.get("sandbox.mode") == "off" else "")
        return self._isolation

    def bounds(self, *, read_only: bool) -> Bounded:
        """What a command may touch by the rules of now; found anew when they changed."""
        judge = self._kit.means.gate.judge
        state = (judge.policy, judge.mode, judge.role)
        known = self._bounds.get(read_only)
        if known is None or known[0][0] is not state[0] or known[0][1:] != state[1:]:
            known = self._bounds[read_only] = state, self._kit.means.bounds(read_only=read_only)
        return known[1]

    def warn(self, bounds: Bounded) -> Iterator[Warned]:
        """Where commands are confined less than one may think, each thing once in a run."""
        from aiex.agent.commands import warn

        for warned in warn(self.isolation, bounds):
            if warned.message not in self._warned:
                self._warned.add(warned.message)
                yield warned

    async def start(
        self, text: str, bounds: Bounded, *, cwd: str, timeout_s: float | None, watch: Callable[[Asked], None]
    ) -> Process:
        """Start a command that was admitted.

        Raises ToolError, Denied and StoreError if it cannot be started.
        """
        runner = self._runner(bounds)
        try:
            command = await runner.start(text, cwd=cwd, timeout_s=timeout_s, approved=True, watch=watch)
        except UsageError as error:
            raise ToolError(error.message, hint=error.hint) from error
        self._count += 1
        return Process(str(self._count), text, command, runner)

    def keep(self, process: Process) -> None:
        """Let its output be read on by its number."""
        self._known[process.number] = process

    async def forget(self, process: Process) -> None:
        """Nobody reads on; ends it if it runs."""
        self._known.pop(process.number, None)
        await process.runner.discard(process.command)

    async def tidy(self) -> None:
        """Forget the oldest of those that ended, where there are many."""
        ended = [one for one in self._known.values() if one.command.ended]
        for process in ended[: max(0, len(ended) - MOST_KEPT)]:
            await self.forget(process)

    @property
    def known(self) -> tuple[Process, ...]:
        """Those whose output can be read."""
        return tuple(self._known.values())

    def find(self, number: str) -> Process:
        """The command by its number. Raises ToolError if there is none."""
        if number not in self._known:
            known = ", ".join(self._known) or "none"
            raise ToolError(f"there is no job {number!r}", hint=f"jobs whose output can be read: {known}")
        return self._known[number]

    def go_on(self, process: Process, finish: Callable[[Ended | None], None]) -> None:
        """Let a command go on in the background.

        Args:
            process: Just started.
            finish: Told how it ended, None when the run was broken off.
        """
        self.keep(process)
        process.watching = asyncio.create_task(self._watch(process, finish))

    async def _watch(self, process: Process, finish: Callable[[Ended | None], None]) -> None:
        try:
            await process.command.wait()
        finally:
            try:
                finish(process.command.ended)
            except AiexError as error:
                self._kit.news.append(Warned(error.message, error.hint))

    def _runner(self, bounds: Bounded) -> Runner:
        from aiex.guard.sandbox.runner import Runner

        for runner in reversed(self._runners):
            if runner.policy == bounds.sandbox:
                return runner
        if not self._runners:
            self._kit.closing.append(self.close)
        self._runners.append(
            Runner(bounds.sandbox, isolation=self.isolation, memory_bytes=MEMORY_BYTES, output_bytes=OUTPUT_BYTES)
        )
        return self._runners[-1]

    async def close(self) -> None:
        """End what still runs, and forget all output."""
        watching = [one.watching for one in self._known.values() if one.watching]
        for process in self._known.values():
            process.command.kill()
        if watching:
            await asyncio.wait(watching)
        self._known.clear()
        if self in self._kit.means.processes:
            self._kit.means.processes.remove(self)
        while self._runners:
            await self._runners.pop().close()
