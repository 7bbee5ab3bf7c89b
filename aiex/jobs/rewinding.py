"""Undo, redo and rewind: the files of a workspace go where its sessions say, and the sessions say that they went.

Steps of several sessions in one workspace stand behind each other in time, so undo takes the latest one first,
whichever session it is of. Files are moved once; every session concerned gets an event that names the states between
which its own steps moved.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import Conflict, UsageError
from aiex.guard.actions import TYPED
from aiex.jobs.checkpointing import require_leave, restoring
from aiex.jobs.stepping import find_after, find_left, note_left
from aiex.sessions.decisions import Redo, Rewind, Undo, aim, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiex.guard.actions import Role
    from aiex.guard.gate import Gate
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.checkpoints.restore import OnConflict, Rehearsed, Restored
    from aiex.sessions.decisions import Aim, What
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.steps import Direction
    from aiex.sessions.summary import Step


_MOST_STEPS: Final = 1000
"""So many are looked at for what other sessions did."""
_NAMED: Final = 5
"""So many paths a message names."""


class Place(NamedTuple):
    """A workspace with its sessions and checkpoints."""

    root: str
    sessions: Sessions
    checkpoints: Checkpoints
    gate: Gate

    @property
    def role(self) -> Role:
        """On whose behalf it is done."""
        return self.gate.judge.role


class Leg(NamedTuple):
    """Steps of one session that follow each other."""

    session: str
    steps: int
    checkpoint_id: str
    """Has the files as they are behind them."""


class Way(NamedTuple):
    """Where undo or redo goes."""

    direction: Direction
    target: str
    """The checkpoint at its end."""
    steps: tuple[tuple[str, Step], ...]
    """With their sessions, in the order in which they are taken."""
    legs: tuple[Leg, ...]


def find_way(place: Place, direction: Direction, steps: int) -> Way:
    """The way that many steps back or forth.

    Raises:
        UsageError: if there are not so many.
        StoreError: if the sessions cannot be read.
    """
    word = "undone" if direction == "back" else "redone"
    if steps < 1:
        raise UsageError(f"{steps} steps cannot be {word}", hint="1 or more")
    found: Sequence[tuple[str, Step]] = ()
    if place.sessions.exist:
        found = place.sessions.views.steps(place.root, undone=direction == "forth", limit=steps)
    if not found:
        raise UsageError(f"there is nothing to be {word}")
    if len(found) < steps:
        there = "one step can" if len(found) == 1 else f"{len(found)} steps can"
        raise UsageError(f"{steps} steps cannot be {word}", hint=there)
    return Way(direction, found[-1][1].checkpoint_id, tuple(found), tuple(_legs(found)))


def _legs(found: Sequence[tuple[str, Step]]) -> Iterator[Leg]:
    count = 0
    for place, (session, step) in enumerate(found, 1):
        count += 1
        if place == len(found) or found[place][0] != session:
            yield Leg(session, count, step.checkpoint_id)
            count = 0


def rehearse(place: Place, way: Way, how: OnConflict) -> Rehearsed:
    """What `travel` would do, nothing being changed. Raises as it does."""
    from aiex.jobs import checkpointing

    for leg in way.legs:
        if place.sessions.owner(leg.session) is not None:
            with _holding(place, {leg.session: None}):  # refuses, naming the process
                pass
    _require_possible(place, way)
    expected = _left_behind(place, way) if how != "force" else None
    _require_there(place.checkpoints, way.target)
    return checkpointing.rehearse(place.gate, place.checkpoints, way.target, how, expected=expected)


def travel(place: Place, way: Way, how: OnConflict) -> Restored:
    """Bring the files to the end of a way, and tell the sessions.

    Raises:
        Denied: if the role or a rule does not let this happen.
        Conflict: if a person changed the files since, a session is open elsewhere, or its turn did not end.
        UsageError: if the checkpoint is gone.
        StoreError: if something cannot be read or kept.
    """
    with _holding(place, dict.fromkeys(leg.session for leg in way.legs)):
        _require_possible(place, way)
        expected = _left_behind(place, way) if how != "force" else None
        restored = _go(place, way.target, how, expected)
        before, at_ms = _how_it_was(place.checkpoints, restored), place.sessions.now_ms()
        for number, leg in enumerate(way.legs):
            _tell(place, leg.session, _command(way.direction, leg.steps, before), at_ms + number)
            before = leg.checkpoint_id
    return restored


def _left_behind(place: Place, way: Way) -> str | None:
    """The checkpoint that the files should still be like: of steps since an undo, redo knows nothing."""
    left = find_left(place.checkpoints) if place.checkpoints.exist else None
    if way.direction == "back":
        after = _require_own(place.checkpoints, way)
        return after or (left.checkpoint_id if left else None)
    if left is None or not left.by_step:
        return left.checkpoint_id if left else None
    undone_ms = way.steps[0][1].at_ms
    since = list(takewhile(lambda one: one[1].at_ms > undone_ms, place.sessions.views.steps(place.root)))
    return since[-1][1].checkpoint_id if since else left.checkpoint_id


def _require_own(checkpoints: Checkpoints, way: Way) -> str:
    """The checkpoint of how the latest step left the files; empty where it is not known.

    Raises:
        Conflict: if a person changed files between the steps, which would go with them.
    """
    first, newer = "", ""
    for session, step in way.steps:
        after = find_after(checkpoints, session, step.checkpoint_id)
        if not newer:
            first = after.id if after else ""
        elif after is not None and (between := _paths_between(checkpoints, after.tree, newer)):
            raise Conflict(
                f"between these steps others changed {between}",
                hint="undo one step at a time; aiex undo --merge keeps what others changed, --force goes over it",
            )
        newer = step.checkpoint_id
    return first


def _paths_between(checkpoints: Checkpoints, after: str, newer: str) -> str:
    """What differs between how a step left the files and how the next one found them, in words."""
    from aiex.guard.neutral import printable_path
    from aiex.sessions.checkpoints.planning import diff_trees

    known = next((one.tree for one in checkpoints.catalogue.list() if one.id == newer), "")
    if not known or known == after:
        return ""
    paths = [printable_path(change.path) for change in diff_trees(checkpoints.objects, after, known)]
    return ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")


def _command(direction: Direction, steps: int, undo_id: str = "") -> Undo | Redo:
    return Undo(steps, undo_id=undo_id) if direction == "back" else Redo(steps, undo_id=undo_id)


def _require_possible(place: Place, way: Way) -> None:
    """All that can be refused is, before anything moves."""
    seen: set[str] = set()
    for leg in way.legs:
        if leg.session in seen:
            continue
        seen.add(leg.session)
        state = place.sessions.state(leg.session)
        found = aim(state, _command(way.direction, leg.steps), place.role)
        decide(state, _command(way.direction, leg.steps, found.checkpoint_id), place.role)
        if found.checkpoint_id != leg.checkpoint_id:
            raise Conflict(f"session {leg.session} went on meanwhile", hint="try again")


def _tell(place: Place, session: str, command: Undo | Redo | Rewind, at_ms: int) -> None:
    state = place.sessions.state(session)
    events = decide(state, command, place.role)
    place.sessions.log.append(session, events, after_seq=state.seq, turn=state.turn, at_ms=at_ms)


@contextmanager
def _holding(place: Place, sessions: dict[str, None]) -> Iterator[None]:
    """The block that may write to sessions. Raises Conflict, naming the process that has one open."""
    with ExitStack() as stack:
        for session in sessions:
            lock = place.sessions.lock(session)
            lock.acquire()
            stack.callback(lock.release)
        yield


def _go(place: Place, target: str, how: OnConflict, expected: str | None) -> Restored:
    """Bring the files to a checkpoint, as the rules and the state of the files let it happen."""
    _require_there(place.checkpoints, target)
    restorer = place.checkpoints.restorer
    changes = restorer.preview(target)
    require_leave(place.gate, changes)
    with place.gate.doing(restoring(target, changes), chosen=TYPED):
        restored = restorer.restore(target, expected=expected, on_conflict=how)
    note_left(place.checkpoints, restored.target.id, by_step=False)
    return restored


def _how_it_was(checkpoints: Checkpoints, restored: Restored) -> str:
    """The checkpoint with the files as they were; where nothing moved now, before a process moved them and told nobody.

    That is one that was killed when the files were there and the session did not know it yet.
    """
    from aiex.sessions.checkpoints.restore import BEFORE

    if not (restored.changed or restored.merged or restored.left):
        for known in sorted(checkpoints.catalogue.list(), key=lambda one: -one.number):
            if known.number > restored.undo.number:
                continue
            if known.reason != BEFORE + restored.target.id:
                break
            if known.tree != restored.target.tree:
                return known.id
    return restored.undo.id


def _require_there(checkpoints: Checkpoints, wanted: str) -> None:
    if not checkpoints.exist or not any(known.id == wanted for known in checkpoints.catalogue.list()):
        raise UsageError(
            f"checkpoint {wanted}, which has the files as they were, was removed", hint="aiex list checkpoints"
        )


# --- one session ----------------------------------------------------------------------------------------------------


class Rewinding(NamedTuple):
    """What a rewind did."""

    aim: Aim
    restored: Restored | None
    """None where the files stayed."""


def find_aim(place: Place, session: str, to_seq: int, what: What) -> Aim:
    """Where a rewind would go. Raises as `rewind` does, but for conflicts of files."""
    state = place.sessions.state(session)
    found = aim(state, Rewind(to_seq, what), place.role)
    if found.checkpoint_id and state.root != place.root:
        from aiex.guard.neutral import printable_path

        raise UsageError(
            f"the files of session {session} are in {printable_path(state.root)}",
            hint=f"there: aiex rewind session {session} --to {to_seq}; or here, without the files: --only chat",
        )
    if found.checkpoint_id:
        _require_there(place.checkpoints, found.checkpoint_id)
    return found


def rewind(place: Place, session: str, to_seq: int, what: What, how: OnConflict) -> Rewinding:
    """Bring a session to how it was behind an event: what was said, the files, or both.

    Raises:
        Denied: if the role or a rule does not let this happen.
        UsageError: if there is no such event, the files cannot go there, or have not changed since.
        Conflict: if a person or another session changed the files since, or the session is at work.
        StoreError: if something cannot be read or kept.
    """
    with _holding(place, {session: None}):
        found = find_aim(place, session, to_seq, what)
        decide(place.sessions.state(session), Rewind(to_seq, what, found.checkpoint_id), place.role)
        restored = None
        if found.checkpoint_id:
            restored = _go(place, found.checkpoint_id, how, _expected(place, session, to_seq, how))
        undo_id = _how_it_was(place.checkpoints, restored) if restored else ""
        _tell(place, session, Rewind(to_seq, what, undo_id), place.sessions.now_ms())
    return Rewinding(found, restored)


def _expected(place: Place, session: str, to_seq: int, how: OnConflict) -> str | None:
    """The checkpoint that the files should still be like. Raises Conflict where other sessions changed files since."""
    found = place.sessions.views.steps(place.root, limit=_MOST_STEPS)
    taken_back = max((at for at, (own, step) in enumerate(found) if own == session and step.seq > to_seq), default=-1)
    others = {other: None for other, _ in found[: taken_back + 1] if other != session}
    if others and how == "refuse":
        raise Conflict(
            f"other sessions changed files since: {', '.join(others)}",
            hint="aiex undo goes back step by step; --merge keeps what they did, --force takes it back as well",
        )
    latest = list(takewhile(lambda one: one[0] != session, found)) if others else []
    if latest:
        return latest[-1][1].checkpoint_id
    left = find_left(place.checkpoints)
    return left.checkpoint_id if left else None
