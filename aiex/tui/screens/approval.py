"""Asks a person whether something may happen: what exactly, which rule asks, and what each answer writes.

Of an edit the person sees the changes, and may take some of them only, or word one otherwise.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from aiex.agent.kit import Verdict
from aiex.errors import AiexError
from aiex.guard.neutral import neutralise
from aiex.tui.hunks import review, to_after
from aiex.tui.screens.dialog import Dialog, Options
from aiex.tui.widgets.diff import DiffView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from aiex.agent.kit import ApprovalRequest
    from aiex.guard.policy.offers import Offer
    from aiex.tui.hunks import Review
    from aiex.wiring import Services

_UNTIL = {"once": "this time", "session": "in this session", "project": "in this project", "user": "for good"}
_LETTERS = {"once": "y", "session": "a"}
_NO, _WHY = "no", "why"


class Approval(Dialog["Verdict | None"]):
    """Gives what the person says; None for no."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape", "refuse", "no"),
        Binding("n", "refuse", "no", show=False),
        Binding("y", "scope('once')", "this time", show=False),
        Binding("a", "scope('session')", "in this session", show=False),
        Binding("w", "say_why", "no, and why", show=False),
        Binding("pagedown", "scroll(1)", show=False),
        Binding("pageup", "scroll(-1)", show=False),
        Binding("right", "diff('part', 1)", "next change", show=False),
        Binding("left", "diff('part', -1)", "previous change", show=False),
        Binding("space", "diff('choose')", "take or refuse a change", show=False),
        Binding("x", "diff('choose_file')", "take or refuse a file", show=False),
        Binding("e", "diff('edit')", "edit a change", show=False),
        Binding("s", "diff('split')", "side by side", show=False),
        *(Binding(str(number), f"answer({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, request: ApprovalRequest) -> None:
        super().__init__()
        self.request = request
        self.reviews: tuple[Review, ...] = ()
        self.is_loaded = not request.changes
        """Whether the changes of an edit are shown."""

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.request.title

    def compose(self) -> ComposeResult:
        """What would happen, the rule, and the answers."""
        one = self.request
        with Vertical(classes="dialog editing" if one.changes else "dialog asking"):
            yield Static(self._title(), id="title")
            if one.changes:
                yield DiffView(self.aiex.chat.styles_now, self.aiex.chat.syntax, id="what")
                yield Static(self._facts(), id="facts")
            else:
                with VerticalScroll(id="what", can_focus=False):
                    yield Static(Text(neutralise(_describe_action(one))))
                    yield Static(self._facts(), id="facts")
            yield Options(*self._answers(), id="answers")
            yield Input(placeholder="why not; the model is told", id="why")
            yield Static(self._keys(), id="keys")

    def on_mount(self) -> None:
        """Find what differs, and what a command may touch, beside the picture."""
        super().on_mount()
        self.query_one("#why").display = False
        if self.request.changes:
            self.run_worker(self._load(), exit_on_error=True)
        elif self.request.action.kind == "command":
            self.run_worker(self._look_up(), exit_on_error=False)

    async def _load(self) -> None:
        self.reviews = await asyncio.to_thread(review, self.request.changes)
        self.query_one(DiffView).show(self.reviews)
        self.is_loaded = True
        self._say_facts()

    async def _look_up(self) -> None:
        try:
            touches = await asyncio.wrap_future(self.aiex.backstage.ask(_bounds_of))
        except AiexError:
            return
        self._say_facts(touches)

    # --- words --------------------------------------------------------------------------------------------------------

    def _title(self) -> Text:
        more = f"  (and {self.waiting} more to answer)" if self.waiting else ""
        if self.request.action.kind == "command":
            return Text(f"May this command run?{more}", self.aiex.chat.styles_now["bold"])
        title = " ".join(neutralise(self.request.title).split())
        return Text.assemble("May this happen? ", (title, self.aiex.chat.styles_now["bold"]), more)

    def _facts(self, touches: str = "") -> Text:
        one = self.request.decision
        reason = f", {one.reason}" if one.reason else ""
        lines = [f"asks: {one.rule} ({one.scope}{reason})"]
        if self.request.action.kind == "command":
            place = self.request.action.detail.get("cwd", "the workspace")
            isolation = self.request.action.detail.get("isolation", "")
            lines.append(f"runs in {place}{f', {isolation}' if isolation else ''}{f'; {touches}' if touches else ''}")
        if self.reviews and (chosen := self._chosen()):
            lines.insert(0, chosen)
        return Text(neutralise("\n".join(lines)), self.aiex.chat.styles_now["muted"])

    def _chosen(self) -> str:
        """What a yes would write, where that is not all of it."""
        if to_after(self.reviews) is None:
            return ""
        parts = [part for one in self.reviews for part in one.parts]
        taken = sum(part.choice != "refused" for part in parts)
        own = sum(part.own is not None and part.choice != "refused" for part in parts)
        words = f", {own} in your words" if own else ""
        return f"! a yes writes {taken} of {len(parts)} changes{words}"

    def _say_facts(self, touches: str = "") -> None:
        self.query_one("#facts", Static).update(self._facts(touches))

    def _answers(self) -> list[Text]:
        """The narrowest first; then no, and no with words."""
        letters = dict(_LETTERS)
        rows = [(letters.pop(offer.scope, ""), _describe(offer)) for offer in self.request.offers]
        rows += [("n", "no"), ("w", "no, and tell the model why")]
        return [
            Text(f"{number if number < 10 else ' '} {letter:1}  {neutralise(words)}", overflow="fold")
            for number, (letter, words) in enumerate(rows, 1)
        ]

    def _keys(self, *, in_changes: bool = False) -> Text:
        keys = "y once · n or Esc no · w no, and why"
        if any(offer.scope == "session" for offer in self.request.offers):
            keys = keys.replace("once", "once · a always in this session")
        if self.request.changes:
            keys = "Space take/refuse · e edit · ←→ changes · Tab into the changes · s side by side · Esc no"
        if in_changes:
            keys = "Tab to the answers · n/p change · Space take/refuse · x file · e edit · o unfold · / find · Esc no"
        return Text(keys, no_wrap=True, overflow="ellipsis")

    # --- keys ---------------------------------------------------------------------------------------------------------

    def give_focus(self) -> None:
        """To the answers, the narrowest of them."""
        answers = self.query_one(Options)
        answers.highlighted = 0
        answers.focus()

    def note_waiting(self, count: int) -> None:
        """So many questions are behind this one now."""
        super().note_waiting(count)
        if self.is_mounted:
            self.query_one("#title", Static).update(self._title())

    def on_option_list_option_selected(self, event: Options.OptionSelected) -> None:
        """An answer was chosen."""
        self.action_answer(event.option_index + 1)

    def action_answer(self, number: int) -> None:
        """Give an answer by its number."""
        offers = self.request.offers
        if not self.takes_keys or number > len(offers) + 2:
            return
        if number <= len(offers):
            self._agree(offers[number - 1])
        elif number == len(offers) + 1:
            self.action_refuse()
        else:
            self.action_say_why()

    def action_scope(self, scope: str) -> None:
        """Give the narrowest answer that counts so long."""
        offer = next((one for one in self.request.offers if one.scope == scope), None)
        if offer is not None:
            self._agree(offer)

    def _agree(self, offer: Offer) -> None:
        if not self.is_loaded:
            self.notify("the changes are not shown yet", timeout=2)
            return
        after = to_after(self.reviews)
        if after is not None and not after:
            self.notify("every change is refused: say no, or take one with Space", timeout=4)
            return
        self.dismiss(Verdict(offer, after=after))

    def action_refuse(self) -> None:
        """Say no; out of the line for words, back to the answers."""
        why = self.query_one("#why", Input)
        if why.has_focus:
            why.display = False
            self.give_focus()
        else:
            self.dismiss(None)

    def action_say_why(self) -> None:
        """Say no in words."""
        why = self.query_one("#why", Input)
        why.display = True
        why.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The words of a no."""
        self.dismiss(Verdict(None, words=event.value))

    def action_scroll(self, by: int) -> None:
        """See more of what would happen."""
        what = self.query_one("#what")
        what.scroll_relative(y=by * max(what.size.height - 1, 1), animate=False)

    # --- changes ------------------------------------------------------------------------------------------------------

    def action_diff(self, name: str, *numbers: int) -> None:
        """Do in the changes what a key does there."""
        for view in self.query(DiffView):
            getattr(view, f"action_{name}")(*numbers)

    def on_descendant_focus(self) -> None:
        """Name the keys that count where the person is."""
        self.query_one("#keys", Static).update(self._keys(in_changes=isinstance(self.focused, DiffView)))

    def on_diff_view_chosen(self) -> None:
        """Say what a yes writes now."""
        self._say_facts()

    def on_diff_view_edit(self, event: DiffView.Edit) -> None:
        """Let the person put a change in other words."""
        from aiex.tui.screens.wording import reword

        reword(self.query_one(DiffView), event.review, event.part)


def _describe_action(request: ApprovalRequest) -> str:
    """All of what would happen, nothing cut."""
    if request.action.kind == "command":
        return request.action.subject
    return request.preview or f"{request.action.kind} {request.action.subject}"


def _describe(offer: Offer) -> str:
    rules = f", writes the rule: {'; '.join(offer.rules)}" if offer.rules else ""
    return f"yes, {_UNTIL.get(offer.scope, offer.scope)}{rules}"


def _bounds_of(services: Services) -> str:
    """What a command may touch, in words."""
    sandbox = services.bounds().sandbox
    writes = ", ".join("the workspace" if path == sandbox.root else path for path in sandbox.writable) or "nothing"
    return f"may write {writes}; network: {', '.join(sandbox.domains) or 'none'}"
