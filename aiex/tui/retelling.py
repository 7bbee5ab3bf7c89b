"""Tells a session again from its log, the end first, so that its last picture does not wait for its past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex import events as told
from aiex.tui.render import render
from aiex.tui.story import Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.sessions.log import Recorded
    from aiex.tui.blocks import Block

FIRST: Final = 120
"""Events of the part that is told first; a picture has room for the blocks of fewer."""
PART: Final = 120
"""Events told at once afterwards: about 10 ms."""
LONGEST: Final = 1_200
"""Where no step begins within so many, a part begins in the middle of one."""

_BEGINS: Final = frozenset({"user_spoke", "started", "session_started"})
"""With these a step begins, so that nothing before them goes on."""
_PIECES: Final = frozenset({"text_delta"})
_UNSEEN: Final = frozenset(
    {"reasoning_delta", "part_ended", "tool_call_started", "tool_call_delta", "tool_wrote", "usage_updated", "waiting",
     "progressed", "stopped"}
)  # fmt: skip
"""What is said again by an event that follows, or is shown only while it happens; never parsed here."""


class Retelling:
    """The part of a session that is not told yet.

    Args:
        recorded: What happened, in its order.
        is_whole: Otherwise it is only the end, and what happened before comes by `add`.
    """

    def __init__(self, recorded: Sequence[Recorded], *, is_whole: bool = True) -> None:
        self._recorded = list(recorded)
        self._is_whole = is_whole

    @property
    def is_done(self) -> bool:
        """Whether everything is told."""
        return self._is_whole and not self._recorded

    @property
    def waits(self) -> bool:
        """Whether there is nothing to tell before more is added."""
        return not self._is_whole

    def add(self, recorded: Sequence[Recorded]) -> None:
        """What happened before all of this."""
        self._recorded[:0] = recorded
        self._is_whole = True

    def tell_end(self) -> Story:
        """The story of the last part, to go on with."""
        story = Story()
        if self._recorded:
            last = self._recorded[-1].turn
            retell(story, self._take(FIRST))
            story.turn = last
        return story

    def tell_before(self) -> list[Block]:
        """The blocks of the part before what was told last."""
        story = Story()
        retell(story, self._take(PART))
        for call in story.calls.values():  # their ends are in the part behind this
            call.state = "done"
        return list(story.blocks)

    def _take(self, least: int) -> list[Recorded]:
        recorded = self._recorded
        at = max(len(recorded) - least, 0)
        lowest = max(len(recorded) - LONGEST, 0)
        while at > lowest and recorded[at].type not in _BEGINS:
            at -= 1
        if at == 0 and not self._is_whole:  # what came before belongs to the first step
            at = next((place for place, one in enumerate(recorded) if one.type in _BEGINS), len(recorded))
        part = recorded[at:]
        del recorded[at:]
        return part


def retell(story: Story, recorded: Iterable[Recorded]) -> None:
    """Tell what was recorded: pieces of answers are left out where the whole answer follows."""
    pieces: list[Recorded] = []

    def tell_pieces() -> None:
        for piece in pieces:
            render(story, piece.event())
        pieces.clear()

    for one in recorded:
        if one.type in _PIECES:
            pieces.append(one)
        elif one.type not in _UNSEEN:
            event = one.event()
            if isinstance(event, told.AssistantSpoke):
                pieces.clear()
            elif isinstance(event, told.UserSpoke | told.TurnEnded | told.TurnInterrupted):
                tell_pieces()
            if isinstance(event, told.UserSpoke):
                story.turn = one.turn - 1
            render(story, event)
    tell_pieces()
    story.end_parts()
