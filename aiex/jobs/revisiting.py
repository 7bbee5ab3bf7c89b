"""What a turn changed in files, or the time between two checkpoints; and putting back a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.agent.edits.applying import FileChange
from aiex.agent.edits.pending import shorten
from aiex.agent.edits.transaction import Transaction
from aiex.errors import Conflict, UsageError
from aiex.events import CheckpointTaken, FileEdited, Rewound, ToolFinished, TurnEnded
from aiex.jobs.writing import write_changes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from aiex.events import Event, UnknownEvent
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.stepping import Step
    from aiex.sessions.checkpoints.objects import Objects
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.checkpoints.planning import Change
    from aiex.sessions.checkpoints.trees import Entry
    from aiex.sessions.log import EventLog
    from aiex.sessions.recorder import Recorder

MOST_FILE_BYTES: Final = 8 << 20
MOST_BYTES: Final = 64 << 20
"""Of all files together; what is beyond is named and not shown."""
TOOL: Final = "put back"


class Changed(NamedTuple):
    """What changed in files."""

    title: str
    """Between what."""
    changes: tuple[FileChange, ...]
    left_out: tuple[str, ...] = ()
    """Paths that changed and are not shown: links, what changed its kind, what is too large."""


class _Steps(NamedTuple):
    """What the log of a session says of one turn."""

    turn: int
    checkpoints: tuple[str, ...]
    """One before each step."""
    paths: frozenset[str]


def changes_of_turn(log: EventLog, session: str, checkpoints: Checkpoints, turn: int = 0) -> Changed:
    """What a turn changed, without what others changed meanwhile in other files.

    Args:
        log: Of the sessions.
        session: Whose turn.
        checkpoints: Of the workspace.
        turn: Counted from 1; 0 for the last one that changed something.

    Raises:
        UsageError: if it changed nothing, or its checkpoints were removed.
        StoreError: if something cannot be read.

    Cost: reads all of the session, 6 µs an event, and the files that changed.
    """
    from aiex.jobs.stepping import find_after

    found = _find_turn(log, session, turn)
    trees = {known.id: known.tree for known in checkpoints.catalogue.list()} if checkpoints.exist else {}
    before = next((trees[one] for one in found.checkpoints if one in trees), None)
    if before is None:
        raise UsageError(f"the checkpoints of turn {found.turn} were removed", hint="aiex list checkpoints")
    after = find_after(checkpoints, session, found.checkpoints[-1])
    title = f"what turn {found.turn} changed"
    if after is not None:
        return _read(checkpoints.objects, title, before, after.tree, found.paths)
    from aiex.jobs.checkpointing import looking

    with looking(checkpoints, [before]) as now:
        return _read(checkpoints.objects, f"{title}, and since", before, now, found.paths)


def _find_turn(log: EventLog, session: str, turn: int) -> _Steps:
    taken: dict[int, list[str]] = {}
    paths: dict[int, set[str]] = {}
    for recorded in log.read(session):
        if recorded.type not in ("checkpoint_taken", "file_edited"):
            continue
        match recorded.event():
            case CheckpointTaken(checkpoint_id=checkpoint_id):
                taken.setdefault(recorded.turn, []).append(checkpoint_id)
            case FileEdited(path=path):
                paths.setdefault(recorded.turn, set()).add(path)
            case _:
                pass
    wanted = turn or max((one for one in paths if one in taken), default=0)
    if not wanted:
        raise UsageError("nothing was changed in this session, or nothing was kept of it")
    if wanted not in paths or wanted not in taken:
        there = ", ".join(str(one) for one in sorted(paths) if one in taken)
        raise UsageError(f"turn {wanted} changed no files", hint=f"those that did: {there}" if there else "none did")
    return _Steps(wanted, tuple(taken[wanted]), frozenset(paths[wanted]))


def changes_between(checkpoints: Checkpoints, first: str, other: str = "") -> Changed:
    """What changed from a checkpoint to another, or to the files as they are now.

    Raises:
        UsageError: if there is no such checkpoint, naming the nearest.
        StoreError: if something cannot be read.
    """
    if not checkpoints.exist:
        raise UsageError("no checkpoint was taken in this workspace yet", hint="aiex create checkpoint")
    begin = checkpoints.catalogue.find(first)
    if other:
        end = checkpoints.catalogue.find(other)
        title = f"from checkpoint {begin.number} to {end.number}"
        return _read(checkpoints.objects, title, begin.tree, end.tree)
    from aiex.jobs.checkpointing import looking

    with looking(checkpoints, [begin.tree]) as now:
        return _read(checkpoints.objects, f"since checkpoint {begin.number}", begin.tree, now)


def _read(objects: Objects, title: str, before: str, after: str, only: Collection[str] | None = None) -> Changed:
    from aiex.sessions.checkpoints.planning import diff_trees

    changes: list[FileChange] = []
    left_out: list[str] = []
    room = MOST_BYTES
    for change in diff_trees(objects, before, after):
        if (only is not None and change.path not in only) or _is_folder(change):
            continue
        entries = [entry for entry in (change.before, change.after) if entry is not None]
        sizes = [objects.size(entry.id) for entry in entries]
        if not _are_files(entries) or max(sizes) > MOST_FILE_BYTES or sum(sizes) > room:
            left_out.append(change.path)
            continue
        room -= sum(sizes)
        old, new = (objects.get(entry.id) if entry else None for entry in (change.before, change.after))
        if old != new:
            mode = (change.before or entries[-1]).mode
            changes.append(FileChange(change.path, old, new, mode))
    return Changed(title, tuple(changes), tuple(left_out))


def _is_folder(change: Change) -> bool:
    from aiex.sessions.checkpoints.trees import FOLDER

    return all(entry is None or entry.kind == FOLDER for entry in (change.before, change.after))


def _are_files(entries: Sequence[Entry]) -> bool:
    from aiex.sessions.checkpoints.trees import FILE

    return all(entry.kind == FILE for entry in entries)


def put_back(
    changes: Sequence[FileChange], *, workspace: Workspace, gate: Gate | None, step: Step | None
) -> Iterator[Event]:
    """Write what a person wants of changes that were made already, as one step that can be undone.

    Args:
        changes: From what each file has to hold now to what it shall hold.
        workspace: The files.
        gate: Decides on each.
        step: Looks after the files; None where nobody wants to undo it.

    Raises:
        Conflict: if a file was changed since; nothing is written then.
        Denied, StoreError: as `write_changes`.
    """
    _require_as_left(changes, workspace)
    paths = ", ".join(change.path for change in changes)
    yield from write_changes(
        changes,
        tool=TOOL,
        arguments={"paths": paths},
        workspace=workspace,
        gate=gate,
        step=step,
        result=shorten(Transaction(tuple(changes), ()).preview()),
    )
    counted = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    yield TurnEnded("success", "answered", 0, answer=f"{counted} put back; aiex undo takes that back")


def find_put_back(recorder: Recorder) -> str:
    """What a model has to be told of that a person put back since it heard of them; empty for nothing.

    Raises:
        StoreError: if the session cannot be read.

    Cost: reads the session from the last wish on, 6 µs an event.
    """
    from aiex.jobs.prompting import load_prompt

    heard_seq = max((node.seq for node in recorder.state.chat.path() if node.kind == "user"), default=0)
    steps = _PutBack()
    for recorded in recorder.read(after_seq=heard_seq):
        if recorded.type in ("checkpoint_taken", "file_edited", "tool_finished", "rewound"):
            steps.take(recorded.event())
    patches = list(filter(None, steps.done))
    return load_prompt("put_back", patch="\n".join(patches)) if patches else ""


class _PutBack:
    """The patch of each step that put something back, an empty one for any other step."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._undone: list[str] = []
        self._is_new = True

    def take(self, event: Event | UnknownEvent) -> None:
        match event:
            case CheckpointTaken():
                self._is_new = True
            case FileEdited() if self._is_new:
                self.done.append("")
                self._undone.clear()
                self._is_new = False
            case ToolFinished(name=name, text=text, is_error=False) if name == TOOL and self.done:
                self.done[-1] += text
            case Rewound(what="files" | "both", steps=0):
                self.done.clear()
            case Rewound(what="files" | "both", direction=direction, steps=steps):
                source, target = (self.done, self._undone) if direction == "back" else (self._undone, self.done)
                for _ in range(min(steps, len(source))):
                    target.append(source.pop())
            case _:
                pass


def _require_as_left(changes: Sequence[FileChange], workspace: Workspace) -> None:
    """Raise Conflict, naming every file that is not any more as the change left it."""
    from aiex.guard.neutral import printable_path

    others = [printable_path(change.path) for change in changes if _now(change.path, workspace) != change.before]
    if others:
        raise Conflict(
            f"changed since: {', '.join(others)}; nothing was put back",
            hint="aiex diff checkpoint shows how the files differ from a checkpoint now",
        )


def _now(path: str, workspace: Workspace) -> bytes | None:
    from aiex.guard.sandbox.files import Missing

    try:
        return workspace.read(path)
    except Missing:
        return None
