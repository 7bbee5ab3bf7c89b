"""What calls cost."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from aiex.errors import StoreError
from aiex.llm.catalogue import Catalogue, cost_usd, open_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.llm.catalogue import ModelInfo
    from aiex.messages import Usage


def open_prices(folder: str) -> Callable[[str, Usage], float | None]:
    """A function from `provider/model` and a usage to US dollars, None when unknown.

    Args:
        folder: Where a catalogue lies that was fetched; when it is damaged, the packaged one is used, as
            `aiex list models` says.
    """

    @lru_cache(maxsize=64)
    def find(name: str) -> ModelInfo | None:
        provider, _, model = name.partition("/")
        return find_catalogue(folder).find(provider, model)

    def cost_of(name: str, usage: Usage) -> float | None:
        return cost_usd(usage, find(name))

    return cost_of


def find_catalogue(folder: str) -> Catalogue:
    """The catalogue that was fetched into a folder, else the packaged one."""
    try:
        return open_catalogue(os.path.join(folder, "models.json"))
    except StoreError:
        return open_catalogue()
