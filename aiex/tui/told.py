"""What the work behind the screen tells of itself, beside the events of the talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.record import record

if TYPE_CHECKING:
    from aiex.agent.kit import ApprovalRequest
    from aiex.events import TurnEnded
    from aiex.runs.standing import Standing
    from aiex.sessions.log import Recorded


@record
class Ready:
    """Services and session are there; `session` is empty until something is kept."""

    root: str
    model: str
    mode: str
    session: str
    theme: str
    notify_after_s: float = 0.0
    """Work that took so long calls the person at its end; 0 for never."""


@record
class History:
    """What happened in the session before, in its order; it replaces what is shown."""

    recorded: tuple[Recorded, ...]
    is_whole: bool = True
    """Otherwise it is only the end of it, and an `Earlier` follows."""


@record
class Earlier:
    """What happened before a `History` that was not whole."""

    recorded: tuple[Recorded, ...]


@record
class Stands:
    """How the session stands: after it was opened, and after something of it was taken back."""

    standing: Standing


@record
class Began:
    """A wish runs now."""

    name: str


@record
class Idle:
    """Nothing runs, and `waiting` wishes are in line."""

    waiting: int = 0


@record
class Queued:
    """A wish waits in line."""

    text: str
    waiting: int


@record
class ApprovalWanted:
    """A person has to say which of the offers counts; answered with `Backstage.reply`."""

    number: int
    request: ApprovalRequest


@record
class AnswerWanted:
    """A person is asked something; answered with `Backstage.reply`."""

    number: int
    question: str
    options: tuple[str, ...]
    is_unseen: bool = False
    """What is typed is not shown: a key."""


@record
class Withdrawn:
    """What was wanted is not wanted any more."""

    number: int


@record
class Held:
    """The work cannot go on, because another process holds the file of sessions; `Backstage.held_up` says how long."""


@record
class Printed:
    """The answer of a command that is no part of the talk."""

    name: str
    ended: TurnEnded
    markup: str


@record
class Unable:
    """Something could not be done: a wish was not understood, a session not opened."""

    message: str
    hint: str
    exit_code: int


Told = (
    Ready | History | Earlier | Stands | Began | Idle | Queued | ApprovalWanted | AnswerWanted | Withdrawn | Held
    | Printed | Unable
)  # fmt: skip
