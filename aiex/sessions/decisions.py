"""Whether something may be done to a session, and the events that say it was: decided before anything is written.

    events = decide(state, Rename("The parser"), role)     # or Denied, UsageError, Conflict
    log.append(session, events, after_seq=state.seq, ...)  # Moved when the state was not the last one

What moves files has two halves. `aim` says which checkpoint to bring them to and refuses what cannot be done; when
they are there, `decide` gets the checkpoint that was taken of them before and gives the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from aiex import events as told
from aiex.errors import Conflict, UsageError
from aiex.guard.actions import Action, Kind, Role
from aiex.guard.roles import require
from aiex.record import record
from aiex.sessions.requests import conversation

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.messages import Part
    from aiex.sessions.requests import Entry
    from aiex.sessions.state import SessionState
    from aiex.sessions.steps import Direction

What = Literal["files", "conversation", "both"]
MOST_TITLE_CHARS: Final = 200

# --- commands -------------------------------------------------------------------------------------------------------


@record
class Speak:
    """Ask something, which begins a turn."""

    parts: tuple[Part, ...]


@record
class Rename:
    """Give the session a title; an empty one takes it away."""

    title: str


@record
class Pin:
    """Keep a message word for word through compaction, or no longer."""

    at_seq: int
    pinned: bool = True


@record
class LeaveOut:
    """Let the model see no more what a message says, or again."""

    at_seq: int
    left_out: bool = True


@record
class Rewind:
    """Go to how things were behind an event, be it earlier or on a branch that was left."""

    to_seq: int
    what: What = "both"
    undo_id: str = ""
    """The checkpoint taken of the files before they went; empty as long as they have not."""


@record
class Undo:
    """Take back the last steps that changed files, and with `both` what was said since."""

    steps: int = 1
    what: Literal["files", "both"] = "files"
    undo_id: str = ""


@record
class Redo:
    """Do again what was undone last."""

    steps: int = 1
    what: What = "files"
    undo_id: str = ""


@record
class Fork:
    """Let another session begin with the events of this one up to a place; the events go into the other."""

    at_seq: int


@record
class Archive:
    """Put the session aside."""


@record
class Restore:
    """Fetch the session back from the archive."""


@record
class Erase:
    """Remove the session for good; there is nothing to write."""


@record
class StartTool:
    """Let a tool call run."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]


@record
class FinishTool:
    """Say what came of a call."""

    call_id: str
    text: str
    is_error: bool = False
    duration_ms: int | None = None


@record
class AskApproval:
    """Ask whether something may happen."""

    approval_id: str
    action: str
    reason: str


@record
class GiveApproval:
    """Answer that."""

    approval_id: str
    allowed: bool
    scope: Literal["once", "session", "project", "user"] = "once"
    decided_by: Literal["person", "policy"] = "person"


@record
class Interrupt:
    """Close a turn whose process died; nothing where none is open."""

    reason: str


Command = (
    Speak | Rename | Pin | LeaveOut | Rewind | Undo | Redo | Fork | Archive | Restore | Erase | StartTool | FinishTool
    | AskApproval | GiveApproval | Interrupt
)  # fmt: skip


class Aim(NamedTuple):
    """Where a rewind goes."""

    what: What
    """What of it has to move."""
    to_seq: int
    checkpoint_id: str
    """What the files are to be brought to; empty where they stay."""
    direction: Direction
    steps: int


# --- deciding -------------------------------------------------------------------------------------------------------


def decide(state: SessionState, command: Command, role: Role) -> tuple[Event, ...]:
    """The events that a command makes of a session; none where it changes nothing.

    Raises:
        Denied: if the role may not do this.
        UsageError: if it names what is not there.
        Conflict: if the session is not in a state for it.
    """
    _authorise(state, command, role)
    if state.archived and not isinstance(command, Restore | Erase | Fork | Interrupt):
        raise Conflict(f"session {state.id} is archived", hint=f"first: aiex restore session {state.id}")
    return _DECIDERS[type(command)](state, command)


def aim(state: SessionState, command: Rewind | Undo | Redo, role: Role) -> Aim:
    """Where a rewind goes, before anything moves. Raises as `decide` does."""
    _authorise(state, command, role)
    return _aim(state, command)


_KINDS: Final[Mapping[type, Kind]] = {
    Erase: "delete",
    StartTool: "tool",
    FinishTool: "tool",
    AskApproval: "tool",
    GiveApproval: "approval",
}
"""What a command is for the roles; everything else writes."""


def _authorise(state: SessionState, command: Command, role: Role) -> None:
    subject, detail = f"session {state.id}", {}
    if isinstance(command, GiveApproval):
        subject, detail = command.approval_id, {"scope": command.scope}
    elif isinstance(command, StartTool):
        subject = command.name
    require(role, Action(_KINDS.get(type(command), "write"), subject, detail))


def _speak(state: SessionState, command: Speak) -> tuple[Event, ...]:
    _require_rest(state)
    if not command.parts:
        raise UsageError("there is nothing to ask", hint="say what to do")
    return (told.UserSpoke(command.parts),)


def _rename(state: SessionState, command: Rename) -> tuple[Event, ...]:
    title = command.title.strip()
    if not title.isprintable():
        raise UsageError(
            "a title is one line of printable characters", hint="leave out line ends and control characters"
        )
    if len(title) > MOST_TITLE_CHARS:
        raise UsageError(f"the title has {len(title)} characters", hint=f"at most {MOST_TITLE_CHARS}")
    return (told.SessionRenamed(title),) if title != state.title else ()


def _pin(state: SessionState, command: Pin) -> tuple[Event, ...]:
    entry = _message_at(state, command.at_seq)
    return (told.Pinned(command.at_seq, command.pinned),) if entry.pinned != command.pinned else ()


def _leave_out(state: SessionState, command: LeaveOut) -> tuple[Event, ...]:
    entry = _message_at(state, command.at_seq)
    if entry.is_left_out == command.left_out:
        return ()
    return (told.LeftOut(command.at_seq, command.left_out),)


def _message_at(state: SessionState, at_seq: int) -> Entry:
    """The message of the conversation that an event recorded. Raises UsageError."""
    entries = {entry.seq: entry for entry in conversation(state) if not entry.is_summary}
    if at_seq not in entries:
        near = min(entries, key=lambda seq: abs(seq - at_seq), default=0)
        hint = f"the nearest message is event {near}" if near else "nothing was said yet"
        raise UsageError(f"event {at_seq} is no message of the conversation", hint=hint)
    return entries[at_seq]


def _fork(state: SessionState, command: Fork) -> tuple[Event, ...]:
    _require_past(state, command.at_seq, least=1)
    return (told.SessionForked(state.id, command.at_seq),)


def _archive(state: SessionState, _command: Archive) -> tuple[Event, ...]:
    _require_rest(state)
    return (told.SessionArchived(),)


def _restore(state: SessionState, _command: Restore) -> tuple[Event, ...]:
    if not state.archived:
        raise Conflict(f"session {state.id} is not archived")
    return (told.SessionRestored(),)


def _erase(state: SessionState, _command: Erase) -> tuple[Event, ...]:
    _require_rest(state)
    return ()


def _start_tool(state: SessionState, command: StartTool) -> tuple[Event, ...]:
    """A call runs once: not while it runs, and not again for the same answer, whatever came of it."""
    running = state.in_flight.get(command.call_id)
    if running:
        raise Conflict(f"call {_named(command.call_id)} runs since event {running.seq}")
    answered = max((node.seq for node in state.chat.path() if node.kind == "assistant"), default=0)
    begun = state.begun.get(command.call_id, 0)
    if begun > answered:
        hint = "ask the model again, which sees what came of it"
        raise Conflict(f"call {_named(command.call_id)} ran already, at event {begun}; it is not repeated", hint=hint)
    return (told.ToolStarted(command.call_id, command.name, command.arguments),)


def _finish_tool(state: SessionState, command: FinishTool) -> tuple[Event, ...]:
    running = state.in_flight.get(command.call_id)
    if not running:
        names = ", ".join(map(_named, state.in_flight)) or "none"
        raise Conflict(f"call {_named(command.call_id)} is not running", hint=f"running: {names}")
    id, text, is_error, duration_ms = command.call_id, command.text, command.is_error, command.duration_ms
    return (told.ToolFinished(id, running.name, text, is_error, duration_ms),)


def _ask_approval(state: SessionState, command: AskApproval) -> tuple[Event, ...]:
    if command.approval_id in state.approvals:
        raise Conflict(f"approval {_named(command.approval_id)} is asked for already")
    return (told.ApprovalAsked(command.approval_id, command.action, command.reason),)


def _give_approval(state: SessionState, command: GiveApproval) -> tuple[Event, ...]:
    if command.approval_id not in state.approvals:
        names = ", ".join(map(_named, state.approvals)) or "none"
        message = f"approval {_named(command.approval_id)} is not open: it was answered, or its turn ended"
        raise Conflict(message, hint=f"open: {names}")
    return (told.ApprovalGiven(command.approval_id, command.allowed, command.scope, command.decided_by),)


def _interrupt(state: SessionState, command: Interrupt) -> tuple[Event, ...]:
    return (told.TurnInterrupted(command.reason, tuple(state.in_flight)),) if state.interrupted else ()


# --- rewinds --------------------------------------------------------------------------------------------------------


def _rewind(state: SessionState, command: Rewind | Undo | Redo) -> tuple[Event, ...]:
    """The rewind as an event. The files have to be where they are to be by now: `undo_id` tells how they were."""
    what, to_seq, checkpoint, direction, steps = _aim(state, command)
    if checkpoint and not command.undo_id:
        raise ValueError(f"the files are still to be brought to checkpoint {checkpoint}")
    return (told.Rewound(checkpoint, command.undo_id, what, to_seq, direction, steps),)


def _aim(state: SessionState, command: Rewind | Undo | Redo) -> Aim:
    _require_rest(state)
    match command:
        case Undo():
            return _aim_back(state, command)
        case Redo():
            return _aim_forth(state, command)
    to_seq = command.to_seq
    _require_past(state, to_seq, least=0)
    if command.what == "conversation":
        return Aim("conversation", to_seq, "", "back", 0)
    origin = state.imported_from
    if origin and to_seq < origin.seq:
        raise UsageError(
            f"the files cannot be brought back to event {to_seq}: it came with the import at event {origin.seq}",
            hint="--only chat rewinds the conversation alone",
        )
    checkpoint = state.steps.files_at(to_seq)
    if checkpoint:
        return Aim(command.what, to_seq, checkpoint, *state.steps.way_to(checkpoint))
    if command.what == "files":
        raise UsageError(
            f"no step since event {to_seq} has a checkpoint: the files are as they were, as far as is known"
        )
    return Aim("conversation", to_seq, "", "back", 0)


def _aim_back(state: SessionState, command: Undo) -> Aim:
    stack = state.steps.undo
    _require_steps(command.steps, len(stack), "undone")
    target = stack[-command.steps]
    return Aim(command.what, target.seq, target.checkpoint_id, "back", command.steps)


def _aim_forth(state: SessionState, command: Redo) -> Aim:
    talk = state.chat.redo
    if command.what == "conversation":
        _require_steps(command.steps, len(talk), "redone")
        return Aim("conversation", talk[-command.steps], "", "forth", 0)
    stack = state.steps.redo
    _require_steps(command.steps, len(stack), "redone")
    target = stack[-command.steps]
    return Aim(command.what, target.seq, target.checkpoint_id, "forth", command.steps)


# --- what has to hold -----------------------------------------------------------------------------------------------


def _require_rest(state: SessionState) -> None:
    """Raise Conflict while work goes on, or was cut off and is not closed yet."""
    if state.interrupted:
        calls = ", ".join(_named(call.name) for call in state.in_flight.values())
        running = f", and calls are in flight: {calls}" if calls else ""
        raise Conflict(
            f"session {state.id} has a turn that did not end{running}",
            hint=f"let it end, or take it up: aiex resume session {state.id}",
        )


def _require_past(state: SessionState, seq: int, *, least: int) -> None:
    if not least <= seq <= state.seq:
        there = f"it has the events 1 to {state.seq}" if state.seq else "nothing happened in it yet"
        raise UsageError(f"session {state.id} has no event {seq}", hint=there)


def _require_steps(steps: int, most: int, word: str) -> None:
    if steps < 1:
        raise UsageError(f"{steps} steps cannot be {word}", hint="1 or more")
    if steps > most:
        there = "one step" if most == 1 else f"{most} steps"
        message = f"{steps} steps cannot be {word}" if most else f"there is nothing to be {word}"
        raise UsageError(message, hint=f"{there} can" if most else "")


def _named(id: str) -> str:
    from aiex.guard.neutral import printable_path

    return printable_path(id)


_DECIDERS: Final[Mapping[type, Callable[[SessionState, Any], tuple[Event, ...]]]] = {
    Speak: _speak,
    Rename: _rename,
    Pin: _pin,
    LeaveOut: _leave_out,
    Rewind: _rewind,
    Undo: _rewind,
    Redo: _rewind,
    Fork: _fork,
    Archive: _archive,
    Restore: _restore,
    Erase: _erase,
    StartTool: _start_tool,
    FinishTool: _finish_tool,
    AskApproval: _ask_approval,
    GiveApproval: _give_approval,
    Interrupt: _interrupt,
}
