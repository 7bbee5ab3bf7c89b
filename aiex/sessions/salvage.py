"""Sets a damaged file of sessions aside and makes a new one of everything in it that is whole.

An event is whole when its link follows from the one before or, where that one is lost, when its own sum is right. In
the place of a lost event between two others stands a warning, so that numbers have no gap.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex import sqlite
from aiex.errors import StoreError
from aiex.events import Warned
from aiex.sessions.log import DAMAGE, Sealer, about_row, first_link, is_whole_alone, next_link, write_event
from aiex.sessions.stores import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SPARE_POSITIONS: Final = 1_000_000
"""Left free behind the last: events that are lost may have had them, and followers may have seen those."""
_HALF = ".salvaging"


class Loss(NamedTuple):
    """What of a session is gone."""

    session: str
    missing: tuple[tuple[int, int], ...]
    """First and last numbers of stretches that are known to have been there and were not whole."""
    upto_seq: int
    """The session now ends here; 0 when nothing of it was whole."""

    @property
    def events(self) -> int:
        """How many are gone."""
        return sum(last - first + 1 for first, last in self.missing)


class Salvaged(NamedTuple):
    """What came of it."""

    aside: str
    """Where the damaged file is now; empty when there was none."""
    sessions: int
    events: int
    """Without the warnings."""
    losses: tuple[Loss, ...]


def salvage(path: str, *, seal: Sealer | None = None) -> Salvaged:
    """Put a whole file in the place of the one at `path`, with everything that is whole in that.

    Views should be made anew: they may have counted what is lost. Killed at any point, the old file or the new one is
    there at the next opening.

    Args:
        seal: Opens encrypted sessions; of those that it cannot open, rows are kept as they are, unchecked.

    Raises:
        StoreError: if the new file cannot be written, or the old one cannot be moved; then that is as it was.
        Conflict: if other processes have the file open.
    """
    from aiex.sessions.stores._carving import carve
    from aiex.sessions.stores._presence import Presence
    from aiex.sessions.stores.sqlite import NEW, finish_replacing, write_rows

    presence = Presence(path)
    presence.be_alone()
    try:
        finish_replacing(path)
        found = carve(path)
        kept: list[list[Row]] = []
        losses: list[Loss] = []
        events = 0
        for session in sorted({*found.rows, *found.seqs}):
            rescue = _Rescue(session, found.rows.get(session, {}), found.seqs.get(session, set()), seal)
            kept.append(rescue.rows())
            events += len(rescue.chosen)
            if missing := rescue.missing():
                losses.append(Loss(session, missing, max(rescue.chosen, default=0)))
        rows = _place(kept)
        sqlite.remove(path + _HALF)
        write_rows(path + _HALF, rows, spare=SPARE_POSITIONS)
        with sqlite.translated_errors(path):
            os.replace(path + _HALF, path + NEW)
        aside = sqlite.set_aside(path) if os.path.lexists(path) else ""
        sqlite.remove(path)  # side files without a database would be taken for those of the new one
        finish_replacing(path)
    finally:
        presence.leave()
    return Salvaged(aside, sum(map(bool, kept)), events, tuple(losses))


class _Rescue:
    """Chooses among what was found of one session."""

    def __init__(self, session: str, found: Mapping[int, Sequence[Row]], named: set[int], seal: Sealer | None) -> None:
        self.session = session
        self._found = {seq: sorted(rows, key=lambda row: -row.position) for seq, rows in found.items()}
        self._named = named
        self._seal = seal
        self._plain: dict[Row, bytes | None] = {}
        self.chosen: dict[int, Row] = {}
        self._choose()

    def _choose(self) -> None:
        before, last = {first_link(self.session)}, 0
        alone: dict[int, Row] = {}
        for seq in sorted(self._found):
            before = before if seq == last + 1 else set()
            candidates, last = self._found[seq], seq
            row = next((row for row in candidates if row.link in self._links(row, before)), None)
            if row is None and (row := next(filter(self._is_whole_alone, candidates), None)):
                alone[seq] = row
            elif row is not None:
                self.chosen[seq] = row
            # where none is whole, the link may still be, and then the next event shows it
            before = {row.link, *self._links(row, before)} if row else {one.link for one in candidates}
        if self.chosen or self._named.intersection(alone):  # else a damaged name made a session of one event
            self.chosen |= alone

    def missing(self) -> tuple[tuple[int, int], ...]:
        """Stretches between what is whole, and behind it as far as the index, or a row, shows that there was more."""
        known = self._named | self._found.keys()
        end = max([0, *self.chosen, *(seq for seq in known if seq == 1 or seq - 1 in known)])
        stretches, last = [], 0
        for seq in [*sorted(self.chosen), end + 1]:
            if seq > last + 1:
                stretches.append((last + 1, seq - 1))
            last = seq
        return tuple(stretches)

    def rows(self) -> list[Row]:
        """What is whole, with warnings in the gaps and linked anew, as far as it can be opened."""
        if any(self._open(row) is None for row in self.chosen.values()):
            return [self.chosen[seq] for seq in sorted(self.chosen)]
        rows, before = [], first_link(self.session)
        for seq in range(1, max(self.chosen, default=0) + 1):  # each gap is one between two that are whole
            row = self.chosen.get(seq) or self._warn(seq)
            plain = row.data if seq not in self.chosen else self._open(row) or b""
            before = next_link(before, seq, row.at_ms, row.turn, row.type, row.v, plain)
            rows.append(row._replace(link=before))
        return rows

    def _is_whole_alone(self, row: Row) -> bool:
        plain = self._open(row)
        if plain is None:  # encrypted, and nobody can tell
            return True
        return is_whole_alone(row.link, row.seq, row.at_ms, row.turn, row.type, row.v, plain)

    def _links(self, row: Row, before: Iterable[bytes]) -> set[bytes]:
        """The links that the row would have behind each of those."""
        plain = self._open(row)
        if plain is None:
            return set()
        try:
            return {next_link(one, row.seq, row.at_ms, row.turn, row.type, row.v, plain) for one in before}
        except DAMAGE:
            return set()

    def _open(self, row: Row) -> bytes | None:
        """The data in the clear; None where that cannot be had."""
        if not row.sealed:
            return row.data
        if row not in self._plain:
            try:
                opened = self._seal.open(row.session, about_row(row.seq, row.type), row.data) if self._seal else None
            except (StoreError, *DAMAGE):
                opened = None
            self._plain[row] = opened
        return self._plain[row]

    def _warn(self, seq: int) -> Row:
        """What stands in the place of an event that is lost."""
        near = next(self.chosen[other] for other in sorted(self.chosen) if other > seq)
        kind, data = write_event(Warned(f"event {seq} was lost when the file of sessions was damaged"))
        return Row(0, self.session, seq, near.at_ms, near.turn, kind, 1, data, b"", False, near.copied)


def _place(sessions: Sequence[Sequence[Row]]) -> list[Row]:
    """All rows in order of their positions: their own, and for the others free ones between those of their neighbours.

    Where that cannot be, all are counted anew.
    """
    taken: set[int] = set()
    placed: list[list[Row]] = []
    for rows in sessions:
        last, mine = 0, []
        for row in rows:
            fits = row.position > last and row.position not in taken
            mine.append(row if fits else row._replace(position=0))
            if fits:
                taken.add(row.position)
                last = row.position
        placed.append(mine)
    filled = [_fill(rows, taken) for rows in placed]
    flat = [row for rows in filled for row in rows]
    if any(row.position <= 0 for row in flat):
        return [row._replace(position=number) for number, row in enumerate(_in_order(placed), 1)]
    return sorted(flat, key=lambda row: row.position)


def _fill(rows: Sequence[Row], taken: set[int]) -> list[Row]:
    """From behind: a row without a position gets a free one below that of the row after it, above those before."""
    filled: list[Row] = []
    after = max([*taken, 0]) + len(rows) + 1
    floors = [0]
    for row in rows:
        floors.append(row.position or floors[-1])
    for row, floor in zip(reversed(rows), reversed(floors[:-1]), strict=True):
        position = row.position
        if not position:
            position = after - 1
            while position in taken and position > floor:
                position -= 1
            position = position if position > floor else 0
            taken.add(position)
        filled.append(row._replace(position=position))
        after = position or after
    return filled[::-1]


def _in_order(sessions: Sequence[Sequence[Row]]) -> list[Row]:
    """Rows by position, those without one right behind the row before them."""
    keyed = []
    for number, rows in enumerate(sessions):
        last = 0
        for row in rows:
            last = row.position or last
            keyed.append((last, number, row.seq, row))
    return [row for *_, row in sorted(keyed, key=lambda one: one[:3])]
