"""The sessions of this workspace: look, search, resume, fork, rename, put aside and fetch back."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from textual.binding import Binding

from aiex.errors import AiexError, Conflict
from aiex.runs.opening import Opening
from aiex.tui.screens.listing import Leaf, Listing, Row, to_leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiex.sessions.stores.views import Listed
    from aiex.tui.host import Host
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

T = TypeVar("T")
_LEAST_SEARCHED_CHARS: Final = 3
_SEARCH_S: Final = 0.15
"""So long nothing is typed before one looks in what was said."""
_MOST_HITS: Final = 100
_LAST_EVENTS: Final = 200
"""Of a session so many are looked at."""
_SIGNS: Final = {
    "done": ("✓", "good"), "failed": ("✗", "error"), "interrupted": ("!", "warning"), "working": ("●", "accent"),
    "died": ("!", "error"), "new": ("·", "muted"),
}  # fmt: skip


class SessionsView(Listing):
    """Every session of this workspace, the latest first; what is typed is looked for in what was said as well."""

    HEADING = "Sessions of this workspace"
    EMPTY = "there is none yet"
    ENTER = "go on with it"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+f", "fork", "fork"),
        Binding("ctrl+t", "timeline", "time line"),
        Binding("ctrl+e", "rename", "rename"),
        Binding("ctrl+x", "archive", "put aside"),
        Binding("ctrl+a", "aside", "aside"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self._is_aside = False
        """Whether those are shown that were put aside."""
        self._said: dict[str, str] = {}
        """Session → where what is typed was said in it."""
        self._listed: list[Listed] = []

    async def fetch(self) -> None:
        """Fetch the rows; what other processes did since is read beside the work, which goes on meanwhile."""
        try:
            self._listed = await asyncio.to_thread(_beside, self.aiex.host, partial(_list, archived=self._is_aside))
        except AiexError as error:
            self._listed = []
            self.say(error)
        await super().fetch()

    @property
    def heading(self) -> str:
        """Which sessions they are."""
        return "Sessions that were put aside" if self._is_aside else self.HEADING

    @property
    def empty(self) -> str:
        """That there is none of them."""
        return "there is none" if self._is_aside else self.EMPTY

    def load(self, services: Services) -> Iterator[Row]:
        """The list."""
        if not self._listed:
            return
        dead = services.sessions.dead()
        for one in self._listed:
            yield _row(one, services.session, is_dead=one.id in dead)

    def match(self, rows: Sequence[Row]) -> list[Row]:
        """Those whose name has the words, and those in which they were said."""
        fitting = {row.value.id for row in super().match(rows)}
        return [
            row._replace(pieces=(*row.pieces, ("  … ", "muted"), (self._said[row.value.id], "slant")))
            if row.value.id in self._said
            else row
            for row in rows
            if row.value.id in fitting or row.value.id in self._said
        ]

    def search(self, words: str) -> None:
        """Look in what was said."""
        self._said = {}
        self.begin(partial(self._search, words), "search")

    async def _search(self, question: str) -> None:
        from aiex.jobs.sessions.finding import find_said

        await asyncio.sleep(_SEARCH_S)
        if len(question) < _LEAST_SEARCHED_CHARS:
            return
        try:
            hits = await asyncio.to_thread(
                _beside,
                self.aiex.host,
                lambda services: find_said(services.sessions, question, root=services.root, kind=None, last=_MOST_HITS),
            )
        except AiexError:  # no word to look for
            return
        self._said = {hit.session: " ".join(hit.excerpt.split()) for hit in reversed(hits.hits)}
        if self._said:
            self.narrow(self.in_sight.at)

    def preview(self, services: Services, row: Row) -> Leaf:
        """The last of what was said and done."""
        from aiex.sessions.transcript import to_entries

        one: Listed = row.value
        log = services.sessions.log
        lines = [
            f"{one.id}",
            f"{one.provider}/{one.model}, {one.turns} turns, {one.files} files, ${one.cost_usd:.4f}",
            "",
        ]
        for entry in to_entries(log.read(one.id, after_seq=max(0, one.seq - _LAST_EVENTS))):
            if entry.kind == "user":
                lines += [f"> {entry.body}", ""]
            elif entry.kind == "assistant":
                lines += [entry.body, ""]
            elif entry.kind in ("call", "failed"):
                lines += [f"· {entry.head}", ""]
        return to_leaf("\n".join(lines))

    def choose(self, row: Row) -> None:
        """Go on with it; one that was put aside is fetched back first."""
        if row.value.id == self.chat.status.glance.session:
            self.dismiss(None)
        elif self._is_aside:
            self.run_worker(self._fetch_back(row.value.id, goes_on=True))
        else:
            self._resume(Opening(resumes=row.value.id))

    def _resume(self, opening: Opening) -> None:
        self.dismiss(None)
        self.chat.resume(opening)

    def action_fork(self) -> None:
        """Go on beside it."""
        if (row := self.current) is not None:
            self._resume(Opening(resumes=row.value.id, forks=True))

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

            self.app.push_screen(Naming("Title of the session", row.value.title), call_it)

    async def _rename(self, session: str, title: str) -> None:
        from aiex.jobs.sessions.changing import rename

        try:
            await self.do(lambda services: rename(services.sessions, session, title, services.gate.judge.role))
        except AiexError as error:
            self.say(error)
        self.reload()

    def action_aside(self) -> None:
        """Show those that were put aside, or the others again."""
        self._is_aside = not self._is_aside
        self.reload()

    def action_archive(self) -> None:
        """Put it aside, or fetch it back."""
        if (row := self.current) is not None:
            self.run_worker(self._fetch_back(row.value.id) if self._is_aside else self._archive(row.value.id))

    async def _archive(self, session: str) -> None:
        from aiex.jobs.sessions.changing import put_aside

        def do(services: Services) -> str:
            if session == services.session:
                raise Conflict("this session is open here", hint="/new begins another one")
            return put_aside(services.sessions, session, services.gate.judge.role)

        try:
            await self.do(do)
        except AiexError as error:
            self.say(error)
        else:
            self.notify("put aside: Ctrl-A shows those, Ctrl-X there fetches it back", markup=False)
        self.reload()

    async def _fetch_back(self, session: str, *, goes_on: bool = False) -> None:
        from aiex.jobs.sessions.changing import fetch_back

        try:
            await self.do(lambda services: fetch_back(services.sessions, session, services.gate.judge.role))
        except AiexError as error:
            self.say(error)
        else:
            if goes_on:
                self._resume(Opening(resumes=session))
                return
        self.reload()


def _beside(host: Host, work: Callable[[Services], T]) -> T:
    """What a function gives with services of its own: with thousands of sessions made elsewhere it takes seconds."""
    services = host.open({})
    try:
        return work(services)
    finally:
        services.close()


def _list(services: Services, *, archived: bool) -> list[Listed]:
    """The sessions of the workspace, the last used first."""
    if not services.sessions.exist:
        return []
    return services.sessions.views.listed(root=services.root, archived=archived)


def _row(one: Listed, current: str, *, is_dead: bool) -> Row:
    from aiex.jobs.sessions.showing import to_time

    name = " ".join((one.title or one.words or "(nothing was said)").split())
    is_current = one.id == current
    state = "died" if is_dead and not is_current else one.state
    sign, role = _SIGNS.get(state, _SIGNS["new"])
    notes = [f"{one.turns} turn{'s' if one.turns != 1 else ''}"]
    if is_current:
        notes.append("open here")
    elif state == "died":
        notes.append("its process died: Enter takes it up")
    elif state == "interrupted":
        notes.append("its last turn was cut off")
    elif state in ("working", "failed"):
        notes.append(state)
    pieces = (
        (f"{sign} ", role),
        (f"{to_time(one.last_ms)[:16]}  ", "muted"),
        (name, "bold" if is_current else "text"),
        (f"  {', '.join(notes)}", "error" if state == "died" else "muted"),
    )
    return Row(one, pieces, f"{name} {one.id} {one.provider}/{one.model} {' '.join(notes)}".casefold())
