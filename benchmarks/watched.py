"""The program in a terminal of its own, watched from inside: turns of its event loop, pictures and the way of keys."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIZE = (40, 120)
"""Rows and columns of the terminal."""


def at_percent(values: list[float], percent: float) -> float:
    """The value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


# --- in the program -------------------------------------------------------------------------------------------------


class Watch:
    """Times turns of the event loop and the way of keys."""

    def __init__(self) -> None:
        self.pictures: list[float] = []
        self.turns: list[float] = []
        self.keys: list[float] = []
        self.garbage: list[float] = []
        self.displays = 0
        self._typed: list[float] = []
        self._edited: list[float] = []
        self._painted: list[float] = []
        self.on_display: Any = None

    def forget(self) -> None:
        """Begin anew; what was noted takes memory that is not the program's."""
        for values in (self.pictures, self.turns, self.keys, self.garbage):
            values.clear()

    def install(self) -> None:
        from textual.app import App
        from textual.drivers.linux_driver import LinuxDriver

        from aiex.tui.widgets.prompt import Prompt

        watch = self
        send, edit, render = LinuxDriver.send_message, Prompt.edit, Prompt.render_lines
        display = App._display

        def send_message(self: Any, message: Any) -> None:
            if type(message).__name__ == "Key" and message.character == "x":
                watch._typed.append(time.perf_counter())
            send(self, message)

        def edited(self: Any, *arguments: Any, **options: Any) -> Any:
            if watch._typed:
                watch._edited.append(watch._typed.pop(0))
            return edit(self, *arguments, **options)

        def rendered(self: Any, crop: Any) -> Any:
            watch._painted += watch._edited
            watch._edited.clear()
            return render(self, crop)

        def displayed(self: Any, screen: Any, renderable: Any) -> None:
            display(self, screen, renderable)
            watch.displays += 1
            now = time.perf_counter()
            watch.keys += [(now - at) * 1000 for at in watch._painted]
            watch._painted.clear()
            if watch.on_display:
                watch.on_display(now)

        driver: Any = LinuxDriver
        driver.send_message = send_message
        replaced: Any = (Prompt, App)
        replaced[0].edit, replaced[0].render_lines, replaced[1]._display = edited, rendered, displayed

    def time_garbage(self) -> None:
        begin = [0.0]

        def called(phase: str, _: Any) -> None:
            if phase == "start":
                begin[0] = time.perf_counter()
            else:
                self.garbage.append((time.perf_counter() - begin[0]) * 1000)

        gc.callbacks.append(called)

    def time_turns(self, loop: Any) -> None:
        selector, watch = loop._selector, self
        wait = selector.select
        state = {"woke": time.perf_counter(), "displays": 0}

        def selected(timeout: Any = None) -> Any:
            now = time.perf_counter()
            took = (now - state["woke"]) * 1000
            watch.turns.append(took)
            if watch.displays != state["displays"]:
                watch.pictures.append(took)
            found = wait(timeout)
            state["woke"], state["displays"] = time.perf_counter(), watch.displays
            return found

        selector.select = selected


def begin_inside() -> None:
    """Set what the door sets, before anything of Textual is loaded."""
    from aiex.tui.door import TURNS_A_SECOND

    os.environ["TEXTUAL_FPS"] = str(TURNS_A_SECOND)


def run_inside(watch: Watch, measure: Callable[[Any], Mapping[str, Any]], out: str, *flags: str, port: int = 9) -> None:
    """Be the program with a model on loopback, until it is measured; never returns.

    Args:
        watch: Installed by now.
        measure: Gives the figures; called with the program in a thread, once one can type.
        out: Where the figures are written.
        flags: More words of the command line.
        port: Of the model.
    """
    from aiex import _entry
    from aiex.tui.app import AiexApp

    mount = AiexApp.on_mount

    def mounted(self: Any) -> None:
        import asyncio

        watch.time_turns(asyncio.get_running_loop())
        mount(self)

        def work() -> None:
            while not (self.chat.is_mounted and self.chat.query("#status") and self.chat.status.glance.model):
                time.sleep(0.05)
            try:
                figures = dict(measure(self))
            except Exception:  # noqa: BLE001  (whoever drives this shows it)
                import traceback

                figures = {"error": traceback.format_exc()}
            Path(out).write_text(json.dumps(figures))
            self.call_from_thread(self.exit, 0)

        threading.Thread(target=work, daemon=True).start()

    AiexApp.on_mount = mounted  # type: ignore[method-assign]
    sys.argv = ["aiex", "chat", "-m", "one/m", "--set", f"providers.one.base_url=http://127.0.0.1:{port}/v1", *flags]
    sys.exit(_entry.main())


# --- outside --------------------------------------------------------------------------------------------------------


def environ_in(folder: str) -> dict[str, str]:
    """An environment in which nothing of the person is read or written; a repository is made in `work`."""
    subprocess.run(["git", "init", "-q", os.path.join(folder, "work")], check=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIEX_")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ |= {f"AIEX_{kind}_DIR": f"{folder}/{kind.lower()}" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    return environ | {"HOME": folder, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def drive(
    argv: Sequence[str],
    out: str,
    environ: dict[str, str],
    folder: str,
    *,
    first_key_s: float = 0.0,
    pause_s: Callable[[], float] = lambda: 0.1,
) -> dict[str, Any]:
    """Run the program in a pseudo-terminal, read what it draws and type into it; what it measured.

    Args:
        argv: A module of benchmarks with its words, which comes to `run_inside`.
        out: Where it writes what it measured.
        environ: As `environ_in` gives it.
        folder: What that was given.
        first_key_s: When the first key is typed; 0 for none.
        pause_s: How long to wait from one key to the next.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", *argv], stdin=slave, stdout=slave, stderr=slave, cwd=os.path.join(folder, "work"),
        env=environ, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    next_key, typed, seen = time.perf_counter() + first_key_s, 0, b""
    while process.poll() is None:
        if select.select([master], [], [], 0.02)[0]:
            try:
                seen = (seen + os.read(master, 1 << 16))[-3000:]
            except OSError:
                break
        if first_key_s and time.perf_counter() >= next_key:
            typed += 1
            os.write(master, b"x" if typed % 40 else b"\x15")
            next_key = time.perf_counter() + pause_s()
    process.wait(60)
    os.close(master)
    if not os.path.exists(out):
        for report in Path(folder, "state").rglob("reports/*.txt"):
            seen += report.read_bytes()[-3000:]
        return {"error": f"the program ended with {process.returncode}: {seen.decode(errors='replace')}"}
    return dict(json.loads(Path(out).read_text()))


def show(figures: Mapping[str, Any], bars: Mapping[str, float]) -> bool:
    """Print figures with their bars; whether all are held."""
    for name, value in figures.items():
        bar = bars.get(name)
        said = f"{value:,.1f}" if isinstance(value, int | float) else str(value)
        print(f"{name:28} {said:>12}" + (f"   at most {bar:g}: {'held' if value <= bar else 'MISSED'}" if bar else ""))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    return all(figures.get(name, 0) <= bar for name, bar in bars.items()) and "error" not in figures
