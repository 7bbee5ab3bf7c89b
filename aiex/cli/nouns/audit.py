"""The audit log: what was asked of the guard, what it decided, and what came of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, get_args

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Job, Work, answered, report
from aiex.errors import UsageError
from aiex.eventforms import to_timestamp
from aiex.events import Event, TextDelta, TurnEnded
from aiex.guard.actions import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.guard.audit.datakeys import DataKeys
    from aiex.guard.audit.log import Places
    from aiex.guard.audit.reading import Found, Wanted
    from aiex.guard.audit.verify import Checked
    from aiex.wiring import Services

RED = 3
"""The exit code for a log that could be checked and is not whole."""
_LONGEST_SUBJECT = 60

_since = click.option("--since", default="", metavar="TIME", help="From then on: 30d, 12h, 45m or a date.")
_session = click.option("--session", default="", metavar="ID", help="Of this session.")
_kind = click.option("--kind", type=click.Choice(get_args(Kind)), default=None, help="About this kind of action.")
_denied = click.option("--denied", is_flag=True, help="What was denied or refused.")


@click.command("list")
@_since
@_session
@_kind
@_denied
@click.option("--last", default=100, type=click.IntRange(0), show_default=True, help="So many; 0 for all.")
def list_audit(*, since: str, session: str, kind: str | None, denied: bool, last: int) -> Work:
    """List audit records, the newest last."""

    def tell(services: Services) -> TurnEnded:
        return _list(services, _wanted(since, session, kind, denied=denied, last=last))

    return report("list audit", tell, sturdy=True, placeless=True)


@click.command("show")
@click.argument("seq", type=click.IntRange(1))
def show_audit(seq: int) -> Work:
    """Show everything that the record with the number SEQ says."""
    return report("show audit", lambda services: _show(services, seq), sturdy=True, placeless=True)


@click.command("export")
@_since
@_session
@_kind
@_denied
@click.option(
    "--out", default="", type=click.Path(), metavar="FILE", help="Write there, to a new file, instead of to stdout."
)
def export_audit(*, since: str, session: str, kind: str | None, denied: bool, out: str) -> Work:
    """Print audit records as JSON lines that `aiex verify audit FILE` can check."""

    def prepare(services: Services) -> Job:
        return lambda: _export(services, _wanted(since, session, kind, denied=denied), out)

    return Work("export audit", prepare, markup="verbatim", sturdy=True, placeless=True)


@click.command("verify")
@click.argument("file", default="", type=click.Path())
@click.option(
    "--heads", default="", type=click.Path(), metavar="FILE", help="Compare with heads that were kept elsewhere."
)
@click.option("--deep", is_flag=True, help="Open every record as well.")
def verify_audit(*, file: str, heads: str, deep: bool) -> Work:
    """Check that no audit record was changed, and that none is missing; needs no network.

    FILE is an export or a copy of the log; the log itself by default. The exit code is 0 when all is well, 3 when
    something was changed or is missing, 74 when it cannot be read.
    """
    return report(
        "verify audit", lambda services: _verify(services, file, heads, deep=deep), sturdy=True, placeless=True
    )


@click.command("rm")
@click.option("--session", required=True, metavar="ID", help="The session to erase.")
def rm_audit(session: str) -> Work:
    """Make the audit records of a session unreadable for good; the log stays whole and can be verified."""
    return report("rm audit", lambda services: _remove(services, session), sturdy=True, placeless=True)


# --- list, show -----------------------------------------------------------------------------------------------------


def _wanted(since: str, session: str, kind: str | None, *, denied: bool, last: int = 0) -> Wanted:
    from aiex.guard.audit.reading import Wanted
    from aiex.jobs.auditing import parse_since

    since_ms = parse_since(since, now_s=time.time()) if since else 0
    return Wanted(since_ms=since_ms, session=session, kind=kind or "", denied=denied, last=last)


def _list(services: Services, wanted: Wanted) -> TurnEnded:
    from aiex.guard.audit.export import to_data
    from aiex.guard.audit.reading import Reading

    places, keys = open_records(services)
    reading = Reading(places.log, keys, wanted)
    kept = list(reading)
    count = reading.count
    text = columns(
        [row_of(found) for found in kept], head=("SEQ", "TIME", "SESSION", "WHAT", "EFFECT", "SUBJECT", "BY")
    )
    if count > len(kept):
        text += f"\n\n{len(kept)} of {count} records; all of them: --last 0"
    data = {"records": [to_data(found) for found in kept], "count": count, "problem": reading.problem}
    if reading.problem:
        text += f"\n\nafter record {reading.last_seq} the log cannot be read: {reading.problem}\naiex verify audit"
    return answered(text or "no record", data)


def row_of(found: Found) -> tuple[str, ...]:
    """A record as the cells of a table."""
    from aiex.guard.audit.entries import Note, Outcome

    head = (str(found.seq), to_timestamp(found.at_ms / 1000)[:19].replace("T", " "))
    if found.entry is None:
        return (*head, found.tag[:8], found.kind, found.effect, "erased", "")
    entry, verdict = found.entry, found.entry.verdict
    if isinstance(verdict, Note):
        return (*head, "", "log", verdict.about, _cell(verdict.text), "")
    by = f"of {verdict.of}" if isinstance(verdict, Outcome) else f"{verdict.rule} ({verdict.scope})"
    return (*head, _cell(entry.session), entry.action.kind, found.effect, _cell(entry.action.subject), _cell(by))


def _cell(text: str) -> str:
    from aiex.guard.neutral import printable_path

    shown = printable_path(text)
    return shown if len(shown) <= _LONGEST_SUBJECT else shown[: _LONGEST_SUBJECT - 1] + "…"


def _show(services: Services, seq: int) -> TurnEnded:
    from aiex.guard.audit.export import to_data
    from aiex.guard.audit.reading import Reading, Wanted
    from aiex.guard.neutral import printable_path

    places, keys = open_records(services)
    reading = Reading(places.log, keys, Wanted(seq=seq))
    for found in reading:
        data = to_data(found)
        rows = [
            (name, printable_path(_in_words(value))) for name, value in data.items() if value not in ("", {}, False)
        ]
        return answered(columns(rows), data)
    why = f"; after record {reading.last_seq} it cannot be read" if reading.problem else ""
    raise UsageError(f"there is no audit record {seq}{why}", hint="aiex list audit")


def _in_words(value: Any) -> str:
    return ", ".join(f"{name}={one}" for name, one in value.items()) if isinstance(value, dict) else str(value)


# --- export, verify, rm ---------------------------------------------------------------------------------------------


def _export(services: Services, wanted: Wanted, out: str) -> Iterator[Event]:
    from aiex.guard.audit.export import export_lines, to_blocks, write_lines

    places, keys = open_records(services)
    lines, count = export_lines(places.log, keys, wanted), -2  # the first line and the last are no records
    if out:
        path = _path(services, out)
        count += write_lines(path, lines)
        yield answered(f"{count} records are in {path}", {"file": path, "records": count})
    elif services.sturdy_settings.get("output.format") == "json":
        text = "\n".join(lines)
        yield answered(text, {"lines": text.split("\n")})
    else:
        for block in to_blocks(lines):
            count += block.count("\n")
            yield TextDelta(block)
        yield answered("", {"records": count})


def _verify(services: Services, file: str, heads: str, *, deep: bool) -> TurnEnded:
    from aiex.guard.audit.export import is_export, read_text, verify_export
    from aiex.guard.audit.heads import read_lines
    from aiex.guard.audit.verify import verify_log

    places, keys = open_records(services)
    if not keys.exists() and not file and not os.path.lexists(places.log):
        return answered("there is no audit log yet", _to_data(_nothing()))
    kept = tuple(read_lines(keys.open_chain(), read_text(_path(services, heads)))) if heads else ()
    path = _path(services, file) if file else places.log
    if file and is_export(path):
        if heads or deep:
            raise UsageError("an export has no heads and nothing sealed", hint="leave --heads and --deep away")
        checked = verify_export(path, keys.open_chain())
    elif file:
        checked = verify_log(path, keys, head=None, kept=kept, deep=deep)
    else:
        checked = verify_log(path, keys, head=places.head, lock=places.lock, kept=kept, deep=deep)
    return _tell(checked, has_heads=not file or bool(kept))


def _path(services: Services, path: str) -> str:
    return os.path.join(services.cwd, os.path.expanduser(path))


def _nothing() -> Checked:
    from aiex.guard.audit.verify import Checked

    return Checked()


def _tell(checked: Checked, *, has_heads: bool) -> TurnEnded:
    complete = "yes" if has_heads else "as far as the file itself tells; --heads FILE tells more"
    rows = [
        ("records", f"{checked.records:,}"),
        ("integrity", "yes" if checked.is_intact else "NO"),
        *[("", text) for text in checked.broken],
        ("completeness", complete if checked.is_complete else "NO"),
        *[("", text) for text in checked.missing],
    ]
    if checked.erased:
        rows.append(("erased", f"{checked.erased} of {checked.sessions} sessions"))
    rows += [("note", text) for text in checked.remarks]
    text, data = columns(rows), _to_data(checked)
    if checked.is_intact and checked.is_complete:
        return answered(text, data)
    first = (*checked.broken, *checked.missing)[0]
    hint = "keep a copy of log and head before anything else writes; docs/guides/audit.md tells what each finding means"
    return TurnEnded("error", "unverified", RED, answer=text, data=data, error=f"the audit log is not whole: {first}",
                     hint=hint)  # fmt: skip


def _to_data(checked: Checked) -> dict[str, Any]:
    return {
        "intact": checked.is_intact,
        "complete": checked.is_complete,
        "records": checked.records,
        "last_seq": checked.last_seq,
        "first_bad": checked.first_bad,
        "broken": list(checked.broken),
        "missing": list(checked.missing),
        "remarks": list(checked.remarks),
        "sessions": checked.sessions,
        "erased": checked.erased,
        "heads": checked.heads,
    }


def _remove(services: Services, session: str) -> TurnEnded:
    from aiex.guard.audit.log import AuditLog

    places, keys = open_records(services)
    if not keys.exists():
        raise UsageError("there is no audit log yet")
    log = AuditLog(places)
    try:
        was_erased = log.erase(session)
    finally:
        log.close()
    if not was_erased:
        raise UsageError("nothing of this session can be read", hint="aiex list audit names the sessions")
    text = "the records of this session cannot be read any more\n\nremnants on the disk go with: aiex rotate keys"
    return answered(text, {"session": session, "erased": True})


def open_records(services: Services) -> tuple[Places, DataKeys]:
    """Where the person's log lies, and its keys."""
    from aiex.guard.audit.opening import find_records

    return find_records(services.environ)


NOUN = Noun({"export": export_audit, "list": list_audit, "rm": rm_audit, "show": show_audit, "verify": verify_audit})
