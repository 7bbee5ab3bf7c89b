"""Shows what can be taken while somebody types: asks beside the screen, opens a list over the prompt, and closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.message import Message

if TYPE_CHECKING:
    from aiex.tui.aside import Aside
    from aiex.tui.backstage import Backstage
    from aiex.tui.completing import Begun, Choice, Completer
    from aiex.tui.host import Host
    from aiex.tui.widgets.completion import Completion
    from aiex.tui.widgets.prompt import Prompt

_LINES_BESIDE: Final = 2
"""Of the screen: the status, and one of the talk."""
LONGEST_LINE: Final = 20_000
"""Characters of a line; in a longer one nobody is guided."""


class Offered(Message):
    """Choices were found for what is begun."""

    def __init__(self, begun: Begun, choices: list[Choice]) -> None:
        super().__init__()
        self.begun = begun
        self.choices = choices


class MoreKnown(Message):
    """There is more to choose from than was said."""


class Guide:
    """The list of one prompt, and what it is about."""

    def __init__(self, prompt: Prompt, aside: Aside) -> None:
        self._prompt = prompt
        self._aside = aside
        self._completer: Completer | None = None
        self._list: Completion | None = None
        self._begun: Begun | None = None
        self._answered: Begun | None = None
        """What the open list was found for."""
        self._declined: Begun | None = None
        """What a list was closed for."""
        self._lists_paths = False
        """Tab was pressed in a word of a shell command."""
        self._is_warm = False
        """Files were listed with the first key, for the first mention."""
        self._takes_first = False
        """Tab was pressed before there was a list."""
        self._has_moved = False

    def begin(self, host: Host, behind: Backstage) -> None:
        """Services are there."""
        from aiex.tui.completing import Completer

        if self._completer is None:
            self._completer = Completer(host, behind, lambda: self._prompt.post_message(MoreKnown()))
            self.look_again()

    @property
    def is_open(self) -> bool:
        """Whether there is a list for what is typed now."""
        return self._is_shown and self._answered == self._begun

    @property
    def _is_shown(self) -> bool:
        return self._list is not None and self._list.display

    def look(self, *, opens: bool = True) -> None:
        """Something was typed, or the cursor moved; that alone opens no list."""
        if opens and not self._is_warm and self._completer is not None:
            self._is_warm = True
            self._aside.do(self._completer.warm, "warm")
        begun = self._find_begun()
        if self._lists_paths and (begun is None or self._begun is None or begun.start != self._begun.start):
            self._lists_paths, begun = False, None
        if begun == self._begun or (begun is not None and not opens and not self._is_shown):
            return
        self._begun, self._takes_first, self._has_moved = begun, False, False
        if begun != self._declined:
            self._declined = None
        if begun is None or begun == self._declined:
            self.close()
        else:
            self._ask(begun)

    def look_again(self) -> None:
        """There may be more to choose from."""
        if self._begun is not None and self._begun != self._declined:
            self._ask(self._begun)

    def show(self, begun: Begun, choices: list[Choice]) -> None:
        """Open the list, where it is still about what is typed."""
        if begun != self._begun or begun == self._declined or begun != self._find_begun():
            return
        self._answered = begun
        if choices and (self._takes_first or (begun.kind == "path" and len(choices) == 1)):
            self._take(choices[0])
            return
        self._takes_first = False
        is_done = len(choices) == 1 and self._is_typed(choices[0])
        self._open([] if is_done else choices)

    def close(self) -> None:
        """Take the list away."""
        if self._list is not None:
            self._list.close()

    def decline(self) -> bool:
        """Open no list for what stands there now; whether there was one."""
        was_open = self._is_shown
        self._lists_paths = False
        self._begun = self._declined = self._find_begun()
        self.close()
        return was_open

    def move(self, by: int) -> None:
        """Mark another choice."""
        if self._list is not None:
            self._has_moved = True
            self._list.move(by)

    def take(self) -> bool:
        """Put the marked choice into the prompt, or the first as soon as it is found; False where nothing is begun."""
        if self.is_open and self._list is not None and self._list.chosen is not None:
            self._take(self._list.chosen)
            return True
        if self._list_paths():
            return True
        is_asking = self._begun is not None and self._begun not in (self._answered, self._declined)
        self._takes_first = is_asking
        return is_asking

    def take_by_enter(self) -> bool:
        """The same for Enter, which sends what is whole already, and behind a command what is no begin of a choice."""
        chosen = self._list.chosen if self.is_open and self._list is not None else None
        if chosen is None or self._begun is None or self._is_typed(chosen):
            return False
        query = self._begun.query.casefold()
        is_meant = not self._begun.words or (query and chosen.text.casefold().startswith(query))
        if not (self._has_moved or (is_meant and self._begun.kind != "path")):
            return False
        self._take(chosen)
        return True

    def take_choice(self, choice: Choice) -> None:
        """One was clicked."""
        if self.is_open:
            self._take(choice)

    def _list_paths(self) -> bool:
        """In a command for the shell, list what the word under the cursor may become."""
        if self._lists_paths or not self._prompt.document.get_line(0).startswith("!"):
            return False
        self._lists_paths = True
        self._begun, self._declined = self._find_begun(), None
        self._lists_paths = self._begun is not None
        self.look_again()
        return self._lists_paths

    # --- inside -------------------------------------------------------------------------------------------------------

    def _find_begun(self) -> Begun | None:
        prompt = self._prompt
        row, column = prompt.cursor_location
        line = prompt.document.get_line(row)
        first = prompt.document.get_line(0)[:2]
        if prompt.selection.start != prompt.selection.end or len(line) > LONGEST_LINE:
            return None
        if "@" not in line and not (row == 0 and first.startswith("/")) and not self._lists_paths:
            return None
        from aiex.tui.completing import find_begun_at

        return find_begun_at(line, column, is_first=row == 0, begins=first, lists_paths=self._lists_paths)

    def _ask(self, begun: Begun) -> None:
        completer, prompt = self._completer, self._prompt
        if completer is not None:
            self._aside.do(lambda: prompt.post_message(Offered(begun, completer.answer(begun))), "complete")

    def _is_typed(self, choice: Choice) -> bool:
        row, column = self._prompt.cursor_location
        start = self._begun.start if self._begun else column
        return self._prompt.document.get_line(row)[start:column] == choice.text.strip()

    def _take(self, choice: Choice) -> None:
        begun, prompt = self._begun, self._prompt
        if begun is None:
            return
        self._lists_paths = False
        self.close()
        row, column = prompt.cursor_location
        behind = prompt.document.get_line(row)[column : column + 1]
        text = choice.text.rstrip(" ") if behind == " " else choice.text
        prompt.replace(text, (row, begun.start), (row, column), maintain_selection_offset=False)
        prompt.move_cursor((row, begun.start + len(text) + (text != choice.text)))

    def _open(self, choices: list[Choice]) -> None:
        from aiex.tui.theme import THEMES, styles_of
        from aiex.tui.widgets.completion import Completion

        prompt = self._prompt
        styles = styles_of(next((name for name in THEMES if prompt.app.theme == f"aiex-{name}"), "dark"))
        if self._list is None:
            self._list = Completion(styles, self.take_choice)
            prompt.screen.mount(self._list)
        above = prompt.outer_size.height + 1
        room = prompt.screen.size.height - above - _LINES_BESIDE
        self._list.show(choices, styles, above=above, most_rows=room)
