"""What a person likely wants to do next, as far as events tell it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex import events as told

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from aiex.events import Event
    from aiex.sessions.log import Recorded

NEARLY_FULL: Final = 0.7
"""Of the window: a talk this long is better shortened before it has to be."""

LONGEST_COMMAND: Final = 80
TELLING: Final = frozenset({"user_spoke", "check_ran", "compacted", "rewound", "turn_ended"})
"""Of what is recorded, the rest says nothing here."""


class Suggestion(NamedTuple):
    """One line for an empty prompt."""

    text: str
    """What is put into the prompt when it is taken."""
    why: str


EXAMPLE: Final = Suggestion("explain this project", "ask anything, / for commands, @ for files")
OFFLINE: Final = Suggestion("/explain .", "no model is in use: /model names one, /help lists what works without")


class Outlook:
    """Follows the events of a talk.

    Args:
        known: The commands there are; others are not suggested.
    """

    def __init__(self, known: Container[str] = ()) -> None:
        self.known = known
        self.window_tokens: int | None = None
        self.is_offline = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another talk begins."""
        self._red: dict[str, str] = {}
        """Checks that failed last, with their commands."""
        self._changed: set[str] = set()
        self._has_looked = False
        self._used_tokens = 0
        self._has_talked = False

    def retell(self, recorded: Iterable[Recorded]) -> None:
        """Another talk goes on, in which this happened."""
        self.begin_anew()
        for one in recorded:
            if one.type in TELLING:
                event = one.event()
                if not isinstance(event, told.UnknownEvent):
                    self.follow(event)

    def follow(self, event: Event) -> None:
        """Take one in."""
        match event:
            case told.CheckRan(name=name, passed=passed, command=command):
                self._red.pop(name, None)
                if not passed:
                    self._red[name] = command
            case told.UsageUpdated(usage=usage, model=""):
                self._used_tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) or self._used_tokens
            case told.Compacted(after_tokens=after):
                self._used_tokens = after
            case told.UserSpoke():
                self._has_talked = True
            case told.TurnEnded(files_changed=changed):
                self._changed.update(changed)
                self._has_looked = self._has_looked and not changed
            case told.Rewound():
                self._changed.clear()
                self._red.clear()
            case _:
                pass

    def follow_typed(self, text: str) -> None:
        """Take in what the person sends."""
        if text.startswith("/diff"):
            self._has_looked = True
        elif text.startswith(("/gen commit", "!git commit")):
            self._changed.clear()

    def suggest(self) -> Suggestion | None:
        """The likeliest; None where nothing is likely."""
        return next((one for one in self._likely() if self._is_known(one)), None)

    def _is_known(self, one: Suggestion) -> bool:
        return not one.text.startswith("/") or one.text[1:].split()[0] in self.known

    def _likely(self) -> list[Suggestion]:
        found: list[Suggestion] = []
        if self._red:
            name, command = next(iter(self._red.items()))
            is_plain = command and command.isprintable() and len(command) <= LONGEST_COMMAND
            found.append(Suggestion(f"/fix -- {_as_words(command)}" if is_plain else "/fix", f"{name} fails"))
        if self.window_tokens and self._used_tokens > NEARLY_FULL * self.window_tokens:
            share = 100 * self._used_tokens // self.window_tokens
            found.append(Suggestion("/compact", f"the talk fills {share} % of the window"))
        if self._changed:
            files = "1 file" if len(self._changed) == 1 else f"{len(self._changed)} files"
            if not self._has_looked:
                found.append(Suggestion("/diff", f"{files} changed"))
            found.append(Suggestion("/gen commit", f"{files} changed"))
        if not self._has_talked:
            found.append(OFFLINE if self.is_offline else EXAMPLE)
        return found


def _as_words(command: str) -> str:
    """The command so that `/fix` hears it as it is: a line with more than words in it is one word."""
    try:
        is_plain = shlex.join(shlex.split(command)) == command
    except ValueError:
        is_plain = False
    return command if is_plain else shlex.quote(command)
