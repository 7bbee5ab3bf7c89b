"""An action that may happen, and what is noted while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.errors import AiexError, Denied
from aiex.guard.actions import Action, Decision
from aiex.record import record

if TYPE_CHECKING:
    from aiex.guard.audit.entries import Status


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

    def fail(self, error: BaseException) -> None:
        """Note what ended it before its time, without the words of the error: they may quote what was sent."""
        self.status = _status_of(error)
        kind = error.kind if isinstance(error, AiexError) else ""
        self.text = self.text or (f"{type(error).__name__}: {kind}" if kind else type(error).__name__)


def _status_of(error: BaseException) -> Status:
    if isinstance(error, Denied):
        return "refused"
    return "failed" if isinstance(error, Exception) else "cancelled"
