"""The decision on a line for the shell: each simple command in it is decided on, and the strictest counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.guard.actions import Decision
from aiex.guard.commands.catalogue import find_tool
from aiex.guard.commands.places import join
from aiex.guard.commands.programs import is_too_long
from aiex.guard.commands.values import Arg
from aiex.guard.policy.commandrules import changes_directory, is_place
from aiex.guard.policy.decide import combine
from aiex.guard.policy.modes import default_of
from aiex.guard.policy.places import INSIDE, path_words
from aiex.guard.policy.reading import why_reads_all
from aiex.guard.policy.rules import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.guard.actions import Mode, Role
    from aiex.guard.commands.verdict import Classified, Reason, Simple
    from aiex.guard.policy.modes import Case
    from aiex.guard.policy.policy import Policy

_PLAIN: Final = frozenset(["redirection", "background", "network", "path", "here document"])
"""Reasons of a line that was read to its end: no command can hide in it."""
_UNREAD: Final = frozenset(["does not parse", "text", "nesting", "construct", "alternatives", "length"])
"""Reasons of a line that holds something which nobody read."""
_RESERVED: Final = frozenset(
    [
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "while",
        "until",
        "for",
        "in",
        "do",
        "done",
        "case",
        "esac",
        "select",
        "function",
        "{",
        "}",
        "!",
        "[[",
        "coproc",
    ]
)
"""Words of the shell that no program is called by; where one seems to be, the line was not understood."""


def decide_command(classified: Classified, *, policy: Policy, mode: Mode, role: Role) -> Decision:
    """The strictest decision on the parts of a line; among equal ones that of a rule goes before a default."""
    found: Decision | None = None
    for decision in decide_parts(classified, policy=policy, mode=mode, role=role):
        if found is None or _rank(decision) > _rank(found):
            found = decision
    return found or default_of(classified.level if classified.level == "safe" else "command", mode)


def decide_parts(classified: Classified, *, policy: Policy, mode: Mode, role: Role) -> Iterator[Decision]:
    """The decision on each simple command, and on what else the line does."""
    for simple, decision in decide_each(classified, policy=policy, mode=mode, role=role):
        yield decision
        if policy.restricts_reads:
            yield from _reads(simple, policy=policy, mode=mode, role=role)
    if rest := beside_commands(classified):
        case: Case = "forbidden" if rest[0].level == "forbidden" else "command"
        case = "unread" if case == "command" and any(reason.rule in _UNREAD for reason in rest) else case
        found = default_of(case, mode, f"{rest[0].rule}: {rest[0].why}")
        hidden = any(reason.rule not in _PLAIN and reason.level == "ask" for reason in rest)
        matches = policy.commands.maybe_about((), role) if hidden else ()
        yield combine(found, matches, policy=policy, final="managed" if case == "forbidden" else "")


def decide_each(classified: Classified, *, policy: Policy, mode: Mode, role: Role) -> Iterator[tuple[Simple, Decision]]:
    """Each simple command with the decision on it as if it stood alone."""
    moves = changes_directory(classified.commands)
    for simple in classified.commands:
        yield simple, _decide_simple(simple, classified, policy=policy, mode=mode, role=role, moves=moves)


def _decide_simple(
    simple: Simple, classified: Classified, *, policy: Policy, mode: Mode, role: Role, moves: bool
) -> Decision:
    if simple.name in _RESERVED and simple.level != "forbidden":
        default = default_of("unread", mode, f"{simple.name} is a word of the shell, and no program")
        return combine(default, policy.commands.maybe_about((), role), policy=policy)
    matches = policy.commands.about(simple, role, moves=moves)
    if is_safe(simple, classified):
        why = why_reads_all(policy, simple, role)
        return combine(default_of("command" if why else "safe", mode, why), matches, policy=policy)
    case: Case = "forbidden" if simple.level == "forbidden" else "command"
    if case == "command" and is_too_long([simple.name, *(operand.text for operand in simple.present)]):
        case = "unread"
    default = default_of(case, mode, _why(simple, classified))
    return combine(default, matches, policy=policy, final="managed" if case == "forbidden" else "")


def is_safe(simple: Simple, classified: Classified) -> bool:
    """Whether one simple command only reads inside the workspace.

    The level of a part does not say so where an earlier part was objected to for the same reason, so the program has
    to be one whose arguments are understood.
    """
    if classified.level == "safe":
        return True
    is_known = find_tool(simple.name) is not None or simple.name in ("cd", "read")
    return simple.level == "safe" and is_known and all(operand.role != "unread" for operand in simple.operands)


def beside_commands(classified: Classified) -> list[Reason]:
    """The reasons that are about the line and about no command that a rule could allow; the worst first."""
    return [reason for reason in classified.reasons if not _is_about_command(reason, classified)]


def _is_about_command(reason: Reason, classified: Classified) -> bool:
    if reason.level == "forbidden":
        return any(simple.level == "forbidden" for simple in classified.commands)
    if reason.rule == "program":
        return bool(classified.commands)
    return reason.rule in ("argument", "path") and any(
        reason.why == f"{simple.name} {operand.text}: {operand.why}"
        for simple in classified.commands
        for operand in simple.operands
        if operand.level != "safe"
    )


def _why(simple: Simple, classified: Classified) -> str:
    objection = next((operand for operand in simple.operands if operand.level != "safe"), None)
    if simple.level == "forbidden":
        found = next((reason for reason in classified.reasons if reason.level == "forbidden"), None)
        return f"{found.rule}: {found.why}" if found else ""
    if objection:
        return f"{simple.name} {objection.text}: {objection.why}"
    return f"{simple.name} is not known to only read"


def _reads(simple: Simple, *, policy: Policy, mode: Mode, role: Role) -> Iterator[Decision]:
    """Decisions of rules that forbid to read what a command plainly names."""
    named = [operand.text for operand in simple.operands if is_place(operand) and operand.level != "safe"]
    for path in dict.fromkeys(join(folder, Arg(text)) or INSIDE for folder in simple.folders for text in named):
        words = path_words(path)
        matches = policy.about_path("read", policy.locate(words), role) if words else []
        for match in matches:
            if match.effect == "deny":
                yield combine(default_of("safe", mode), [match], policy=policy)


def _rank(decision: Decision) -> tuple[int, bool]:
    return EFFECTS.index(decision.effect), decision.scope not in ("built-in", "mode")
