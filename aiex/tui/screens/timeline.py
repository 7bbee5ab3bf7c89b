"""Everything that happened in a session, as a time line of talk and files: go back to any place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding

from aiex.guard.neutral import neutralise
from aiex.runs.opening import Opening
from aiex.tui.screens.listing import Listing, Row, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_SIGNS = {"user": ">", "assistant": "●", "call": "○", "result": "✓", "failed": "✗", "note": "·", "thought": "…"}


class TimelineView(Listing):
    """The events of one session, the latest first."""

    HEADING = "Time line"
    EMPTY = "nothing has happened yet"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("enter", "choose", "rewind files and talk"),
        Binding("ctrl+f", "files", "files only"),
        Binding("ctrl+t", "talk", "talk only"),
        Binding("ctrl+n", "fork", "fork from here"),
    ]

    def __init__(self, chat: Chat, session: str) -> None:
        super().__init__(chat)
        self._session = session

    def load(self, services: Services) -> Sequence[Row]:
        """What a reader cares for."""
        from aiex.jobs.sessions.showing import to_time
        from aiex.sessions.transcript import to_entries

        rows = []
        for entry in to_entries(services.sessions.log.read(self._session)):
            if entry.kind == "picture":
                continue
            body = " ".join(entry.body.split())[:200]
            line = Text(no_wrap=True, overflow="ellipsis")
            line.append(f"{entry.seq:>6} {to_time(entry.at_ms)[-8:]} ", "dim")
            line.append(f"{_SIGNS.get(entry.kind, '·')} ")
            line.append(neutralise(entry.head), "bold" if entry.kind == "user" else "")
            if body and entry.kind in ("user", "assistant"):
                line.append(f" {neutralise(body)}", "" if entry.kind == "user" else "dim")
            rows.append(Row(entry, line, f"{entry.seq} {entry.head} {body}"))
        rows.reverse()
        return rows

    def preview(self, services: Services, row: Row) -> Text:
        """All of it, and what would be different."""
        return Text(shorten(f"{row.value.head}\n\n{row.value.body}"))

    def choose(self, row: Row) -> None:
        """Go back there with files and talk."""
        self._rewind(row.value.seq, "")

    def action_files(self) -> None:
        """Go back there with the files alone."""
        if (row := self.current) is not None:
            self._rewind(row.value.seq, " --only files")

    def action_talk(self) -> None:
        """Go back there with the talk alone."""
        if (row := self.current) is not None:
            self._rewind(row.value.seq, " --only chat")

    def _rewind(self, seq: int, only: str) -> None:
        self.dismiss(None)
        self.chat.command(f"rewind session {self._session} --to {seq}{only}")

    def action_fork(self) -> None:
        """Go on from there in a copy."""
        if (row := self.current) is not None:
            self.run_worker(self._fork(row.value.seq))

    async def _fork(self, seq: int) -> None:
        from aiex.errors import AiexError
        from aiex.jobs.sessions.changing import fork

        try:
            made = await self.ask(
                lambda services: fork(services.sessions, self._session, seq, services.gate.judge.role)
            )
        except AiexError as error:
            self.say(error)
            return
        self.dismiss(None)
        self.chat.resume(Opening(resumes=made))
