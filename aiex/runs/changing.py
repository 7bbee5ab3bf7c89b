"""Goes on with other settings in the middle of a session: new services that keep what a person said and was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiex.wiring import Services

_KEPT = ("workspace", "engine", "index", "retrieval", "checkpoints", "sessions")
"""What does not depend on whom to ask and on what is allowed unasked."""


def carry_over(old: Services, new: Services, *, keeps_session: bool = True) -> None:
    """Hand on what is open, so that nothing is opened twice; `old` must not be used afterwards.

    What was used of the budget counts on, also with other limits. Rules that a person gave for the rest of the session
    go along with it, and end with it.
    """
    for name in _KEPT:
        if name in old.__dict__:
            new.__dict__[name] = old.__dict__[name]
    if "budget" in old.__dict__:
        new.budget.go_on_from(old.budget)
    new.processes = old.processes
    if "gate" in old.__dict__:
        if keeps_session:
            new.gate.judge.inherit(old.gate.judge)
        old.gate.close()
    if keeps_session:
        new.session, new.recorder = old.session, old.recorder
