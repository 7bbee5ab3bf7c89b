"""The real commands, broken off at a system call, and what a person finds and does at the next start.

What `aiex ask -o stream-json` printed counts as promised: each event is in the log before it is shown.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from aiex.guard.sandbox.tree import is_temporary
from tests.fakes.scripted_turn import AGAIN, MENDED, OLD, WISH, Faults, Place, look
from tests.fakes.syscalls import Call, End, Fate, watch

ADDED = "made by the command\n"
_GOOD_CODES = frozenset([0, 1, 2, 4, 6, 69, 70, 74, 75, 77, 78])
"""Of outcomes that are told in words."""

_NO_WAY_BACK = ("this cannot be undone", "this run is not kept")
"""Said where there is no room for a way back."""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Person:
    """Types commands in a workspace."""

    def __init__(self, place: Place, address: str) -> None:
        self._place = place
        self._flags = [
            "--set",
            f"providers.one.base_url={address}",
            "--set",
            "retry.max_attempts=1",
            "-m",
            "one/fake-1",
        ]
        self._count = 0

    def run(self, *words: str, fate: Callable[[Call], Fate] = lambda _: "go") -> tuple[End, Done]:
        """Run a command of Aiex in a fork."""
        self._count += 1
        paths = [Path(self._place.top, f"{name}{self._count}") for name in ("out", "err")]

        files = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in paths]

        def become(_: object) -> None:
            for number, file in enumerate(files, 1):
                os.dup2(file, number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
            for name in [name for name in os.environ if name.startswith("AIEX_")]:
                del os.environ[name]
            os.environ.update(self._place.environ)
            os.chdir(self._place.root)
            from aiex import __main__, _entry

            sys.argv = [str(__main__.__file__), *words]
            _entry.script()

        def decide(call: Call) -> Fate:
            is_said = call.name == "write" and call.target in map(str, paths)
            decided = fate(call)
            return "go" if is_said and not isinstance(decided, str) else decided

        end = watch(become, decide)
        for file in files:
            os.close(file)
        out, err = (path.read_text(encoding="utf-8", errors="replace") for path in paths)
        if any(isinstance(word, dict) and "traceback" in word for word in end.said):
            err += str(end.said)
        return end, Done(end.code, out, err)

    def ask(self, *words: str, fate: Callable[[Call], Fate] = lambda _: "go") -> tuple[End, Done]:
        """Ask a question, with events as they come."""
        return self.run("ask", *words, "--no-code", "-o", "stream-json", *self._flags, fate=fate)


def break_off(
    place: Place, address: str, command: str, fate: Callable[[Call], Fate]
) -> tuple[End, str, dict[str, list[str]]]:
    """Run a command that is broken off, then do what a person does; how it ended, what it said, and what was wrong."""
    faults = Faults()
    person = Person(place, address)
    if command == "ask":
        end, done = person.ask(WISH, fate=fate)
    else:
        line = f"printf '{ADDED}' > {MENDED}.new && mv {MENDED}.new {MENDED} && echo ran >> {place.root}/effects"
        end, done = person.run("run", "sandbox", "--", "sh", "-c", line, fate=fate)
    if end.code >= 0 and (end.code not in _GOOD_CODES or "Traceback" in done.err or (end.code and not _said(done))):
        faults.stuck.append(f"it ended with {end.code}, and said: {done.err[-500:]}")
    promised = [json.loads(line) for line in done.out.splitlines() if line.endswith("}")] if command == "ask" else []
    _go_on(person, place, promised, faults, died=end.code < 0)
    if command == "sandbox":
        _take_back(person, place, faults, is_undoable=not any(words in done.err for words in _NO_WAY_BACK))
    elif Path(place.root, MENDED).read_bytes() != OLD:
        faults.half.append("a file of the workspace was changed")
    _find_leftovers(place, faults)
    return end, done.err[-300:] if end.code > 0 else "", asdict(faults)


def _said(done: Done) -> bool:
    return bool(done.err.strip() or done.out.strip())


def _go_on(person: Person, place: Place, promised: list[Any], faults: Faults, *, died: bool) -> None:
    """List the sessions, take up what was cut off, and ask something."""
    listed = _need(person.run("list", "sessions", "-o", "json")[1], faults)
    rows = _rows(listed)
    kept = [event for event in promised if event["type"] != "result" or died]
    if kept and not rows and not _is_unkept(promised):
        faults.lost.append(f"the session of {len(promised)} events is not there")
    if rows:
        session = rows[0]["id"]
        _compare(person, session, promised, faults)
        _, again = person.ask("-c", AGAIN)
        if again.code == 6 and "aiex resume session" in again.out + again.err:
            _need(person.run("resume", "session", session)[1], faults)
            _need(person.ask("-r", session, AGAIN)[1], faults)
        elif again.code:
            faults.stuck.append(f"aiex ask -c ended with {again.code}: {(again.err + again.out)[-300:]}")
    else:
        _need(person.ask(AGAIN)[1], faults)
    final = _rows(_need(person.run("list", "sessions", "-o", "json")[1], faults))
    if not final or final[0]["state"] not in ("done", "answered"):
        faults.stuck.append(f"the list says: {final[:1]}")
    locks = os.path.join(place.environ["AIEX_DATA_DIR"], "sessions", "locks")
    left = [name for name in os.listdir(locks) if name.endswith(".owner")] if os.path.isdir(locks) else []
    if len(left) > (0 if rows else 1):
        faults.half.append(f"locks are left: {left}")


def _take_back(person: Person, place: Place, faults: Faults, *, is_undoable: bool) -> None:
    """What the command changed, if it came to that, is undone; a step that was cut off may want to be forced."""
    mended, effects = Path(place.root, MENDED), Path(place.root, "effects")
    if mended.read_bytes() not in (OLD, ADDED.encode()):
        faults.half.append("a file of the workspace is neither old nor new")
    if effects.exists() and effects.read_text(encoding="utf-8") not in ("", "ran\n"):  # its own write may fail
        faults.doubled.append("the command ran again")
    if mended.read_bytes() == OLD or not is_undoable:
        return
    done = person.run("undo")[1]
    if done.code == 6:
        done = person.run("undo", "--force")[1]
    _need(done, faults)
    if mended.read_bytes() != OLD or effects.exists():
        faults.half.append("undo does not bring back the files as they were")


def _is_unkept(lines: list[Any]) -> bool:
    """Whether it was told that this run is not kept."""
    return any(line["type"] == "error" and "not kept" in str(line.get("message")) for line in lines)


def _compare(person: Person, session: str, promised: list[Any], faults: Faults) -> None:
    """What was shown is what the session tells when it is replayed; of a stream, the events and not their pieces."""
    told = _need(person.run("replay", "session", session, "-o", "stream-json")[1], faults)
    lines = [line["data"] for line in map(json.loads, told.out.splitlines()) if line["type"] == "progress"]
    there = {line["seq"]: line for line in lines}
    for line in promised:
        found = there.get(line["seq"], {})
        is_piece = line.get("delta") and found.get("delta")
        if _plain(line) != _plain(found) and not is_piece and not _is_unkept(promised):
            faults.lost.append(f"event {line['seq']} ({line['type']}) was shown, and the session has {found}")


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    """Without the times, which are taken anew when it is shown."""
    return {name: value for name, value in line.items() if name not in ("ts", "duration_ms")}


def _need(done: Done, faults: Faults) -> Done:
    if done.code or "Traceback" in done.err:
        faults.stuck.append(f"ended with {done.code}: {(done.err + done.out)[-400:]}")
    return done


def _rows(done: Done) -> list[Any]:
    try:
        data = json.loads(done.out)["structured_output"]
    except (ValueError, KeyError):
        return []
    return list(data["sessions"] if isinstance(data, dict) else data)


def _find_leftovers(place: Place, faults: Faults) -> None:
    names = [f"work/{name}" for name in look(place.root) if is_temporary(os.path.basename(name)) or name == ".git"]
    names += [f"data/{name}" for name in look(place.environ["AIEX_DATA_DIR"]) if ".tmp" in name]
    faults.half += [f"{name} was left over" for name in names]
