"""Which session is meant, and which place in it."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from aiex.errors import UsageError
from aiex.eventforms import to_timestamp
from aiex.guard.neutral import printable_path
from aiex.jobs.auditing import parse_since
from aiex.sessions.log import DamagedSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.sessions.keeping import Sessions
    from aiex.sessions.log import EventLog, Recorded
    from aiex.sessions.search import Hits

_MOST_DIGITS: Final = 15
_HINT: Final = "an event number, or a time: 10m, 2h, 3d ago, or such as 2026-01-31T10:00"


def find_session(sessions: Sessions, wanted: str, *, root: str) -> str:
    """The session that is meant, as `Sessions.find` finds it; empty words stand for the last one of the workspace.

    Args:
        wanted: As `Sessions.find` takes it.
        root: The workspace; empty where there is none, and then any counts.

    Raises:
        UsageError: if there is none, naming the nearest, or several.
        StoreError: if they cannot be read.
    """
    return sessions.find(wanted, root=root or None)


def name_sessions(folder: str) -> list[tuple[str, str]]:
    """The sessions that were listed last, with their titles or first words, for completion: repairs and makes nothing.

    Raises:
        StoreError: if the views cannot be read.
    """
    from aiex.sessions.projections import FILE
    from aiex.sessions.stores.views import ViewsFile

    path = os.path.join(folder, FILE)
    if not os.path.isfile(path):
        return []
    with closing(ViewsFile(path)) as file:
        return [(one.id, printable_path(one.title or one.words)) for one in file.listed()]


def find_place(
    log: EventLog, session: str, place: str, *, least: int = 1, clock: Callable[[], float] = time.time
) -> int:
    """The event that a place names: its number, or the last one at or before a time.

    Args:
        place: Digits, or a time as `parse_since` takes it; empty for the last event.
        least: The first number that is taken; 0 stands for before everything.

    Raises:
        UsageError: if the session has no such event.
        StoreError: if it cannot be read.
    """
    head = log.head(session)
    if head is None:
        raise UsageError(f"there is no session {session}", hint="aiex list sessions --all shows them")
    last = head.seq
    if not place:
        return last
    if place.isascii() and place.isdigit() and len(place) <= _MOST_DIGITS:
        seq = int(place)
        if not least <= seq <= last:
            raise UsageError(f"session {session} has no event {seq}", hint=f"it has the events 1 to {last}")
        return seq
    now_s = clock()
    try:
        at_ms = parse_since(place, now_s=now_s)
    except UsageError as error:
        raise UsageError(f"cannot read {printable_path(place)} as a place in a session", hint=_HINT) from error
    if at_ms > now_s * 1000:
        raise UsageError(f"{to_timestamp(at_ms / 1000)} has not come yet", hint=_HINT)
    return _find_time(log, session, at_ms, least)


def _find_time(log: EventLog, session: str, at_ms: int, least: int) -> int:
    seq = 0
    for one in log.read(session):
        if one.at_ms > at_ms:
            if seq < least:
                began = to_timestamp(one.at_ms / 1000)
                raise UsageError(f"session {session} began later than that, at {began}", hint=_HINT)
            break
        seq = one.seq
    return seq


def find_said(sessions: Sessions, question: str, *, root: str, kind: str | None, last: int) -> Hits:
    """What was said with all the words of a question, the best first.

    Args:
        root: In sessions of this workspace; empty for all.
        kind: By user, assistant or tool; None for all of them.
        last: At most so many.

    Raises as `search` does.
    """
    from aiex.sessions.search import KINDS, Hits, parse_question, search

    if not sessions.exist:
        parse_question(question)
        return Hits([], [])
    kinds = (kind,) if kind else KINDS
    return search(sessions.views, sessions.log, question, root=root or None, kinds=kinds, limit=last)


def read_whole(log: EventLog, session: str, *, upto_seq: int | None = None) -> tuple[list[Recorded], str]:
    """The events as far as they are whole, and what is wrong with the next one; empty when all are.

    Raises:
        StoreError: if not even the first is whole, or they cannot be read.
    """
    found: list[Recorded] = []
    try:
        found.extend(log.read(session, upto_seq=upto_seq))
    except DamagedSession as error:
        if error.seq < 2:
            raise
        found = list(log.read(session, upto_seq=error.seq - 1))
        return found, error.message
    return found, ""
