"""The sessions of this workspace: look, search, resume, fork, rename, put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding

from aiex.errors import AiexError, Conflict
from aiex.guard.neutral import neutralise
from aiex.runs.opening import Opening
from aiex.tui.screens.listing import Listing, Row, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widgets import Input

    from aiex.sessions.stores.views import Listed
    from aiex.wiring import Services

_LEAST_SEARCHED_CHARS = 3
_SIGNS = {"done": "✓", "failed": "✗", "interrupted": "!", "working": "●", "new": "·"}


class SessionsView(Listing):
    """Every session of this workspace, the latest first; what is typed is looked for in what was said as well."""

    HEADING = "Sessions of this workspace"
    EMPTY = "there is none yet"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+f", "fork", "fork"),
        Binding("ctrl+t", "timeline", "time line"),
        Binding("ctrl+e", "rename", "rename"),
        Binding("ctrl+x", "archive", "put aside"),
    ]

    def load(self, services: Services) -> Sequence[Row]:
        """The list, and those that hold what was typed."""
        listed = services.sessions.views.listed(root=services.root, archived=False)
        ordered = sorted(listed, key=lambda one: -one.last_ms)
        return [_row(one, services.session) for one in ordered]

    def preview(self, services: Services, row: Row) -> Text:
        """What was said."""
        from aiex.jobs.sessions.showing import show_session

        return Text(shorten(show_session(services.sessions, row.value.id).text))

    def choose(self, row: Row) -> None:
        """Go on with it."""
        self.dismiss(None)
        self.chat.resume(Opening(resumes=row.value.id))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look in what was said as well."""
        super().on_input_changed(event)
        if len(event.value.strip()) >= _LEAST_SEARCHED_CHARS:
            self.run_worker(self._search(event.value), group="search", exclusive=True)

    async def _search(self, question: str) -> None:
        from aiex.jobs.sessions.finding import find_said

        try:
            hits = await self.ask(
                lambda services: find_said(services.sessions, question, root=services.root, kind=None, last=100)
            )
        except AiexError:  # no word to look for
            return
        found = {hit.session: hit.excerpt for hit in reversed(hits.hits)}
        self._rows = [
            row._replace(words=f"{row.words} {question} {found[row.value.id]}") if row.value.id in found else row
            for row in self._rows
        ]
        self._narrow()

    def action_fork(self) -> None:
        """Go on beside it."""
        if (row := self.current) is not None:
            self.dismiss(None)
            self.chat.resume(Opening(resumes=row.value.id, forks=True))

    def action_timeline(self) -> None:
        """Look at everything that happened in it."""
        if (row := self.current) is not None:
            from aiex.tui.screens.timeline import TimelineView

            self.app.push_screen(TimelineView(self.chat, row.value.id))

    def action_rename(self) -> None:
        """Give it a title."""
        if (row := self.current) is not None:
            from aiex.tui.screens.naming import Naming

            session = row.value.id

            def call_it(title: str | None) -> None:
                if title is not None:
                    self.run_worker(self._rename(session, title))

            self.app.push_screen(Naming("title of the session", row.value.title), call_it)

    async def _rename(self, session: str, title: str) -> None:
        from aiex.jobs.sessions.changing import rename

        try:
            await self.ask(lambda services: rename(services.sessions, session, title, services.gate.judge.role))
        except AiexError as error:
            self.say(error)
        self.reload()

    def action_archive(self) -> None:
        """Put it aside; `/restore session ID` fetches it back."""
        if (row := self.current) is not None:
            self.run_worker(self._archive(row.value.id))

    async def _archive(self, session: str) -> None:
        from aiex.jobs.sessions.changing import put_aside

        def do(services: Services) -> str:
            if session == services.session:
                raise Conflict("this session is open here", hint="/new begins another one")
            return put_aside(services.sessions, session, services.gate.judge.role)

        try:
            await self.ask(do)
        except AiexError as error:
            self.say(error)
        self.reload()


def _row(one: Listed, current: str) -> Row:
    from aiex.jobs.sessions.showing import to_time

    name = one.title or one.words or "(nothing was said)"
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{_SIGNS.get(one.state, '·')} ")
    line.append(f"{to_time(one.last_ms)}  ", "dim")
    line.append(neutralise(name.replace("\n", " ")), "bold" if one.id == current else "")
    line.append(f"  {one.turns} turns", "dim")
    if one.state in ("interrupted", "working"):
        line.append(f"  {one.state}", "italic")
    if one.id == current:
        line.append("  open here", "dim")
    return Row(one, line, f"{name} {one.id} {one.model} {one.state}")
