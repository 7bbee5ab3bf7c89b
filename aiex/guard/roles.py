"""What somebody may do at all: four roles, each with the rights of the one before and some more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.errors import Denied, UsageError
from aiex.guard.actions import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.guard.actions import Action, Role

_VIEWER: Final = frozenset(["read"])
_EDITOR: Final = _VIEWER | {"write", "delete", "tool", "safe command"}
_OPERATOR: Final = _EDITOR | {"command", "network", "approval"}
_ADMIN: Final = _OPERATOR | {"standing approval"}
RIGHTS: Final[Mapping[Role, frozenset[str]]] = {
    "viewer": _VIEWER,
    "editor": _EDITOR,
    "operator": _OPERATOR,
    "admin": _ADMIN,
}
"""Role → the kinds of action. A safe command only reads; a standing approval is a rule that stays, as any change of
policy, keys or trust is: an action of the kind `approval` whose detail says `scope`."""
_PASSING: Final = frozenset(["", "once", "session"])


def right_for(action: Action, *, safe: bool = False) -> str:
    """The right that an action needs; `safe` says that a command was classified so."""
    if action.kind == "command" and safe:
        return "safe command"
    if action.kind == "approval" and action.detail.get("scope", "") not in _PASSING:
        return "standing approval"
    return action.kind


def has_right(role: Role, action: Action, *, safe: bool = False) -> bool:
    """Whether the role may do it at all, whatever the policy says then. Raises UsageError if there is no such role."""
    if role not in RIGHTS:
        raise UsageError(f"there is no role {role!r}", hint=f"one of: {', '.join(RIGHTS)}")
    return right_for(action, safe=safe) in RIGHTS[role]


def refusal(role: Role, action: Action) -> Decision:
    """The decision on what a role may not do."""
    able = next(name for name, rights in RIGHTS.items() if right_for(action) in rights)
    reason = f"only {able} and above may: {right_for(action)}" if able != "admin" else f"only {able} may"
    return Decision("deny", f"role {role}: {', '.join(sorted(RIGHTS[role]))}", "built-in", reason)


def require(role: Role, action: Action, *, safe: bool = False) -> None:
    """Go on if the role may do this.

    Args:
        role: Of whoever asks.
        action: What is about to happen.
        safe: Whether it is a command that was classified as safe.

    Raises:
        Denied: naming the rule.
        UsageError: if there is no such role.
    """
    if not has_right(role, action, safe=safe):
        found = refusal(role, action)
        from aiex.guard.neutral import printable_path

        raise Denied(f"refused {action.kind} {printable_path(action.subject)}: {found.reason}", hint=found.rule)
