"""Security events: what in the stream of records somebody should be told about now.

They are computed from what is appended, in the process that appends, and given to a function passed in.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiex import dirs
from aiex.events import SecurityNoticed
from aiex.guard.actions import Decision
from aiex.guard.audit.entries import Note, Outcome
from aiex.guard.private import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiex.guard.actions import Action
    from aiex.guard.audit.entries import Verdict
    from aiex.guard.audit.frames import Chain

ESCAPE: Final = "escape"
"""An action whose detail has this name was meant to leave the workspace or the isolation; the value says how."""
NAMED: Final = "named"
"""And one with this name was named by a person, who may be mistaken and means no harm."""
DENIALS: Final = 5
WITHIN_S: Final = 60.0
"""So many denials of one session within so many seconds are told, and then not again for as long."""
_TAG_BYTES: Final = 16
_HERE: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FILE_KINDS: Final = frozenset({"read", "write", "delete"})
_TAMPERING: Final = frozenset({"lost", "head-missing"})


class Watch:
    """Looks at each record once it is written."""

    def __init__(self, hosts: str, chain: Chain, tell: Callable[[SecurityNoticed], None]) -> None:
        """`hosts` is the path of the file that keeps which hosts were seen, as keyed hashes."""
        self._path = hosts
        self._chain = chain
        self._tell = tell
        self._denials: dict[str, deque[float]] = {}
        self._quiet_until: dict[str, float] = {}
        self._hosts: set[bytes] | None = None

    def see(self, session: str, action: Action, verdict: Verdict, at_s: float) -> None:
        """Tell what this record gives reason to."""
        if type(verdict) is Outcome and verdict.status != "refused":
            return
        if type(verdict) is Decision and verdict.effect == "allow" and action.kind != "network":
            return
        for event in self._judge(session, action, verdict, at_s):
            self._tell(event)

    def _judge(self, session: str, action: Action, verdict: Verdict, at_s: float) -> Iterator[SecurityNoticed]:
        match verdict:
            case Note(about=about, text=text):
                if about in _TAMPERING:
                    yield SecurityNoticed("tampering", text, session)
            case Decision(effect="deny") | Outcome(status="refused"):
                if how := escape_of(action):
                    yield SecurityNoticed("escape-tried", f"{action.kind} of {action.subject}: {how}", session)
                if self._is_repeated(session, at_s):
                    text = (
                        f"{DENIALS} actions were denied within {WITHIN_S:g} s, the last: {action.kind} {action.subject}"
                    )
                    yield SecurityNoticed("repeated-denials", text, session)
            case Decision(effect="allow") if action.kind == "network" and self._is_new(action.subject):
                yield SecurityNoticed("new-host", f"{action.subject} was not reached from here before", session)
            case _:
                return

    def _is_repeated(self, session: str, at_s: float) -> bool:
        times = self._denials.setdefault(session, deque(maxlen=DENIALS))
        times.append(at_s)
        if len(times) < DENIALS or at_s - times[0] > WITHIN_S or at_s < self._quiet_until.get(session, 0):
            return False
        self._quiet_until[session] = at_s + WITHIN_S
        return True

    def _is_new(self, subject: str) -> bool:
        """Whether no process of ours has asked for this host before; from now on it is known.

        This machine is no news.
        """
        host = subject.rpartition(":")[0].lower()
        if host in _HERE:
            return False
        mark = self._chain.sign(b"aiex audit host", host.encode("utf-8", "replace"), 16)
        if self._hosts is None or mark not in self._hosts:
            self._hosts = self._read()
        if mark in self._hosts:
            return False
        self._hosts.add(mark)
        with suppress(OSError):  # told once more by the next process, which does no harm
            dirs.ensure(os.path.dirname(self._path))
            with open(self._path, "ab", opener=open_private) as file:
                file.write(mark)
        return True

    def _read(self) -> set[bytes]:
        try:
            with open(self._path, "rb") as file:
                data = file.read()
        except OSError:
            return set(self._hosts or ())
        return {data[at : at + _TAG_BYTES] for at in range(0, len(data), _TAG_BYTES)} | (self._hosts or set())


def escape_of(action: Action) -> str:
    """How an action was meant to leave the place it must stay in; empty when it was not."""
    if how := action.detail.get(ESCAPE):
        return how
    if NAMED in action.detail:
        return ""
    if action.kind in _FILE_KINDS and (os.path.isabs(action.subject) or ".." in action.subject.split("/")):
        return "outside the workspace"
    return ""
