"""Shows what changed in files: seen, put back or worded otherwise, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import OptionList, Static

from aiex.guard.neutral import neutralise, printable_path
from aiex.tui.tasks import OwnTask
from aiex.tui.widgets.diff import DiffView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from aiex.agent.edits.applying import FileChange
    from aiex.events import Event
    from aiex.jobs.revisiting import Changed
    from aiex.tui.diffsheet import Names
    from aiex.tui.hunks import Review
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

REVISITING: Final[Names] = {"open": "", "taken": "seen", "refused": "to be put back"}
"""What the choices are called after something was written."""
_WIDE_CELLS: Final = 130
"""From this width on the list of files is shown beside the changes."""


class DiffScreen(Screen[None]):
    """What changed, and what becomes of it."""

    AUTO_FOCUS = "DiffView"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape,q", "close", "close"),
        Binding("w", "write", "put back what is marked"),
        Binding("v", "seen", "seen, and on"),
        Binding("f", "files", "files"),
    ]

    def __init__(self, chat: Chat, found: Changed, reviews: Sequence[Review]) -> None:
        super().__init__()
        self._chat = chat
        self._found = found
        self.reviews = tuple(reviews)

    def compose(self) -> ComposeResult:
        """The files beside the changes."""
        yield Static(self._heading(), id="heading")
        with Horizontal(id="body"):
            yield OptionList(*map(_name, self.reviews), id="files")
            yield DiffView(self._chat.styles_now, self._chat.syntax, REVISITING, id="what")
        keys = "n/p change · v seen · Space put back · e edit · w write · s side by side · f files · / find · Esc close"
        yield Static(Text(keys, no_wrap=True, overflow="ellipsis"), id="keys")

    def on_mount(self) -> None:
        """Show the changes."""
        self.query_one("#files").display = len(self.reviews) > 1 and self.size.width >= _WIDE_CELLS
        view = self.query_one(DiffView)
        self.call_after_refresh(lambda: view.show(self.reviews))

    def _heading(self) -> Text:
        parts = [part for one in self.reviews for part in one.parts]
        back = sum(part.choice == "refused" for part in parts)
        own = sum(part.own is not None and part.choice != "refused" for part in parts)
        seen = sum(part.choice == "taken" for part in parts)
        counts = [(len(parts), "changes"), (seen, "seen"), (back, "to be put back"), (own, "in your words")]
        told = ", ".join(f"{count} {words}" for count, words in counts if count)
        if self._found.left_out:
            told += f"; not shown: {', '.join(map(printable_path, self._found.left_out))}"
        return Text(f"{neutralise(self._found.title)}: {told}", no_wrap=True, overflow="ellipsis")

    def on_diff_view_chosen(self) -> None:
        """Count again."""
        self.query_one("#heading", Static).update(self._heading())

    def on_diff_view_edit(self, event: DiffView.Edit) -> None:
        """Put a change in other words."""
        from aiex.tui.screens.wording import reword

        reword(self.query_one(DiffView), event.review, event.part)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to a file."""
        view = self.query_one(DiffView)
        view.go_to_file(event.option_index)
        view.focus()
        if self.size.width < _WIDE_CELLS:
            self.query_one("#files").display = False

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_files(self) -> None:
        """Show the list of files, and choose there."""
        files = self.query_one("#files", OptionList)
        if files.has_focus:
            files.display = self.size.width >= _WIDE_CELLS
            self.query_one(DiffView).focus()
        else:
            files.display = True
            files.focus()

    def action_seen(self) -> None:
        """Mark the current change as seen, and go on."""
        view = self.query_one(DiffView)
        if (current := view.current) is not None:
            current[1].choice = "taken"
            self.on_diff_view_chosen()
            view.action_part(1)

    def action_write(self) -> None:
        """Put back what is marked, and write what was edited."""
        from aiex.agent.edits.applying import FileChange
        from aiex.tui.sent import Sent

        modes = {change.path: change.mode for change in self._found.changes}
        changes = tuple(
            FileChange(one.path, one.after, one.result(), modes[one.path])
            for one in self.reviews
            if not one.is_as_wanted
        )
        if not changes:
            self.notify("nothing is marked: Space marks a change to be put back", timeout=3)
            return
        task = OwnTask(
            "put back", lambda services: lambda: _put_back(changes, services), markup="text", converses=False
        )
        self._chat.backstage.send(Sent(task.name, lambda _: task))
        self.dismiss()

    def action_close(self) -> None:
        """Back to the talk."""
        self.dismiss()


def _put_back(changes: Sequence[FileChange], services: Services) -> Iterator[Event]:
    from aiex.jobs.revisiting import put_back
    from aiex.runs.steps import find_step

    names = ", ".join(change.path for change in changes[:3])
    step = find_step(services, f"put back {names}")
    yield from put_back(changes, workspace=services.workspace, gate=services.gate, step=step)


def _name(review: Review) -> Text:
    added, removed = review.counts
    return Text(f"{printable_path(review.path)} +{added} -{removed}", no_wrap=True, overflow="ellipsis")
