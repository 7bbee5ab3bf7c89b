"""What a prompt gets to know of services: what was typed before, which commands there are, how long a talk may be.

Asked in the thread of the work; what takes longer is done beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.tui.aside import Aside
    from aiex.tui.recall import Place, Typed
    from aiex.wiring import Services


class Prepared(Message):
    """What was typed here in earlier runs, and what the prompt needs to know of the settings."""

    def __init__(
        self, place: Place, typed: list[Typed], commands: frozenset[str], keys: str, *, is_offline: bool
    ) -> None:
        super().__init__()
        self.place = place
        self.typed = typed
        self.commands = commands
        self.keys = keys
        self.is_offline = is_offline


def prepare(services: Services, aside: Aside, tell: Callable[[Prepared], object]) -> None:
    """Tell what there is, soon. Raises AiexError."""
    from aiex import plugins
    from aiex.tui.commands import ROOM
    from aiex.tui.recall import find_place, load

    place, keys, is_offline = find_place(services), services.settings.get("screen.keys"), services.is_offline

    def load_all() -> None:
        commands = frozenset((*plugins.names(ROOM), *plugins.names("aiex.cli.commands")))
        tell(Prepared(place, load(place), commands, keys, is_offline=is_offline))

    aside.do(load_all, "prepare")


def learn_window(services: Services, aside: Aside, tell: Callable[[int | None], object]) -> None:
    """Tell how many tokens the model takes, soon; None where nobody knows. Raises AiexError."""
    from aiex import dirs
    from aiex.llm.pricing import find_catalogue

    (provider, _, model), folder = services.model.partition("/"), dirs.cache_dir(services.environ)

    def find() -> None:
        info = find_catalogue(folder).find(provider, model)
        tell(info.context_tokens if info else None)

    aside.do(find, "window")
