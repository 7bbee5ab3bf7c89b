"""What the audit log tells when it is asked: records of a time, and a compliance report."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from aiex.errors import UsageError
from aiex.guard.actions import Decision
from aiex.guard.audit.entries import DENIED, WHATS, Gist, Note, Outcome
from aiex.guard.audit.events import escape_of
from aiex.guard.audit.log import open_keys
from aiex.guard.audit.reading import KIND_NAMES, Opener, to_found
from aiex.guard.audit.verify import Checked, verify_log
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiex.guard.audit.datakeys import DataKeys
    from aiex.guard.audit.frames import Fields
    from aiex.guard.audit.log import Places
    from aiex.guard.audit.reading import Found

_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NOTE: Final = WHATS["note"]
_LAST_DENIED: Final = 50


@record
class Keys:
    """The age of the keys; times are UTC, milliseconds since 1970."""

    made_ms: int
    rotated_ms: int
    rotations: int
    sessions: int
    erased: int


@record
class Report:
    """Who did what in a time, allowed by which rule; every table is sorted, the most first."""

    since_ms: int
    until_ms: int
    records: int
    sessions: int
    erased: int
    """Records that cannot be read any more, because their session was erased."""
    who: Mapping[str, int]
    actions: Mapping[tuple[str, str], int]
    """By kind and effect of the decision."""
    rules: Mapping[tuple[str, str, str], int]
    """By rule, scope and effect."""
    outcomes: Mapping[str, int]
    hosts: Mapping[str, int]
    """Hosts that were allowed."""
    denied: tuple[Found, ...]
    """The last ones."""
    denials: int
    escapes: int
    redactions: int
    notes: tuple[Found, ...]
    """What the log says about itself."""
    keys: Keys | None
    """None where there is no log yet."""
    checked: Checked


def parse_since(text: str, *, now_s: float) -> int:
    """When a time such as `30d`, `12h`, `2026-01-31` or `2026-01-31T08:00` began, in milliseconds since 1970.

    A date is taken in the time zone of this machine.

    Raises:
        UsageError: for anything else.
    """
    from datetime import datetime

    if found := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        return int((now_s - int(found[1]) * _UNITS[found[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"cannot read {text!r} as a time", hint="such as 30d, 12h, 45m or 2026-01-31") from error


def make_report(places: Places, since_ms: int, *, clock: Callable[[], float] = time.time) -> Report:
    """Check the log, and read that of a time. Raises StoreError if it cannot be read.

    Cost: that of `verify_log`, and 5 µs for each record of the time.
    """
    keys = open_keys(places)
    if not keys.exists():
        return _Tally(since_ms, Opener({})).to_report(int(clock() * 1000), None, Checked())
    tally = _Tally(since_ms, Opener(keys.open_all()))
    checked = verify_log(places.log, keys, head=places.head, lock=places.lock, see=tally.see)
    return tally.to_report(int(clock() * 1000), _ages(keys), checked)


class _Tally:
    """Counts record by record, and opens no more of each than it needs."""

    def __init__(self, since_ms: int, opener: Opener) -> None:
        """Counts from a time on: UTC, milliseconds since 1970."""
        self.since_ms = since_ms
        self._opener = opener
        self.records = self.erased = self.redactions = self.escapes = self.denials = 0
        self.tags: set[bytes] = set()
        self.who: Counter[str] = Counter()
        self.actions: Counter[tuple[str, str]] = Counter()
        self.rules: Counter[tuple[str, str, str]] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.hosts: Counter[str] = Counter()
        self.denied: deque[tuple[Fields, bytes]] = deque(maxlen=_LAST_DENIED)
        self.notes: list[tuple[Fields, bytes]] = []

    def see(self, row: Fields, sealed: bytes) -> None:
        """Count a record, if it is of the time. Raises StoreError if it cannot be opened with the key that there is."""
        _size, _version, what, kind, effect, seq, at_ms, tag, _digest = row
        if at_ms < self.since_ms:
            return
        self.records += 1
        if what == _NOTE:
            self.notes.append((row, sealed))
            return
        self.tags.add(tag)
        if effect in DENIED:
            self.denials += 1
            self.denied.append((row, sealed))
        payload = self._opener.unseal(row, sealed)
        if payload is None:
            self.erased += 1
        else:
            self._add(Gist(payload, seq), KIND_NAMES.get(kind, ""))

    def _add(self, gist: Gist, kind: str) -> None:
        """Count what was sealed; `kind` is empty where it does not stand in the open."""
        self.who[gist.who or "unknown"] += 1
        match gist.verdict:
            case Decision(effect=effect, rule=rule, scope=scope):
                self.actions[kind or gist.action.kind, effect] += 1
                self.rules[rule, scope, effect] += 1
                if effect == "deny":
                    self.escapes += bool(escape_of(gist.action))
                elif kind == "network" and effect == "allow":
                    self.hosts[gist.action.subject] += 1
            case Outcome(status=status, redactions=redactions):
                self.outcomes[status] += 1
                self.redactions += redactions
            case Note():
                pass

    def to_report(self, until_ms: int, keys: Keys | None, checked: Checked) -> Report:
        return Report(
            since_ms=self.since_ms,
            until_ms=until_ms,
            records=self.records,
            sessions=len(self.tags),
            erased=self.erased,
            who=_sorted(self.who),
            actions=_sorted(self.actions),
            rules=_sorted(self.rules),
            outcomes=_sorted(self.outcomes),
            hosts=_sorted(self.hosts),
            denied=self._opened(self.denied),
            denials=self.denials,
            escapes=self.escapes,
            redactions=self.redactions,
            notes=self._opened(self.notes),
            keys=keys,
            checked=checked,
        )

    def _opened(self, records: Iterable[tuple[Fields, bytes]]) -> tuple[Found, ...]:
        return tuple(to_found(row, self._opener.open(row, sealed)) for row, sealed in records)


def _sorted(counts: Counter[Any]) -> dict[Any, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _ages(keys: DataKeys) -> Keys:
    header, slots = keys.header(), keys.slots()
    erased = sum(1 for slot in slots if slot.erased_ms)
    return Keys(header.made_ms, header.rotated_ms, header.rotations, len(slots) - 1, erased)
