"""Steps that change files: which checkpoint undo and redo go to, and which one holds the files of a past event."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

from aiex.record import record

Direction = Literal["back", "forth"]


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

    def take(self, seq: int, checkpoint_id: str) -> None:
        """A checkpoint was taken before the next step: what was undone cannot be redone any more."""
        step = Step(checkpoint_id, seq)
        self.undo.append(step)
        self.redo.clear()
        self._hold(step)

    def change(self, seq: int) -> None:
        """An event says that files may have changed."""
        if self.ends and not self.ends[-1]:
            self.ends[-1] = seq

    def go(self, seq: int, checkpoint_id: str, undo_id: str, *, direction: Direction, steps: int) -> None:
        """The files went to a checkpoint, `steps` back or forth; how they were before is kept on the other stack.

        A rewind of no steps went to a checkpoint on neither stack, and can be taken back like any other.
        """
        source, target = (self.undo, self.redo) if direction == "back" else (self.redo, self.undo)
        taken = [source.pop() for _ in range(min(max(steps, 0), len(source)))]
        if undo_id:
            before = Step(undo_id, seq - 1)
            target.append(before)
            self._hold(before)
        target.extend(taken[:-1])
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
        for names in (self.undo, self.redo, self.held, self.ends):
            names.clear()

    def _hold(self, step: Step) -> None:
        self.held.append(step)
        self.ends.append(0)
