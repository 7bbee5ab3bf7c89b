"""What is decided where no rule says anything, for each permission mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from aiex.guard.actions import Decision, Effect, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

Case = Literal[
    "read", "secret", "read-outside", "write", "write-secret", "write-outside", "delete", "protected",
    "safe", "command", "unread", "forbidden", "network", "tool", "approval", "unclear",
]  # fmt: skip
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_EFFECTS: Final[Mapping[str, Effect]] = {"a": "allow", "?": "ask", "d": "deny"}


class Default(NamedTuple):
    """What a case is called, and what each mode does about it."""

    name: str
    effects: str
    """One letter for each of `MODES`: bypass, auto, accept-edits, ask, deny, plan."""
    is_final: bool = False
    """No rule of the person changes it; where it is a command, a managed one may."""


DEFAULTS: Final[Mapping[Case, Default]] = {
    "read": Default("reads inside the workspace", "aaaaaa"),
    "secret": Default("reads of secrets", "????dd"),
    "read-outside": Default("reads outside the workspace", "????dd"),
    "write": Default("writes inside the workspace", "aaa?dd"),
    "write-secret": Default("writes of secrets", "????dd"),
    "write-outside": Default("writes outside the workspace", "????dd"),
    "delete": Default("files deleted inside the workspace", "aa??dd"),
    "protected": Default("protected names", "dddddd", is_final=True),
    "safe": Default("commands that only read inside the workspace", "aaaaaa"),
    "command": Default("commands that are not known to only read", "aa??dd"),
    "unread": Default("commands that are not understood", "a???dd"),
    "forbidden": Default("forbidden commands", "dddddd", is_final=True),
    "network": Default("hosts on the network", "a???dd"),
    "tool": Default("tools", "a???dd"),
    "approval": Default("approvals", "aaaaaa"),
    "unclear": Default("what cannot be read", "dddddd", is_final=True),
}


def default_of(case: Case, mode: Mode, reason: str = "") -> Decision:
    """The decision of a mode where no rule says anything."""
    known = _KNOWN.get((case, mode))
    if known is None:
        known = _KNOWN[case, mode] = _default(case, mode)
    return Decision(known.effect, known.rule, known.scope, reason) if reason else known


def _default(case: Case, mode: Mode) -> Decision:
    default = DEFAULTS[case]
    letter = default.effects[MODES.index(mode)]
    if letter == default.effects[MODES.index("ask")]:
        return Decision(_EFFECTS[letter], f"built-in: {default.name}", "built-in")
    return Decision(_EFFECTS[letter], f"mode {mode}: {default.name}", "mode")


_KNOWN: Final[dict[tuple[Case, Mode], Decision]] = {}


def is_forbidden(decision: Decision) -> bool:
    """Whether this refuses a command that is forbidden by what it does, and by no rule."""
    return decision.effect == "deny" and decision.rule == default_of("forbidden", "ask").rule


def clamp(decision: Decision, mode: Mode, *, changes: bool) -> Decision:
    """What the two strict modes make of a decision: `deny` asks nothing, `plan` also lets nothing change.

    Args:
        decision: Of rules and defaults.
        mode: The permission mode.
        changes: Whether the action may change files, so that `plan` refuses it whatever a rule allows.
    """
    if decision.effect == "ask" and mode in ("deny", "plan"):
        reason = f"it would be asked because of {decision.rule}"
        return Decision("deny", f"mode {mode}: nothing is asked", "mode", reason)
    if decision.effect == "allow" and mode == "plan" and changes:
        return Decision("deny", "mode plan: nothing is changed", "mode", f"{decision.rule} would allow it")
    return decision
