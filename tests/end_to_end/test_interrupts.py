"""Ctrl-C and SIGTERM end a run cleanly, wherever it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aiex.sessions.keeping import FILE
from tests.conftest import RunAiex
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import flags_of
from tests.fakes.started import start_aiex, start_python

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

IN_A_LOOP = """
import asyncio, itertools, os, sys, time, click
from aiex import _entry
from aiex.cli import registry
from aiex.cli.work import Work
from aiex.events import Progressed
if os.isatty(0):
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # the terminal of this session: Ctrl-C on it reaches us
def tell(word):
    sys.stdout.write(word + "\\n"); sys.stdout.flush()
async def close():
    tell("closed")
async def wait():
    try:
        tell("ready")
        await asyncio.sleep(600)
        yield
    finally:
        await close()
%s
@click.command()
def command():
    return Work("wait", lambda services: wait)
registry.verb_names = lambda: ("wait",)
registry.load_verb = lambda name: registry.with_globals(command)
sys.argv = ["aiex", "wait", "--set", "model=openai/x"]
sys.exit(_entry.main())
"""
"""A command whose job says `ready`, waits and says `closed`, except for what is put in."""
CLOSING_SLOWLY = """
async def close():
    tell("closing")
    for _ in range(100):
        await asyncio.sleep(0.001)
    tell("closed")
from aiex.cli import driver
driver.TOGETHER_S = 600  # however slow this machine is
"""
CLOSING_FOR_EVER = """
async def close():
    tell("closing")
    await asyncio.sleep(600)
"""
TOLD_TO_ANOTHER_THREAD = """
import signal, threading
def take():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
async def wait():
    try:
        threading.Thread(target=take, daemon=True).start()
        tell("ready")
        await asyncio.sleep(600)
        yield
    finally:
        await close()
"""
"""The system call in which the loop waits is not interrupted, as when a signal comes just before it."""
BLOCKING_THE_LOOP = """
async def wait():
    tell("ready")
    time.sleep(600)
    yield
"""
NEVER_WAITING = """
async def wait():
    try:
        tell("ready")
        for number in itertools.count():
            yield Progressed("counting", number, 0)
    finally:
        await close()
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
        for _ in range(60_000):  # a signal just before it sleeps waits for its end
            time.sleep(0.01)
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


def start(*command: str, **more: Any) -> subprocess.Popen[str]:
    return start_python(*command, **{"stdin": subprocess.PIPE, "text": True, **more})


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def start_ready(program: str, **more: Any) -> subprocess.Popen[str]:
    """A process that runs a program and has said `ready`."""
    process = start("-c", program, **more)
    assert read_line(process) == "ready\n"
    return process


def interrupt(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


END = b"\0"
"""Nobody writes it."""


def read_until(screen: Any, word: bytes) -> bytes:
    """What a terminal shows until some word has come, or until nobody is left to write."""
    shown = b""
    with contextlib.suppress(OSError):  # Linux tells in this way that the other side is closed
        while not shown.endswith(word) and (piece := screen.read(1)):
            shown += piece
    return shown


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_run_that_reads_is_interrupted(number: int, code: int) -> None:
    process = start("-m", "aiex", "explain", "-", "-o", "stream-json")
    first = json.loads(read_line(process))  # `init` is out: the run waits for its standard input now
    assert first["type"] == "init"
    returncode, out, err = interrupt(process, number)
    result = json.loads(out.splitlines()[-1])
    assert (returncode, result["exit_code"], result["subtype"]) == (code, code, "interrupted")
    assert err == "interrupted\n"


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_job_in_the_event_loop_is_cancelled_and_closed(number: int, code: int) -> None:
    process = start_ready(IN_A_LOOP % "")
    assert interrupt(process, number) == (code, "closed\n", "interrupted\n")


def test_a_signal_that_does_not_interrupt_the_waiting_loop_wakes_it() -> None:
    process = start_ready(IN_A_LOOP % TOLD_TO_ANOTHER_THREAD, stdin=subprocess.PIPE)
    assert process.communicate("\n", timeout=60) == ("closed\n", "interrupted\n")
    assert process.returncode == 130


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_job_that_never_waits_is_ended_by_one_signal(number: int, code: int) -> None:
    process = start_ready(IN_A_LOOP % NEVER_WAITING)
    assert interrupt(process, number) == (code, "closed\n", "interrupted\n")


def test_two_signals_at_once_to_a_process_group_are_one_wish() -> None:
    process = start_ready(IN_A_LOOP % CLOSING_SLOWLY, start_new_session=True)
    os.killpg(process.pid, signal.SIGINT)
    assert read_line(process) == "closing\n"
    os.killpg(process.pid, signal.SIGINT)
    assert (*process.communicate(timeout=120), process.returncode) == ("closed\n", "interrupted\n", 130)


def test_ctrl_c_typed_twice_on_a_terminal_still_closes_the_job() -> None:
    ours, theirs = os.openpty()
    terminal: Any = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with (
        start("-c", IN_A_LOOP % CLOSING_SLOWLY, start_new_session=True, **terminal) as process,
        open(ours, "rb", 0) as screen,
    ):
        os.close(theirs)
        read_until(screen, b"ready\r\n")
        os.write(ours, b"\x03")
        read_until(screen, b"closing\r\n")
        os.write(ours, b"\x03")
        shown = read_until(screen, END)
    assert (process.returncode, shown) == (130, b"^Cclosed\r\ninterrupted\r\n")


@pytest.mark.parametrize("job", [CLOSING_FOR_EVER, BLOCKING_THE_LOOP])
def test_what_does_not_end_by_the_first_ctrl_c_ends_by_another(job: str) -> None:
    process = start_ready(IN_A_LOOP % job)
    returncode = None
    while returncode is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            returncode = process.wait(0.2)
    assert (returncode, process.communicate()[1]) == (130, "interrupted\n")


def test_ctrl_c_while_starting_is_quiet_too() -> None:
    process = start_ready(WAITING_AT_IMPORT)
    assert interrupt(process, signal.SIGINT) == (130, "", "interrupted\n")


def test_a_forked_worker_ends_without_a_word() -> None:
    out, err = start("-c", FORKING).communicate(timeout=120)
    assert (out, err) == ("143\n", "")


@pytest.mark.parametrize("words", [("ask", "what is this?"), ("run", "look around")], ids=lambda words: words[0])
def test_a_file_that_another_process_has_is_told_of_and_ctrl_c_ends_the_wait(
    words: tuple[str, ...], vendor: FakeOpenAI, shop: Path, home: Path, run_warm: RunAiex
) -> None:
    vendor.say("It is a shop.")
    assert run_warm("ask", "what?", *flags_of(vendor), cwd=shop).returncode == 0
    with closing(sqlite3.connect(next(home.rglob(FILE)), isolation_level=None)) as other:
        other.execute("begin immediate")
        with start_aiex(*words, *flags_of(vendor), cwd=shop) as process:
            assert process.stderr is not None
            assert b"waiting for the file of sessions" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"what happened last was not written: another process holds the file of sessions" in said
    assert b"Traceback" not in said
