"""Goes on with a conversation: a request is projected from the log of its session, and fitted into a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aiex.sessions.requests import project_request

if TYPE_CHECKING:
    from aiex.jobs.asking import CountFor
    from aiex.messages import Request
    from aiex.sessions.state import SessionState


def with_talk(request: Request, state: SessionState, *, counting: CountFor, budget_tokens: int) -> Request:
    """The request with what was said before it, which ends with the same words.

    Args:
        request: Asks something now; its first message may be of the system.
        state: Of the session, what is asked now included.
        counting: Counts the tokens of a text for a model.
        budget_tokens: Of the whole; old material gives way, words of people stay.

    Raises:
        ContextOverflow: if what must stay does not fit.
    """
    from aiex.context.packing.talk import fit_talk

    system = request.messages[0].parts if request.messages[0].role == "system" else ()
    projected = project_request(state, model=request.model, system=system)

    def count(text: str) -> int:
        return counting(text, request.model).tokens

    return replace(request, messages=fit_talk(projected.messages, budget_tokens, count).messages)
