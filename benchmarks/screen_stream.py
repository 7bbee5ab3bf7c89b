"""The screen while an answer streams in, in a terminal of its own: pictures, keys, processor and memory.

The real program runs in a pseudo-terminal of 120 by 40. A thread puts 1,000 pieces of an answer a second on its bus,
behind a talk of 10,000 lines, while keys are typed into the prompt.

- a picture: one turn of the event loop in which something was drawn, from waking to sleeping;
- a key: from the moment it was read from the terminal to the end of the drawing that shows it;
- the processor: all threads of the process, the feeding one too, as part of one core;
- live: the same for an answer that comes from a vendor on loopback and is kept in a session, with no long talk before;
- opening: from the work's begin to open a session of 10,000 events to the end of the picture of its last lines;
- memory: resident, after the talk of 10,000 lines was scrolled through;
- talk: the same, and the most in each of four further hours of talk at 60 tokens a second with a vendor on loopback,
  told as fast as it can be, so that what the session remembers counts too. The window of the model fills and is emptied
  within an hour, which is megabytes, so the most of an hour is compared with the most of another; "none" is less than
  1 MB an hour, which is what Python takes at once.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import watched
from benchmarks.watched import ROOT, SIZE, Watch, at_percent, begin_inside

LINES = 10_000
TOKENS_A_SECOND = 1_000
EVENTS = 10_000
HOURS = 4
WISHES_AN_HOUR = 120
WISH_TOKENS = 1_800
"""At 60 a second, in half a minute."""
KINDS = ("stream", "open", "live", "talk")
BARS = {
    "picture_p99_ms": 50.0, "key_p99_ms": 30.0, "core_percent": 35.0, "opening_ms": 500.0, "resident_mb": 150.0,
    "hour_grew_mb": 1.0,
}  # fmt: skip

ANSWER = """## How the *parts* work together

The store keeps rows; `EventLog` makes **events** of them, each linked to the one before, so that damage is seen when
it is read and not when it is too late. What is read is checked as it is read, and nothing behind a gap is given out.

- a row whose link does not follow from the row before was damaged
- an event of a later version is kept as it came, with all that this one does not understand of it
- see [the page](https://example.invalid/log) for `upcast`

```python
def next_link(before: bytes, seq: int, kind: str, data: bytes) -> bytes:
    \"\"\"The link of an event: a hash of the link before it and of everything that it says.\"\"\"
    name = kind.encode()
    said = MARKS.pack(seq, len(name)) + name + data  # fixed widths: no two events say the same
    for _ in range(3):
        before = blake2b(before + said, digest_size=12).digest()
    return before

class Writer:
    def __init__(self, path):
        self.path = path
        self.rows = {"first": 1, "second": [1, 2, 3]}
```

| what | cost | where |
|------|-----:|-------|
| append | 40 us | `log.py` |
| read | 6 us | `log.py`, `stores/sqlite.py` |

1. first the store
2. then the *log*, which is **the only one** to write to it

> Nothing acknowledged is lost.

"""


def tokens() -> Any:
    """Pieces of four characters, without end."""
    text = ANSWER
    while True:
        for at in range(0, len(text), 4):
            yield text[at : at + 4]


def resident_mb() -> float:
    """Of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def serve(seconds: float, *, most_tokens: int | None = None) -> int:
    """A vendor on loopback, in threads of this process, that speaks that fast for so long; its port.

    With `most_tokens` each answer has so many, as fast as it can be told.
    """
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Vendor(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            source, begin, sent = tokens(), time.perf_counter(), 0
            while (passed := time.perf_counter() - begin) < seconds and (most_tokens is None or sent < most_tokens):
                chunk = b""
                while sent < (passed * TOKENS_A_SECOND if most_tokens is None else most_tokens):
                    chunk += _delta({"content": next(source)}, None)
                    sent += 1
                try:
                    self.wfile.write(chunk)
                except OSError:
                    return
                time.sleep(0.005)
            with suppress(OSError):  # the program has left
                used = {"prompt_tokens": len(asked) // 4, "completion_tokens": sent}
                self.wfile.write(
                    _delta({}, "stop") + b'data: {"choices": [], "usage": %b}\n\n' % json.dumps(used).encode()
                )
                self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def _delta(delta: dict[str, str], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return (
        b"data: " + json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"
    )


# --- in the program -------------------------------------------------------------------------------------------------


def stream(app: Any, watch: Watch, seconds: float) -> dict[str, float]:
    """Fill, then stream; runs in a thread."""
    from aiex.events import Started, TextDelta

    chat = app.chat
    layout = chat.transcript._layout
    figures = fill(app)
    app.call_from_thread(chat.take, [Started("one", "m")])
    source = tokens()
    for _ in range(1500):  # colours are loaded, caches warm
        app.bus.post(TextDelta(next(source)))
        time.sleep(1 / TOKENS_A_SECOND)
    watch.forget()
    cpu, begin = time.process_time(), time.perf_counter()
    sent = 0
    while (passed := time.perf_counter() - begin) < seconds:
        while sent < passed * TOKENS_A_SECOND:
            app.bus.post(TextDelta(next(source)))
            sent += 1
        time.sleep(0.002)
    wall = time.perf_counter() - begin
    figures |= {
        "tokens_a_second": sent / wall,
        "core_percent": 100 * (time.process_time() - cpu) / wall,
        "pictures_a_second": len(watch.pictures) / wall,
        "picture_median_ms": statistics.median(watch.pictures),
        "picture_p99_ms": at_percent(watch.pictures, 99),
        "picture_max_ms": max(watch.pictures),
        "turn_max_ms": max(watch.turns),
        "garbage_max_ms": max(watch.garbage, default=0.0),
        "garbage_count": len(watch.garbage),
        "keys": len(watch.keys),
        "key_median_ms": statistics.median(watch.keys) if watch.keys else float("nan"),
        "key_p99_ms": at_percent(watch.keys, 99),
        "key_max_ms": max(watch.keys, default=float("nan")),
        "lines_end": layout.total,
    }
    return figures


def fill(app: Any) -> dict[str, float]:
    """Tell a talk of 10,000 lines, and scroll through it twice; runs in a thread."""
    from aiex.events import AssistantSpoke, Started, ToolFinished, ToolStarted, UserSpoke
    from aiex.messages import Text, ToolCall

    figures = {"resident_start_mb": resident_mb()}
    chat = app.chat
    layout = chat.transcript._layout

    def on_loop(call: Any) -> None:
        app.call_from_thread(call)

    def turn(number: int) -> list[Any]:
        events: list[Any] = [UserSpoke((Text(f"wish {number}: look at the log and say how it works"),))]
        for step in range(3):
            call = ToolCall(f"c{number}-{step}", "read", {"path": f"src/part{step}.py"})
            events += [
                Started("one", "m"),
                AssistantSpoke((Text(ANSWER), call), "one", "m"),
                ToolStarted(call.id, "read", {"path": f"src/part{step}.py"}),
                ToolFinished(call.id, "read", "\n".join(f"{n}: some line of source" for n in range(80)), duration_ms=3),
            ]
        return events

    number = 0
    while layout.total < LINES:
        number += 1
        on_loop(partial(chat.take, turn(number)))
        time.sleep(0.005)
    figures["lines"] = layout.total
    for _ in range(2):
        on_loop(chat.transcript.action_begin)
        while chat.transcript.scroll_offset.y < chat.transcript.max_scroll_y:
            on_loop(lambda: chat.transcript.action_page(1))
            time.sleep(0.002)
    time.sleep(0.5)
    figures["resident_mb"] = resident_mb()

    return figures


def live(app: Any, watch: Watch, seconds: float) -> dict[str, float]:
    """Ask the vendor on loopback, with all that happens between it and the screen; runs in a thread."""

    chat = app.chat
    app.call_from_thread(chat.submit, "speak")
    while len(chat.story.blocks) < 20:
        time.sleep(0.02)
    time.sleep(1)
    watch.forget()
    cpu, begin = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    wall = time.perf_counter() - begin
    return {
        "live_core_percent": 100 * (time.process_time() - cpu) / wall,
        "live_picture_median_ms": statistics.median(watch.pictures),
        "live_picture_p99_ms": at_percent(watch.pictures, 99),
        "live_picture_max_ms": max(watch.pictures),
        "live_keys": len(watch.keys),
        "live_key_median_ms": statistics.median(watch.keys),
        "live_key_p99_ms": at_percent(watch.keys, 99),
        "live_mb": resident_mb(),
    }


def talk(app: Any, watch: Watch) -> dict[str, float]:
    """Four hours of talk at 60 tokens a second behind 10,000 lines, as fast as it can be told; runs in a thread.

    The model's window was full, and was emptied, before the first hour is over.
    """
    chat = app.chat
    filled = fill(app)
    figures: dict[str, float] = {}
    for hour in range(1, HOURS + 1):
        most = 0.0
        for _ in range(WISHES_AN_HOUR):
            turn = chat.story.turn
            app.call_from_thread(chat.submit, "speak on")
            while chat.is_busy or chat.story.turn == turn:
                time.sleep(0.01)
            most = max(most, resident_mb())
        watch.forget()
        app.call_from_thread(gc.collect)
        figures[f"talk_hour_{hour}_most_mb"] = most
        figures[f"talk_hour_{hour}_end_mb"] = resident_mb()
    first, last = (figures[f"talk_hour_{hour}_most_mb"] for hour in (1, HOURS))
    return {**filled, **figures, "hour_grew_mb": (last - first) / (HOURS - 1)}


def opened(app: Any, watch: Watch) -> dict[str, float]:
    """Wait until the last line of the session is seen; runs in a thread."""
    chat = app.chat
    while not watch.opened:  # type: ignore[attr-defined]
        time.sleep(0.01)
    time.sleep(3)
    return {
        **watch.opened,  # type: ignore[attr-defined]
        "opened_lines": chat.transcript._layout.total,
        "opened_turn_max_ms": max(watch.turns),
        "opened_past_told_ms": watch.past_told_ms,  # type: ignore[attr-defined]
        "opened_mb": resident_mb(),
    }


def run_inside(kind: str, out: str, seconds: float, port: int) -> None:
    """Be the program, watched."""
    begin_inside()
    from aiex.tui import backstage, told
    from aiex.tui.app import AiexApp
    from aiex.tui.bus import Bus

    watch: Any = Watch()
    watch.opened, watch.past_told_ms = {}, 0.0
    watch.install()
    watch.time_garbage()
    begin: dict[str, float] = {}
    start, post = backstage.Backstage.start, Bus.post

    def started(self: Any) -> None:
        begin["open"] = time.perf_counter()
        start(self)

    def posted(self: Any, item: Any) -> None:
        if isinstance(item, told.History):
            begin["read_ms"] = (time.perf_counter() - begin["open"]) * 1000
        post(self, item)

    def measure(app: Any) -> dict[str, float]:
        if kind == "talk":
            return talk(app, watch)
        if kind == "open":
            return opened(app, watch)
        return live(app, watch, seconds) if kind == "live" else stream(app, watch, seconds)

    def on_display(now: float) -> None:
        chat = getattr(watch, "chat", None)
        if chat is None or not chat.is_mounted:
            return
        layout = chat.transcript._layout
        if not watch.opened and layout.total > SIZE[0]:
            watch.opened = {
                "opening_ms": (now - begin["open"]) * 1000,
                "opening_read_ms": begin.get("read_ms", 0),
            }
        if watch.opened and chat.transcript._past is None and not watch.past_told_ms:
            watch.past_told_ms = (now - begin["open"]) * 1000

    if kind == "open":
        watch.on_display = on_display
        init = AiexApp.__init__

        def made(self: Any, *arguments: Any, **options: Any) -> None:
            init(self, *arguments, **options)
            watch.chat = self.chat

        AiexApp.__init__ = made  # type: ignore[method-assign]
    backstage.Backstage.start = started  # type: ignore[method-assign]
    Bus.post = posted  # type: ignore[method-assign]
    watched.run_inside(watch, measure, out, *(["-c"] if kind == "open" else []), port=port)


def make_session(folder: str) -> None:
    """A session of 10,000 events in the workspace of this folder, with pieces of answers as they are kept."""
    from aiex.cli.hosting import CommandLine
    from aiex.cli.main import parse
    from aiex.events import (
        AssistantSpoke,
        SessionStarted,
        Started,
        TextDelta,
        ToolFinished,
        ToolStarted,
        TurnEnded,
        UsageUpdated,
        UserSpoke,
    )
    from aiex.messages import Text, ToolCall, Usage
    from aiex.sessions.recorder import Recorder

    invocation = parse(["chat", "-C", folder, "-m", "one/m", "--set", "providers.one.base_url=http://127.0.0.1:9/v1"])
    services = CommandLine(invocation).open({})
    recorder = Recorder(services.sessions.log, services.session)
    recorder.record(SessionStarted("0", folder, "chat", "one", "m", services.root))
    number = 0
    while recorder.seq < EVENTS:
        number += 1
        events: list[Any] = [UserSpoke((Text(f"wish {number}"),))]
        for step in range(5):
            call = ToolCall(f"c{number}-{step}", "read", {"path": f"src/part{step}.py"})
            events.append(Started("one", "m"))
            events += [TextDelta(ANSWER[at : at + 40]) for at in range(0, 400, 40)]
            events.append(UsageUpdated(Usage(1000, 200), 0.01))
            events.append(AssistantSpoke((Text(ANSWER[:400]), call), "one", "m"))
            events.append(ToolStarted(call.id, "read", {"path": f"src/part{step}.py"}))
            events.append(ToolFinished(call.id, "read", "some line of source\n" * 40, duration_ms=3))
        events.append(Started("one", "m"))
        events.append(AssistantSpoke((Text(ANSWER),), "one", "m"))
        events.append(TurnEnded("success", "answered", 0, duration_ms=1200))
        for event in events:
            recorder.record(event)
    recorder.close()
    services.close()


# --- outside --------------------------------------------------------------------------------------------------------


def drive(kind: str, seconds: float, environ: dict[str, str], folder: str) -> dict[str, Any]:
    """What the program measured of itself while keys are typed."""
    out = os.path.join(folder, f"{kind}.json")
    argv = ["benchmarks.screen_stream", "--inside", kind, "--out", out, "--seconds", str(seconds)]
    vendors = {"live": lambda: serve(seconds + 4), "talk": lambda: serve(60, most_tokens=WISH_TOKENS)}
    argv += ["--port", str(vendors[kind]() if kind in vendors else 9)]
    dice = random.Random(7)
    return watched.drive(
        argv,
        out,
        environ,
        folder,
        first_key_s=5 if kind in ("stream", "live") else 0,
        pause_s=lambda: dice.uniform(0.04, 0.2),
    )


def main() -> None:
    """Measure and print; the exit code says whether the bars are held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inside", choices=KINDS)
    parser.add_argument("--port", type=int, default=9)
    parser.add_argument("--out", default="")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=KINDS)
    chosen = parser.parse_args()
    if chosen.inside:
        run_inside(chosen.inside, chosen.out, chosen.seconds, chosen.port)
    with tempfile.TemporaryDirectory(prefix="aiex-stream-") as folder:
        environ = watched.environ_in(folder)
        figures: dict[str, Any] = {}
        if chosen.only in (None, "open"):
            make = f"from benchmarks.screen_stream import make_session; make_session({folder + '/work'!r})"
            subprocess.run([sys.executable, "-c", make], env=environ, check=True, cwd=ROOT)
            drive("open", chosen.seconds, environ, folder)  # everything is compiled and cached afterwards
            figures |= drive("open", chosen.seconds, environ, folder)
        if chosen.only in (None, "live"):
            figures |= drive("live", min(chosen.seconds, 15), environ, folder)
        if chosen.only in (None, "talk"):
            figures |= drive("talk", chosen.seconds, environ, folder)
        if chosen.only in (None, "stream"):
            figures |= drive("stream", chosen.seconds, environ, folder)
    sys.exit(0 if watched.show(figures, BARS) else 1)


if __name__ == "__main__":
    main()
