"""What a person can answer to a question: how long it shall count, and the exact rules that this writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.guard.actions import Decision
from aiex.guard.policy.decide import decide
from aiex.guard.policy.rules import RuleError, parse_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.guard.actions import Action, Mode, Role, Scope
    from aiex.guard.commands.verdict import Classified, Simple
    from aiex.guard.policy.policy import Policy

_LASTING: Final[tuple[Scope, ...]] = ("session", "user")


class Offer(NamedTuple):
    """One answer."""

    scope: Scope
    """`once` for this action alone, `session` until the session ends, `user` for good, everywhere."""
    rules: tuple[str, ...]
    """What is written; nothing for `once`. A line of several commands may need several."""


def offers(
    action: Action,
    *,
    policy: Policy,
    mode: Mode = "ask",
    role: Role = "admin",
    classified: Classified | None = None,
    confined: bool = True,
) -> tuple[Offer, ...]:
    """The answers that would let an action happen, from the narrowest on; none unless it is asked about.

    Each was tried: with its rules the same question is not asked again. What a managed rule asks about, what only
    happens beside commands (a redirection), and commands that nothing confines are answered once at a time.

    Args:
        action: What is asked about.
        policy: As in `decide`, and so are the others.
        mode: The permission mode.
        role: On whose behalf.
        classified: The classification of a command.
        confined: Whether commands run isolated.

    Cost: compiles the policy for each rule that could be written.
    """

    def outcome(with_rules: Policy) -> Decision:
        return decide(action, policy=with_rules, mode=mode, role=role, classified=classified, confined=confined)

    if action.kind == "command" and classified is None:
        classified = policy.classify(action.subject, cwd=action.detail.get("cwd", ""), role=role)
    if outcome(policy).effect != "ask":
        return ()
    found = [Offer("once", ())]
    for texts in dict.fromkeys(_candidates(action, policy, classified, mode, role)):
        for scope in _LASTING:
            try:
                rules = [parse_rule(text, scope=scope) for text in texts]
            except RuleError:  # a name that no rule can spell
                continue
            if outcome(policy.extended(rules)).effect == "allow":
                found.append(Offer(scope, tuple(rule.text for rule in rules)))
    return tuple(found)


def approved(action: Action, offer: Offer) -> Decision:
    """The decision on an action that a person agreed to, for the record."""
    said = "; ".join(offer.rules) or f"approval: {action.kind}"
    return Decision("allow", said, offer.scope, "a person agreed")


def _candidates(
    action: Action, policy: Policy, classified: Classified | None, mode: Mode, role: Role
) -> Iterator[tuple[str, ...]]:
    """Sets of rules that may let the action happen, the narrowest first."""
    match action.kind:
        case "command" if classified is not None:
            yield from _for_commands(classified, policy, mode, role)
        case "read" | "write" | "delete":
            yield from _for_path(action, policy)
        case "network" | "tool":
            yield (f'allow {action.kind} "{_escape(action)}"',)


def _escape(action: Action) -> str:
    from aiex.guard.policy.words import spell_word

    return action.subject if action.kind == "network" else spell_word(action.subject)


def _for_path(action: Action, policy: Policy) -> Iterator[tuple[str, ...]]:
    from aiex.guard.policy.places import path_words, spell_path

    words = path_words(action.subject)
    if words is None:
        return
    words = policy.locate(words)
    yield (f'allow {action.kind} "{spell_path(words)}"',)
    if len(words) > 2:
        yield (f'allow {action.kind} "{spell_path(words[:-1])}/**"',)


def _for_commands(classified: Classified, policy: Policy, mode: Mode, role: Role) -> Iterator[tuple[str, ...]]:
    from aiex.guard.policy.commands import decide_each

    each = decide_each(classified, policy=policy, mode=mode, role=role)
    if asked := [simple for simple, decision in each if decision.effect == "ask"]:
        yield tuple(dict.fromkeys(_exactly(simple) for simple in asked))
        yield tuple(dict.fromkeys(_widely(simple) for simple in asked))


def _exactly(simple: Simple) -> str:
    return _allow([simple.name, *(operand.text for operand in simple.present)])


def _widely(simple: Simple) -> str:
    """The program with its sub-command and anything behind it; the command itself where nothing shows a sub-command.

    Programs that run others, or code in their arguments, are never offered so.
    """
    from aiex.guard.commands.programs import FETCHERS, INTERPRETERS, WRAPPERS

    name = simple.name.rsplit("/", 1)[-1]
    first = simple.present[0].text if simple.present else ""
    is_word = first.replace("-", "").replace("_", "").isalnum() and not first.startswith("-") and first.isascii()
    if not is_word or first.isdigit() or name in WRAPPERS | INTERPRETERS | FETCHERS:
        return _exactly(simple)
    return f'{_allow([simple.name, first])[:-1]} *"'


def _allow(words: list[str]) -> str:
    from aiex.guard.policy.words import spell_word

    return f'allow command "{" ".join(map(spell_word, words))}"'
