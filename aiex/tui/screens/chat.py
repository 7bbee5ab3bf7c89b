"""The talk: transcript, prompt and status, and the way from keys to work and from events to pictures."""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen

from aiex import events as told
from aiex import plugins
from aiex.errors import AiexError
from aiex.tui import sent
from aiex.tui import told as work
from aiex.tui.commands import ROOM
from aiex.tui.desk import Desk
from aiex.tui.fading import FadingDrawer
from aiex.tui.folding import unfold
from aiex.tui.hints import said_here
from aiex.tui.render import render, render_printed
from aiex.tui.stopwatch import Stopwatch
from aiex.tui.story import Story
from aiex.tui.theme import PALETTES, styles_of
from aiex.tui.widgets.panel import Panel
from aiex.tui.widgets.prompt import GivenBack, Prompt
from aiex.tui.widgets.status import Status
from aiex.tui.widgets.transcript import Transcript
from aiex.tui.wishes import to_sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Mapping

    from rich.style import Style
    from textual.app import ComposeResult
    from textual.timer import Timer

    from aiex.events import Event
    from aiex.runs.opening import Opening
    from aiex.tui.app import AiexApp
    from aiex.tui.backstage import Backstage
    from aiex.tui.blocks import Tone
    from aiex.tui.folding import Fold
    from aiex.tui.theme import ThemeName

PANEL_FROM_CELLS = 110
"""Where the screen is as wide, a plan is shown beside the talk."""
WAITS = "waits for you"
"""What goes on while the person is asked; the clock stands."""
HELD_S = 0.2
"""So often it is looked whether another process still has the file of sessions."""
LEAVE_S = 2.0
"""Two Ctrl-C within so long leave."""


class Chat(Screen[None]):
    """What is seen most of the time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]  # noqa: RUF012  (Textual reads it from the class)
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+c", "stop", "stop, twice: leave", priority=True, show=False),
        Binding("escape", "interrupt", "stop", show=False),
        Binding("ctrl+r", "command('history')", "what was typed before", show=False),
        Binding("ctrl+g", "command('edit')", "external editor", show=False),
        Binding("f3", "command('sessions')", "sessions", show=False),
        Binding("f1", "command('keys')", "help", show=False),
        Binding("f2", "command('palette')", "find anything that can be done", show=False),
        Binding("f4", "command('files')", "files", show=False),
        Binding("shift+tab", "command('mode')", "next permission mode", show=False),
        Binding("f9", "command('panel')", "plan, background jobs, checks, files", show=False),
        Binding("f8", "command('settings')", "settings", show=False),
        Binding("f5", "command('diff')", "what the last turn changed", show=False),
        Binding("f6", "command('window')", "what fills the window", show=False),
        Binding("f7", "command('model')", "models", show=False),
        Binding("ctrl+d", "leave", "leave", show=False),
        Binding("ctrl+z", "app.suspend_process", "suspend", priority=True, show=False),
        Binding("ctrl+f", "command('search')", "search the talk", show=False),
        Binding("ctrl+o", "command('fold')", "open or fold everything", show=False),
        Binding("pageup", "page(-1)", "a page up in the talk", show=False, priority=True),
        Binding("pagedown", "page(1)", "a page down in the talk", show=False, priority=True),
        Binding("ctrl+home", "talk_begin", "the begin of the talk", show=False, priority=True),
        Binding("ctrl+end", "talk_end", "the end of the talk", show=False, priority=True),
        Binding("ctrl+t", "read", "read the talk with keys", show=False),
    ]

    def __init__(self, behind: Backstage, theme: ThemeName) -> None:
        super().__init__()
        self.backstage = behind
        self.story = Story()
        self.desk = Desk()
        self._desk_is_new = False
        self._wants_panel: bool | None = None
        """What the person said last; None when nothing."""
        self.is_busy = False
        self._watch = Stopwatch()
        self._doing = ""
        """What went on before the person was asked."""
        self._root = ""
        self._notify_after_s = 0.0
        self._has_failed = False
        self._stopped_s = float("-inf")
        self._ticking: Timer | None = None
        self._theme_name: ThemeName = theme

    @property
    def aiex(self) -> AiexApp:
        """The program."""
        return cast("AiexApp", self.app)

    def compose(self) -> ComposeResult:
        """The talk above, the prompt below it, and one line of status."""
        with Horizontal(id="talk"):
            yield Transcript(self.story, self._drawer(), id="transcript")
            yield Panel(styles_of(self._theme_name), id="panel")
        yield Prompt(id="prompt")
        yield Status(styles_of(self._theme_name), id="status")

    def on_mount(self) -> None:
        """The person can type at once."""
        self.prompt.focus()
        self.panel.display = False

    @property
    def transcript(self) -> Transcript:
        """The talk."""
        return self.query_one("#transcript", Transcript)

    @property
    def panel(self) -> Panel:
        """What lies open, beside the talk."""
        return self.query_one("#panel", Panel)

    @property
    def prompt(self) -> Prompt:
        """Where wishes are typed."""
        return self.query_one("#prompt", Prompt)

    @property
    def status(self) -> Status:
        """The line at the bottom."""
        return self.query_one("#status", Status)

    @property
    def styles_now(self) -> Mapping[str, Style]:
        """How each role looks in the theme that is shown."""
        return styles_of(self._theme_name)

    @property
    def syntax(self) -> str:
        """The style of Pygments that goes with it."""
        return PALETTES[self._theme_name].syntax

    def use_theme(self, name: ThemeName) -> None:
        """Draw everything in other colours."""
        self._theme_name = name
        self.transcript.redraw(self._drawer())
        self.status.show(styles_of(name))
        self.panel.show(self.desk, styles_of(name))

    def toggle_panel(self) -> None:
        """Show or hide what lies open."""
        self._wants_panel = not self.panel.display
        self.panel.display = self._wants_panel
        self.query_one("#talk").set_class(self._wants_panel, "-beside")
        self.panel.show(self.desk)

    def _lay_out(self) -> None:
        """Show the panel by itself where there is a plan and room for it, until the person says otherwise."""
        if self._wants_panel is None and self.desk.items and self.size.width >= PANEL_FROM_CELLS:
            self.panel.display = True
        if self.panel.display:
            self.panel.show(self.desk)

    def _drawer(self) -> FadingDrawer:
        return FadingDrawer(styles_of(self._theme_name), PALETTES[self._theme_name].syntax)

    # --- from the work ------------------------------------------------------------------------------------------------

    def take(self, items: list[Event | work.Told]) -> None:
        """Show what came over the bus, in one picture."""
        self._desk_is_new = False
        for item in items:
            self._take(item)
        if self._desk_is_new:
            self._lay_out()
        self.transcript.update()

    def _take(self, item: Event | work.Told) -> None:
        match item:
            case work.Ready(root, model, mode, session, notify_after_s=notify_after_s):
                self._root, self._notify_after_s = root, notify_after_s
                self.status.show(model=model, mode=mode, session=session)
                self._tell_title()
                self.prompt.begin(self.aiex.host, self.backstage)
            case work.History(recorded, is_whole):
                self.story = self.transcript.tell(recorded, is_whole=is_whole)
                self.prompt.retell(recorded)
                self.status.show(tokens=None, cost_usd=None)
            case work.Earlier(recorded):
                self.transcript.tell_before(recorded)
            case work.Stands(standing):
                self.story.stand(standing.gone)
                self.desk.stand(standing)
                self.status.show(tokens=standing.tokens, cost_usd=standing.cost_usd)
                self._desk_is_new = True
            case work.Began(name):
                self._begin(name)
            case work.Idle(waiting):
                self._end(waiting)
            case work.Queued(_, waiting):
                self.status.show(waiting=waiting)
            case work.Printed(name, ended, markup):
                render_printed(self.story, name, ended, markup)
            case work.Unable(message, hint):
                self.story.note(message, "error", said_here(hint))
            case work.Held():
                self._watch_hold(self.status.glance.doing)
            case work.ApprovalWanted() | work.AnswerWanted() | work.Withdrawn():
                self.aiex.take_question(item)
                self._tell_question(item)
            case _:
                self._desk_is_new = self.desk.take(item) or self._desk_is_new
                self._glance(item)
                self.prompt.follow(item)
                render(self.story, item)

    def _glance(self, event: Event) -> None:
        """What an event says for the line of status."""
        match event:
            case told.ToolStarted(name=name):
                self.status.show(doing=name, progress=None)
            case told.Started():
                self.status.show(doing="thinking", progress=None)
            case told.TextDelta():
                self.status.show(doing="answering", progress=None)
            case told.Waiting(provider=provider, silent_s=silent_s):
                self.status.show(doing=f"{provider} has been silent for {silent_s:.0f} s")
            case told.Retrying(wait_s=wait_s) if wait_s >= 1:
                self.status.show(doing=f"waits {wait_s:.0f} s to ask again")
            case told.Progressed(label=label, done=done, total=total):
                self.status.show(doing=label, progress=(done, total))
            case told.TurnEnded(status=status, usage=usage, total_cost_usd=cost):
                self._has_failed = status != "success"
                used = (usage.input_tokens or 0) + (usage.output_tokens or 0)
                before = self.status.glance
                self.status.show(
                    tokens=(before.tokens or 0) + used,
                    cost_usd=before.cost_usd if cost is None else (before.cost_usd or 0) + cost,
                )
            case _:
                pass

    def _tell_title(self, what: str = "") -> None:
        self.aiex.herald.show("works" if what else "rests", self._root, what)

    def _tell_question(self, question: work.ApprovalWanted | work.AnswerWanted | work.Withdrawn) -> None:
        """Somebody who waits for an answer calls the person as well, where work went on for long before."""
        if isinstance(question, work.Withdrawn):
            self._watch.close(question.number)
            if not self._watch.stands:
                self._tell_title("goes on" if self.is_busy else "")
                self.status.show(doing=self._doing if self.is_busy else "", for_s=self._watch.elapsed_s)
            return
        if not self._watch.stands:
            self._doing = self.status.glance.doing
        self._watch.ask(question.number)
        self.status.show(doing=WAITS, for_s=None)
        self.aiex.herald.show("asks", self._root, "waits for an answer")
        if 0 < self._notify_after_s <= self._watch.elapsed_s:
            self.aiex.herald.call("waits for an answer")

    def _begin(self, name: str) -> None:
        self.is_busy, self._has_failed = True, False
        self._watch.start()
        self.status.show(doing=name, for_s=0.0)
        self._tell_title(name)
        if self._ticking is None:
            self._ticking = self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        if not self._watch.stands:
            self.status.show(for_s=self._watch.elapsed_s)

    def _watch_hold(self, before: str, said: str = "") -> None:
        """Say that another process has the file, as long as it has; `before` was said before it."""
        if held_up := self.backstage.held_up:
            self.status.show(doing=held_up)
            self.set_timer(HELD_S, lambda: self._watch_hold(before, held_up))
        elif said and self.status.glance.doing == said:
            self.status.show(doing=before if self.is_busy else "")

    def _end(self, waiting: int) -> None:
        self.is_busy = False
        if self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        self.status.show(doing="", progress=None, for_s=0.0, waiting=waiting)
        self._tell_title()
        took_s = self._watch.elapsed_s
        if not waiting and 0 < self._notify_after_s <= took_s:
            self.aiex.herald.call(f"{'failed' if self._has_failed else 'done'} after {took_s:.0f} s")
        self.prompt.suggest()

    # --- to the work --------------------------------------------------------------------------------------------------

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        """A wish, `/command` or `!shell`."""
        self.submit(message.text, message.folds)

    def submit(self, text: str, folds: Mapping[str, Fold] | None = None) -> None:
        """Do what was typed; `folds` are the tokens in it."""
        folds = folds or {}
        line = unfold(text, folds).strip()
        if line.startswith("/") and not line.startswith("//"):
            self.command(line[1:])
        elif line.startswith("!"):
            self._send(text, ["run", "sandbox", "--", "bash", "-c", line[1:].strip()])
        else:
            self.transcript.action_end()
            self.backstage.send(to_sent(text, folds, self._give_back))

    def command(self, line: str) -> None:
        """Do what stands behind a slash: a command of the screen, or one of the command line."""
        name, _, rest = line.strip().partition(" ")
        name = "timeline" if (name, rest) == ("rewind", "") else name  # alone it asks where to
        if name in plugins.names(ROOM):
            with self._telling():
                done = plugins.load(ROOM, name).COMMAND.run(self, rest.strip())
                if asyncio.iscoroutine(done):
                    self.run_worker(self._finish(done), exit_on_error=True)
            return
        try:
            words = shlex.split(line)
        except ValueError as error:
            self.tell(f"cannot read /{line}: {error}", "error")
            return
        self._send(f"/{line}", words)

    async def _finish(self, command: Awaitable[None]) -> None:
        with self._telling():
            await command

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """A block whose failure is told in the talk."""
        try:
            yield
        except AiexError as error:
            self.tell(error.message, "error", error.hint)

    def _send(self, text: str, words: list[str]) -> None:
        self.transcript.action_end()
        self.backstage.send(sent.command(self.aiex.host, text, words, self._give_back))

    def _give_back(self, text: str) -> None:
        """From the thread of the work: what was typed is refused."""
        self.prompt.post_message(GivenBack(text))

    def close_views(self) -> None:
        """Bring the talk to the front."""
        for screen in reversed(self.app.screen_stack):
            if screen is self:
                return
            screen.dismiss(None)

    def resume(self, opening: Opening) -> None:
        """Leave this session and go on with another."""
        self.backstage.switch(opening)

    async def change(self, changes: Mapping[str, object]) -> None:
        """Go on with other settings. Raises AiexError where they are wrong."""
        await asyncio.wrap_future(self.backstage.change(changes))

    def tell(self, text: str, tone: Tone = "note", detail: str = "") -> None:
        """Put a line into the talk that is kept nowhere."""
        self.story.note(text, tone, detail)
        self.transcript.update()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_command(self, line: str) -> None:
        """Do what `/line` does."""
        self.command(line)

    def action_interrupt(self) -> None:
        """Stop what runs."""
        if self.is_busy or self.backstage.held_up:
            self.backstage.interrupt()

    def action_stop(self) -> None:
        """Stop what runs, else empty the prompt; again within two seconds it leaves."""
        now = time.monotonic()
        if now - self._stopped_s < LEAVE_S:
            self.app.exit(130 if self.is_busy else 0)
            return
        self._stopped_s = now
        if self.is_busy or self.backstage.held_up:
            self.backstage.interrupt()
        elif self.prompt.text:
            self.prompt.clear()
        self.notify("Ctrl-C again leaves", timeout=LEAVE_S)

    def action_page(self, pages: int) -> None:
        """Move the talk by pages."""
        self.transcript.action_page(pages)

    def action_talk_begin(self) -> None:
        """Show the begin of the talk."""
        self.transcript.action_begin()

    def action_talk_end(self) -> None:
        """Show the end of the talk, and follow it."""
        self.transcript.action_end()

    def action_read(self) -> None:
        """Give the keys to the talk; Escape gives them back."""
        self.transcript.focus()

    def action_leave(self) -> None:
        """Leave, where nothing is typed."""
        if not self.prompt.text:
            self.app.exit(0)
