"""The job of `aiex gen commit`: prints a message, and commits nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.events import Event, Noted, TurnEnded, Warned

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace


def write_message(workspace: Workspace, engine: Engine) -> Iterator[Event]:
    """The message for what is staged, or for every change; raises UsageError, Conflict and StoreError."""
    from aiex.guard.neutral import neutralise
    from aiex.guard.redact import redact
    from aiex.jobs.generating.commit.changes import read_pending
    from aiex.jobs.generating.commit.habits import find_ticket, read_habits
    from aiex.jobs.generating.commit.message import write
    from aiex.jobs.generating.commit.telling import tell
    from aiex.jobs.reviewing.gitread import GitReader

    pending = read_pending(workspace, engine)
    reader = GitReader(workspace)
    habits = read_habits(reader)
    deeds = [deed for change in pending.files for deed in tell(change)]
    if pending.skipped:
        yield Warned(f"{pending.skipped} changed files were not looked into, and are not in the message")
    if not deeds:
        yield TurnEnded("error", "nothing to say", 1, error="nothing that changed can be told by name")
        return
    ticket = find_ticket(reader) if habits.has_ticket else ""
    said = write(deeds, habits, ticket=ticket)
    message = said._replace(subject=neutralise(redact(said.subject)), body=neutralise(redact(said.body)))
    if not pending.is_staged:
        yield Noted("nothing is staged, so this speaks of every change")
    if message.doubt:
        yield Noted(message.doubt)
    data = {
        "subject": message.subject,
        "body": message.body,
        "staged": pending.is_staged,
        "files": [change.path for change in pending.files],
        "conventions": {**habits._asdict(), "scopes": habits.scopes[:20]},
    }
    yield TurnEnded("success", "written", 0, str(message), data)
