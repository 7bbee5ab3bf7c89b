"""Everything that happened in a session, as a time line of talk and files: go back to any place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.binding import Binding

from aiex.runs.opening import Opening
from aiex.tui.screens.listing import Leaf, Listing, Row, to_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.sessions.transcript import Entry
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_SIGNS: Final = {"user": ">", "assistant": "●", "call": "○", "result": "✓", "failed": "✗", "note": "·", "thought": "…"}
_HEAD_CHARS: Final = 200


class TimelineView(Listing):
    """What happened in one session, the latest last and marked."""

    HEADING = "Time line"
    EMPTY = "nothing has happened yet"
    ENTER = "go back to it, files and talk"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+f", "files", "files only"),
        Binding("ctrl+t", "talk", "talk only"),
        Binding("ctrl+n", "fork", "fork from here"),
    ]

    def __init__(self, chat: Chat, session: str) -> None:
        super().__init__(chat)
        self._session = session
        self._has_marked = False

    def load(self, services: Services) -> Iterator[Row]:
        """What a reader cares for; what was taken back says so."""
        from aiex.sessions.transcript import to_entries

        chat = services.sessions.state(self._session).chat
        gone = {node.seq for node in chat.nodes} - {node.seq for node in chat.path()}
        for entry in to_entries(services.sessions.log.read(self._session)):
            if entry.kind != "picture":
                yield _row(entry, is_gone=entry.seq in gone)

    def loaded(self) -> None:
        """The latest is what one comes from."""
        if not self._has_marked:
            self._has_marked = True
            self.in_sight.mark(len(self.found) - 1)
            self.call_after_refresh(self.in_sight.mark, len(self.found) - 1)

    def narrow(self, at: int = 0) -> None:
        """The latest of what fits is marked."""
        super().narrow(at or 10**9)

    def preview(self, services: Services, row: Row) -> Leaf:
        """All of it."""
        return to_leaf(f"{row.value.head}\n\n{row.value.body}")

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
        self.chat.close_views()
        self.chat.command(f"rewind session {self._session} --to {seq}{only}")

    def action_fork(self) -> None:
        """Go on from there in a copy."""
        if (row := self.current) is not None:
            self.run_worker(self._fork(row.value.seq))

    async def _fork(self, seq: int) -> None:
        from aiex.errors import AiexError
        from aiex.jobs.sessions.changing import fork

        try:
            made = await self.do(lambda services: fork(services.sessions, self._session, seq, services.gate.judge.role))
        except AiexError as error:
            self.say(error)
            return
        self.chat.close_views()
        self.chat.resume(Opening(resumes=made))


def _row(entry: Entry, *, is_gone: bool) -> Row:
    from aiex.jobs.sessions.showing import to_time

    body = " ".join(entry.body[:_HEAD_CHARS].split())
    shows_body = bool(body) and entry.kind in ("user", "assistant")
    role = "muted" if is_gone or entry.kind not in ("user", "assistant") else "text"
    head = body if entry.kind == "user" else f"{entry.head}: {body}" if shows_body else entry.head
    pieces = (
        (f"{entry.seq:>5} {to_time(entry.at_ms)[-8:]} ", "muted"),
        (f"{_SIGNS.get(entry.kind, '·')} ", "accent" if entry.kind == "user" and not is_gone else "muted"),
        ("(taken back) " if is_gone else "", "muted"),
        (head, "bold" if entry.kind == "user" and not is_gone else role),
    )
    return Row(entry, pieces, f"{entry.seq} {entry.kind} {entry.head} {body}".casefold())
