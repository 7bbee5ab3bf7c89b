"""Ends the screen at random moments in random ways, and looks what is left of terminal, processes and talk."""

from __future__ import annotations

import os
import random
import signal
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import flags_of
from tests.fakes.server import Reply, call
from tests.fakes.terminals import Terminal, processes_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.sessions.keeping import Sessions

MARK: Final = f"storm_of_{os.getpid()}_"
ENDS: Final = {
    "ctrl-c": (0, 130),
    "int": (130,),
    "term": (143,),
    "hup": (129,),
    "hang-up": (129, -signal.SIGHUP),
    "kill": (-signal.SIGKILL,),
}
SIGNALS: Final = {"int": signal.SIGINT, "term": signal.SIGTERM, "hup": signal.SIGHUP, "kill": signal.SIGKILL}
LONGEST_S: Final = 2.5


def replies(number: int) -> list[Reply]:
    """A long answer, an edit, a command that lasts, and an end."""

    return [
        Reply("I **look** at it. " * 40, calls=(call("read", path="shop/prices.py"),), piece_bytes=40),
        Reply("Now I edit. " * 10, calls=(call("edit", path="shop/prices.py", old="40", new="45"),)),
        Reply("", calls=(call("run", command=f"python3 -c 'import time; time.sleep(60)' {MARK}{number}"),)),
        Reply("Done. " * 20),
    ]


def ride(seed: int, root: Path, sessions: Sessions, *, only: str = "") -> list[str]:
    """One talk that is ended in some way at some moment; what is wrong afterwards.

    Args:
        seed: Chooses way and moment.
        root: The workspace.
        sessions: Where the talk is kept.
        only: The way; empty for any.
    """
    chance = random.Random(seed)
    how = only or chance.choice(list(ENDS))
    after_s, wrong = chance.uniform(0, LONGEST_S), []
    known = {one.id for one in sessions.views.listed(root=str(root))}
    with FakeOpenAI() as vendor:
        vendor._replies += replies(seed)
        words = [*flags_of(vendor), "--permission-mode", "bypass", "do it all"]
        with Terminal(*words, cwd=root, size=chance.choice([(80, 24), (40, 10), (1, 1), (300, 100)])) as terminal:
            terminal.until(lambda: terminal.attributes()[3] & termios.ECHO == 0)  # before that it is Python that ends
            _pass(terminal, after_s)
            _end(terminal, how, chance)
            code = terminal.process.wait(60) if how == "hang-up" else terminal.wait()
            wrong += [f"exit code {code}"] if code not in ENDS[how] else []
            if how not in ("hang-up", "kill") and terminal.attributes() != terminal.before:
                wrong.append("the terminal is not as it was")
            if b"Traceback" in terminal.seen or b"hit a bug" in terminal.seen:
                wrong.append(f"a crash: {terminal.seen[-600:]!r}")
    if not _is_soon(lambda: not processes_with(f"{MARK}{seed}")):
        wrong.append("a command is left")
    for one in sessions.views.listed(root=str(root)):
        if one.id not in known:
            wrong += _faults_of(sessions, one.id, may_be_open=how == "kill")
    return [f"seed {seed}, {how} after {after_s:.2f} s: {fault}" for fault in wrong]


def _pass(terminal: Terminal, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and terminal.process.poll() is None:
        terminal.read(min(left, 0.05))


def _end(terminal: Terminal, how: str, chance: random.Random) -> None:
    if how == "hang-up":
        terminal.hang_up()
    elif how in SIGNALS:
        terminal.process.send_signal(SIGNALS[how])
    else:
        while terminal.process.poll() is None:
            terminal.type("\x03" * chance.randint(1, 3))
            _pass(terminal, chance.uniform(0, 0.6))


def _is_soon(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def _faults_of(sessions: Sessions, session: str, *, may_be_open: bool) -> list[str]:
    """What is wrong with a session: it has gaps, or a turn without an end."""
    seqs = [one.seq for one in sessions.log.read(session)]
    state = sessions.state(session)
    faults = [] if seqs == list(range(1, len(seqs) + 1)) and state.seq == len(seqs) else [f"gaps in {session}"]
    if state.interrupted and not may_be_open:
        last = [type(one.event).__name__ for one in sessions.log.read(session)][-8:]
        faults.append(f"a turn of {session} has no end: {', '.join(last)}")
    return faults
