"""Ctrl-C and SIGTERM end a run cleanly, wherever it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import SOURCE_ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

WAITING_IN_A_LOOP = """
import asyncio, sys, click
from aiex import _entry
from aiex.cli import registry
from aiex.cli.work import Work
async def wait():
    try:
        sys.stdout.write("ready\\n"); sys.stdout.flush()
        await asyncio.sleep(600)
        yield
    finally:
        sys.stdout.write("closed\\n"); sys.stdout.flush()
@click.command()
def command():
    return Work("wait", lambda services: wait)
registry.verb_names = lambda: ("wait",)
registry.load_verb = lambda name: registry.with_globals(command)
sys.argv = ["aiex", "wait", "--set", "model=openai/x"]
sys.exit(_entry.main())
"""
WAITING_AT_IMPORT = """
import sys, builtins
real = builtins.__import__
def slow(name, *rest):
    if name == "click":
        import time
        sys.stdout.write("ready\\n"); sys.stdout.flush()
        time.sleep(600)
    return real(name, *rest)
builtins.__import__ = slow
from aiex import _entry
sys.argv = ["aiex", "version"]
sys.exit(_entry.main())
"""

FORKING = """
import os, signal, sys, time, click
from aiex import _entry
from aiex.cli import registry
from aiex.cli.work import answered, report
def work(services):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"ready")
        time.sleep(600)
    os.read(reader, 5)
    os.kill(child, signal.SIGTERM)
    return answered(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
@click.command()
def command():
    return report("fork", work)
registry.verb_names = lambda: ("fork",)
registry.load_verb = lambda name: registry.with_globals(command)
sys.argv = ["aiex", "fork"]
sys.exit(_entry.main())
"""


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_run_that_reads_is_interrupted(number, code):
    process = start("-m", "aiex", "explain", "-", "-o", "stream-json")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())  # `init` is out: the run waits for its standard input now
    assert first["type"] == "init"
    returncode, out, err = interrupt(process, number)
    result = json.loads(out.splitlines()[-1])
    assert (returncode, result["exit_code"], result["subtype"]) == (code, code, "interrupted")
    assert err == "interrupted\n"


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_job_in_the_event_loop_is_cancelled_and_closed(number, code):
    process = start("-c", WAITING_IN_A_LOOP)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert interrupt(process, number) == (code, "closed\n", "interrupted\n")


def test_ctrl_c_while_starting_is_quiet_too():
    process = start("-c", WAITING_AT_IMPORT)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert interrupt(process, signal.SIGINT) == (130, "", "interrupted\n")


def test_a_forked_worker_ends_without_a_word():
    out, err = start("-c", FORKING).communicate(timeout=120)
    assert (out, err) == ("143\n", "")
