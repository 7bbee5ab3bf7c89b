"""A step while commands go on in the background: what they do to the files is told as theirs, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.events import CheckpointTaken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiex.agent.kit import Step
    from aiex.events import Event


class Beside:
    """The step.

    Args:
        step: What looks after the files.
        behind: The steps of what goes on in the background now, the oldest first; it comes and goes meanwhile.
    """

    def __init__(self, step: Step, behind: Sequence[Step]) -> None:
        self._step = step
        self._behind = behind
        self.is_open = False
        """What happens to the files now is told by it."""

    @property
    def taken(self) -> CheckpointTaken | None:
        """The checkpoint that it begins with, as long as it goes on."""
        return self._step.taken

    def cover(self, paths: Iterable[str]) -> None:
        """Look after these files also where ignore rules leave them out."""
        self._step.cover(paths)

    def begin(self) -> Iterator[Event]:
        """Keep the files as they are; what the background did until now is told before, as a step of its own."""
        for event in self._step.begin():
            if isinstance(event, CheckpointTaken):
                self.is_open = True
                for number, one in enumerate(self._behind):
                    if number:
                        one.pass_over()
                    else:  # nobody knows which of several it was
                        yield from one.hand_over()
            yield event

    def end(self) -> tuple[tuple[Event, ...], bool]:
        """What it did to the files; none of it is told of the background again."""
        told = self._step.end()
        self._close()
        return told

    def cut_off(self) -> tuple[Event, ...]:
        """As `end`, where it did not come to its end."""
        told = self._step.cut_off()
        self._close()
        return told

    def hand_over(self) -> tuple[Event, ...]:
        """What it did until the last checkpoint, as a step of its own; it goes on from there."""
        return self._step.hand_over()

    def pass_over(self) -> None:
        """What happened until the last checkpoint is told by somebody else."""
        self._step.pass_over()

    def _close(self) -> None:
        if self.is_open:
            self.is_open = False
            for one in self._behind:
                one.pass_over()
