"""Many processes that keep sessions in one file, half of them in one and the same session; and whether all is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

from aiex.errors import AiexError
from aiex.eventforms import to_json
from aiex.events import AssistantSpoke, TextDelta, TurnEnded, UserSpoke
from aiex.messages import Text
from tests.fakes.source import SOURCE_ROOT

TOGETHER = "f" * 16
PROGRAM = (sys.executable, "-m", "tests.fakes.sharing")
DELTAS = 5
EVENTS = DELTAS + 3
"""Of one turn."""


class Shared(NamedTuple):
    """What came of it."""

    events: int
    moved: int
    """How often a process found that another had written to the session."""
    problems: list[str]


def share(folder: str, *, processes: int, turns: int) -> Shared:
    """Let them write side by side, then read everything again."""
    os.makedirs(folder)
    environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1"}
    writers = [
        subprocess.Popen(
            [*PROGRAM, folder, session_of(number, processes), str(number), str(turns)],
            env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(processes)
    ]  # fmt: skip
    for writer in writers:  # all are there
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate() for writer in writers]
    problems = [error for _, error in said if error]
    promised: dict[str, dict[int, Any]] = {}
    moved = 0
    for number, (out, _) in enumerate(said):
        *lines, last = out.splitlines() or ["0"]
        moved += int(last)
        mine = promised.setdefault(session_of(number, processes), {})
        for seq, event in map(json.loads, lines):
            if seq in mine:
                problems.append(f"two events were told to be number {seq}")
            mine[seq] = event
    problems += [text for session, events in promised.items() for text in _compare(folder, session, events)]
    return Shared(sum(map(len, promised.values())), moved, problems)


def session_of(number: int, processes: int) -> str:
    """The session of a process: the common one for the first half, and for two at least; else its own."""
    return TOGETHER if number < max(2, processes // 2) else f"{number:016x}"


def _compare(folder: str, session: str, promised: dict[int, Any]) -> list[str]:
    """What is not in the log as it was promised."""
    from aiex.sessions.keeping import Sessions

    sessions = Sessions(folder)
    try:
        kept = {one.seq: to_json(one.event()) for one in sessions.log.read(session)}
        counts = sessions.state(session).turn
        listed = {one.id: one.turns for one in sessions.views.listed()}
    except AiexError as error:
        return [error.message]
    finally:
        sessions.close()
    problems = [f"event {seq} of {session} is not as promised" for seq in promised if kept.get(seq) != promised[seq]]
    if sorted(kept) != list(range(1, len(promised) + 1)):
        problems.append(f"session {session} has {len(kept)} events for {len(promised)}")
    if not counts == listed.get(session) == len(promised) // EVENTS:
        problems.append(f"session {session} has {counts} turns, its list {listed.get(session, 0)}")
    return problems


def write(folder: str, session: str, number: int, turns: int) -> None:
    """The part of one process."""
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.recorder import Recorder

    print("here", flush=True)
    sys.stdin.readline()
    sessions = Sessions(folder)
    recorder = Recorder(sessions.log, session)
    told: list[str] = []

    def record(event: Any) -> None:
        told.append(json.dumps([recorder.record(event).seq, to_json(event)]))

    for turn in range(turns):
        name = f"{number}.{turn}"
        record(UserSpoke((Text(f"What is {name}?"),)))
        for _ in range(DELTAS):
            record(TextDelta(f"It is {name}.\n"))
        record(AssistantSpoke((Text(f"It is {name}.\n" * DELTAS),), "one", "fake-1"))
        record(TurnEnded("success", "answered", 0, answer=name))
    recorder.close()
    sessions.close()
    print("\n".join([*told, str(recorder.moved)]))


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
