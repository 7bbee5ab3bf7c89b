"""The real command in a real terminal: a pseudo-terminal whose bytes are read, or tmux, whose picture is read."""

from __future__ import annotations

import fcntl
import os
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.fakes.source import SOURCE_ROOT

PATIENCE_S = 60.0
HAS_TMUX = shutil.which("tmux") is not None


class Terminal:
    """`aiex` on a pseudo-terminal of its own, which it controls; use as a context, which ends the process.

    Args:
        words: Behind `aiex`.
        cwd: Where it runs.
        environ: Is laid over the test's environment; `TERM` is xterm-256color.
        size: Columns and rows.
        code: Python to run instead of `-m aiex`.
    """

    def __init__(
        self,
        *words: str,
        cwd: Path,
        environ: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
        code: str = "",
    ) -> None:
        self._ours, self._theirs = os.openpty()
        self.resize(*size)
        self.before = self.attributes()
        self.seen = b""
        self.is_closed = False
        python = ["-c", code] if code else ["-m", "aiex"]
        self.process = subprocess.Popen(
            [sys.executable, *python, *words],
            cwd=cwd,
            env={
                **os.environ,
                "TERM": "xterm-256color",
                "PYTHONPATH": SOURCE_ROOT,
                "PYTHONUTF8": "1",
                **(environ or {}),
            },
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  (nothing else runs in this child)
        )

    def attributes(self) -> list[Any]:
        """What `stty -a` shows."""
        return termios.tcgetattr(self._theirs)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, which tells the process."""
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str | bytes) -> None:
        """Type; `\\r` is Enter, `\\x03` Ctrl-C."""
        os.write(self._ours, text.encode() if isinstance(text, str) else text)

    def read(self, within_s: float = 0.05) -> bytes:
        """What comes within that time; empty for nothing."""
        if self.is_closed or not select.select([self._ours], [], [], within_s)[0]:
            return b""
        try:
            piece = os.read(self._ours, 65536)
        except OSError:
            piece = b""
        self.seen += piece
        return piece

    def until(self, is_so: Callable[[], object] | str, what: str = "") -> None:
        """Read until something is so, or until a text was written since the beginning."""
        wanted = is_so
        check = (lambda: wanted.encode() in self.seen) if isinstance(wanted, str) else wanted
        end = time.monotonic() + PATIENCE_S
        while not check():
            self.read()
            if time.monotonic() > end or (self.process.poll() is not None and not self.read() and not check()):
                raise AssertionError(
                    f"waited in vain for {what or is_so}; {self.process.poll()=} {self.seen[-3000:]!r}"
                )

    def tap(self, key: str, is_so: Callable[[], object]) -> None:
        """Press a key until something is so; not often, for a question that opens takes no key at once."""
        pressed_s = 0.0
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() - pressed_s > 1.5:
                pressed_s = time.monotonic()
                self.type(key)
            self.read()
            assert time.monotonic() < end, f"{key!r} does nothing: {self.seen[-3000:]!r}"

    def forget(self) -> None:
        """What was read counts no more."""
        self.seen = b""

    def wait(self) -> int:
        """The exit code, when all that was written is read."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < end, f"it does not end: {self.seen[-3000:]!r}"
        while self.read(0.02):
            pass
        return self.process.wait()

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        if not self.is_closed:
            self.is_closed = True
            os.close(self._ours)
            os.close(self._theirs)

    def members(self) -> list[int]:
        """The processes of the terminal's session that are there."""
        return [pid for pid in _pids() if _session_of(pid) == self.process.pid]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.hang_up()


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session_of(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] == "Z" else int(fields[3])


def processes_with(mark: str) -> list[int]:
    """The processes that have a text among their arguments."""
    found = []
    for pid in _pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if mark in words and pid != os.getpid():
            found.append(pid)
    return found


class Tmux:
    """A shell in a terminal of tmux, whose picture is read as text; use as a context, which ends it.

    Args:
        folder: Holds the socket; the shell runs there.
        cwd: Where the shell runs.
        environ: Is laid over the test's environment.
        size: Columns and rows.
    """

    def __init__(
        self, folder: Path, *, cwd: Path, environ: Mapping[str, str] | None = None, size: tuple[int, int] = (80, 24)
    ) -> None:
        self._socket = str(folder / "tmux")
        columns, rows = (str(one) for one in size)
        variables = {**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1", "PS1": "$ ", **(environ or {})}
        variables.pop("TMUX", None)
        self._environ = variables
        shell = "env -u TMUX PS1='$ ' bash --norc --noprofile"
        self.run("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, "-c", str(cwd), shell)

    def run(self, *words: str) -> str:
        """What a command of tmux answers."""
        return subprocess.run(
            ["tmux", "-S", self._socket, *words], env=self._environ, capture_output=True, text=True, check=True
        ).stdout

    @property
    def picture(self) -> str:
        """What is seen now."""
        return self.run("capture-pane", "-p")

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.run("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by their names in tmux: `Enter`, `C-c`, `Escape`."""
        self.run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self.run("resize-window", "-x", str(columns), "-y", str(rows))

    def start(self, *words: str) -> None:
        """Start `aiex` with words."""
        self.type(shlex.join([sys.executable, "-m", "aiex", *words]))
        self.press("Enter")

    def until(self, is_so: Callable[[str], object] | str) -> None:
        """Wait until the picture has a text, or until something is so of it."""
        wanted = is_so
        check = (lambda picture: wanted in picture) if isinstance(wanted, str) else wanted
        end = time.monotonic() + PATIENCE_S
        while not check(self.picture):
            assert time.monotonic() < end, f"waited in vain for {is_so}; seen:\n{self.picture}"
            time.sleep(0.05)

    def tap(self, key: str, is_so: Callable[[str], object]) -> None:
        """Press a key until something is so of the picture; not often, for a question takes no key when it opens."""
        pressed_s = 0.0
        end = time.monotonic() + PATIENCE_S
        while not is_so(self.picture):
            if time.monotonic() - pressed_s > 1.5:
                pressed_s = time.monotonic()
                self.press(key)
            assert time.monotonic() < end, f"{key} does nothing; seen:\n{self.picture}"
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)
