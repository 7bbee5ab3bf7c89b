"""A session opened: its last snapshot, and what happened since."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from aiex.errors import StoreError
from aiex.jsonform import Malformed, dump
from aiex.sessions.state import STATE_VERSION, SessionState, data_of
from aiex.sessions.stores import Snapshot

if TYPE_CHECKING:
    from aiex.sessions.chat import Source
    from aiex.sessions.log import EventLog

DIGEST_BYTES: Final = 16


def open_state(log: EventLog, session: str, *, upto_seq: int | None = None) -> SessionState:
    """The state of a session behind its last event, or behind `upto_seq`; an empty one when there is no such session.

    A snapshot is only a short cut: one that is damaged, of another history, version or a later event is not used.

    Raises:
        DamagedSession: if an event that is needed is not whole.
        StoreError: if the store cannot be read, or the session is sealed and its key is not there.

    Cost: that of parsing the snapshot, and 10 µs for each event since (benchmarks/sessions.py).
    """
    state = _from_snapshot(log, session, upto_seq)
    state.fold(log.read(session, after_seq=state.seq, upto_seq=upto_seq))
    return state


def keep_state(log: EventLog, state: SessionState) -> None:
    """Keep a snapshot, so that the session is open at once the next time. Raises StoreError."""
    log.keep_snapshot(state.id, Snapshot(state.seq, state.link, STATE_VERSION, to_bytes(state)))


def to_bytes(state: SessionState) -> bytes:
    """A state as JSON behind its digest."""
    data = dump(state.to_json()).encode()
    return blake2b(data, digest_size=DIGEST_BYTES).digest() + data


def from_bytes(data: bytes, source: Source | None = None) -> SessionState:
    """Read what `to_bytes` wrote; `source` is as in `Chat`. Raises Malformed if it is anything else."""
    digest, text = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if blake2b(text, digest_size=DIGEST_BYTES).digest() != digest:
        raise Malformed("cannot read a snapshot: it was changed")
    return SessionState.from_json(json.loads(text), source)


def _from_snapshot(log: EventLog, session: str, upto_seq: int | None) -> SessionState:
    kept = log.snapshot(session, version=STATE_VERSION, upto_seq=upto_seq)
    if kept is None:
        return _empty(log, session)
    try:
        return from_bytes(kept.data, _source_of(log, session))
    except Malformed:
        return _empty(log, session)


def _empty(log: EventLog, session: str) -> SessionState:
    state = SessionState()
    state.chat.source = _source_of(log, session)
    return state


def _source_of(log: EventLog, session: str) -> Source:
    """What reads the fields of one event of a session. Cost: 50 µs."""

    def read(seq: int) -> bytes:
        for recorded in log.read(session, after_seq=seq - 1, upto_seq=seq):
            return data_of(recorded)
        raise StoreError(f"cannot read event {seq} of session {session}: it is not there any more")

    return read
