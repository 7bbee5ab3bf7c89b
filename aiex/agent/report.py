"""The report of a turn, computed from what was told: files, checks, cost, refusals. No word of a model counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from aiex.agent.answering import add_usage, describe_failover
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    CheckRan,
    Event,
    FailedOver,
    FileEdited,
    Started,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    UsageUpdated,
)
from aiex.messages import Usage
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.agent.loop import Closed

_COUNTED = frozenset({
    Started, UsageUpdated, AssistantSpoke, ToolStarted, ToolFinished, FileEdited, CheckRan, ApprovalAsked,
    ApprovalGiven, FailedOver,
})  # fmt: skip
"""Most events are none of these."""
RUN = "run"
"""The tool whose success shows that a refusal was not the end."""
RED_EXIT = 3
BLOCKED_EXIT = 4


@record
class Edited:
    """What became of one file in a turn."""

    path: str
    change: str
    """created, changed or deleted, seen from the beginning of the turn."""
    added_lines: int
    removed_lines: int
    """The sums over all edits: lines that were changed twice count twice."""


class Report:
    """Folds the events of a turn.

    Args:
        is_for_checks: The work is to make checks pass, so they count also where nothing was edited.
    """

    def __init__(self, *, is_for_checks: bool = False) -> None:
        self._is_for_checks = is_for_checks
        self.files: dict[str, Edited] = {}
        self.turns = 0
        self.calls = 0
        self.failed_calls = 0
        self._checks: list[tuple[CheckRan, int]] = []
        self._edits = 0
        self._usage: Usage | None = None
        self._cost_usd: float | None = 0.0
        self._running: UsageUpdated | None = None
        self._asked: dict[str, ApprovalAsked] = {}
        self._refused: list[dict[str, str]] = []
        self._said_no = False
        """Whether a person refused what was refused last."""
        self._is_blocked = False
        self._failovers: list[Mapping[str, Any]] = []

    def note(self, event: Event) -> None:
        """Take in what happened."""
        match event:
            case _ if type(event) not in _COUNTED:
                pass
            case Started():
                self._close_call()
                self._running = UsageUpdated(Usage())
            case UsageUpdated(usage, cost_usd, model) if model:
                self._spend(usage, cost_usd)
            case UsageUpdated():
                self._running = event
            case AssistantSpoke():
                self.turns += 1
            case ToolStarted():
                self.calls += 1
            case ToolFinished(name=name, is_error=is_error):
                self.failed_calls += is_error
                self._is_blocked = self._is_blocked and (is_error or name != RUN)
            case FileEdited(path) if not path.endswith("/"):  # else a directory in which there is no file
                self._edits += 1
                self._is_blocked = False
                self._edit(event)
            case CheckRan():
                self._check(event)
            case ApprovalAsked(approval_id):
                self._asked[approval_id] = event
            case ApprovalGiven(approval_id, allowed, decided_by=by):
                self._answer(approval_id, allowed=allowed, by_person=by == "person")
            case FailedOver():
                self._failovers.append(describe_failover(event))

    @property
    def has_edits(self) -> bool:
        """Whether a file was changed, be it as it was again by now."""
        return self._edits > 0

    @property
    def edits(self) -> int:
        """How many changes of files were told."""
        return self._edits

    @property
    def red(self) -> tuple[CheckRan, ...]:
        """The checks that count and failed since the last edit."""
        return tuple(one for one, edits in self._checks if edits == self._edits and one.required and not one.passed)

    @property
    def checks(self) -> tuple[Mapping[str, Any], ...]:
        """The last run of each check, and whether nothing was edited since."""
        return tuple(
            {
                "name": check.name,
                "command": check.command,
                "exit_code": check.exit_code,
                "passed": check.passed,
                "required": check.required,
                "current": edits == self._edits,
                "summary": check.summary,
            }
            for check, edits in self._checks
        )

    @property
    def is_red(self) -> bool:
        """Whether the last run of a check that counts failed. Where nothing was edited, what fails says nothing."""
        if not self.has_edits and not self._is_for_checks:
            return False
        return any(check["required"] and not check["passed"] for check in self.checks)

    @property
    def is_verified(self) -> bool:
        """Whether a check passed since the last edit, and none failed."""
        current = [check for check in self.checks if check["current"]]
        return bool(current) and all(check["passed"] for check in current)

    def end(self, closed: Closed, data: Mapping[str, Any]) -> TurnEnded:
        """The outcome: that of the loop, unless the checks are red or what was wanted was refused."""
        failure = closed.failure
        is_good, subtype, code = self._judge(closed)
        error, hint = (failure.message, failure.hint) if failure else self._excuse(subtype)
        status: Literal["success", "error"] = "success" if is_good else "error"
        return self.fill(
            TurnEnded(status, subtype, code, closed.answer, error=error, hint=hint),
            {**data, "answer": closed.answer, "complete": failure is None},
        )

    def fill(self, ended: TurnEnded, data: Mapping[str, Any]) -> TurnEnded:
        """An outcome with all that was done until then, such as that of a turn that was interrupted."""
        self._close_call()
        files = [
            {"path": one.path, "change": one.change, "added": one.added_lines, "removed": one.removed_lines}
            for one in self.files.values()
        ]
        counts = {
            "verified": self.is_verified,
            "calls": self.calls,
            "failed_calls": self.failed_calls,
            "denied": self._refused,
        }
        return replace(
            ended,
            data={**data, "files": files, **counts},
            usage=self._usage or Usage(),
            num_turns=self.turns,
            total_cost_usd=self._cost_usd if self._usage else None,
            files_changed=tuple(self.files),
            checks=self.checks,
            failovers=tuple(self._failovers),
        )

    def _judge(self, closed: Closed) -> tuple[bool, str, int]:
        if closed.failure:
            return False, closed.failure.error, closed.failure.exit_code
        if self._is_blocked:
            return False, "blocked", BLOCKED_EXIT
        if self.is_red:
            return False, "red", RED_EXIT
        return True, "answered", 0

    def _excuse(self, subtype: str) -> tuple[str, str]:
        if subtype == "blocked":
            last = self._refused[-1]
            if self._said_no:
                return f"blocked: you said no to {_first_line(last['action'])}", ""
            return (
                f"blocked: {_first_line(last['action'])} was refused: {last['rule']}",
                "aiex list policy shows the rules",
            )
        if subtype == "red":
            red = [_first_line(check["command"] or check["name"]) for check in self.checks if not check["passed"]]
            done = "the work is done" if self.has_edits else "nothing was changed"
            return f"{done}, and a check fails: {', '.join(red)}", ""
        return "", ""

    def _check(self, event: CheckRan) -> None:
        """The last run of a check counts; another command of the same name only until something is edited."""
        self._checks = [
            (check, edits)
            for check, edits in self._checks
            if check.name != event.name or (edits == self._edits and check.command != event.command)
        ]
        self._checks.append((event, self._edits))

    def _edit(self, event: FileEdited) -> None:
        known = self.files.pop(event.path, None)
        if known is None:
            self.files[event.path] = Edited(event.path, event.change, event.added_lines, event.removed_lines)
            return
        change = _combine(known.change, event.change)
        if change:
            added, removed = known.added_lines + event.added_lines, known.removed_lines + event.removed_lines
            self.files[event.path] = Edited(event.path, change, added, removed)

    def _answer(self, approval_id: str, *, allowed: bool, by_person: bool) -> None:
        asked = self._asked.pop(approval_id, None)
        if allowed or asked is None:
            return
        self._refused.append({"action": asked.action, "rule": asked.reason})
        self._said_no = by_person
        self._is_blocked = self._is_blocked or not asked.action.startswith("read ")  # it could go on without

    def _close_call(self) -> None:
        """Add what one model call used."""
        if self._running is None:
            return
        self._spend(self._running.usage, self._running.cost_usd)
        self._running = None

    def _spend(self, usage: Usage, cost_usd: float | None) -> None:
        self._usage = usage if self._usage is None else add_usage(self._usage, usage)
        self._cost_usd = None if cost_usd is None or self._cost_usd is None else self._cost_usd + cost_usd


def _first_line(text: str) -> str:
    """So that no command of many lines looks like lines of the report."""
    first, *rest = text.splitlines() or [""]
    return f"{first} …" if rest else first


def _combine(before: str, after: str) -> str:
    """A change behind another, seen from the beginning; empty for a file that came and went."""
    if before == "created":
        return "" if after == "deleted" else "created"
    if before == "deleted":
        return "changed"
    return after
