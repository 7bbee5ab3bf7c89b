"""Asks for each action of a call whether it may happen: the rules first, then a person where the rules say so.

What is refused is told as well, with the rule: the log, and not the model's words, says what was not done.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.agent.kit import ApprovalRequest, Verdict
from aiex.errors import Denied
from aiex.events import ApprovalAsked, ApprovalGiven
from aiex.guard.redact import redact

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from aiex.agent.kit import Person
    from aiex.agent.tools import Plan
    from aiex.events import Event
    from aiex.guard.actions import Action, Decision
    from aiex.guard.gate import Gate
    from aiex.guard.passage import Admitted
    from aiex.guard.policy.offers import Offer

_WORDS = {"read": "read", "write": "write", "delete": "delete", "command": "run", "network": "reach", "tool": "use"}


class Granted(NamedTuple):
    """Every action of a plan may happen."""

    admitted: tuple[Admitted, ...]


class Approvals:
    """Of one run.

    Args:
        gate: Decides, and puts on record.
        person: Whoever can be asked; None where what needs a person is refused.
        is_secret: Whether a path of the workspace is a secret by its name.
    """

    def __init__(
        self, gate: Gate, person: Person | None = None, *, is_secret: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._gate = gate
        self._person = person
        self._is_secret = is_secret

    async def admit(self, plan: Plan, *, chosen: str = "") -> AsyncGenerator[Event | Granted, None]:
        """What is asked and answered, as events; last the leave for all of it.

        Args:
            plan: What would happen.
            chosen: Who chose this very action, as `Judge` takes it; empty for a model.

        Raises:
            Denied: naming the rule; nothing of the plan may happen then.
        """
        admitted: list[Admitted] = []
        agreed: set[tuple[str, str]] = set()
        try:
            for action in plan.actions:
                found = self._gate.judge(action, chosen=chosen)
                if found.effect == "allow":
                    admitted.append(await self._gate.admit(action, found=found))
                    continue
                asked = ApprovalAsked(os.urandom(6).hex(), _describe(action), _reason(found))
                yield asked
                is_asked = self._can_ask(action, found)
                said = await self._hear(action, found, plan, agreed) if is_asked else Verdict(None)
                is_left_out = _is_left_out(action, plan)
                offer = None if is_left_out else said.offer
                yield ApprovalGiven(
                    asked.approval_id,
                    offer is not None,
                    _scope(offer),
                    "person" if is_asked else "policy",
                )
                try:
                    admitted.append(await self._admit(action, found, offer, is_asked=is_asked, words=said.words))
                except Denied:
                    if not is_left_out:
                        raise
        except BaseException:
            for one in admitted:
                self._gate.outcome(one, "refused", "another part of it was refused")
            raise
        yield Granted(tuple(admitted))

    def _can_ask(self, action: Action, found: Decision) -> bool:
        """Whether a person can say yes. Files outside, and secrets, tools reach by settings alone."""
        if self._person is None or found.effect != "ask":
            return False
        is_path = action.kind in ("read", "write", "delete")
        return not is_path or not (action.subject.startswith("/") or self._is_secret(action.subject))

    async def _hear(self, action: Action, found: Decision, plan: Plan, agreed: set[tuple[str, str]]) -> Verdict:
        """What the person says; an edit is revised by it.

        Args:
            action: What is asked about.
            found: The rule that asks.
            plan: What the action is a part of.
            agreed: The rules to which the person said yes, having seen all of an edit; they do not ask again.
        """
        pending = plan.pending
        if self._person is None or _is_left_out(action, plan):
            return Verdict(None)
        if (found.rule, found.scope) in agreed:
            return Verdict(_once())
        offers, changes = self._gate.judge.offers(action), pending.changes if pending else ()
        said = await self._person.approve(ApprovalRequest(action, found, offers, plan.title, plan.preview, changes))
        if not isinstance(said, Verdict):
            return Verdict(said)
        if said.offer and pending:
            if said.after is not None and not pending.revise(said.after):
                return Verdict(None, said.words)
            agreed.add((found.rule, found.scope))
        return said

    async def _admit(
        self, action: Action, found: Decision, offer: Offer | None, *, is_asked: bool, words: str = ""
    ) -> Admitted:
        try:
            return await self._gate.admit(action, found=found, answer=offer)
        except Denied as error:
            if is_asked and offer is None:
                why = f"; in their words: {' '.join(words.split())}" if words.strip() else ""
                raise Denied(
                    f"the person said no: {_describe(action)} may not happen{why}",
                    hint="" if why else "do something else, or say what it is needed for",
                ) from error
            raise


def _is_left_out(action: Action, plan: Plan) -> bool:
    """Whether a person took an edit without the part that an action belongs to."""
    return plan.pending is not None and plan.pending.is_revised and not plan.pending.concerns(action)


def _once() -> Offer:
    from aiex.guard.policy.offers import Offer

    return Offer("once", ())


def _describe(action: Action) -> str:
    return f"{_WORDS.get(action.kind, action.kind)} {redact(action.subject)}"


def _reason(found: Decision) -> str:
    return f"{found.rule} ({found.reason})" if found.reason else found.rule


def _scope(offer: Offer | None) -> Literal["once", "session", "project", "user"]:
    scope = offer.scope if offer else "once"
    return scope if scope in ("session", "project", "user") else "once"
