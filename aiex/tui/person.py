"""The person in front of the screen, as tools see them: asked by what is posted, and answering when they like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from aiex.tui.told import AnswerWanted, ApprovalWanted, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiex.agent.kit import ApprovalRequest, Verdict
    from aiex.tui.told import Told


class AtScreen:
    """The person in front of the screen, as tools see them."""

    def __init__(self, post: Callable[[Told], None]) -> None:
        self._post = post
        self._count = 0
        self._open: dict[int, asyncio.Future[Any]] = {}

    async def approve(self, request: ApprovalRequest) -> Verdict | None:
        """Which of the offers counts, of how much of an edit, or why none does; None for no."""
        number = self._number()
        return cast("Verdict | None", await self._ask(ApprovalWanted(number, request), number))

    async def answer(self, question: str, options: Sequence[str]) -> str | None:
        """What they say; None when they say nothing."""
        number = self._number()
        return cast("str | None", await self._ask(AnswerWanted(number, question, tuple(options)), number))

    async def type_unseen(self, question: str) -> str | None:
        """What they type without its being shown or kept anywhere; None when they leave it."""
        number = self._number()
        return cast("str | None", await self._ask(AnswerWanted(number, question, (), is_unseen=True), number))

    def reply(self, number: int, value: object) -> None:
        """What the person said; in the thread of the work."""
        if (waiting := self._open.get(number)) is not None and not waiting.done():
            waiting.set_result(value)

    def give_up(self) -> None:
        """Take all that is asked as not answered; in the thread of the work."""
        for number in list(self._open):
            self.reply(number, None)

    def _number(self) -> int:
        self._count += 1
        return self._count

    async def _ask(self, wanted: ApprovalWanted | AnswerWanted, number: int) -> object:
        waiting = self._open[number] = asyncio.get_running_loop().create_future()
        self._post(wanted)
        try:
            return await waiting
        finally:
            del self._open[number]
            self._post(Withdrawn(number))
