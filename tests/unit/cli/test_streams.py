"""Reading a line from a terminal while signals come."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from aiex.cli import streams

pytest.importorskip("termios")


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The side of a terminal that types; the other is standard input."""
    ours, theirs = os.openpty()
    with open(theirs, encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield ours
    os.close(ours)


def test_lines_that_were_typed_ahead_come_one_by_one(typing: int) -> None:
    os.write(typing, "what is this?\nund wie heißt es?\n\x04".encode())
    assert [streams.read_line(), streams.read_line(), streams.read_line()] == [
        "what is this?\n",
        "und wie heißt es?\n",
        "",
    ]


def test_a_signal_that_interrupts_no_read_is_heard_at_once(typing: int) -> None:
    """One that another thread takes wakes no system call, as one just before the call does."""
    reads, heard = threading.Event(), threading.Event()
    was_in_time: list[bool] = []

    def press() -> None:
        reads.wait()  # until the other lets go of the interpreter, which it does where it waits
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        was_in_time.append(heard.wait(10))
        os.write(typing, b"late\n")

    thread = threading.Thread(target=press)
    thread.start()

    def read() -> str:
        reads.set()
        return streams.read_line()

    with pytest.raises(KeyboardInterrupt):
        read()
    heard.set()
    thread.join()
    assert was_in_time == [True]


def test_waiting_for_a_line_leaves_signals_as_they_were(typing: int) -> None:
    os.write(typing, b"x\n")
    streams.read_line()
    assert signal.set_wakeup_fd(-1) == -1
