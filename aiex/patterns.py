"""Regular expressions that are compiled when they are first used.

Compiling one takes 0.1 to 1 ms, a hundred times as long as naming it; of the four hundred that a run of the agent
imports it uses a third.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, AnyStr, cast

if TYPE_CHECKING:
    from re import Pattern

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn")


def late(source: AnyStr, flags: int = 0) -> Pattern[AnyStr]:
    """A pattern as `re.compile` gives it, compiled by the first call of a method, which may raise `re.error`.

    From then on its methods are those of the compiled pattern. The functions of `re` do not take it.
    """
    return cast("Pattern[AnyStr]", _Late(source, flags))


class _Late:
    def __init__(self, source: Any, flags: int) -> None:
        self.pattern = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # called for what is not there yet
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self._flags)
        self.__dict__.update((method, getattr(compiled, method)) for method in _METHODS)
        return getattr(compiled, name)

    def __repr__(self) -> str:
        return f"late({self.pattern!r})"
