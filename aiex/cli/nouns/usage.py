"""What models were used, and what that cost, over all sessions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.errors import UsageError
from aiex.eventforms import to_timestamp
from aiex.events import TurnEnded

if TYPE_CHECKING:
    from aiex.sessions.summary import Account, Spent
    from aiex.wiring import Services

WAYS = ("model", "project", "day")
_FIELDS = {"model": "model", "project": "root", "day": "day"}


@click.command("list")
@click.option("--by", "ways", default="model", show_default=True, metavar="WAYS", help="Any of model,project,day.")
@click.option("--since", default="", metavar="TIME", help="From that day on: 30d, 12h or a date.")
@click.option("--here", is_flag=True, help="Only of this workspace.")
def list_usage(*, ways: str, since: str, here: bool) -> Work:
    """List calls, tokens and cost by model, project or day (UTC), the dearest first."""
    wanted = [way.strip() for way in ways.split(",") if way.strip()]
    if unknown := next((way for way in wanted if way not in WAYS), ""):
        raise UsageError(f"usage cannot be listed by {unknown!r}", hint=f"any of: {', '.join(WAYS)}")
    if not wanted:
        raise UsageError("usage is listed by something", hint=f"--by with any of: {', '.join(WAYS)}")
    return report("list usage", lambda services: _list(services, wanted, since, here=here), placeless=True)


def _list(services: Services, wanted: list[str], since: str, *, here: bool) -> TurnEnded:
    from aiex.jobs.auditing import parse_since

    day = to_timestamp(parse_since(since, now_s=time.time()) / 1000)[:10] if since else ""
    fields = [_FIELDS[way] for way in wanted]
    sessions = services.sessions
    root = services.root if here else None
    spent = sessions.views.usage(fields, since_day=day, root=root) if sessions.exist else []
    spent.sort(key=lambda row: (-row[1].cost_usd, -row[1].input_tokens - row[1].output_tokens, row[0]))
    rows = [(*_names(account, fields), *_cells(one)) for account, one in spent]
    head = (*(way.upper() for way in wanted), "CALLS", "TOKENS IN", "TOKENS OUT", "COST")
    text = columns(rows, head=head) or "no model was used"
    if unpriced := sum(one.unpriced for _, one in spent):
        text += f"\n\nthe price of {unpriced:,} of the calls is not known, and not in the cost"
    return answered(text, {"usage": [_to_data(account, one, wanted) for account, one in spent]})


def _names(account: Account, fields: list[str]) -> tuple[str, ...]:
    from aiex.guard.neutral import printable_path

    return tuple(printable_path(getattr(account, name)) or "-" for name in fields)


def _cells(one: Spent) -> tuple[str, ...]:
    cost = "unknown" if one.calls and one.unpriced == one.calls else f"${one.cost_usd:.4f}"
    return f"{one.calls:,}", f"{one.input_tokens:,}", f"{one.output_tokens:,}", cost


def _to_data(account: Account, one: Spent, wanted: list[str]) -> dict[str, Any]:
    return {**{way: getattr(account, _FIELDS[way]) for way in wanted}, **one._asdict()}


NOUN = Noun({"list": list_usage})
