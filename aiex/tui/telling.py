"""Tells the screen of a session what its log holds beside what happens now: its past, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from aiex.tui.told import Earlier, History, Stands

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.sessions.log import EventLog
    from aiex.tui.bus import Bus
    from aiex.tui.told import Told
    from aiex.wiring import Services

LAST_EVENTS: Final = 400
"""Of a session that is opened, so many are told at once."""


def tell_history(bus: Bus[Event | Told], log: EventLog, session: str, last_seq: int) -> None:
    """Tell the end first: a picture is made of it while the rest is read and checked. Raises StoreError."""
    after = max(last_seq - LAST_EVENTS, 0)
    bus.post(History(tuple(log.read(session, after_seq=after)), is_whole=not after))
    if after:
        bus.post(Earlier(tuple(log.read(session, upto_seq=after))))


def tell_standing(bus: Bus[Event | Told], services: Services) -> None:
    """Tell how the session stands. Raises StoreError."""
    from aiex.runs.standing import find_standing

    if services.recorder is not None:
        bus.post(Stands(find_standing(services.sessions.log, services.recorder)))


def tell_behind(bus: Bus[Event | Told], services: Services, after_seq: int) -> None:
    """Tell what a command wrote into the session itself, such as that the files went back. Raises StoreError."""
    from aiex.runs.standing import read_behind

    if services.recorder is None:
        return
    if news := list(read_behind(services.sessions.log, services.recorder, after_seq)):
        for event in news:
            bus.post(cast("Event", event))
        tell_standing(bus, services)
