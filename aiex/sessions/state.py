"""What a session is: the fold of its log. The same events always give the same state, from the start or a snapshot.

Every event of the log changes the state a little (`apply`); nothing is asked of the world. Events that say nothing for
the state, and pieces of an answer, cost next to nothing: their JSON is not parsed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from aiex import events as told
from aiex.jsonform import Malformed, dump, form_of
from aiex.record import record
from aiex.sessions.chat import Chat
from aiex.sessions.spending import Spending
from aiex.sessions.steps import Steps, drop
from aiex.sessions.upcast import current_version, upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiex.sessions.chat import Source
    from aiex.sessions.log import Recorded

STATE_VERSION: Final = 2
"""Of the form of snapshots; a snapshot of another version is not read."""
FIRST_WORDS_CHARS: Final = 80


@record
class CallInFlight:
    """A tool call that began and has no outcome yet."""

    seq: int
    name: str


@record
class OpenApproval:
    """A question that nobody answered yet."""

    seq: int
    action: str
    reason: str


@record
class Grant:
    """Leave that was given for the rest of the session."""

    seq: int
    approval_id: str
    action: str


@record
class Check:
    """How a check ended the last time it ran."""

    seq: int
    passed: bool
    required: bool
    summary: str


@record
class Ended:
    """How the last turn that ended did so."""

    seq: int
    at_ms: int
    status: str
    subtype: str
    exit_code: int


@record
class Origin:
    """Where the first events of a session come from."""

    seq: int
    """Of the event that says so; everything before it is a copy."""
    source: str
    """The session that was forked, or the name of the file."""
    parent_seq: int = 0
    """Up to which event of the other session; 0 for a file."""
    digest: str = ""


@dataclass(slots=True)
class SessionState:
    """Everything that is known of a session behind its event `seq`. Raises nothing when folded over odd data."""

    id: str = ""
    seq: int = 0
    position: int = 0
    link: bytes = field(default=b"", init=False)
    """Of the last event."""
    started_ms: int = 0
    last_ms: int = 0
    turn: int = 0
    runs: int = 0
    """How many processes worked on it."""
    title: str = ""
    """Given by a person; empty when nobody did."""
    first_words: str = ""
    command: str = ""
    cwd: str = ""
    root: str = ""
    provider: str = ""
    model: str = ""
    turn_open: bool = False
    """Somebody asked, or a tool ran, and no end of that is recorded."""
    answered: bool = False
    """The open turn has an answer."""
    archived: bool = False
    forked_from: Origin | None = None
    imported_from: Origin | None = None
    ended: Ended | None = None
    unknown: int = 0
    """Events that this version does not understand."""
    in_flight: dict[str, CallInFlight] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    """Every call that ever ran, by its id, with the event of its last start."""
    approvals: dict[str, OpenApproval] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """Path → created, changed or deleted: the last that was recorded."""
    checks: dict[str, Check] = field(default_factory=dict)
    budgets_hit: dict[str, int] = field(default_factory=dict)
    """Kind of budget → the event that says it ended."""
    steps: Steps = field(default_factory=Steps)
    spent: Spending = field(default_factory=Spending)
    chat: Chat = field(default_factory=Chat, init=False)
    deltas: list[bytes] = field(default_factory=list, init=False)
    """Pieces of the answer that goes on, as JSON."""
    delta_seq: int = 0
    """Of the last of them."""

    def apply(self, recorded: Recorded) -> None:
        """Take the next event."""
        self.fold((recorded,))

    def fold(self, log: Iterable[Recorded]) -> None:
        """Take the next events in their order.

        When reading them fails, those before the failure are taken. Cost: 3 µs an event in the mean, most of it for
        those that say something: a piece of text takes a twentieth of a tool call (benchmarks/sessions.py).
        """
        events, add = iter(log), self.deltas.append
        recorded = delta = None
        if not self.started_ms and (first := next(events, None)) is not None:
            self.started_ms, events = first.at_ms, chain((first,), events)
        try:
            for recorded in events:
                kind = recorded.type
                if kind == "text_delta":
                    add(recorded.data)
                    delta = recorded
                elif kind not in _SAYS_NOTHING:
                    if delta is not None:
                        self.delta_seq = delta.seq
                    _HANDLERS.get(kind, _apply_event)(self, recorded)
        finally:
            if delta is not None:
                self.delta_seq = delta.seq
            if recorded is not None:
                self._mark(recorded)

    def _mark(self, last: Recorded) -> None:
        """Note up to where the log is folded."""
        self.id, self.seq, self.position, self.last_ms, self.turn, _, _, _, self.link, _, _ = last

    @property
    def interrupted(self) -> bool:
        """Whether work is going on, or was cut off when its process died."""
        return self.turn_open or bool(self.in_flight or self.deltas)

    def to_json(self) -> dict[str, Any]:
        """All of it, for `aiex.jsonform.dump`."""
        written: dict[str, Any] = form_of(SessionState).write(self)
        deltas = [data.decode() for data in self.deltas]
        return {**written, "link": self.link.hex(), "chat": self.chat.to_json(), "deltas": deltas}

    @classmethod
    def from_json(cls, data: object, source: Source | None = None) -> SessionState:
        """Read what `to_json` wrote; `source` is as in `Chat`. Raises Malformed."""
        state: SessionState = form_of(cls).read(data, "state")
        try:
            more: Any = data
            state.chat, state.link = Chat.from_json(more["chat"], source), bytes.fromhex(more["link"])
            state.deltas = list(map(str.encode, more["deltas"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed("cannot read state: its conversation is missing") from error
        return state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionState) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


def fold(log: Iterable[Recorded]) -> SessionState:
    """The state behind these events, which begin a session."""
    state = SessionState()
    state.fold(log)
    return state


_SAYS_NOTHING: Final = frozenset(
    ["reasoning_delta", "tool_wrote", "waiting", "noted", "warned", "security_noticed", "progressed"]
)


# --- frequent events, read without their dataclass ------------------------------------------------------------------


def data_of(recorded: Recorded) -> bytes:
    """The data in the form of today, empty when there is none that can be read."""
    if recorded.v == current_version(recorded.type):
        return recorded.data
    try:
        fields_now = upcast(recorded.type, recorded.v, json.loads(recorded.data))
    except (ValueError, TypeError, KeyError, AttributeError):
        return b""
    return b"" if fields_now is None else dump(fields_now).encode()


def _fields_of(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _hear(state: SessionState, recorded: Recorded) -> None:
    """A person spoke: an answer that was cut before that stays as far as it was shown."""
    _end_words(state, recorded.seq)
    state.spent.settle()
    state.steps.abandon(recorded.seq)
    state.turn_open, state.answered = True, False
    data = data_of(recorded)
    if not data:
        state.unknown += 1
        return
    state.chat.add(recorded.seq, "user", data)
    if not state.first_words:
        parts = _fields_of(data).get("parts")
        said = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        texts = [part.get("text") for part in said if part.get("type") == "text"]
        words = " ".join(" ".join(text for text in texts if isinstance(text, str))[:1000].split())
        cut = len(words) > FIRST_WORDS_CHARS
        state.first_words = words[: FIRST_WORDS_CHARS - 1].rstrip() + "…" if cut else words


def _say(state: SessionState, recorded: Recorded) -> None:
    state.spent.settle()
    state.deltas.clear()
    state.turn_open = state.answered = True
    if data := data_of(recorded):
        state.chat.add(recorded.seq, "assistant", data)
    else:
        state.unknown += 1


def _begin_call(state: SessionState, recorded: Recorded) -> None:
    found = _fields_of(data_of(recorded))
    call, name = found.get("call_id"), found.get("name")
    if not isinstance(call, str):
        state.unknown += 1
        return
    state.turn_open = True
    state.begun[call] = recorded.seq
    state.in_flight[call] = CallInFlight(recorded.seq, name if isinstance(name, str) else "")
    state.chat.add(recorded.seq, "begun", json.dumps({"call_id": call}).encode())


def _end_call(state: SessionState, recorded: Recorded) -> None:
    data = data_of(recorded)
    call = _fields_of(data).get("call_id")
    if not isinstance(call, str):
        state.steps.change(recorded.seq)
        state.unknown += 1
        return
    state.in_flight.pop(call, None)
    if state.in_flight:
        state.steps.change(recorded.seq)
    else:
        state.steps.finish(recorded.seq)
    state.chat.add(recorded.seq, "tool", data)


def _take_checkpoint(state: SessionState, recorded: Recorded) -> None:
    id = _fields_of(data_of(recorded)).get("checkpoint_id")
    if isinstance(id, str):
        state.steps.take(recorded.seq, id)
    else:
        state.unknown += 1


def _edit(state: SessionState, recorded: Recorded) -> None:
    found = _fields_of(data_of(recorded))
    path, change = found.get("path"), found.get("change")
    state.steps.edit(recorded.seq)
    if isinstance(path, str) and isinstance(change, str):
        state.files[path] = change
    else:
        state.unknown += 1


def _count(state: SessionState, recorded: Recorded) -> None:
    state.spent.note(data_of(recorded).decode("utf-8", "replace"))


def _settle(state: SessionState, _recorded: Recorded) -> None:
    state.spent.settle()


_HANDLERS: Final[Mapping[str, Callable[[SessionState, Any], None]]] = {
    "user_spoke": _hear,
    "assistant_spoke": _say,
    "tool_started": _begin_call,
    "tool_finished": _end_call,
    "usage_updated": _count,
    "checkpoint_taken": _take_checkpoint,
    "file_edited": _edit,
    "failed_over": _settle,
    "retrying": _settle,
    "failed": _settle,
}


# --- the others -----------------------------------------------------------------------------------------------------


def _apply_event(state: SessionState, recorded: Recorded) -> None:
    event, seq = recorded.event(), recorded.seq
    match event:
        case told.SessionStarted():
            state.spent.settle()
            state.steps.abandon(seq)
            state.runs += 1
            state.command, state.cwd, state.root = event.command, event.cwd, event.root or state.root
            state.provider, state.model = event.provider, event.model
        case told.ApprovalAsked() | told.ApprovalGiven():
            _ask(state, seq, event)
        case told.Rewound():
            _rewind(state, seq, event)
        case told.Compacted(upto_seq=upto):
            state.chat.add(seq, "summary", data_of(recorded))
            state.chat.pack(upto if 0 < upto < seq else seq)
        case told.Pinned():
            state.chat.add(seq, "pin", data_of(recorded))
        case told.LeftOut():
            state.chat.add(seq, "drop", data_of(recorded))
        case told.BudgetHit(kind=kind):
            state.budgets_hit[kind] = seq
        case told.CheckRan(name=name, passed=passed, required=required, summary=summary):
            state.checks[name] = Check(seq, passed, required, summary)
        case told.TurnEnded():
            _end_turn(state, recorded, event)
        case told.TurnInterrupted():
            _end_words(state, seq)
            state.chat.add(seq, "interrupted", data_of(recorded))
            _close(state, seq)
        case _:
            _apply_to_session(state, seq, event)


def _apply_to_session(state: SessionState, seq: int, event: told.Event | told.UnknownEvent) -> None:
    match event:
        case told.SessionRenamed(title=title):
            state.title = title
        case told.SessionForked(parent=parent, parent_seq=parent_seq):
            state.forked_from = Origin(seq, parent, parent_seq)
            _part_from_origin(state, seq)
        case told.Imported(source=source, digest=digest):
            state.imported_from = Origin(seq, source, 0, digest)
            _part_from_origin(state, seq)
            state.steps.forget()
        case told.SessionArchived():
            state.archived = True
        case told.SessionRestored():
            state.archived = False
        case _:
            state.unknown += 1


def _ask(state: SessionState, seq: int, event: told.ApprovalAsked | told.ApprovalGiven) -> None:
    if isinstance(event, told.ApprovalAsked):
        state.approvals[event.approval_id] = OpenApproval(seq, event.action, event.reason)
        return
    asked = state.approvals.pop(event.approval_id, None)
    if event.allowed and event.scope == "session":
        state.grants.append(Grant(seq, event.approval_id, asked.action if asked else ""))


def _rewind(state: SessionState, seq: int, event: told.Rewound) -> None:
    if event.what != "conversation" and event.checkpoint_id:
        state.steps.go(seq, event.checkpoint_id, event.undo_id, direction=event.direction, steps=event.steps)
    if event.what != "files":
        state.deltas.clear()
        state.chat.rewind(seq, event.to_seq, forth=event.direction == "forth")
        state.grants = [grant for grant in state.grants if grant.seq <= event.to_seq]


def _end_turn(state: SessionState, recorded: Recorded, event: told.TurnEnded) -> None:
    """The turn is over. An answer that nothing else recorded is what the turn says, or what was shown of it."""
    if state.turn_open and not state.answered and event.answer:
        state.deltas.clear()
        state.chat.add(recorded.seq, "words", dump({"text": event.answer}).encode())
    _end_words(state, recorded.seq)
    for path in event.files_changed:
        state.files.setdefault(path, "changed")
    state.ended = Ended(recorded.seq, recorded.at_ms, event.status, event.subtype, event.exit_code)
    if not state.in_flight and not event.files_changed:
        drop(state.steps)
    _close(state, recorded.seq)


def _end_words(state: SessionState, seq: int) -> None:
    """What was shown of an answer becomes part of the conversation."""
    if not state.deltas:
        return
    texts = (_fields_of(data).get("text") for data in state.deltas)
    words = "".join(text for text in texts if isinstance(text, str))
    state.deltas.clear()
    if words.strip():
        state.chat.add(seq, "words", dump({"text": words}).encode(), said_at=state.delta_seq)


def _close(state: SessionState, seq: int) -> None:
    """Nothing goes on any more; a step that is still open has no end, so it counts."""
    state.spent.settle()
    state.steps.abandon(seq)
    state.turn_open = False
    state.in_flight.clear()
    state.approvals.clear()


def _part_from_origin(state: SessionState, seq: int) -> None:
    """What went on in the other session does not go on in this one, and leave given there was not given here."""
    _end_words(state, seq)
    _close(state, seq)
    state.grants.clear()
    state.archived = False
