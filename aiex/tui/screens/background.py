"""The commands in the background of the turn that runs: what each writes, and a key to stop one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.binding import Binding

from aiex.tui.screens.listing import Leaf, Listing, Row, to_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.agent.processes import Process
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_TAIL_BYTES: Final = 30_000
"""Of what a command wrote the last are shown."""
_AGAIN_S: Final = 1.0


class BackgroundView(Listing):
    """Those that run or can still be read, then those that are gone."""

    HEADING = "Commands in the background"
    EMPTY = "there are none"
    ENTER = "look"
    LOOKS_AT_END = True
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+x", "end", "stop it"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self._ending: list[asyncio.Future[Any]] = []

    def on_mount(self) -> None:
        """Look again as long as the view is open."""
        super().on_mount()
        self.set_interval(_AGAIN_S, self.reload)

    def load(self, services: Services) -> Iterator[Row]:
        """Running ones first."""
        shown = set()
        known = [one for group in services.processes for one in group.known]
        for process in sorted(known, key=lambda one: one.command.ended is not None):
            shown.add(process.number)
            yield _row(process)
        for job in self.chat.desk.jobs.values():
            if job.number not in shown:
                told = job.outcome or "ended with its turn"
                pieces = (("· ", "muted"), (f"{job.number}: {job.command}", "muted"), (f"  {told}", "muted"))
                yield Row(None, pieces, job.command.casefold())

    def preview(self, services: Services, row: Row) -> Leaf:
        """The last of what it wrote."""
        from aiex.agent.outputs import to_plain

        if row.value is None:
            return to_leaf("what it wrote went with its turn; what the model read of it is in the talk", "muted")
        process: Process = row.value
        size = process.command.spool.size_bytes
        start = max(0, size - _TAIL_BYTES)
        text = to_plain(process.command.read(start, _TAIL_BYTES))
        before = f"… {start:,} bytes before\n" if start else ""
        return to_leaf(f"$ {process.text}\n{before}{text}" if size else f"$ {process.text}\n(nothing yet)")

    def choose(self, row: Row) -> None:
        """Look at what it writes."""
        self.action_look()

    def action_end(self) -> None:
        """End it with all that it started."""
        if (row := self.current) is None or row.value is None or row.value.command.ended:
            self.notify("this does not run any more", severity="warning", markup=False)
            return
        process: Process = row.value
        self.begin(partial(self._end, process), "end")

    async def _end(self, process: Process) -> None:
        def do(_: Services) -> None:  # in the loop of the work, which keeps it only weakly
            self._ending.append(asyncio.ensure_future(process.stop()))

        await self.do(do)
        self.notify(f"job {process.number} is being stopped", markup=False)


def _row(process: Process) -> Row:
    ended = process.command.ended
    size = process.command.spool.size_bytes
    if ended is None:
        sign, told = ("● ", "accent"), "runs"
    elif ended.code == 0:
        sign, told = ("✓ ", "good"), "exit code 0"
    else:
        sign, told = ("✗ ", "error"), f"stopped, exit code {ended.code}" if ended.killed else f"exit code {ended.code}"
    name = " ".join(process.text.split())
    pieces = (sign, (f"{process.number}: {name}", "text"), (f"  {told}, {size:,} bytes", "muted"))
    return Row(process, pieces, name.casefold())
