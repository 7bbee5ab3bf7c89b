"""Steps that change files: which checkpoint undo and redo go to, and which one holds the files of a past event.

A step begins with its checkpoint and counts when a file was edited behind it. One that ended and edited nothing never
was: there is nothing to undo, and what was undone before it can still be redone. One that was cut off counts, because
nobody knows what it did.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

Direction = Literal["back", "forth"]
T = TypeVar("T")


class Stacks(Protocol[T]):
    """Two stacks of steps, the next one last in each."""

    undo: list[T]
    redo: list[T]
    aside: list[T]
    """What could be redone before the step that is open."""
    is_open: bool
    """The last step to undo edited nothing yet."""


def begin(stacks: Stacks[T], step: T) -> None:
    """A checkpoint was taken before a step: once the step edits something, what was undone cannot be redone."""
    confirm(stacks)
    stacks.undo.append(step)
    stacks.redo, stacks.aside, stacks.is_open = [], stacks.redo, True


def confirm(stacks: Stacks[T]) -> None:
    """The open step counts: it edited something, or nobody knows."""
    stacks.aside, stacks.is_open = [], False


def drop(stacks: Stacks[T]) -> bool:
    """The step is over; whether it was still open, and so never was."""
    if not stacks.is_open:
        return False
    stacks.undo.pop()
    stacks.redo, stacks.aside, stacks.is_open = stacks.aside, [], False
    return True


def move(
    stacks: Stacks[T], before: T | None, *, direction: Direction, steps: int, renew: Callable[[T], T] | None = None
) -> None:
    """Take steps from one stack to the other; on top of the farthest stands how the files were before.

    Args:
        before: A step that holds them; None when nothing does.
        renew: Makes of a step the one that stands on the other stack.
    """
    confirm(stacks)
    source, target = (stacks.undo, stacks.redo) if direction == "back" else (stacks.redo, stacks.undo)
    taken = [source.pop() for _ in range(min(max(steps, 0), len(source)))]
    if before is not None:
        target.append(before)
    target.extend(map(renew, taken[:-1]) if renew else taken[:-1])


@record
class Step:
    """A checkpoint, and an event behind which the files were as it holds them."""

    checkpoint_id: str
    seq: int


@dataclass(slots=True)
class Steps:
    """Two stacks, the next step last in each, and every state of the files that a checkpoint holds."""

    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
    held: list[Step] = field(default_factory=list)
    """Checkpoints in order, each with the first event behind which the files were so."""
    ends: list[int] = field(default_factory=list)
    """For each of them the event that may have changed the files; 0 while none has."""
    aside: list[Step] = field(default_factory=list)
    is_open: bool = False

    def take(self, seq: int, checkpoint_id: str) -> None:
        """A checkpoint was taken before the next step."""
        step = Step(checkpoint_id, seq)
        begin(self, step)
        self._hold(step)

    def edit(self, seq: int) -> None:
        """An event says that a file was edited."""
        confirm(self)
        self.change(seq)

    def change(self, seq: int) -> None:
        """An event says that files may have changed."""
        if self.ends and not self.ends[-1]:
            self.ends[-1] = seq

    def finish(self, seq: int) -> None:
        """A call ended. What it changed behind a checkpoint was told; what it changed without one is not known."""
        if not drop(self):
            self.change(seq)

    def abandon(self, seq: int) -> None:
        """What went on was cut off."""
        if self.is_open:
            self.edit(seq)

    def go(self, seq: int, checkpoint_id: str, undo_id: str, *, direction: Direction, steps: int) -> None:
        """The files went to a checkpoint, `steps` back or forth; how they were before is kept on the other stack.

        A rewind of no steps went to a checkpoint on neither stack, and can be taken back like any other.
        """
        before = Step(undo_id, seq - 1) if undo_id else None
        move(self, before, direction=direction, steps=steps)
        if before is not None:
            self._hold(before)
        self.change(seq)
        self._hold(Step(checkpoint_id, seq))

    def files_at(self, seq: int) -> str:
        """The checkpoint with the files as they were behind an event; empty when they are so now, as far as is known.

        A checkpoint is taken before each step, so the next one holds how the files were after the step before.
        """
        place = bisect_right(self.held, seq, key=lambda step: step.seq) - 1
        if place >= 0 and (not self.ends[place] or seq < self.ends[place]):
            return self.held[place].checkpoint_id
        return self.held[place + 1].checkpoint_id if place + 1 < len(self.held) else ""

    def way_to(self, checkpoint_id: str) -> tuple[Direction, int]:
        """In which direction a checkpoint is, and how many steps away; back and 0 for one on neither stack."""
        for direction, stack in (("back", self.undo), ("forth", self.redo)):
            for count, step in enumerate(reversed(stack), 1):
                if step.checkpoint_id == checkpoint_id:
                    return ("back", count) if direction == "back" else ("forth", count)
        return "back", 0

    def forget(self) -> None:
        """None of the checkpoints is at hand, as after an import."""
        for names in (self.undo, self.redo, self.held, self.ends, self.aside):
            names.clear()
        self.is_open = False

    def _hold(self, step: Step) -> None:
        self.held.append(step)
        self.ends.append(0)
