"""The gate: an action is decided on and put on record before it happens, and what came of it afterwards.

Policy, audit log and the reading of commands are loaded when the first action needs them, so a run without actions
pays nothing.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

from aiex.errors import AiexError, Denied, StoreError
from aiex.guard.actions import Action, Decision
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from aiex.guard.actions import Mode, Role
    from aiex.guard.audit.entries import Status, Verdict
    from aiex.guard.audit.log import AuditLog
    from aiex.guard.commands.verdict import Classified
    from aiex.guard.policy.keptout import KeptOut
    from aiex.guard.policy.offers import Offer
    from aiex.guard.policy.policy import Policy

    Approve = Callable[[Action, Decision, tuple[Offer, ...]], Awaitable[Offer | None]]
    """Asks a person: the action, the decision that asks, and what can be answered; None for no."""

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


@record
class Admitted:
    """An action that may happen."""

    number: int
    """Of the record that lets it happen; 0 when there is none."""
    action: Action
    decision: Decision


class Passage:
    """An action while it happens; what is noted here goes into the record of its outcome."""

    def __init__(self, admitted: Admitted) -> None:
        self.admitted = admitted
        self.status: Status = "done"
        self.text = ""
        """In a few words: an exit code, the class of an error; nothing that was read or written."""
        self.redactions = 0
        self.detail: dict[str, str] = {}
        """Numbers and names that belong to the outcome, such as tokens."""


class Gate:
    """Decides for one session, on behalf of one role. Not safe for threads."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        *,
        mode: Mode = "ask",
        role: Role = "admin",
        session: str = "",
        audit: Callable[[], AuditLog | None] = lambda: None,
        approve: Approve | None = None,
        look: Callable[[str], str] | None = None,
        confined: Callable[[], bool] = lambda: True,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Nothing is loaded or opened yet.

        Args:
            policy: Gives the rules, when the first action needs them.
            mode: What is done unasked where no rule says anything.
            role: On whose behalf.
            session: Whose records these are.
            audit: Opens the log; None when nothing goes on record.
            approve: Asks a person. Without one, what has to be asked about is refused.
            look: Looks at a path in the workspace, for commands.
            confined: Whether commands run isolated; asked about those that nobody typed.
            environ: Says where answers that stay are written.
        """
        self.mode = mode
        self.role = role
        self.session = session
        self.confined = confined
        self._load = policy
        self._policy: Policy | None = None
        self._open = audit
        self._audit: AuditLog | None = None
        self._was_opened = False
        self._approve = approve
        self._look = look
        self._kept_out: KeptOut | None = None
        self._environ = environ
        self.removed = 0
        """How many secrets were taken out of what the next server is told; its record says so."""

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

    # --- deciding -----------------------------------------------------------------------------------------------------

    def judge(self, action: Action, *, chosen: str = "") -> Decision:
        """The decision on an action, not put on record.

        Args:
            action: With its subject resolved.
            chosen: Who chose this very action, in words, such as `typed by the person`. Rules count as ever, and take
                the place of what would be asked where there is none.

        Cost: at most 50 µs, for a command the time to read it as well. Source: benchmarks/policy.py.
        """
        from aiex.guard.policy.decide import decide

        if action.kind == "approval":  # no rule is about it, so it can be given where rules are broken
            from aiex.guard.policy.policy import Policy

            return decide(action, policy=Policy(), mode=self.mode, role=self.role)
        policy, mode, role = self.policy, self.mode, self.role
        classified = self._classify(action)
        if chosen:
            from aiex.guard.policy.chosen import decide_chosen

            return decide_chosen(action, chosen, policy=policy, mode=mode, role=role, classified=classified)
        confined = classified is None or self.confined()
        return decide(action, policy=policy, mode=mode, role=role, classified=classified, confined=confined)

    def _classify(self, action: Action) -> Classified | None:
        if action.kind != "command":
            return None
        return self.policy.classify(action.subject, cwd=action.detail.get("cwd", ""), look=self._look, role=self.role)

    def decide(self, action: Action, *, chosen: str = "") -> Decision:
        """The same, put on record. Raises Denied where it cannot be and has to be."""
        found = self.judge(action, chosen=chosen)
        self.note(action, found)
        return found

    def require(self, action: Action, *, chosen: str = "") -> Admitted:
        """Let an action happen that needs no answer of a person.

        Raises:
            Denied: naming the rule.
        """
        found = self.judge(action, chosen=chosen)
        number = self.note(action, found)
        if found.effect != "allow":
            self._refuse(action, found, number)
        return self._admitted(number, action, found)

    async def admit(self, action: Action, *, chosen: str = "", approved: str = "") -> Admitted:
        """Let an action happen, once a person agreed where the rules want that.

        Args:
            action: With its subject resolved.
            chosen: As in `judge`.
            approved: By what a person agreed to this very action beforehand, such as `--approve`. It answers any
                question, and it is the only way to a forbidden command.

        Raises:
            Denied: naming the rule.
        """
        found = self.judge(action, chosen=chosen)
        number = self.note(action, found)
        if found.effect == "allow":
            return self._admitted(number, action, found)
        offer = await self._answer_to(action, found, approved)
        if offer is None:
            self._refuse(action, found, number)
        return self._agree(action, number, offer, approved or "person")

    def note(self, action: Action, verdict: Verdict) -> int:
        """Put a decision that was made elsewhere on record; its number, 0 where nothing is kept.

        Raises Denied where it cannot be written and has to be.
        """
        if not self._was_opened:
            self._audit, self._was_opened = self._open(), True
        if self._audit is None:
            return 0
        if action.kind == "command":
            from aiex.guard.redact import redact

            action = replace(action, subject=redact(action.subject))
        return self._audit.append(self.session, action, verdict)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def through(self, action: Action, *, chosen: str = "", approved: str = "") -> AsyncIterator[Passage]:
        """Admit an action, and put on record what comes of the block. Raises Denied as `admit` does."""
        admitted = await self.admit(action, chosen=chosen, approved=approved)
        with self.passing(admitted) as passage:
            yield passage

    @contextmanager
    def doing(self, action: Action, *, chosen: str = "") -> Iterator[Passage]:
        """The same for what needs no answer of a person. Raises Denied as `require` does."""
        admitted = self.require(action, chosen=chosen)
        with self.passing(admitted) as passage:
            yield passage

    @contextmanager
    def passing(self, admitted: Admitted) -> Iterator[Passage]:
        """Put on record what comes of the block: done, refused, failed or cancelled."""
        passage = Passage(admitted)
        try:
            yield passage
        except BaseException as error:
            passage.status, passage.text = _status_of(error), passage.text or _describe(error)
            try:
                self.end(passage)
            except AiexError as problem:
                error.add_note(problem.message)
            raise
        self.end(passage)

    def end(self, passage: Passage) -> None:
        """Put on record how a passage ended."""
        self.outcome(
            passage.admitted, passage.status, passage.text, redactions=passage.redactions, detail=passage.detail
        )

    def outcome(
        self,
        admitted: Admitted,
        status: Status,
        text: str = "",
        *,
        redactions: int = 0,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Put on record what came of an action; leave to read ends.

        Raises:
            StoreError: if it has to be on record and cannot be.
        """
        from aiex.guard.audit.entries import Outcome

        action = admitted.action
        if self._kept_out is not None and action.kind == "read":
            self._kept_out.leave.discard(action.subject)
        said = replace(action, detail={**action.detail, **detail}) if detail else action
        try:
            self.note(said, Outcome(status, admitted.number, text, redactions))
        except Denied as error:
            why = error.message.partition(": ")[2]
            raise StoreError(f"it happened, but what came of it is not on record: {why}", hint=error.hint) from error

    def close(self) -> None:
        """Close the log."""
        if self._audit is not None:
            self._audit.close()

    # --- answers ------------------------------------------------------------------------------------------------------

    async def _answer_to(self, action: Action, found: Decision, approved: str) -> Offer | None:
        if approved and (found.effect == "ask" or is_forbidden(found)):
            from aiex.guard.policy.offers import Offer

            return Offer("once", ())
        if found.effect != "ask" or self._approve is None:
            return None
        from aiex.guard.policy.offers import offers

        classified = self._classify(action)
        confined = classified is None or self.confined()
        offered = offers(
            action, policy=self.policy, mode=self.mode, role=self.role, classified=classified, confined=confined
        )
        return await self._approve(action, found, offered)

    def _agree(self, action: Action, number: int, offer: Offer, by: str) -> Admitted:
        """Put an approval on record, and let it count as long as it says."""
        from aiex.guard.policy.offers import approved

        detail = {"kind": action.kind, "of": str(number), "scope": offer.scope, "by": by}
        approval = Action("approval", action.subject, detail)
        allowed = self.judge(approval)
        if allowed.effect != "allow":
            self._refuse(approval, allowed, self.note(approval, allowed))
        found = approved(action, offer)
        number = self.note(approval, found)
        self._extend(offer)
        return self._admitted(number, action, found)

    def _extend(self, offer: Offer) -> None:
        if not offer.rules:
            return
        from aiex.guard.policy.rules import parse_rule
        from aiex.guard.policy.sources import add_rule

        if offer.scope in ("user", "project"):
            for text in offer.rules:
                add_rule(text, scope=offer.scope, root=self.policy.root, environ=self._environ)
        self._policy = self.policy.extended(parse_rule(text, scope=offer.scope) for text in offer.rules)
        if self._kept_out is not None:
            self._kept_out.policy = self._policy

    def _admitted(self, number: int, action: Action, decision: Decision) -> Admitted:
        if action.kind == "read" and self._kept_out is not None:
            self._kept_out.leave.add(action.subject)
        return Admitted(number, action, decision)

    def _refuse(self, action: Action, found: Decision, number: int) -> NoReturn:
        why = f"{found.rule} ({found.reason})" if found.reason else found.rule
        if found.effect == "ask":
            from aiex.guard.audit.entries import Outcome

            why = f"it has to be asked about: {why}"
            self.note(action, Outcome("refused", number, "nobody agreed"))
        raise Denied(f"refused {_WORDS[action.kind]}{_show(action.subject)}: {why}", hint=_hint(action))


def is_forbidden(found: Decision) -> bool:
    """Whether this refuses a command that is forbidden by what it does, and by no rule."""
    from aiex.guard.policy.modes import default_of

    return found.effect == "deny" and found.rule == default_of("forbidden", "ask").rule


def _status_of(error: BaseException) -> Status:
    if isinstance(error, Denied):
        return "refused"
    return "failed" if isinstance(error, Exception) else "cancelled"


def _describe(error: BaseException) -> str:
    """The class of an error and its kind; its words may quote what was sent."""
    kind = error.kind if isinstance(error, AiexError) else ""
    return f"{type(error).__name__}: {kind}" if kind else type(error).__name__


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
