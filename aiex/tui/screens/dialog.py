"""What the dialogs have in common that a person has not called for: keys count only when the person has seen them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final, TypeVar, cast

from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, TextArea

if TYPE_CHECKING:
    from textual import events
    from textual.messages import Prune
    from textual.timer import Timer

    from aiex.tui.app import AiexApp

T = TypeVar("T")
HOLD_S: Final = 0.3
"""So long nothing may have been typed before keys answer: what comes faster was meant for something else."""


class Options(OptionList, inherit_bindings=False):
    """Answers to choose from; keys that scroll are left to what is above it."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("up", "cursor_up", show=False),
        Binding("down", "cursor_down", show=False),
        Binding("enter", "select", show=False),
    ]


class Dialog(ModalScreen[T]):
    """Asks something in the middle of other work. What is typed as it comes up goes on to where it was typed.

    That a subclass has all that is abstract, the type checker sees: Textual's classes have a metaclass of their own.
    """

    AUTO_FOCUS = ""
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012  (Textual reads it from the class)
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+c", "interrupt", "stop", priority=True, show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.takes_keys = False
        """Whether keys answer by now."""
        self.waiting = 0
        """Questions behind this one."""
        self._hold: Timer | None = None

    @property
    @abstractmethod
    def subject(self) -> str:
        """What it is about."""

    @property
    def aiex(self) -> AiexApp:
        """The program."""
        return cast("AiexApp", self.app)

    def on_mount(self) -> None:
        """Keys count a little after the first picture."""
        self.call_after_refresh(self._begin_hold)

    async def on_prune(self, event: Prune) -> None:
        """It closes: what was begun goes no further, before the parts go that it would look for."""
        self.workers.cancel_node(self)

    def _begin_hold(self) -> None:
        if self._hold is not None:
            self._hold.stop()
        self._hold = self.set_timer(HOLD_S, self._open)

    def _open(self) -> None:
        self.takes_keys = True
        self.give_focus()

    @abstractmethod
    def give_focus(self) -> None:
        """Bring the keys to where they answer."""

    def note_waiting(self, count: int) -> None:
        """So many questions are behind this one now."""
        self.waiting = count

    def on_key(self, event: events.Key) -> None:
        """Before keys count they belong to what the person was typing."""
        if self.takes_keys:
            return
        event.stop()
        event.prevent_default()
        if event.is_printable and event.character:
            self._pass_on(event.character)
        if self._hold is not None:
            self._begin_hold()

    def on_paste(self, event: events.Paste) -> None:
        """The same of what is pasted."""
        if not self.takes_keys:
            event.stop()
            self.aiex.chat.prompt.paste(event.text)

    def _pass_on(self, text: str) -> None:
        """Put text into what the person was typing in."""
        beneath = self.app.screen_stack[-2].focused
        if isinstance(beneath, TextArea):
            beneath.insert(text)
        elif isinstance(beneath, Input):
            beneath.insert_text_at_cursor(text)

    def action_interrupt(self) -> None:
        """Stop the turn that asks."""
        self.aiex.backstage.interrupt()
