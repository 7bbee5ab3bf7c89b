"""The gate: an action is decided on and put on record before it happens, and what came of it afterwards.

Policy, audit log and the reading of commands are loaded when the first action needs them, so a run without actions
pays nothing.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from aiex.errors import AiexError, Denied, StoreError
from aiex.guard.actions import Action, Decision
from aiex.guard.passage import Admitted, Passage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType

    from aiex.guard.audit.entries import Status, Verdict
    from aiex.guard.audit.log import AuditLog
    from aiex.guard.policy.judge import Judge
    from aiex.guard.policy.offers import Offer

    Approve = Callable[[Action, Decision, tuple[Offer, ...]], Awaitable[Offer | None]]
    """Asks a person: the action, the decision that asks, and what can be answered; None for no."""


class Gate:
    """Lets the actions of one session happen, or refuses them. Not safe for threads."""

    def __init__(
        self,
        judge: Judge,
        *,
        session: str = "",
        audit: Callable[[], AuditLog | None] = lambda: None,
        approve: Approve | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Nothing is loaded or opened yet.

        Args:
            judge: Decides, and remembers what was answered.
            session: Whose records these are.
            audit: Opens the log; None when nothing goes on record.
            approve: Asks a person. Without one, what has to be asked about is refused.
            environ: Says where answers that stay are written.
        """
        self.judge = judge
        self.session = session
        self._open = audit
        self._audit: AuditLog | None = None
        self._was_opened = False
        self._approve = approve
        self._environ = environ
        self.removed = 0
        """How many secrets were taken out of what the next server is told; its record says so."""

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

    async def admit(
        self,
        action: Action,
        *,
        chosen: str = "",
        approved: str = "",
        found: Decision | None = None,
        answer: Offer | None = None,
    ) -> Admitted:
        """Let an action happen, once a person agreed where the rules want that.

        Args:
            action: With its subject resolved.
            chosen: Who chose this very action, as `Judge` takes it.
            approved: By what a person agreed to this very action beforehand, such as `--approve`. It answers any
                question, and beside a managed rule it is the only way to a forbidden command.
            found: The decision, where this gate's judge was asked already.
            answer: What a person said to the question of that decision.

        Raises:
            Denied: naming the rule.
        """
        found = found or self.judge(action, chosen=chosen)
        number = self.note(action, found)
        if found.effect == "allow":
            return self._admitted(number, action, found)
        offer = answer if answer and found.effect == "ask" else await self._answer_to(action, found, approved)
        if offer is None:
            self._refuse(action, found, number)
        return self._agree(action, number, offer, approved or "person")

    def note(self, action: Action, verdict: Verdict, *, may_wait: bool = False) -> int:
        """Put a decision that was made elsewhere on record; its number, 0 where nothing is kept or where it waits.

        Where it may wait it is written with the next record, or in a moment; see `AuditLog.append`.

        Raises Denied where it cannot be written and has to be.
        """
        if not self._was_opened:
            self._audit, self._was_opened = self._open(), True
        if self._audit is None:
            return 0
        if action.kind == "command":
            from aiex.guard.redact import redact

            action = Action(action.kind, redact(action.subject), action.detail)
        return self._audit.append(self.session, action, verdict, may_wait=may_wait)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def through(
        self, action: Action, *, chosen: str = "", approved: str = "", is_told: bool = False
    ) -> AbstractAsyncContextManager[Passage]:
        """Admit an action, and put on record what comes of the block. Raises Denied on entering, as `admit` does.

        Where `is_told` a server is told of the work, and the record says how many secrets were taken out of that.
        """
        return _Through(self, action, chosen, approved, is_told=is_told)

    @contextmanager
    def doing(self, action: Action, *, chosen: str = "") -> Iterator[Passage]:
        """The same for what needs no answer of a person. Raises Denied as `require` does."""
        admitted = self.require(action, chosen=chosen)
        with self.passing(admitted) as passage:
            yield passage

    def passing(self, admitted: Admitted) -> AbstractContextManager[Passage]:
        """Put on record what comes of the block: done, refused, failed or cancelled."""
        return _Passing(self, admitted)

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
        if action.kind == "read":
            self.judge.kept_out.leave.discard(action.subject)
        said = Action(action.kind, action.subject, {**action.detail, **detail}) if detail else action
        try:
            self.note(said, Outcome(status, admitted.number, text, redactions), may_wait=True)
        except Denied as error:
            why = error.message.partition(": ")[2]
            raise StoreError(f"it happened, but what came of it is not on record: {why}", hint=error.hint) from error

    def close(self) -> None:
        """Close the log."""
        if self._audit is not None:
            self._audit.close()

    # --- answers ------------------------------------------------------------------------------------------------------

    async def _answer_to(self, action: Action, found: Decision, approved: str) -> Offer | None:
        from aiex.guard.policy.modes import is_forbidden

        if approved and (found.effect == "ask" or is_forbidden(found)):
            from aiex.guard.policy.offers import Offer

            return Offer("once", ())
        if found.effect != "ask" or self._approve is None:
            return None
        return await self._approve(action, found, self.judge.offers(action))

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
        self.judge.extend(offer, self._environ)
        return self._admitted(number, action, found)

    def _admitted(self, number: int, action: Action, decision: Decision) -> Admitted:
        if action.kind == "read":
            self.judge.kept_out.leave.add(action.subject)
        return Admitted(number, action, decision)

    def _refuse(self, action: Action, found: Decision, number: int) -> NoReturn:
        if found.effect == "ask":
            from aiex.guard.audit.entries import Outcome

            self.note(action, Outcome("refused", number, "nobody agreed"))
        from aiex.guard.refusing import refused

        raise refused(action, found)


class _Passing:
    """The block of an action; a context manager of its own, for a generator takes four times as long."""

    def __init__(self, gate: Gate, admitted: Admitted) -> None:
        self._gate = gate
        self._passage = Passage(admitted)

    def __enter__(self) -> Passage:
        return self._passage

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _settle(self._gate, self._passage, error)


class _Through:
    """The same for an action that is admitted on entering."""

    def __init__(self, gate: Gate, action: Action, chosen: str, approved: str, *, is_told: bool) -> None:
        self._gate = gate
        self._action = action
        self._chosen = chosen
        self._approved = approved
        self._is_told = is_told
        self._passage: Passage | None = None

    async def __aenter__(self) -> Passage:
        gate = self._gate
        passage = Passage(await gate.admit(self._action, chosen=self._chosen, approved=self._approved))
        if self._is_told:
            passage.redactions, gate.removed = gate.removed, 0
        self._passage = passage
        return passage

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._passage is not None:
            _settle(self._gate, self._passage, error)


def _settle(gate: Gate, passage: Passage, error: BaseException | None) -> None:
    """Put on record how a block ended; where that fails after an error, the error says so too."""
    if error is None:
        gate.end(passage)
        return
    passage.fail(error)
    try:
        gate.end(passage)
    except AiexError as problem:
        error.add_note(problem.message)
