"""The files that rules keep from being read, as those who open files ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.guard.actions import Decision, Role
from aiex.guard.policy.decide import combine
from aiex.guard.policy.places import path_words
from aiex.guard.policy.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ALLOWED = Decision("allow", "", "built-in")


class KeptOut:
    """Says of a path why it may not be read; a rule that asks keeps out as well, unless there is leave."""

    def __init__(self, policy: Policy, role: Role) -> None:
        self.policy = policy
        self.role = role
        self.leave: set[str] = set()
        """Paths that somebody agreed to, as long as they are read."""

    def __call__(self, path: str) -> str:
        """The rule, with where it stands; empty when the path may be read as far as rules go.

        Args:
            path: Resolved; relative to the workspace, or absolute.

        Cost: about 10 µs.
        """
        words = path_words(path)
        if words is None or path in self.leave:
            return ""
        words = self.policy.locate(words)
        found = combine(_ALLOWED, self.policy.about_path("read", words, self.role), policy=self.policy)
        if found.effect == "allow":
            return ""
        return f"{found.rule} ({found.reason})" if found.reason else found.rule

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules about reading, as text: whoever remembers what was kept out starts over when they change."""
        about = (rule for rule in self.policy.rules if "read" in rule.kinds)
        return (self.role, *(f"{rule.scope} {rule.text}" for rule in about))

    def __reduce__(self) -> tuple[Callable[..., KeptOut], tuple[object, ...]]:
        policy = self.policy
        rules = [(rule.text, rule.scope, rule.file, rule.line) for rule in policy.rules if "read" in rule.kinds]
        return _reopen, (rules, policy.root, self.role)


def _reopen(rules: Sequence[tuple[str, str, str, int]], root: str, role: Role) -> KeptOut:
    """The same in another process; leave stays where it was given."""
    from typing import Any, cast

    from aiex.guard.policy.rules import parse_rule

    parsed = [parse_rule(text, scope=cast("Any", scope), file=file, line=line) for text, scope, file, line in rules]
    return KeptOut(Policy(parsed, root=root), role)
