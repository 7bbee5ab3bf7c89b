"""Tells the events of a session again as they were, with the numbers and times they had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from aiex.eventforms import heading_of
from aiex.eventlines import to_body, to_line
from aiex.events import Noted, TextDelta, TurnEnded, UnknownEvent, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.words import clip
from aiex.jobs.sessions.showing import to_time
from aiex.jsonform import dump
from aiex.sessions.log import DamagedSession
from aiex.sessions.transcript import to_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.events import Envelope, Event
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.log import Recorded

Telling = Literal["words", "lines", "progress", "data"]
"""For a person; as the lines of `stream-json` that they were; those lines in the data of lines of this run; all of them
in the data of the outcome."""
_LONGEST: Final = 110


def replay(sessions: Sessions, session: str, first: int, last: int, telling: Telling) -> Iterator[Event]:
    """Tell the events from `first` to `last` one by one; nothing is done again.

    Where the session is damaged, what is whole is told, and then what is wrong.

    Raises:
        StoreError: if it cannot be read.
    """
    told, lines = 0, []
    try:
        for one in sessions.log.read(session, after_seq=first - 1, upto_seq=last):
            told += 1
            if telling == "data":
                lines.append(line_of(one.envelope()))
            else:
                yield _tell(one, telling)
    except DamagedSession as error:
        yield Warned(error.message, error.hint)
    data = {"session": session, "from": first, "events": told}
    yield TurnEnded("success", "answered", 0, data={**data, "lines": lines} if telling == "data" else data)


def _tell(one: Recorded, telling: Telling) -> Event:
    line = line_of(one.envelope())
    if telling == "lines":
        return TextDelta(dump(line) + "\n")
    if telling == "progress":
        return Noted(f"event {one.seq} of session {one.session}", line)
    return TextDelta(f"{one.seq:>6}  {to_time(one.at_ms)}  {_words_of(one, line)}\n")


def line_of(envelope: Envelope) -> dict[str, Any]:
    """The line of `stream-json` that an event made; one of a later version as it was kept."""
    event = envelope.event
    if isinstance(event, UnknownEvent):
        heading = {**heading_of(envelope), "type": event.type}
        return {**heading, **{name: value for name, value in event.data.items() if name not in heading}}
    return to_line(envelope) or heading_of(envelope)


def _words_of(one: Recorded, line: dict[str, Any]) -> str:
    """An event on one line: its type as programs see it, and what it says."""
    kind = f"{line.get('type', one.type)} {line.get('subtype', '')}".strip()
    text = line.get("text")
    if line.get("delta") is True:
        said = dump(text if isinstance(text, str) else line.get("reasoning", ""))
    else:
        entries = list(to_entries([one]))
        said = "; ".join(f"{entry.head}: {entry.body}" if _has_words(entry.kind) else entry.head for entry in entries)
    body = to_body(one.event()) if not said else None
    fields = {name: value for name, value in (body or {}).items() if name not in ("type", "subtype")}
    return f"{kind:<20}  {printable_path(clip(said or (dump(fields) if fields else ''), _LONGEST))}".rstrip()


def _has_words(kind: str) -> bool:
    return kind not in ("note", "picture")
