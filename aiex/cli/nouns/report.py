"""Reports on what was done: who, what, allowed by which rule."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.nouns.audit import row_of
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.eventforms import to_timestamp
from aiex.events import TurnEnded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiex.jobs.auditing import Keys, Report
    from aiex.wiring import Services

_DAY_MS = 86_400_000


@click.command("show")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="From then on: 30d, 12h or a date.")
def show_report(since: str) -> Work:
    """Show who did what in a time, what allowed it, what was denied, and how old the keys are; from the audit log."""
    return report("show report", lambda services: _show(services, since), sturdy=True, placeless=True)


def _show(services: Services, since: str) -> TurnEnded:
    from aiex.cli.nouns.audit import open_records
    from aiex.jobs.auditing import make_report, parse_since

    places, _keys = open_records(services)
    made = make_report(places, parse_since(since, now_s=time.time()))
    return answered("\n".join(_lines(made)), _to_data(made))


def _lines(made: Report) -> Iterator[str]:
    checked = made.checked
    yield columns(
        [
            ("from", _moment(made.since_ms)),
            ("to", _moment(made.until_ms)),
            ("records", f"{made.records:,} in {made.sessions:,} sessions"),
            ("erased", f"{made.erased:,} records cannot be read any more"),
            ("denied", f"{made.denials:,}"),
            ("escapes", f"{made.escapes:,} tried"),
            ("redactions", f"{made.redactions:,}"),
            ("integrity", "yes" if checked.is_intact else f"NO: {checked.broken[0]}"),
            ("completeness", "yes" if checked.is_complete else f"NO: {checked.missing[0]}"),
            *_key_rows(made.keys, made.until_ms),
        ]
    )
    yield from _table("WHO", made.who)
    yield from _table("ACTION", made.actions)
    yield from _table("DECIDED BY", made.rules)
    yield from _table("OUTCOME", made.outcomes)
    yield from _table("HOST", made.hosts)
    for title, rows in (("DENIED", made.denied), ("THE LOG ITSELF", made.notes)):
        if rows:
            yield f"\n{title}\n{columns([row_of(found) for found in rows])}"


def _table(title: str, counts: Mapping[Any, int]) -> Iterator[str]:
    if counts:
        rows = [(f"{count:,}", *_cells(words)) for words, count in counts.items()]
        yield f"\n{title}\n{columns(rows)}"


def _cells(words: Any) -> tuple[str, ...]:
    from aiex.guard.neutral import printable_path

    return tuple(printable_path(word) for word in (words if isinstance(words, tuple) else (words,)))


def _key_rows(keys: Keys | None, now_ms: int) -> list[tuple[str, str]]:
    if keys is None:
        return [("keys", "none yet")]
    age = f"{max(0, now_ms - keys.rotated_ms) // _DAY_MS} days old, rotated {keys.rotations} times"
    return [
        ("wrapping key", age),
        ("chain key", f"{max(0, now_ms - keys.made_ms) // _DAY_MS} days old"),
        ("session keys", f"{keys.sessions:,}, of which {keys.erased:,} were erased"),
    ]


def _to_data(made: Report) -> dict[str, Any]:
    from aiex.guard.audit.export import to_data

    keys = made.keys
    return {
        "since": _moment(made.since_ms),
        "until": _moment(made.until_ms),
        "records": made.records,
        "sessions": made.sessions,
        "erased_records": made.erased,
        "who": dict(made.who),
        "actions": [{"kind": kind, "effect": effect, "count": n} for (kind, effect), n in made.actions.items()],
        "rules": [
            {"rule": rule, "scope": scope, "effect": effect, "count": n}
            for (rule, scope, effect), n in made.rules.items()
        ],
        "outcomes": dict(made.outcomes),
        "hosts": dict(made.hosts),
        "denials": made.denials,
        "denied": [to_data(found) for found in made.denied],
        "escapes": made.escapes,
        "redactions": made.redactions,
        "notes": [to_data(found) for found in made.notes],
        "keys": keys
        and {
            "made": _moment(keys.made_ms),
            "rotated": _moment(keys.rotated_ms),
            "rotations": keys.rotations,
            "sessions": keys.sessions,
            "erased": keys.erased,
        },
        "intact": made.checked.is_intact,
        "complete": made.checked.is_complete,
        "broken": list(made.checked.broken),
        "missing": list(made.checked.missing),
    }


def _moment(at_ms: int) -> str:
    return to_timestamp(max(0, at_ms) / 1000)


NOUN = Noun({"show": show_report})
