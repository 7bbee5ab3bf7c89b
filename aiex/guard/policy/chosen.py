"""The decision on what a person chose themselves: a typed command, a named file, a configured server.

Nobody is asked about it once more. Rules count all the same, and so does what is forbidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.guard.actions import Decision
from aiex.guard.policy.decide import combine, decide
from aiex.guard.policy.modes import clamp, default_of

if TYPE_CHECKING:
    from aiex.guard.actions import Action, Mode, Role
    from aiex.guard.commands.verdict import Classified
    from aiex.guard.policy.policy import Policy

_DEFAULTS: Final = frozenset(["built-in", "mode"])


def decide_chosen(
    action: Action,
    chosen: str,
    *,
    policy: Policy,
    mode: Mode = "ask",
    role: Role = "admin",
    classified: Classified | None = None,
) -> Decision:
    """Whether an action may happen that a person chose.

    Args:
        action: Its subject is resolved.
        chosen: Who chose it, in words; stands in place of a rule where no rule is about it.
        policy: The rules, as in `decide`; so are the others.
        mode: Strict modes refuse what a rule asks about. What `plan` leaves unchanged, isolation sees to.
        role: On whose behalf. A server in the settings needs no right of theirs: the settings chose it.
        classified: What was found about a command.
    """
    if action.kind == "network":
        found = _decide_host(action, chosen, policy, role)
    else:
        found = decide(action, policy=policy, mode="ask", role=role, classified=classified)
        if found.effect == "ask" and found.scope in _DEFAULTS:
            found = Decision("allow", chosen, "once", found.reason)
    return clamp(found, mode, changes=False)


def _decide_host(action: Action, chosen: str, policy: Policy, role: Role) -> Decision:
    from aiex.guard.policy.hosts import parse_host

    host = parse_host(action.subject)
    if host is None:
        return default_of("unclear", "ask", "it is no host")
    words, port = host
    return combine(Decision("allow", chosen, "once"), policy.about_host(words, port, role), policy=policy)
