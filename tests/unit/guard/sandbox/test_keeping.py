"""The small process that starts commands: what happens when it, or a keeper, is killed itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.guard.sandbox.bounds import make_policy
from aiex.guard.sandbox.isolation.plain import ISOLATION
from aiex.guard.sandbox.keeping import ZYGOTE
from aiex.guard.sandbox.runner import Command, Runner
from tests.fakes.processes import is_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")


async def begin(runner: Runner, text: str) -> tuple[Command, list[int]]:
    """A command, and the numbers that it writes before it goes on."""
    command = await runner.start(text, approved=True)
    async for _ in command.events():
        if command.read().endswith(b".\n"):
            break
    return command, [int(word) for word in command.read().split()[:-1]]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


LEAVING = "sleep 600 & echo $!; setsid sleep 600 & echo $!; echo $$; echo .; sleep 600"


async def test_what_a_killed_keeper_kept_is_killed_too(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        command, pids = await begin(runner, LEAVING)
        os.kill(parent_of(pids[-1]), signal.SIGKILL)
        with pytest.raises(StoreError, match="a command was lost"):
            await command.wait()
        assert all(is_gone(pid) for pid in pids)


async def test_a_reader_of_a_lost_command_is_told(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        command, pids = await begin(runner, LEAVING)
        os.kill(parent_of(pids[-1]), signal.SIGKILL)
        with pytest.raises(StoreError, match="a command was lost"):
            async for _ in command.events():
                pass


async def test_the_next_command_runs_after_a_killed_keeper(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        _, pids = await begin(runner, LEAVING)
        os.kill(parent_of(pids[-1]), signal.SIGKILL)
        assert (await runner.run("echo on", approved=True))[1] == b"on\n"


async def test_a_killed_zygote_is_started_again(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        command, pids = await begin(runner, "echo $$; echo .; sleep 0.5; echo done")
        process = ZYGOTE._process
        assert process
        process.kill()
        process.wait()
        assert (await runner.run("echo on", approved=True))[1] == b"on\n"
        ended = await asyncio.wait_for(command.wait(), 60)
        assert (ended.code, command.read()[-5:]) == (0, b"done\n")
        assert is_gone(pids[0])


async def test_zombies_of_a_long_command_are_reaped(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        text = "for i in 1 2 3 4 5; do (setsid sh -c 'exit 0' &) ; done; sleep 0.3; ps -o stat= --ppid $PPID"
        ended, output = await runner.run(text, approved=True)
        assert ended.code == 0
        assert b"Z" not in output


async def test_a_command_of_many_processes_ends_within_two_seconds_of_the_kill(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        text = "for i in $(seq 60); do (setsid sleep 600 &) ; done; echo $$; echo .; sleep 600"
        command, _ = await begin(runner, text)
        ended = await asyncio.wait_for(command.end(), 60)
        assert ended.killed
