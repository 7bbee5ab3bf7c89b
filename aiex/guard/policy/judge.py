"""Decides for one session: by the rules with what a person answered, on behalf of one role, in one mode."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aiex.guard.actions import Action, Decision, Mode, Role
    from aiex.guard.commands.verdict import Classified
    from aiex.guard.policy.keptout import KeptOut
    from aiex.guard.policy.offers import Offer
    from aiex.guard.policy.policy import Policy
    from aiex.guard.policy.rules import Rule


class Judge:
    """Decides, and puts nothing on record: the gate does. Not safe for threads."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        *,
        mode: Mode = "ask",
        role: Role = "admin",
        look: Callable[[str], str] | None = None,
        confined: Callable[[], bool] = lambda: True,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            policy: Gives the rules, when the first action needs them.
            mode: What is done unasked where no rule says anything.
            role: On whose behalf.
            look: Looks at a path in the workspace, for commands.
            confined: Whether commands run isolated; asked about those that nobody typed.
        """
        self.mode = mode
        self.role = role
        self._load = policy
        self._policy: Policy | None = None
        self._look = look
        self._confined = confined
        self._kept_out: KeptOut | None = None
        self._for_session: list[str] = []

    @property
    def policy(self) -> Policy:
        """The rules in force, with what a person answered in this session."""
        if self._policy is None:
            self._policy = self._load()
        return self._policy

    @property
    def kept_out(self) -> KeptOut:
        """Says of a path why rules keep it from being read; what is admitted has leave while it happens."""
        if self._kept_out is None:
            from aiex.guard.policy.keptout import KeptOut

            self._kept_out = KeptOut(self.policy, self.role)
        return self._kept_out

    def __call__(self, action: Action, *, chosen: str = "") -> Decision:
        """The decision on an action.

        Args:
            action: With its subject resolved.
            chosen: Who chose this very action, in words, such as `typed by the person`. Rules count as ever, and take
                the place of what would be asked where there is none.

        Cost: at most 50 µs, for a command the time to read it as well. Source: benchmarks/policy.py.
        """
        from aiex.guard.policy.decide import decide

        mode, role = self.mode, self.role
        if action.kind == "approval":  # no rule is about it, so it can be given where rules are broken
            from aiex.guard.policy.policy import Policy

            return decide(action, policy=Policy(), mode=mode, role=role)
        classified = self._classify(action)
        if chosen:
            from aiex.guard.policy.chosen import decide_chosen

            return decide_chosen(action, chosen, policy=self.policy, mode=mode, role=role, classified=classified)
        confined = self._is_confined(action)
        return decide(action, policy=self.policy, mode=mode, role=role, classified=classified, confined=confined)

    def only_reads(self, action: Action) -> bool:
        """Whether an action is a command that is known to do nothing but read inside the workspace."""
        classified = self._classify(action)
        return classified is not None and classified.level == "safe"

    def offers(self, action: Action) -> tuple[Offer, ...]:
        """What a person can answer when an action is asked about; nothing when it is not."""
        from aiex.guard.policy.offers import offers

        classified, confined = self._classify(action), self._is_confined(action)
        return offers(
            action, policy=self.policy, mode=self.mode, role=self.role, classified=classified, confined=confined
        )

    def parts(self, action: Action) -> Iterator[tuple[str, Decision]]:
        """The simple commands of a line with the decision on each alone; nothing for what is no command."""
        classified = self._classify(action)
        if classified is None:
            return
        from aiex.guard.policy.commands import decide_each

        for simple, decision in decide_each(classified, policy=self.policy, mode=self.mode, role=self.role):
            yield simple.text, decision

    def extend(self, offer: Offer, environ: Mapping[str, str] = os.environ) -> None:
        """Let the rules of an answer count as long as it says; those that stay are written down.

        Raises ConfigError and Denied as `sources.add_rule` does.
        """
        from aiex.guard.policy.rules import parse_rule
        from aiex.guard.policy.sources import add_rule

        if not offer.rules:
            return
        if offer.scope in ("user", "project"):
            for text in offer.rules:
                add_rule(text, scope=offer.scope, root=self.policy.root, environ=environ)
        if offer.scope == "session":
            self._for_session += offer.rules
        self._add([parse_rule(text, scope=offer.scope) for text in offer.rules])

    def inherit(self, other: Judge) -> None:
        """Let the rules count as well that a person gave another judge for the rest of the session."""
        from aiex.guard.policy.rules import parse_rule

        if other._for_session:
            self._for_session += other._for_session
            self._add([parse_rule(text, scope="session") for text in other._for_session])

    def _add(self, rules: Sequence[Rule]) -> None:
        self._policy = self.policy.extended(rules)
        self.kept_out.policy = self._policy

    def _classify(self, action: Action) -> Classified | None:
        if action.kind != "command":
            return None
        cwd = action.detail.get("cwd", "")
        return self.policy.classify(action.subject, cwd=cwd, look=self._look, role=self.role)

    def _is_confined(self, action: Action) -> bool:
        return action.kind != "command" or self._confined()
