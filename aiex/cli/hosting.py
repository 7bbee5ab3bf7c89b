"""What the command line offers the screen that it opens: services with its flags, and the words of its commands."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from aiex.errors import UsageError
from aiex.runs.opening import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.cli.main import Invocation
    from aiex.cli.work import Work
    from aiex.wiring import Services

ALONE = ("chat", "completion", "login")
"""Commands that need the terminal for themselves."""


class CommandLine:
    """One that was understood, and that opens a screen."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def open(self, changes: Mapping[str, object]) -> Services:
        """Fresh services for the directory and the flags; `changes` are settings that win over them, text as typed.

        Raises AiexError.
        """
        from aiex.cli.main import Invocation, find_services, find_settings

        flags = copy(self._invocation.flags)
        flags.settings = {**flags.settings, **{key: _read(key, value) for key, value in changes.items()}}
        if "model" in changes:
            flags.model, flags.offline = None, False
        invocation = Invocation(self._invocation.work, flags)
        services = find_services(invocation)
        find_settings(invocation, services)
        return services

    def understand(self, words: Sequence[str]) -> Work:
        """The work that a command line without `aiex` asks for.

        Raises:
            AiexError: where it makes no sense, or not inside a screen.
            Shown: for help.
        """
        from aiex.cli.main import Answered, parse

        if words and words[0] in ALONE:
            line = " ".join(words)
            raise UsageError(f"{line} needs a terminal of its own", hint=f"in a shell: aiex {line}")
        try:
            invocation = parse(list(words))
        except Answered as answer:
            raise Shown(answer.text) from None
        flags = invocation.flags
        if flags.to_settings() or flags.overrides or flags.cwd or flags.profile or flags.record or flags.replay:
            hint = "/model and /mode change them here; a shell takes them with each command"
            raise UsageError("flags that change settings do not count for one command on the screen", hint=hint)
        return invocation.work

    def complete(self, words: Sequence[str], begun: str) -> list[tuple[str, str]]:
        """What may come behind `words` and begins with `begun`, each with a line of help that may be empty."""
        from click.shell_completion import ShellComplete

        from aiex.cli.flags import global_options
        from aiex.cli.groups import Root

        refused = {(name, option.help) for option in global_options() for name in option.opts}
        found = ShellComplete(Root(), {}, "aiex", "_").get_completions(list(words), begun)
        plain = [item for item in found if item.type == "plain" and item.value not in ALONE]
        return [(item.value, item.help or "") for item in plain if (item.value, item.help) not in refused]

    def say(self, line: str) -> None:
        """A line on standard error, harmless to a terminal."""
        from aiex.cli.streams import say
        from aiex.guard.neutral import neutralise

        say(neutralise(line))


def _read(key: str, value: object) -> object:
    """The value of a setting, read from text. Raises AiexError where there is none of this name or of this kind."""
    if not isinstance(value, str):
        return value
    from aiex.settingkeys import find_key, nearest_key, value_from_text

    row = find_key(key)
    if row is None:
        raise UsageError(f"there is no setting {key}", hint=nearest_key(key))
    return value_from_text(row, value)
