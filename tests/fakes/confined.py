"""Runs commands under isolation in a process of its own, as any user: one JSON line for each, one back.

Asked with `root`, `backend`, `command` and what `make_policy` and `Runner.start` take, it answers with how the command
ended and what it wrote, or with the error that kept it from running.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = str(Path(__file__).resolve().parents[2])
NOBODY = 65534
_ELSEWHERE = {"bubblewrap": "linux", "landlock": "linux", "seatbelt": "darwin"}
"""The one system that a backend is for."""


@dataclass
class Answer:
    """What became of a command."""

    code: int = -1
    output: str = ""
    timed_out: bool = False
    error: str = ""
    asked: tuple[tuple[str, int, bool], ...] = ()


class Driver:
    """A process that runs commands for a test."""

    def __init__(self, process: subprocess.Popen[str], backend: str, python: str) -> None:
        self.process = process
        self.backend = backend
        self.python = python
        """An interpreter that can be run inside."""

    def run(self, root: Path, command: str | list[str], **more: Any) -> Answer:
        asked = {"root": str(root), "backend": self.backend, "command": command, **more}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Answer(**json.loads(self.process.stdout.readline()))


def possible_backends() -> list[str]:
    """The names of the backends that a machine with this system may have, the strongest first."""
    from aiex.guard.sandbox.probing import backends

    return [one.name for one in backends() if _ELSEWHERE.get(one.name, sys.platform) == sys.platform]


def python_for(uid: int) -> str:
    """An interpreter that this user can run, with the package in reach; empty when there is none."""
    for candidate in (os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3"):
        with_package = [candidate, "-c", "import aiex.guard.sandbox.runner"]
        try:
            done = subprocess.run(
                with_package, env={"PYTHONPATH": SOURCE}, cwd="/", capture_output=True, check=False, **_as(uid)
            )
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    return ""


@contextmanager
def driver(python: str, backend: str, uid: int, environ: dict[str, str]) -> Iterator[Driver]:
    """A driver that lives as long as the block."""
    with subprocess.Popen(
        [python, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PATH": os.defpath + ":/usr/bin:/bin", "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1", **environ},
        **_as(uid),
    ) as process:
        try:
            yield Driver(process, backend, python)
        finally:
            process.stdin.close()
            process.wait(60)


def _as(uid: int) -> dict[str, Any]:
    return {} if uid == os.geteuid() else {"user": uid, "group": uid, "extra_groups": []}


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(json.dumps(await _answer(json.loads(line))) + "\n")
        sys.stdout.flush()


async def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    from aiex.errors import AiexError
    from aiex.guard.sandbox.bounds import Limits, make_policy
    from aiex.guard.sandbox.probing import choose
    from aiex.guard.sandbox.runner import Runner

    policy = make_policy(
        asked["root"],
        read_only=asked.get("read_only", False),
        allow_read=asked.get("allow_read", ()),
        allow_write=asked.get("allow_write", ()),
        domains=asked.get("domains", ()),
        limits=Limits(**asked.get("limits", {})),
    )
    timeout_s = asked.get("timeout_s", 300)
    try:
        async with Runner(policy, isolation=choose(asked["backend"])) as runner:
            ended, output = await runner.run(
                asked["command"],
                timeout_s=timeout_s,
                approved=asked.get("approved", True),
                environ=asked.get("environ"),
            )
    except AiexError as error:
        return {"error": f"{type(error).__name__}: {error.message}"}
    hosts = [(one.host, one.port, one.allowed) for one in ended.asked]
    return {
        "code": ended.code,
        "output": output.decode(errors="replace"),
        "timed_out": ended.timed_out,
        "asked": hosts,
    }


if __name__ == "__main__":
    asyncio.run(_serve())
