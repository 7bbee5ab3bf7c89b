"""What rules about paths and hosts mean for a command that already runs: the bounds of its isolation."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from aiex.guard.policy.hosts import ports_of, spell_host
from aiex.guard.policy.patterns import MANY, is_within
from aiex.guard.policy.places import INSIDE
from aiex.guard.policy.rules import is_inside, is_narrower
from aiex.record import record

if TYPE_CHECKING:
    from aiex.guard.policy.policy import Policy
    from aiex.guard.policy.rules import Rule
    from aiex.guard.sandbox.bounds import SandboxPolicy


@record
class Bounded:
    """Bounds that follow the rules, as far as an isolation can draw them."""

    sandbox: SandboxPolicy
    gaps: tuple[Rule, ...]
    """Rules with wildcards, which only the guard's own files follow to the letter."""


def bound(sandbox: SandboxPolicy, policy: Policy, *, role: str = "admin") -> Bounded:
    """Make the places read only that nobody may write unasked, hide those that nobody may read, and open the allowed
    hosts.

    Args:
        sandbox: The bounds without rules.
        policy: The rules.
        role: On whose behalf commands run.

    A rule that asks counts as one that denies: a command cannot be asked about when it is half done. What a narrower
    rule allows stays closed for commands.
    """
    protected, hidden, gaps = [*sandbox.protected], [*sandbox.hidden], []
    for rule in policy.rules:
        if rule.effect == "allow" or not rule.is_for(role):
            continue
        if not rule.kinds & {"read", "write"}:
            continue
        path = _path_of(rule, sandbox.root)
        if path is None:
            gaps.append(rule)
            continue
        if "read" in rule.kinds:
            hidden.append(path)
        if "write" in rule.kinds:
            protected.append(path)
    domains = (*sandbox.domains, *(host for host in open_hosts(policy, role) if host not in sandbox.domains))
    return Bounded(replace(sandbox, protected=_once(protected), hidden=_once(hidden), domains=domains), tuple(gaps))


def open_hosts(policy: Policy, role: str = "admin") -> tuple[str, ...]:
    """The hosts that commands may reach: what a rule allows, unless a stricter one is about some of it too."""
    rules = [rule for rule in policy.rules if "network" in rule.kinds and rule.is_for(role)]
    closed = [rule for rule in rules if rule.effect != "allow"]
    allowed = [rule for rule in rules if rule.effect == "allow" and rule.written != (MANY,)]
    return tuple(spell_host(rule) for rule in allowed if not any(_closes(other, rule) for other in closed))


def _closes(closed: Rule, allowed: Rule) -> bool:
    ours, theirs = ports_of(allowed), ports_of(closed)
    if is_within(closed.cover, allowed.cover) and (ours is None or theirs is None or ours & theirs):
        return True
    overruled = closed.scope in ("user", "session") and is_narrower(allowed, closed)
    return is_inside(allowed, closed) and not overruled


def _path_of(rule: Rule, root: str) -> str | None:
    """The one real path that a rule without wildcards is about, with all beneath; None for any other rule."""
    first, *middle = rule.written
    if middle[-1:] != [MANY] or not all(isinstance(element, str) for element in [first, *middle[:-1]]):
        return None
    names = [str(element) for element in middle[:-1]]
    if not names:
        return None
    return os.path.join(root if first == INSIDE else os.sep, *names)


def _once(paths: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paths))
