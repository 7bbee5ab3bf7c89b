"""Who can be asked while a command runs: the person at the terminal, somebody who agreed beforehand, or nobody."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from aiex.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.agent.kit import ApprovalRequest, Person
    from aiex.guard.policy.offers import Offer

_MOST_SHOWN_LINES = 60
_UNTIL = {"once": "this time", "session": "until this run ends", "project": "in this project", "user": "for good"}


def find_person(present: Person | None, *, agrees: bool) -> Person | None:
    """Whoever can be asked: who is `present` at a screen; None in a pipe, in CI, or where nobody sees the question."""
    if agrees:
        return Agreeing()
    if present is not None:
        return present
    is_there = sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()
    return AtTerminal() if is_there and not os.environ.get("CI") else None


class Agreeing:
    """A person who said yes, once each, to everything that may be agreed to."""

    async def approve(self, request: ApprovalRequest) -> Offer | None:
        """The narrowest answer."""
        return next((offer for offer in request.offers if offer.scope == "once"), None)

    async def answer(self, question: str, options: Sequence[str]) -> str | None:
        """They are not there to be asked anything."""
        return None


class AtTerminal:
    """The person who typed the command: asked on standard error, answering in one line."""

    async def approve(self, request: ApprovalRequest) -> Offer | None:
        """Show what would happen, the rule that asks, and what each answer means; anything else is no."""
        offers = request.offers
        _show(f"\n{request.title}")
        if request.preview:
            _show(_shorten(request.preview))
        asking = request.decision
        reason = f" ({asking.reason})" if asking.reason else ""
        _show(f"asked because of: {asking.rule}{reason}")
        for number, offer in enumerate(offers, 1):
            rules = f": {', '.join(offer.rules)}" if offer.rules else ""
            _show(f"  {number}  yes, {_UNTIL.get(offer.scope, offer.scope)}{rules}")
        _show("  n  no")
        said = (await _read_line("answer [n]: ")).strip().lower()
        if said in ("y", "yes") and offers:
            return offers[0]
        return offers[int(said) - 1] if said.isdigit() and 0 < int(said) <= len(offers) else None

    async def answer(self, question: str, options: Sequence[str]) -> str | None:
        """What they type, or the option whose number they type."""
        _show(f"\n{question}")
        for number, option in enumerate(options, 1):
            _show(f"  {number}  {option}")
        said = (await _read_line("answer: ")).strip()
        if said.isdigit() and 0 < int(said) <= len(options):
            return options[int(said) - 1]
        return said or None


def _shorten(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - _MOST_SHOWN_LINES
    return "\n".join([*lines[:_MOST_SHOWN_LINES], *([f"… {more} more lines"] if more > 0 else [])])


def _show(text: str) -> None:
    from aiex.guard.neutral import neutralise

    for line in text.splitlines() or [""]:
        say(neutralise(line))


async def _read_line(prompt: str) -> str:
    """One line from the terminal; Ctrl-C comes through while it is waited for."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    descriptor = sys.stdin.fileno()
    loop.add_reader(descriptor, lambda: None if arrived.done() else arrived.set_result(None))
    try:
        sys.stderr.write(prompt)
        sys.stderr.flush()
        await arrived
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 4096).decode("utf-8", "replace")
