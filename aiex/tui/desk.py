"""What lies open while somebody works: the list of what is to be done, commands in the background, checks, files.

Folded from events alone, like the talk itself, so it is the same after a session was opened again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from aiex import events as told
from aiex.guard.neutral import neutralise, printable_path
from aiex.record import record

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.runs.standing import Standing

ItemState = Literal["open", "doing", "done"]
JobState = Literal["running", "ended", "failed", "gone"]
_JOB: Final = re.compile(r'\Aruns in the background as job "(\d+)"')
_ENDED: Final = re.compile(r"\A[^\n]*?\bexit code (-?\d+)")


@record
class Item:
    """Something that is to be done."""

    text: str
    state: ItemState


@record
class BackgroundJob:
    """A command that goes on behind the talk."""

    number: str
    command: str
    state: JobState
    outcome: str = ""


class Desk:
    """Read what lies on it; `take` says whether it changed."""

    def __init__(self) -> None:
        self.items: tuple[Item, ...] = ()
        self.jobs: dict[str, BackgroundJob] = {}
        self.checks: dict[str, bool] = {}
        """Name → whether it passed the last time."""
        self.files: dict[str, str] = {}
        """Path → created, changed or deleted, in this session."""
        self._calls: dict[str, Mapping[str, Any]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.items or self.jobs or self.checks or self.files)

    def stand(self, standing: Standing) -> None:
        """See how the session stands, where that does not follow from events that were taken."""
        self.files = {printable_path(path): change for path, change in standing.files.items()}
        self.checks = {neutralise(name): passed for name, passed in standing.checks.items()}
        self.items = _read_items(standing.todo)

    def take(self, event: Event | told.UnknownEvent) -> bool:
        """Take the next event in."""
        match event:
            case told.ToolStarted(call_id, "todo" | "run", arguments):
                self._calls[call_id] = arguments
                return False
            case told.ToolFinished(call_id, "todo", is_error=False) if call_id in self._calls:
                self.items = _read_items(self._calls.pop(call_id).get("items"))
            case told.ToolFinished(call_id, "run", text) if call_id in self._calls:
                return self._take_run(self._calls.pop(call_id), text)
            case told.CheckRan(name, passed):
                self.checks[neutralise(name)] = passed
            case told.FileEdited(path, change):
                self.files[printable_path(path)] = change
            case told.TurnEnded() | told.TurnInterrupted():
                return self._end_turn()
            case _:
                return False
        return True

    def _take_run(self, arguments: Mapping[str, Any], text: str) -> bool:
        if found := _JOB.search(text):
            command = neutralise(str(arguments.get("command", "")))
            self.jobs[found[1]] = BackgroundJob(found[1], command, "running")
            return True
        number = str(arguments.get("job", ""))
        if number in self.jobs and (ended := _ENDED.match(text)):
            state: JobState = "ended" if ended[1] == "0" else "failed"
            self.jobs[number] = BackgroundJob(number, self.jobs[number].command, state, f"exit code {ended[1]}")
            return True
        return False

    def _end_turn(self) -> bool:
        """Commands in the background end with the turn that began them."""
        self._calls.clear()
        running = [job for job in self.jobs.values() if job.state == "running"]
        for job in running:
            self.jobs[job.number] = BackgroundJob(job.number, job.command, "gone")
        return bool(running)


def _read_items(rows: object) -> tuple[Item, ...]:
    """The items of a call, which was found good by whoever answered it."""
    items = []
    for row in rows if isinstance(rows, list | tuple) else ():
        if isinstance(row, Mapping) and isinstance(row.get("text"), str):
            state: ItemState = next((known for known in ("doing", "done") if known == row.get("state")), "open")
            items.append(Item(neutralise(" ".join(row["text"].split())), state))
        elif isinstance(row, str):
            items.append(Item(neutralise(" ".join(row.split())), "open"))
    return tuple(items)
