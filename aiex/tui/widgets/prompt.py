"""The prompt: where wishes are typed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.binding import Binding
from textual.cache import LRUCache
from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from aiex.events import TurnEnded, UserSpoke
from aiex.guard.neutral import neutralise
from aiex.tui.acquainting import Prepared, learn_window, prepare
from aiex.tui.aside import Aside
from aiex.tui.folding import Folds, token_at
from aiex.tui.guide import Guide, MoreKnown, Offered
from aiex.tui.recall import Typed, Walk
from aiex.tui.suggestion import Outlook

if "tree_sitter" in sys.modules:
    from textual.widgets import TextArea
else:  # it would be loaded for the colours of code, which no prompt has: some 5 ms of the start
    sys.modules["tree_sitter"] = None  # type: ignore[assignment]
    try:
        from textual.widgets import TextArea
    finally:
        del sys.modules["tree_sitter"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual import events

    from aiex.events import Event
    from aiex.sessions.log import Recorded
    from aiex.tui.backstage import Backstage
    from aiex.tui.folding import Fold
    from aiex.tui.host import Host
    from aiex.tui.recall import Place
    from aiex.tui.suggestion import Suggestion
    from aiex.tui.vim import Vim

ROWS_KEPT: Final = 64
"""Rows that were made ready for the screen; each takes 3 kB."""
_ELSEWHERE: Final = frozenset({"f6", "f7", "ctrl+f", "ctrl+c,super+c", "delete,ctrl+d"})
"""Keys of a text area that mean something else on this screen."""
_MODES: Final = {"!": "shell", "/": "command"}
TAKEN_BY: Final = "  ⇥ Tab"
WHILE_BUSY: Final = "what you send now waits in line; Esc stops"
MOST_EDITED_LINES: Final = 400
"""A text of more lines that comes from an editor is folded, for each key would wait for its drawing."""


class GivenBack(Message):
    """What was sent is refused."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Broke(Message):
    """Something beside the prompt went wrong that never should."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Prompt(TextArea, inherit_bindings=False):
    """Several lines of text; Enter sends them, Ctrl-J, Shift-Enter, Alt-Enter and `\\` with Enter begin a new line."""

    BINDINGS: ClassVar = [
        Binding("enter", "submit", "send"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "new line"),
        Binding("delete", "delete_right", "delete", show=False),
        Binding("ctrl+underscore", "undo", "undo", show=False),
        *(one for one in TextArea.BINDINGS if isinstance(one, Binding) and one.key not in _ELSEWHERE),
    ]

    class Submitted(Message):
        """The text was sent."""

        def __init__(self, text: str, folds: Mapping[str, Fold]) -> None:
            super().__init__()
            self.text = text
            self.folds = folds
            """What the tokens in it stand for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(soft_wrap=True, show_line_numbers=False, tab_behavior="focus", id=id)
        self.highlight_cursor_line = self.cursor_blink = False
        self._line_cache = LRUCache(ROWS_KEPT)  # TextArea itself keeps a thousand, one more with each key
        self.aside = Aside(lambda error: self.post_message(Broke(error)))
        self.folds = Folds()
        self.walk = Walk()
        self.outlook = Outlook()
        self.vim: Vim | None = None
        self._keys = "plain"
        """As the settings had it last; `use_vim` changes it for now."""
        self._guide = Guide(self, self.aside)
        self._suggestion: Suggestion | None = None
        self._place: Place | None = None
        self._behind: Backstage | None = None
        self._unkept: list[Typed] = []
        """Sent before it was known where it is kept."""

    # --- what comes from the work -------------------------------------------------------------------------------------

    def begin(self, host: Host, behind: Backstage) -> None:
        """Services are there: fetch what was typed here before."""
        self._behind = behind
        self._guide.begin(host, behind)
        behind.ask(lambda services: prepare(services, self.aside, self.post_message))

    def on_prepared(self, message: Prepared) -> None:
        """Take in what was fetched."""
        self._place = message.place
        self.walk.fill(message.typed)
        self.outlook.known, self.outlook.is_offline = message.commands, message.is_offline
        self.outlook.window_tokens = None
        if message.keys != self._keys:
            self._keys = message.keys
            self.use_vim(message.keys == "vim")
        unkept, self._unkept = self._unkept, []
        for typed in unkept:
            self._keep(typed)
        self.suggest()

    def follow(self, event: Event) -> None:
        """Take in what happened, for suggestions."""
        self.outlook.follow(event)
        if isinstance(event, UserSpoke):
            self._suggestion = None
            self._hint(WHILE_BUSY)
        elif isinstance(event, TurnEnded) and self.outlook.window_tokens is None and self._behind is not None:
            self.outlook.window_tokens = 0  # not known, and asked for
            self._behind.ask(lambda services: learn_window(services, self.aside, self._learn_window))

    def retell(self, recorded: Iterable[Recorded]) -> None:
        """Another talk is shown: what happened in it before."""
        self.outlook.retell(recorded)
        self.suggest()

    def _learn_window(self, tokens: int | None) -> None:
        self.outlook.window_tokens = tokens or 0

    def suggest(self) -> None:
        """Say in the empty prompt what the person likely wants to do next."""
        self._suggestion = one = self.outlook.suggest()
        if one is None:
            self._hint("")
        else:
            self._hint(f"{one.text}{TAKEN_BY}  {one.why}", f"{one.text}{TAKEN_BY}")

    def _hint(self, *lines: str) -> None:
        """The first of these that there is room for; of the last one as much as there is."""
        width = max(self.content_size.width, 1)
        harmless = [neutralise(line) for line in lines]
        line = next((line for line in harmless if len(line) <= width), harmless[-1])
        self.placeholder = Content(line if len(line) <= width else f"{line[: width - 1]}…")

    def render_line(self, y: int) -> Strip:
        """One line. Where there is no room, nothing: a suggestion would be cut into pieces of no width."""
        return super().render_line(y) if self.content_size.width else Strip.blank(self.size.width)

    def on_resize(self, _: events.Resize) -> None:
        """As much is suggested as there is room for."""
        if self._suggestion is not None:
            self.suggest()

    def on_given_back(self, message: GivenBack) -> None:
        """Put a text back that could not be done, where nothing else is typed; history has it in any case."""
        if not self._has_text:
            self.show(message.text)

    def on_mount(self) -> None:
        """Know Alt-Enter as terminals send it that say nothing of Alt: Escape and a carriage return."""
        known = cast("dict[str, object]", ANSI_SEQUENCES_KEYS)
        known.setdefault("\x1b\r", ANSI_SEQUENCES_KEYS["\n"])

    def on_broke(self, message: Broke) -> None:
        """Say so; typing goes on."""
        said = f"{type(message.error).__name__}: {message.error}"
        self.notify(neutralise(said), title="a bug beside the prompt", severity="error", markup=False)

    def on_unmount(self) -> None:
        """What was typed is written before the end."""
        self.aside.close()

    # --- text ---------------------------------------------------------------------------------------------------------

    @property
    def _has_text(self) -> bool:
        return self.document.line_count > 1 or bool(self.document.get_line(0))

    def show(self, text: str, folds: Mapping[str, Fold] | None = None, *, at_first_line: bool = False) -> None:
        """Put another text into the prompt."""
        self.folds.take(folds or {})
        self.replace(neutralise(text), (0, 0), self.document.end, maintain_selection_offset=False)
        end = (0, len(self.document.get_line(0))) if at_first_line else self.document.end
        self.move_cursor(end)
        self._guide.decline()

    def show_edited(self, text: str) -> None:
        """Take over what an editor wrote."""
        is_long = text.count("\n") >= MOST_EDITED_LINES
        self.show(self.folds.fold(text) if is_long else text)

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.paste(event.text)

    def action_paste(self) -> None:
        """Put in what was copied on this screen."""
        self.paste(self.app.clipboard)

    def paste(self, text: str) -> None:
        """Put in what comes at once, folded where it is long."""
        if self.read_only or not text:
            return
        folded = self.folds.fold(text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(neutralise(folded), *self.selection):
            self.move_cursor(result.end_location)

    def on_text_area_changed(self, _: TextArea.Changed) -> None:
        """Say what it is, and guide."""
        self.border_title = _MODES.get(self.document.get_line(0)[:1], "")
        self._guide.look()

    def on_text_area_selection_changed(self, _: TextArea.SelectionChanged) -> None:
        """The cursor moved."""
        self._guide.look(opens=False)

    def _recompute_cursor_offset(self) -> None:
        """Find the cursor, but not while an edit is taken back: until that is done it may stand behind the text."""
        if self.cursor_location[0] < self.document.line_count:
            super()._recompute_cursor_offset()  # type: ignore[no-untyped-call]

    # --- guiding ------------------------------------------------------------------------------------------------------

    def on_offered(self, message: Offered) -> None:
        """Choices were found."""
        self._guide.show(message.begun, message.choices)

    def on_more_known(self, _: MoreKnown) -> None:
        """There may be more to choose from."""
        self._guide.look_again()

    def on_blur(self, _: events.Blur) -> None:
        """What is typed elsewhere is not guided from here."""
        self._guide.close()

    # --- keys ---------------------------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        """Do what a key means, in the order of the keys: bindings that bubble come behind what is typed next."""
        if event.key == "end" and self.cursor_at_end_of_text:  # there is nowhere to go in here: it is for the talk
            was_taken = await self.app.run_action("screen.talk_end")
        else:
            was_taken = self._takes_key(event) or await self._acts_on(event.key)
        if was_taken:
            event.stop()
            event.prevent_default()

    async def _acts_on(self, key: str) -> bool:
        for binding in self._bindings.key_to_bindings.get(key, ()):
            if await self.app.run_action(binding.action, self):
                return True
        return False

    def _takes_key(self, event: events.Key) -> bool:
        if event.key == "escape" and self._guide.decline() and self.vim is None:
            return True
        if event.key == "tab" and (self._guide.take() or self._take_suggestion() or self._has_text):
            return True
        return self.vim is not None and self._press_vim(self.vim, event)

    def _press_vim(self, vim: Vim, event: events.Key) -> bool:
        if not vim.is_inserting and event.character in ("j", "k") and vim.mark == "NORMAL":
            is_edge = self.cursor_at_first_line if event.character == "k" else self.cursor_at_last_line
            if is_edge and self._recall(self.walk.back(self.text) if event.character == "k" else self.walk.on()):
                return True
        if event.key.startswith("alt+") and event.character:  # Escape and a key that followed at once
            vim.press(self, "escape", None)
        was_taken = vim.press(self, event.key, event.character)
        self.border_subtitle = vim.mark
        return was_taken

    def use_vim(self, is_wanted: bool) -> None:
        """Use keys of vi, or plain ones."""
        from aiex.tui.vim import Vim

        self.vim = Vim() if is_wanted else None
        self.border_subtitle = self.vim.mark if self.vim else ""

    def action_submit(self) -> None:
        """Send what was typed, unless there is a choice to take or the line ends with a backslash."""
        if self._guide.take_by_enter():
            return
        row, column = self.cursor_location
        if self.cursor_at_end_of_text and self.document.get_line(row)[:column].endswith("\\"):
            self.replace("\n", (row, column - 1), (row, column), maintain_selection_offset=False)
            return
        text = self.text
        if text.strip():
            typed = Typed(text, self.folds.of(text))
            self.clear()
            self.walk.add(typed)
            self._keep(typed)
            self.outlook.follow_typed(text)
            if text.startswith("/"):
                self.suggest()
            else:
                self._suggestion, self.placeholder = None, ""
            self.post_message(self.Submitted(text, typed.folds))

    def _keep(self, typed: Typed) -> None:
        from aiex.tui.recall import keep

        if (place := self._place) is None:
            self._unkept.append(typed)
        else:
            self.aside.do(lambda: keep(place, typed))

    def action_newline(self) -> None:
        """Begin a new line."""
        start, end = self.selection
        self._replace_via_keyboard("\n", start, end)

    def action_cursor_up(self, select: bool = False) -> None:
        """One line up; from the first one to what was typed before."""
        if self._guide.is_open and not select:
            self._guide.move(-1)
        elif select or not self._is_edge(up=True) or not self._recall(self.walk.back(self.text)):
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """One line down; from the last one to what was typed later."""
        if self._guide.is_open and not select:
            self._guide.move(1)
        elif select or not self._is_edge(up=False) or not self._recall(self.walk.on(), at_first_line=False):
            super().action_cursor_down(select)

    def _is_edge(self, *, up: bool) -> bool:
        navigator = self.navigator
        return (navigator.is_first_wrapped_line if up else navigator.is_last_wrapped_line)(self.cursor_location)

    def _recall(self, typed: Typed | None, *, at_first_line: bool = True) -> bool:
        if typed is None:
            return False
        self.show(typed.text, typed.folds, at_first_line=at_first_line)
        return True

    def action_cursor_right(self, select: bool = False) -> None:
        """One sign to the right; in the empty prompt it takes what is suggested."""
        if select or not self._take_suggestion():
            super().action_cursor_right(select)

    def _take_suggestion(self) -> bool:
        if self._has_text or self._suggestion is None:
            return False
        self.show(self._suggestion.text)
        return True

    def action_delete_left(self) -> None:
        """Delete the sign before the cursor, or the token that ends there."""
        row, column = self.cursor_location
        token = self._token_at(row, end=column)
        if token and self.selection.start == self.selection.end:
            self.delete((row, column - len(token)), (row, column), maintain_selection_offset=False)
        else:
            super().action_delete_left()

    def action_delete_right(self) -> None:
        """Delete the sign under the cursor, or the token that begins there."""
        row, column = self.cursor_location
        token = self._token_at(row, start=column)
        if token and self.selection.start == self.selection.end:
            self.delete((row, column), (row, column + len(token)), maintain_selection_offset=False)
        else:
            super().action_delete_right()

    def _token_at(self, row: int, *, start: int = -1, end: int = -1) -> str:
        """The token that begins or ends at a column; empty where it stands for nothing."""
        token = token_at(self.document.get_line(row), start=start, end=end)
        return token if self.folds.of(token) else ""
