"""What the doors call for each event: it is in the log, without secrets, before anything goes on.

One recorder belongs to one session and one thread. Another process may write to the same session: what happened is
then put behind what that process recorded, and what was decided is decided anew.

Pieces of an answer and what comes of looks often come many at a time. They may be written together, as long as nobody
was shown one that is not in the log, and no effect goes before one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from aiex.errors import StoreError
from aiex.eventforms import FORM_VERSION, to_timestamp
from aiex.eventlines import has_line
from aiex.events import Envelope, TurnEnded, TurnInterrupted, UserSpoke
from aiex.sessions.capture import Capture
from aiex.sessions.decisions import Fork, decide
from aiex.sessions.log import lasting_of
from aiex.sessions.opening import keep_state, open_state
from aiex.sessions.stores import Moved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiex.events import Event, UnknownEvent
    from aiex.guard.actions import Role
    from aiex.sessions.decisions import Command
    from aiex.sessions.log import EventLog, Recorded
    from aiex.sessions.state import SessionState

SNAPSHOT_EVENTS: Final = 500
"""A snapshot is kept at the end of a turn when so many events came since the last one."""
MOST_TOLD: Final = 256
"""Events that are kept until the state is looked at; of more it is read what they were."""
MOST_TRIES: Final = 1_000
"""Each try that fails means that another process wrote something; so many in a row mean that something is wrong."""


class Recorder:
    """Writes the events of one session."""

    def __init__(self, log: EventLog, session: str, *, clock: Callable[[], float] = time.time) -> None:
        """Open a session or begin one. Raises StoreError, and DamagedSession where its events are not whole."""
        self.session = session
        self.moved = 0
        """How often another process was found to have written to the session."""
        self._log = log
        self._clock = clock
        self._capture = Capture()
        self._state = open_state(log, session)
        self._told: list[Recorded] = []
        """What this recorder wrote since the state was looked at, as far as it is all that was written; without the
        output of tools, of which no state tells."""
        self._held: list[Event | UnknownEvent] = []
        """What waits to be written with the next one; in no state yet."""
        self._kept_seq = self._seq = self._state.seq
        self._turn = self._state.turn
        self._place = self._seq, self._turn, 0
        """Where the last event that was written is: its number, its turn, and when that was, in milliseconds."""

    @property
    def state(self) -> SessionState:
        """The session as the log has it now, what others wrote included. Cost: 5 µs for each event since last time, and
        10 for those that others wrote. Raises StoreError."""
        self.flush()
        told, self._told = self._told, []
        if told and told[0].seq == self._state.seq + 1:
            self._state.fold(told)
        head = self._log.head(self.session)
        if head is not None and head.seq != self._state.seq:
            self._state.fold(self._log.read(self.session, after_seq=self._state.seq))
        self._seq, self._turn = self._state.seq, self._state.turn
        return self._state

    @property
    def seq(self) -> int:
        """The last event that this recorder knows of. Raises StoreError."""
        self.flush()
        return self._seq

    def read(self, *, after_seq: int = 0) -> Iterator[Recorded]:
        """What the session holds behind an event. Raises StoreError."""
        self.flush()
        return self._log.read(self.session, after_seq=after_seq)

    def record(self, event: Event | UnknownEvent) -> Envelope:
        """Put an event that happened into the log; its envelope, with the event as it was given. Raises as `keep`."""
        self.flush()
        self._place = self._seq, self._turn, int(self._clock() * 1000)
        self.keep(event)
        seq, turn, at_ms = self._place
        return self._wrap(event, at_ms, seq, turn)

    def keep(self, event: Event | UnknownEvent, *, may_wait: bool = False) -> bool:
        """Put an event that happened into the log; whether it is there.

        When this returns True, the event survives the end of the process, with all before it; one that others rely on
        survives the loss of power as well. An event that makes no line is not kept, and shares the number of the one
        before it.

        Args:
            may_wait: One that no effect follows may be written with the next: then it is there after `flush`, and
                nobody may be shown it before.

        Raises:
            StoreError: if it, or what waited, cannot be kept.
        """
        if not has_line(event):
            return not self._held
        cleaned = self._capture.clean(event)
        if isinstance(event, UserSpoke):
            self.flush()  # what waited belongs to the turn before
        self._held.append(cleaned)
        if may_wait and lasting_of(cleaned) != "now":
            return False
        self.flush()
        if isinstance(event, TurnEnded | TurnInterrupted):
            self._keep_snapshot()  # looks at what others wrote since
        return True

    def flush(self) -> None:
        """Write what waits, all in one transaction. Raises StoreError; then nothing of it is kept, now or later."""
        held, self._held = self._held, []
        if not held:
            return
        for _ in range(MOST_TRIES):
            try:
                at_ms = self._append(held, self._turn + any(isinstance(event, UserSpoke) for event in held))
            except Moved:
                self._catch_up()
                continue
            except BaseException as error:
                if not isinstance(error, Exception):  # a signal ended the wait for another process, not what waits here
                    self._held = held
                raise
            self._place = self._seq, self._turn, at_ms
            return
        raise StoreError(f"session {self.session} cannot be written to: others write to it all the time")

    def do(self, command: Command, role: Role) -> tuple[Envelope, ...]:
        """Decide on a command and record what came of it; when the session moved meanwhile, decide again.

        Raises:
            Denied: if the role may not do this.
            UsageError: if it names what is not there.
            Conflict: if the session is not in a state for it.
            StoreError: if it cannot be kept.
        """
        if isinstance(command, Fork):
            raise TypeError("the events of a fork go into the other session: use `fork`")
        for _ in range(MOST_TRIES):
            events = decide(self.state, command, role)
            turn = self._turn + any(isinstance(event, UserSpoke) for event in events)
            try:
                at_ms = self._append([self._capture.clean(event) for event in events], turn) if events else 0
            except Moved:
                self.moved += 1
                continue
            first = self._seq - len(events) + 1
            return tuple(self._wrap(event, at_ms, seq, turn) for seq, event in enumerate(events, first))
        raise StoreError(f"session {self.session} cannot be written to: others write to it all the time")

    def close(self) -> None:
        """Keep a snapshot, so that the session is open at once the next time; the log stays open. Raises StoreError."""
        self.flush()
        self._keep_snapshot(least=1)

    def _append(self, events: Sequence[Event | UnknownEvent], turn: int) -> int:
        """Add events at the end, as far as we know it; when that was, in milliseconds."""
        at_ms = int(self._clock() * 1000)
        added = self._log.add(self.session, events, after_seq=self._seq, turn=turn, at_ms=at_ms)
        if len(self._told) > MOST_TOLD or (self._told and self._told[-1].seq != self._seq):
            self._told = []
        self._told += [one._replace(data=b"") if one.type == "tool_wrote" else one for one in added]
        self._seq, self._turn = added[-1].seq, turn
        return at_ms

    def _catch_up(self) -> None:
        self.moved += 1
        head = self._log.head(self.session)
        self._seq, self._turn = (head.seq, head.turn) if head else (0, 0)

    def _wrap(self, event: Event | UnknownEvent, at_ms: int, seq: int, turn: int) -> Envelope:
        """The event in its place."""
        return Envelope(FORM_VERSION, seq, to_timestamp(at_ms / 1000), self.session, turn, event)

    def _keep_snapshot(self, least: int = SNAPSHOT_EVENTS) -> None:
        """A snapshot is a cache: where there is no room for it, the work goes on without."""
        if self._seq - self._kept_seq < least:
            return
        try:
            keep_state(self._log, self.state)
        except StoreError:
            return
        self._kept_seq = self._seq


def fork(log: EventLog, session: str, at_seq: int, to: str, role: Role) -> Recorder:
    """Begin the session `to` with the events of another up to `at_seq`; its recorder.

    The copy is whole before its first own event says what it is: a session with copied events alone is a fork that was
    cut off, and may be removed.

    Raises:
        Denied: if the role may not do this.
        UsageError: if the session has no such event.
        Conflict: if `to` is there already.
        StoreError: if it cannot be read or kept.
    """
    events = decide(open_state(log, session, upto_seq=at_seq), Fork(at_seq), role)  # what is behind may be damaged
    head = log.copy(session, at_seq, to)
    log.append(to, events, after_seq=head.seq, turn=head.turn, at_ms=int(time.time() * 1000))
    return Recorder(log, to)
