"""Policies for tests, made of a few words."""

from __future__ import annotations

from aiex.guard.actions import Action, Decision, Kind, Mode, Role, Scope
from aiex.guard.policy.decide import decide
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.rules import Rule, parse_rule

ROOT = "/home/me/work"


def rules(*texts: str, scope: Scope = "user") -> list[Rule]:
    """Rules of one scope."""
    return [parse_rule(text, scope=scope) for text in texts]


def policy(
    *texts: str, project: tuple[str, ...] = (), managed: tuple[str, ...] = (), session: tuple[str, ...] = ()
) -> Policy:
    """A policy of the person's own rules and those of other scopes."""
    others = rules(*project, scope="project") + rules(*managed, scope="managed") + rules(*session, scope="session")
    return Policy(rules(*texts) + others, root=ROOT)


def ask(
    found: Policy, kind: Kind, subject: str, *, mode: Mode = "ask", role: Role = "admin", confined: bool = True
) -> Decision:
    """The decision on one action."""
    return decide(Action(kind, subject), policy=found, mode=mode, role=role, confined=confined)


def effect(found: Policy, kind: Kind, subject: str, *, mode: Mode = "ask", role: Role = "admin") -> str:
    """What is decided on one action."""
    return ask(found, kind, subject, mode=mode, role=role).effect
