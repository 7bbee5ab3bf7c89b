"""What the policy tells when it is asked: the decision on an action, and what another policy would have decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiex.errors import UsageError
from aiex.guard.actions import Action, Decision
from aiex.guard.policy.decide import decide
from aiex.guard.policy.rules import EFFECTS
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.guard.actions import Mode, Role
    from aiex.guard.audit.reading import Found
    from aiex.guard.policy.judge import Judge
    from aiex.guard.policy.offers import Offer
    from aiex.guard.policy.policy import Policy
    from aiex.guard.policy.rules import Rule

KINDS: Final = ("read", "write", "delete", "command", "network", "tool")
_WHEN_OPENED: Final = "a secret: it is opened only where paths.allow_read names this very file, which is leave enough"
_WHEN_RUN: Final = "it can be allowed once: aiex run sandbox --approve -- COMMAND; for good only a managed rule does"


@record
class Answer:
    """What would be decided on an action here and now."""

    action: Action
    decision: Decision
    offers: tuple[Offer, ...]
    """What a person could answer if they were asked."""
    parts: tuple[tuple[str, Decision], ...] = ()
    """The simple commands of a line, each on its own."""
    remark: str = ""
    """What no rule of the person's changes about it; empty when there is nothing of that kind."""


def answer(words: Sequence[str], *, judge: Judge, root: str, cwd: str) -> Answer:
    """The decision on an action in words, such as `command 'git push'` or `write src/a.py`.

    Args:
        words: A kind and a subject; the words of a command may be given one by one.
        judge: Decides.
        root: The workspace, in which paths are resolved.
        cwd: Where relative paths count from, and commands run.

    Raises:
        UsageError: if the words are no action.
    """
    action = read_action(words, root, cwd)
    decision = judge(action)
    remark = _remark_on(action, decision, judge.policy)
    return Answer(action, decision, judge.offers(action), tuple(judge.parts(action)), remark)


def _remark_on(action: Action, decision: Decision, policy: Policy) -> str:
    """What it takes where no rule of the person's is enough; empty elsewhere."""
    from aiex.guard.policy.modes import is_forbidden
    from aiex.guard.policy.places import path_words

    if is_forbidden(decision):
        return _WHEN_RUN
    words = path_words(action.subject) if action.kind == "read" else None
    if words and policy.names.secret_name(action.subject) and not policy.has_leave(policy.locate(words)):
        return _WHEN_OPENED
    return ""


def read_action(words: Sequence[str], root: str, cwd: str) -> Action:
    """The action that a kind and a subject name. Raises UsageError if they name none."""
    import os
    import shlex

    from aiex.guard.policy.places import command_action, path_action

    kind, *subject = words
    hint = f"such as: command 'git push', write src/a.py; a kind is one of {', '.join(KINDS)}"
    if kind not in KINDS:
        raise UsageError(f"there is no kind of action {kind!r}", hint=hint)
    if not subject:
        raise UsageError(f"{kind} what?", hint=hint)
    match kind:
        case "command":
            return command_action(subject[0] if len(subject) == 1 else shlex.join(subject), cwd, root)
        case "read" | "write" | "delete" if len(subject) == 1:
            return path_action(kind, os.path.join(cwd, subject[0]), root)
        case "network" | "tool" if len(subject) == 1:
            return Action(kind, subject[0])
    raise UsageError(f"{kind} takes one subject, not {len(subject)}", hint=hint)


def describe_rule(rule: Rule) -> dict[str, Any]:
    """A rule for a program."""
    return {
        "rule": rule.text,
        "effect": rule.effect,
        "kind": rule.kind,
        "roles": sorted(rule.roles),
        "scope": rule.scope,
        "file": rule.file,
        "line": rule.line,
    }


def describe_decision(decision: Decision) -> dict[str, str]:
    """A decision for a program."""
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "scope": decision.scope,
        "reason": decision.reason,
    }


# --- what is good to know about a rule before it is written ---------------------------------------------------------


def remarks(rule: Rule) -> list[str]:
    """What a person might not expect of a rule."""
    from aiex.guard.commands.programs import INTERPRETERS, WRAPPERS
    from aiex.guard.policy.decide import names_secret
    from aiex.guard.policy.patterns import MANY
    from aiex.guard.sandbox.paths import DEFAULT_RULES

    found = []
    first, last = rule.written[0], rule.written[-1]
    if rule.kind in ("read", "write", "delete") and len(rule.written) == 3 and first == "." and last is MANY:
        name = rule.text.split(" ", 2)[2].strip("\"'").split("/")[0]
        found.append(f"it is about {name} in the workspace itself; at any depth: **/{name}")
    if rule.kind == "read" and rule.effect == "allow" and names_secret(rule, DEFAULT_RULES):
        found.append(_WHEN_OPENED)
    if rule.kind == "command" and rule.effect == "allow":
        if first in WRAPPERS | INTERPRETERS and last is MANY:
            found.append(f"{first} runs other programs, so this allows whatever they do inside the isolation")
        if not isinstance(first, str):
            found.append("this allows every program, inside the isolation")
    return found


# --- replay ---------------------------------------------------------------------------------------------------------


@record
class Change:
    """One action of the past that would be decided otherwise."""

    seq: int
    at_ms: int
    action: Action
    recorded: str
    """What was decided then."""
    before: Decision
    """What the rules in force say."""
    after: Decision
    """What the changed rules say."""
    times: int = 1
    """How often it happened; the numbers are those of the last time."""


@record
class Replay:
    """What a changed policy would have decided."""

    records: int
    """Decisions that were looked at."""
    erased: int
    """Those that nobody can read any more."""
    changes: tuple[Change, ...]
    """In the order of their last time."""

    @property
    def loosened(self) -> int:
        """How many actions would be decided more mildly."""
        return sum(1 for one in self.changes if _rank(one.after) < _rank(one.before))


def replay(found: Iterable[Found], *, before: Policy, after: Policy, mode: Mode, role: Role = "admin") -> Replay:
    """Decide again on what is on record, by two policies.

    Args:
        found: Records of the audit log.
        before: The rules in force.
        after: The changed rules.
        mode: The permission mode, the same for both.
        role: On whose behalf.

    Commands are judged by their text alone, because the files that they were about may be others by now.
    """
    records = erased = 0
    known: dict[tuple[str, str, str], tuple[Decision, Decision]] = {}
    changes: dict[tuple[str, str, str], Change] = {}
    for one in found:
        if one.what != "decision":
            continue
        records += 1
        if one.entry is None:
            erased += 1
            continue
        action = one.entry.action
        if action.kind == "approval":
            continue
        key = (action.kind, action.subject, action.detail.get("cwd", ""))
        if key not in known:
            known[key] = (_decide(action, before, mode, role), _decide(action, after, mode, role))
        decisions = known[key]
        if decisions[0].effect != decisions[1].effect:
            times = changes.pop(key).times + 1 if key in changes else 1
            changes[key] = Change(one.seq, one.at_ms, action, one.effect, *decisions, times)
    return Replay(records, erased, tuple(changes.values()))


def _decide(action: Action, policy: Policy, mode: Mode, role: Role) -> Decision:
    return decide(action, policy=policy, mode=mode, role=role)


def _rank(decision: Decision) -> int:
    return EFFECTS.index(decision.effect)


def describe_change(change: Change) -> dict[str, Any]:
    """A change for a program."""
    return {
        "seq": change.seq,
        "kind": change.action.kind,
        "subject": change.action.subject,
        "times": change.times,
        "recorded": change.recorded,
        "before": describe_decision(change.before),
        "after": describe_decision(change.after),
    }
