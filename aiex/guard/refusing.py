"""The words in which an action is refused: what was tried, the rule, and what tells more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.errors import Denied

if TYPE_CHECKING:
    from aiex.guard.actions import Action, Decision

_WORDS: Final = {
    "read": "to read ",
    "write": "to write ",
    "delete": "to delete ",
    "command": "to run ",
    "network": "to reach ",
    "tool": "the tool ",
    "approval": "",
}
_LONGEST_SHOWN: Final = 200


def refused(action: Action, decision: Decision) -> Denied:
    """The error for an action that may not happen; secrets and control characters are out of its words."""
    why = f"{decision.rule} ({decision.reason})" if decision.reason else decision.rule
    if decision.effect == "ask":
        why = f"it has to be asked about: {why}"
    return Denied(f"refused {_WORDS[action.kind]}{_show(action.subject)}: {why}", hint=_hint(action))


def _show(subject: str) -> str:
    from aiex.guard.neutral import printable_path
    from aiex.guard.redact import redact

    text = redact(subject)
    return printable_path(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…")


def _hint(action: Action) -> str:
    if action.kind == "approval":
        return "aiex list policy shows the rules, and aiex show config policy.role the role"
    import shlex

    shown = _show(action.subject)
    return f"aiex show policy {action.kind} {shlex.quote(shown)} tells what would allow it"
