"""The decision on one action: roles, rules, the permission mode, and always the rule that decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from aiex.guard.actions import Decision
from aiex.guard.policy.modes import clamp, default_of
from aiex.guard.policy.places import INSIDE, OUTSIDE, path_words
from aiex.guard.policy.rules import EFFECTS
from aiex.guard.roles import has_right, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.guard.actions import Action, Mode, Role
    from aiex.guard.commands.verdict import Classified
    from aiex.guard.policy.modes import Case
    from aiex.guard.policy.policy import Match, Policy
    from aiex.guard.policy.rules import Rule
    from aiex.guard.sandbox.paths import NameRules

Lock = Literal["", "managed", "always"]
_LOOSE: Final = "it may be what this rule is about"
_UNCONFINED: Final = "built-in: nothing confines commands on this machine"


def decide(
    action: Action,
    *,
    policy: Policy,
    mode: Mode = "ask",
    role: Role = "admin",
    classified: Classified | None = None,
    confined: bool = True,
) -> Decision:
    """Whether an action may happen, with the rule that decided.

    Args:
        action: Its subject is resolved: `places.path_action` makes actions on paths. A detail `cwd` says where a
            command would run, if not in the workspace itself.
        policy: The rules.
        mode: What is done unasked where no rule says anything.
        role: On whose behalf.
        classified: What `policy.classify` said about a command; looked up here, without looking at files, when None.
        confined: Whether commands run isolated; where nothing works, each is asked about.

    Cost: at most 50 µs with 500 rules, without the classification. Source: benchmarks/policy.py.
    """
    match action.kind:
        case "command":
            cwd = action.detail.get("cwd", "")
            classified = classified or policy.classify(action.subject, cwd=cwd, role=role)
            safe = classified.level == "safe"
            if not has_right(role, action, safe=safe):
                return refusal(role, action)
            from aiex.guard.policy.commands import decide_command

            found = decide_command(classified, policy=policy, mode=mode, role=role)
            if not confined and found.effect == "allow":
                found = Decision("ask", _UNCONFINED, "built-in", f"{found.rule} would allow it")
            return clamp(found, mode, changes=not safe)
        case "read" | "write" | "delete":
            found = _decide_path(action, policy, mode, role)
        case "network":
            found = _decide_host(action, policy, mode, role)
        case "tool":
            found = combine(default_of("tool", mode), policy.about_tool(action.subject, role), policy=policy)
        case "approval":
            found = default_of("approval", mode)
    if not has_right(role, action):
        return refusal(role, action)
    return clamp(found, mode, changes=action.kind in ("write", "delete"))


def _decide_path(action: Action, policy: Policy, mode: Mode, role: Role) -> Decision:
    words = path_words(action.subject)
    if words is None:
        return default_of("unclear", mode, "it is no path in the workspace, and no absolute one")
    words = policy.locate(words)
    case, why = _case_of(action.kind, words, policy)
    default = default_of(case, mode, why)
    matches = policy.about_path(action.kind, words, role)
    if case in ("secret", "write-secret"):
        matches = [match for match in matches if match.effect != "allow" or names_secret(match.rule, policy.names)]
    return combine(default, matches, policy=policy, final="always" if case == "protected" else "")


def _case_of(kind: str, words: tuple[str, ...], policy: Policy) -> tuple[Case, str]:
    is_plain = policy.is_plain(words)
    path = "" if is_plain else "/".join(words[1:])
    if kind != "read" and (name := policy.names.protected_name(path)):
        return "protected", f"{name} is protected"
    secret = "" if is_plain else policy.names.secret_name(path)
    if words[0] == OUTSIDE:
        allowed = policy.readable if kind == "read" else policy.writable
        if not any(words[: len(place)] == place for place in allowed):
            return ("read-outside" if kind == "read" else "write-outside"), "it lies outside the workspace"
    if secret and not (kind == "read" and policy.has_leave(words)):
        return ("secret" if kind == "read" else "write-secret"), f"{secret} is a secret"
    if kind == "read":
        return "read", ""
    return ("delete" if kind == "delete" else "write"), ""


def names_secret(rule: Rule, names: NameRules) -> bool:
    """Whether a rule spells out the name that makes a path secret: no wildcard is leave to read secrets."""
    texts = ["*".join(element.pieces) if not isinstance(element, str) else element for element in rule.cover]
    return names.secret_name("/".join(text for text in texts if text not in (INSIDE, OUTSIDE, ""))) != ""


def _decide_host(action: Action, policy: Policy, mode: Mode, role: Role) -> Decision:
    from aiex.guard.policy.hosts import parse_host

    found = parse_host(action.subject)
    if found is None:
        return default_of("unclear", mode, "it is no host")
    words, port = found
    return combine(default_of("network", mode), policy.about_host(words, port, role), policy=policy)


def combine(default: Decision, matches: Sequence[Match], *, policy: Policy, final: Lock = "") -> Decision:
    """What the rules make of a default.

    The person's own rules replace it; a project's can only be stricter, and only the person's answer in this session
    lifts a question of theirs; a managed rule bounds all of that, and it alone allows what is forbidden.

    Args:
        default: Where no rule says anything.
        matches: The rules about the action.
        policy: Compares them.
        final: Who may not allow it: `always` means nobody, `managed` that only a managed rule does.
    """
    if not matches:
        return default
    own = policy.strongest([match for match in matches if match.rule.scope in ("user", "session")])
    managed = policy.strongest([match for match in matches if match.rule.scope == "managed"])
    found = default
    if managed and managed.effect == "allow" and final != "always":
        found, final = _said_by(managed), ""
    if own:
        found = stricter(found, _said_by(own)) if final else _said_by(own)
    for match in matches:
        if match.rule.scope == "project" and not _is_answered(match, matches, policy):
            found = _bounded(found, _said_by(match))
    return _bounded(found, _said_by(managed)) if managed else found


def _bounded(found: Decision, bound: Decision) -> Decision:
    """The stricter of two decisions; where they are equal, that of a rule goes before a default."""
    if found.effect == bound.effect and found.scope in ("built-in", "mode"):
        return bound
    return stricter(found, bound)


def _is_answered(match: Match, matches: Sequence[Match], policy: Policy) -> bool:
    """Whether the person said yes in this session to what a project wants to be asked about."""
    if match.rule.effect != "ask":
        return False
    answers = (other for other in matches if other.rule.scope == "session" and other.effect == "allow")
    return any(policy.overrules(answer, match) for answer in answers)


def stricter(one: Decision, other: Decision) -> Decision:
    """The stricter of two decisions, the first where they are equal."""
    return other if EFFECTS.index(other.effect) > EFFECTS.index(one.effect) else one


def _said_by(match: Match) -> Decision:
    rule = match.rule
    reason = f"{_LOOSE} ({rule.place})" if match.loose else rule.place
    return Decision(match.effect, rule.text, rule.scope, reason)
