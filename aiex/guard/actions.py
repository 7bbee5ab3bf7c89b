"""What may be asked of the guard, and what it answers: the words that policy, runner and audit share."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from aiex.record import record

Kind = Literal["read", "write", "delete", "command", "network", "tool", "approval"]
Effect = Literal["allow", "ask", "deny"]
Scope = Literal["built-in", "mode", "once", "session", "project", "user", "managed"]
Mode = Literal["bypass", "auto", "accept-edits", "ask", "deny", "plan"]
"""How much is done unasked, from the loosest to the strictest: none allows more than the one before it."""
Role = Literal["viewer", "editor", "operator", "admin"]
"""What somebody may do at all; each may do what the one before may."""
TYPED: Final = "typed by a person"
"""Who chose what happens: nobody is asked about it once more, and rules that deny count all the same."""


@record
class Action:
    """Something that is about to happen to the machine."""

    kind: Kind
    subject: str
    """A path relative to the workspace, the text of a command, `host:port`, or the name of a tool."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """What else a rule or a reader may want to know, by name; no secrets."""


@record
class Decision:
    """Whether it may happen, and why."""

    effect: Effect
    rule: str
    """The rule that decided, as it is written, or what is built in."""
    scope: Scope
    """Where that rule comes from."""
    reason: str = ""
    """For a person: why the rule applies."""
