"""An index that is kept up to date while files change: `aiex create index --watch` as a process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SOURCE_ROOT, RunAiex
from tests.fakes.started import start_aiex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
PATIENCE_S = 120

WATCHFILES = """
import os

def watch(root, *, watch_filter, debounce, step, stop_event, rust_timeout, yield_on_timeout, raise_interrupt,
          ignore_permission_denied):
    before = None
    while not stop_event.wait(0.02):
        now = {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
            for folder, _, names in os.walk(root) for name in names
        }
        before = now if before is None else before
        changed = {(1, path) for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        before = now
        yield changed
"""
"""Stands for the library, by the part of its interface that is used."""


class Watching:
    """A watch as a process, read line by line."""

    def __init__(self, process: subprocess.Popen[bytes], stream: int) -> None:
        self.process = process
        self.shown = b""
        self._stream = stream

    def wait_for(self, words: str) -> str:
        """The first new line with these words; fails when the process ends before, or keeps silent for too long."""
        while True:
            line, end, rest = self.shown.partition(b"\n")
            if end:
                self.shown = rest
                if words.encode() in line:
                    return line.decode().replace("\r", "")
                continue
            readable, _, _ = select.select([self._stream], [], [], PATIENCE_S)
            assert readable, f"no word of {words!r}"
            piece = os.read(self._stream, 65_536)
            assert piece, f"ended without a word of {words!r}: {self.shown!r}"
            self.shown += piece

    def stop(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def watching(cwd: Path, *words: str, reads: str = "stderr", **environment: str) -> Iterator[Watching]:
    process = start_aiex("create", "index", "--watch", *words, cwd=cwd, environ=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield Watching(process, (process.stderr if reads == "stderr" else process.stdout).fileno())
    finally:
        process.kill()
        process.communicate()


def find(run_warm: RunAiex, cwd: Path, task: str) -> list[str]:
    """Symbols that a question finds."""
    lines = run_warm("query", "context", "--task", task, "--json", cwd=cwd).stdout.splitlines()
    return [json.loads(line)["symbol"] for line in lines]


def stale(run_warm: RunAiex, cwd: Path) -> int:
    result = json.loads(run_warm("show", "index", "--json", cwd=cwd).stdout)
    count: int = result["structured_output"]["stale"]
    return count


def test_what_changes_comes_and_goes_is_in_the_index(workspace: Path, run_warm: RunAiex) -> None:
    with watching(workspace) as watch:
        watch.wait_for("files read; ")
        watch.wait_for("watching by polling (watchfiles is not installed")
        (workspace / "shop/cheese.py").write_text("def gorgonzola():\n    return 1\n")
        assert watch.wait_for("read ") == "note: read shop/cheese.py"
        assert stale(run_warm, workspace) == 0
        assert find(run_warm, workspace, "gorgonzola") == ["gorgonzola"]
        (workspace / "shop/cheese.py").write_text("def mascarpone():\n    return 'another length'\n")
        assert watch.wait_for("read ") == "note: read shop/cheese.py"
        assert stale(run_warm, workspace) == 0
        assert find(run_warm, workspace, "mascarpone") == ["mascarpone"]
        (workspace / "shop/cheese.py").unlink()
        assert watch.wait_for("forgot ") == "note: forgot shop/cheese.py"
        assert stale(run_warm, workspace) == 0
        assert find(run_warm, workspace, "mascarpone") == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_leaves_nothing(number: int, code: int, workspace: Path) -> None:
    with watching(workspace) as watch:
        watch.wait_for("watching by ")
        assert watch.stop(number) == code
        out, err = watch.process.communicate()
        assert (out, err) == (b"", b"interrupted\n")


def test_the_library_is_told_when_it_is_there(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/watchfiles.py").write_text(WATCHFILES)
    with watching(workspace, PYTHONPATH=f"{SOURCE_ROOT}{os.pathsep}{tmp_path / 'lib'}") as watch:
        assert watch.wait_for("watching") == "note: watching by watchfiles; Ctrl-C ends it"
        (workspace / "shop/cheese.py").write_text("def gorgonzola():\n    return 1\n")
        assert watch.wait_for("read ") == "note: read shop/cheese.py"
        assert watch.stop(signal.SIGINT) == 130


def test_programs_read_lines(workspace: Path) -> None:
    with watching(workspace, "-o", "stream-json", "-q", reads="stdout") as watch:
        lines = [json.loads(watch.wait_for('"type"')) for _ in range(3)]
        (workspace / "a.py").write_text("def a():\n    return 1\n")
        lines.append(json.loads(watch.wait_for('"type"')))
        assert watch.stop(signal.SIGINT) == 130
        lines.append(json.loads(watch.wait_for('"type"')))
        _, err = watch.process.communicate()
    told: list[Any] = [(line["seq"], line["type"], line.get("data")) for line in lines]
    assert [line[:2] for line in told] == [
        *((1, "init"), (2, "progress"), (3, "progress"), (4, "progress"), (5, "result")),
    ]
    assert told[1][2]["read"] == 8
    assert told[2][2] == {"way": "polling"}
    assert told[3][2] == {"read": ["a.py"], "gone": []}
    assert (lines[-1]["subtype"], lines[-1]["exit_code"]) == ("interrupted", 130)
    assert err == b"interrupted\n"


def test_quiet_says_nothing(workspace: Path, home: Path) -> None:
    with watching(workspace, "-q") as watch:
        while not list(home.rglob("index.db")):  # it is at work, and heeds signals, when it opens its index
            with suppress(subprocess.TimeoutExpired):
                watch.process.wait(0.01)
            assert watch.process.poll() is None
        assert watch.stop(signal.SIGTERM) == 143
        assert watch.process.communicate() == (b"", b"interrupted\n")


def test_on_a_terminal_a_line_is_written_for_each_change(workspace: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environ, terminal = {"TERM": "xterm"}, dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    words = ("create", "index", "--watch")
    process = start_aiex(*words, cwd=workspace, environ=environ, **terminal, start_new_session=True)
    os.close(theirs)
    watch = Watching(process, ours)
    watch.wait_for("watching by ")
    (workspace / "a.py").write_text("def a():\n    return 1\n")
    assert watch.wait_for("read ").endswith("note: read a.py")
    process.send_signal(signal.SIGINT)
    watch.wait_for("interrupted")
    assert process.wait(PATIENCE_S) == 130
    os.close(ours)
