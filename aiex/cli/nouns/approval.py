"""Approvals that sessions wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.eventforms import to_timestamp
from aiex.events import TurnEnded

if TYPE_CHECKING:
    from aiex.wiring import Services


@click.command("list")
def list_approvals() -> Work:
    """List what sessions ask leave for and nobody answered yet."""
    return report("list approvals", _list, placeless=True)


def _list(services: Services) -> TurnEnded:
    from aiex.guard.neutral import printable_path

    sessions = services.sessions
    waiting = sessions.views.approvals() if sessions.exist else []
    rows = [
        (session, str(asked.seq), to_timestamp(asked.at_ms / 1000)[:19].replace("T", " "), printable_path(asked.action))
        for session, asked in waiting
    ]
    text = columns(rows, head=("SESSION", "SEQ", "TIME", "FOR")) or "no approval is waited for"
    return answered(text, {"approvals": [{"session": session, **asked._asdict()} for session, asked in waiting]})


NOUN = Noun({"list": list_approvals})
