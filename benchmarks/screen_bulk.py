"""The screen with what is large: much output of a command, a long diff, many sessions; in a terminal of its own.

The real program runs in a pseudo-terminal of 120 by 40 and keys are typed into it meanwhile.

- output: `!head -c N /dev/zero | base64` to its end, against the same from a shell by `aiex run sandbox` in the same
  minute; the longest turn of the event loop meanwhile, the way of a key, and what memory grew by;
- sessions: the first look at 5,000 sessions that were made elsewhere, and a search in what was said: how long the work
  is held meanwhile, asked every few milliseconds;
- paging: Page-Down held in `/diff` of 10,000 lines; a picture is one turn of the event loop in which something was
  drawn, from waking to sleeping; and what of the processor a page took, which other programs change less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import watched
from benchmarks.watched import Watch, at_percent, begin_inside

DIFF_LINES = 10_000
PAGES = 200
SESSIONS = 5_000
BARS = {
    "output_ratio": 2.0, "output_key_p99_ms": 200.0, "output_grew_mb": 60.0, "paging_processor_p99_ms": 50.0,
    "sessions_held_max_ms": 250.0, "search_held_max_ms": 150.0,
}  # fmt: skip
"""Those of the output are of a machine with two cores."""


def output_of(mb: int) -> str:
    """A command that writes so many megabytes of base64."""
    return f"head -c {mb * 3 // 4}M /dev/zero | base64"


def processor_ms() -> float:
    """What the thread that calls this used of the processor by now."""
    return time.thread_time() * 1000


def own_mb() -> float:
    """Resident memory of this process without files that lie in it, such as the store of sessions."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


# --- in the program -------------------------------------------------------------------------------------------------


def write_much(app: Any, watch: Watch, mb: int) -> dict[str, float]:
    """Let a command write, and wait for its end; runs in a thread."""
    chat = app.chat
    before, most = own_mb(), 0.0
    for values in (watch.turns, watch.keys):
        values.clear()
    begin = time.perf_counter()
    app.call_from_thread(chat.submit, f"!{output_of(mb)}")
    while not chat.is_busy:
        time.sleep(0.01)
    while chat.is_busy:
        time.sleep(0.05)
        most = max(most, own_mb())
    return {
        "output_s": time.perf_counter() - begin,
        "output_turn_max_ms": max(watch.turns),
        "output_keys": len(watch.keys),
        "output_key_median_ms": statistics.median(watch.keys or [float("nan")]),
        "output_key_p99_ms": at_percent(watch.keys, 99),
        "output_grew_mb": most - before,
    }


def page_through(app: Any, watch: Watch, _: int) -> dict[str, float]:
    """Open the diff of what a command changed and press Page-Down as fast as it is answered; runs in a thread."""
    from textual import events

    chat = app.chat
    change = f"!for i in $(seq {DIFF_LINES // 2}); do echo \"value_$i = compute($i, 'b')  # new\"; done > long.py"
    app.call_from_thread(chat.submit, change)
    while not chat.is_busy:
        time.sleep(0.01)
    while chat.is_busy:
        time.sleep(0.05)
    said = " ".join(block.words() for block in chat.story.blocks)
    checkpoint = said.partition("checkpoint ")[2].partition(":")[0]
    app.call_from_thread(chat.command, f"diff {checkpoint}")
    until = time.perf_counter() + 20
    while app.screen is chat:
        if time.perf_counter() > until:
            raise RuntimeError(f"no diff: {[block.words()[:300] for block in chat.story.blocks][-4:]}")
        time.sleep(0.05)
    time.sleep(3)
    figures: dict[str, float] = {}
    for name, key in (("paging", "pagedown"), ("paging_back", "pageup")):
        watch.pictures.clear()
        used: list[float] = []
        for _page in range(PAGES):
            seen, begin_ms = watch.displays, app.call_from_thread(processor_ms)
            app.call_from_thread(partial(app.post_message, events.Key(key, None)))
            until = time.perf_counter() + 1
            while watch.displays == seen and time.perf_counter() < until:
                time.sleep(0.001)
            used.append(app.call_from_thread(processor_ms) - begin_ms)
        figures |= {
            f"{name}_processor_median_ms": statistics.median(used),
            f"{name}_processor_p99_ms": at_percent(used, 99),
            f"{name}_pictures": len(watch.pictures),
            f"{name}_median_ms": statistics.median(watch.pictures or [float("nan")]),
            f"{name}_p99_ms": at_percent(watch.pictures, 99),
            f"{name}_max_ms": max(watch.pictures, default=float("nan")),
        }
    return figures


def look_at_sessions(app: Any, _: Watch, __: int) -> dict[str, float]:
    """Open the view of sessions, wait for all of them, then search; runs in a thread."""
    held: list[float] = []

    def wait(is_there: Any) -> float:
        begin = time.perf_counter()
        while not is_there():
            asked = time.perf_counter()
            app.chat.backstage.ask(lambda services: services.root).result()
            held.append((time.perf_counter() - asked) * 1000)
            time.sleep(0.002)
        return time.perf_counter() - begin

    app.call_from_thread(app.chat.command, "sessions")
    figures = {"sessions_all_s": wait(lambda: len(getattr(app.screen, "found", ())) >= SESSIONS)}
    figures["sessions_held_max_ms"] = max(held)
    held.clear()
    time.sleep(0.5)
    app.call_from_thread(lambda: setattr(app.screen.query_one("#filter"), "value", "parser project 4321"))
    figures["search_s"] = wait(lambda: bool(app.screen._said))
    return figures | {"search_held_max_ms": max(held)}


def make_sessions(folder: str) -> None:
    """5,000 sessions of 20 events in the workspace of this folder, which no view knows yet."""
    from aiex.cli.hosting import CommandLine
    from aiex.cli.main import parse
    from aiex.events import SessionStarted
    from benchmarks.session_list import START_MS, events_of

    services = CommandLine(parse(["chat", "-C", folder])).open({})
    for number in range(SESSIONS):
        events = [SessionStarted("1", folder, "chat", "one", "m", services.root), *events_of(number)[1:]]
        services.sessions.log.append(f"{number:016x}", events, after_seq=0, turn=1, at_ms=START_MS + number)
    services.close()


KINDS = {"output": write_much, "paging": page_through, "sessions": look_at_sessions}


def run_inside(kind: str, out: str, mb: int) -> None:
    """Be the program, watched."""
    begin_inside()
    watch = Watch()
    watch.install()

    def measure(app: Any) -> dict[str, float]:
        time.sleep(1)
        return KINDS[kind](app, watch, mb)

    watched.run_inside(watch, measure, out)


# --- outside --------------------------------------------------------------------------------------------------------


def drive(kind: str, mb: int, environ: dict[str, str], folder: str) -> dict[str, Any]:
    """What the program measured of itself; keys are typed while a command writes."""
    out = os.path.join(folder, f"{kind}.json")
    argv = ["benchmarks.screen_bulk", "--inside", kind, "--out", out, "--mb", str(mb)]
    return watched.drive(argv, out, environ, folder, first_key_s=3 if kind == "output" else 0)


def run_in_shell(mb: int, environ: dict[str, str], folder: str) -> float:
    """Seconds that the same command takes from a shell."""
    argv = [sys.executable, "-m", "aiex", "run", "sandbox", "--", "bash", "-c", output_of(mb)]
    begin = time.perf_counter()
    subprocess.run(argv, cwd=os.path.join(folder, "work"), env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print; the exit code says whether the bars are held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inside", choices=KINDS)
    parser.add_argument("--out", default="")
    parser.add_argument("--mb", type=int, default=20)
    parser.add_argument("--only", choices=KINDS)
    chosen = parser.parse_args()
    if chosen.inside:
        run_inside(chosen.inside, chosen.out, chosen.mb)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="aiex-bulk-") as folder:
        environ = watched.environ_in(folder)
        Path(folder, "work", "long.py").write_text(
            "".join(f"value_{at} = compute({at}, 'a')  # old\n" for at in range(1, DIFF_LINES // 2 + 1))
        )
        if chosen.only in (None, "sessions"):
            make = f"from benchmarks.screen_bulk import make_sessions; make_sessions({os.path.join(folder, 'work')!r})"
            subprocess.run([sys.executable, "-c", make], env=environ, check=True)
        for kind in [chosen.only] if chosen.only else KINDS:
            figures |= drive(kind, chosen.mb, environ, folder)
        if chosen.only in (None, "output") and "error" not in figures:
            figures["shell_s"] = run_in_shell(chosen.mb, environ, folder)
            figures["output_ratio"] = figures["output_s"] / figures["shell_s"]
    sys.exit(0 if watched.show(figures, BARS) else 1)


if __name__ == "__main__":
    main()
