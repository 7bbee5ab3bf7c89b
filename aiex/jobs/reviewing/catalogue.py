"""Which rules there are, by the names of their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aiex import plugins
from aiex.events import Warned
from aiex.jobs.reviewing.model import Rule
from aiex.jobs.reviewing.rules import ROOM


def rule_names() -> list[str]:
    """The ids of all rules, sorted."""
    return plugins.names(ROOM)


def load_rules(disabled: Iterable[str] = ()) -> dict[str, Rule]:
    """The rules by their ids, those left out that are disabled."""
    left_out = set(disabled)
    return {name: plugins.load(ROOM, name, "RULE").RULE for name in rule_names() if name not in left_out}


def tell_unknown(disabled: Iterable[str]) -> Iterator[Warned]:
    """A warning for each disabled rule that does not exist."""
    from difflib import get_close_matches

    known = rule_names()
    for name in disabled:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            yield Warned(f"review.disable names no rule: {name!r}", f"did you mean {close[0]}?" if close else "")
