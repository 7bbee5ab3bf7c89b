"""What stands of a session: what was taken back of the talk, what became of the files, what is still to be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex import events as told
from aiex.messages import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.events import Event, UnknownEvent
    from aiex.sessions.log import EventLog
    from aiex.sessions.recorder import Recorder
    from aiex.sessions.state import SessionState

BEHIND: Final = frozenset({"rewound", "session_renamed", "session_archived", "session_restored"})
"""Jobs write these into a session themselves, beside what they tell."""
_LOOKED_AT: Final = frozenset({"checkpoint_taken", "file_edited", "rewound", "check_ran"})


class Standing(NamedTuple):
    """How a session is by now."""

    gone: frozenset[int]
    """Turns that the model does not know any more, because the talk went back to before them."""
    files: Mapping[str, str]
    """Path → created, changed or deleted, by the steps that were not taken back."""
    checks: Mapping[str, bool]
    """Name → whether it passed the last time."""
    todo: object
    """The items of the last list of what is to be done, as the call gave them; None for no list."""
    tokens: int = 0
    """That all calls of the session took and gave."""
    cost_usd: float | None = None
    """Of the calls whose price is known; None when there is none."""


def find_standing(log: EventLog, recorder: Recorder) -> Standing:
    """How a session stands. Raises StoreError.

    Cost: 6 µs for each event of the session, and 10 for each of the kinds that are looked at.
    """
    state = recorder.state
    live = {node.seq for node in state.chat.path()}
    gone = {node.seq for node in state.chat.nodes if node.kind == "user" and node.seq not in live}
    turns: set[int] = set()
    checks: dict[str, bool] = {}
    steps = _Steps()
    for one in log.read(recorder.session):
        if one.seq in gone:
            turns.add(one.turn)
        if one.type in _LOOKED_AT:
            event = one.event()
            steps.take(one.seq, event)
            if isinstance(event, told.CheckRan):
                checks[event.name] = event.passed
    spent = state.spent.total()
    tokens = (spent.usage.input_tokens or 0) + (spent.usage.output_tokens or 0)
    return Standing(frozenset(turns), steps.files(), checks, _find_todo(state), tokens, spent.cost_usd)


class _Steps:
    """What each step did to the files; a step counts from its first edit on, as with undo."""

    def __init__(self) -> None:
        self._done: list[tuple[int, dict[str, str]]] = [(0, {})]
        self._undone: list[tuple[int, dict[str, str]]] = []
        self._is_new = False

    def take(self, seq: int, event: Event | UnknownEvent) -> None:
        match event:
            case told.CheckpointTaken():
                self._is_new = True
            case told.FileEdited(path=path, change=change):
                if self._is_new:
                    self._done.append((seq, {}))
                    self._undone.clear()
                    self._is_new = False
                self._done[-1][1][path] = change
            case told.Rewound(what="files" | "both", steps=0, to_seq=to_seq):
                every = sorted((*self._done, *self._undone), key=lambda step: step[0])
                self._done = [step for step in every if step[0] <= to_seq]
                self._undone = [step for step in reversed(every) if step[0] > to_seq]
            case told.Rewound(what="files" | "both", direction=direction, steps=steps):
                for _ in range(steps):
                    if direction == "back" and len(self._done) > 1:
                        self._undone.append(self._done.pop())
                    elif direction == "forth" and self._undone:
                        self._done.append(self._undone.pop())
            case _:
                pass

    def files(self) -> dict[str, str]:
        """What became of each file; one that was created and deleted was never there."""
        files: dict[str, str] = {}
        for _, step in self._done:
            for path, change in step.items():
                if files.get(path) == "created":
                    if change == "deleted":
                        del files[path]
                else:
                    files[path] = "changed" if files.get(path) == "deleted" else change
        return files


def _find_todo(state: SessionState) -> object:
    from aiex.sessions.requests import conversation

    if not any(node.kind == "assistant" and b'"todo"' in node.data for node in state.chat.path()):
        return None
    for entry in reversed(conversation(state)):
        for part in reversed(entry.message.parts):
            if isinstance(part, ToolCall) and part.name == "todo" and part.arguments.get("items") is not None:
                return part.arguments["items"]
    return None


def read_behind(log: EventLog, recorder: Recorder, after_seq: int) -> Iterator[Event | UnknownEvent]:
    """What others wrote about the session as a whole behind an event. Raises StoreError."""
    head = log.head(recorder.session)
    if head is not None and head.seq > after_seq:
        for one in log.read(recorder.session, after_seq=after_seq):
            if one.type in BEHIND:
                yield one.event()
