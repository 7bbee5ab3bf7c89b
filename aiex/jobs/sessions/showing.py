"""What is told of sessions: the list of them, and one with all that happened in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex.eventforms import to_timestamp
from aiex.guard.neutral import neutralise, printable_path
from aiex.jobs.briefing.words import count
from aiex.jobs.sessions.finding import read_whole
from aiex.sessions.state import SessionState, fold
from aiex.sessions.transcript import to_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiex.guard.owners import Owner
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.search import Hit, Hits
    from aiex.sessions.stores.views import Listed
    from aiex.sessions.transcript import Entry

_LONGEST_TITLE: Final = 48
_LABEL_CHARS: Final = 11

# --- the list -------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A line of the list."""

    listed: Listed
    state: str
    """As in `Listed`, or `cut off` where work went on when its process died."""
    owner: Owner | None
    """The process that has it open."""


def list_sessions(
    sessions: Sessions, *, root: str, archived: bool | None, last: int, is_shared: bool = False
) -> tuple[list[Row], int]:
    """The sessions used last, and how many there are.

    Args:
        root: Of this workspace; empty for all.
        archived: Only those that are put aside, or are not; None for both.
        last: So many; 0 for all.
        is_shared: Other machines keep sessions in the same store, so nobody here knows whether they go on.

    Raises:
        StoreError: if they cannot be read.
    """
    if not sessions.exist:
        return [], 0
    found = sessions.views.listed(root=root or None, archived=archived)
    shown = found[:last] if last else found
    return [_to_row(sessions, one, is_shared=is_shared) for one in shown], len(found)


def _to_row(sessions: Sessions, one: Listed, *, is_shared: bool) -> Row:
    owner = sessions.owner(one.id)
    is_cut = one.state == "working" and owner is None and not is_shared
    return Row(one, "cut off" if is_cut else one.state, owner)


def to_cells(row: Row) -> tuple[str, ...]:
    """A line as the cells of a table: id, when, state, title, model, turns, tokens, cost, files, workspace."""
    one = row.listed
    tokens = one.input_tokens + one.output_tokens
    state = f"{row.state}, open" if row.owner and row.state != "working" else row.state
    return (
        one.id,
        to_time(one.last_ms),
        f"{state}, archived" if one.archived else state,
        _cut(printable_path(one.title or one.words), _LONGEST_TITLE),
        _model(one.provider, one.model),
        str(one.turns),
        f"{tokens:,}",
        to_cost(one.cost_usd if tokens else None, unpriced=one.unpriced),
        str(one.files),
        printable_path(one.root),
    )


def to_data(row: Row) -> dict[str, Any]:
    """A line for a program; times are UTC."""
    one = row.listed
    said = one._asdict()
    for name in ("seq", "title_seq", "words_seq", "started_ms", "last_ms"):
        said.pop(name)
    times = {"started": to_timestamp(one.started_ms / 1000), "last": to_timestamp(one.last_ms / 1000)}
    process = row.owner.pid if row.owner else None
    return {**said, "events": one.seq, **times, "state": row.state, "open_in_process": process}


def to_time(at_ms: int) -> str:
    """UTC, for a table: `2026-01-31 08:05:09`."""
    return to_timestamp(at_ms / 1000)[:19].replace("T", " ")


def to_cost(cost_usd: float | None, *, unpriced: int = 0) -> str:
    """Money for a person, with a plus where calls have no known price; empty where nothing is known."""
    if not cost_usd:
        return "unknown" if unpriced else "" if cost_usd is None else "$0"
    return f"${cost_usd:.4f}{'+' if unpriced else ''}"


# --- one session ----------------------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """A session as it was behind one of its events."""

    text: str
    data: dict[str, Any]
    problem: str
    """Why what comes later cannot be read; empty when all of it can."""


def show_session(sessions: Sessions, session: str, *, at_seq: int | None = None) -> Shown:
    """Everything about a session, behind its last event or another.

    Raises:
        StoreError: if nothing of it can be read.

    Cost: reading it whole, 30 µs an event.
    """
    recorded, problem = read_whole(sessions.log, session, upto_seq=at_seq)
    state, entries = fold(recorded), list(to_entries(recorded))
    owner = sessions.owner(session)
    header = list(_header(state, owner, is_archived=state.archived, is_sealed=recorded[-1].sealed))
    blocks = [_rows(header), *map(_block, entries), *_open_ends(state)]
    data = {
        **dict(_header_data(state, owner)),
        "conversation": [_entry_data(entry) for entry in entries],
        "in_flight": [{"call_id": call, "name": one.name, "seq": one.seq} for call, one in state.in_flight.items()],
        "approvals": [{"id": id, "action": one.action, "reason": one.reason} for id, one in state.approvals.items()],
        "undo": [{"seq": step.seq, "checkpoint_id": step.checkpoint_id} for step in reversed(state.steps.undo)],
        "redo": [{"seq": step.seq, "checkpoint_id": step.checkpoint_id} for step in reversed(state.steps.redo)],
        "problem": problem,
    }
    return Shown("\n\n".join(block for block in blocks if block), data, problem)


def name_of(state: SessionState) -> str:
    """What a person calls a session: its title, its first words, or its id."""
    return state.title or state.first_words or f"Session {state.id}"


def _header(
    state: SessionState, owner: Owner | None, *, is_archived: bool, is_sealed: bool
) -> Iterator[tuple[str, str]]:
    spent = state.spent.total()
    tokens_in, tokens_out = spent.usage.input_tokens or 0, spent.usage.output_tokens or 0
    yield "session", state.id
    yield "title", state.title or state.first_words
    yield "workspace", state.root or state.cwd
    yield "state", ", ".join(_words_of_state(state, owner, is_archived=is_archived, is_sealed=is_sealed))
    yield "time", f"{to_time(state.started_ms)} to {to_time(state.last_ms)}"
    yield "model", _model(state.provider, state.model)
    yield "size", f"{count(state.turn, 'turn')}, {count(state.seq, 'event')}"
    yield "tokens", f"{tokens_in:,} in, {tokens_out:,} out" if spent.calls else ""
    yield "cost", to_cost(spent.cost_usd, unpriced=spent.unpriced) if spent.calls else ""
    yield "files", ", ".join(f"{path} ({change})" for path, change in state.files.items())
    yield "checks", ", ".join(f"{name} {'passed' if one.passed else 'failed'}" for name, one in state.checks.items())
    if state.forked_from:
        yield "fork of", f"{state.forked_from.source} at event {state.forked_from.parent_seq}"
    if state.imported_from:
        yield "imported", f"from {state.imported_from.source}"


def _words_of_state(state: SessionState, owner: Owner | None, *, is_archived: bool, is_sealed: bool) -> Iterator[str]:
    if state.interrupted:
        yield "working" if owner else "cut off in a turn"
    else:
        yield f"{state.ended.status} ({state.ended.subtype})" if state.ended else "at rest"
    if owner:
        yield f"open in process {owner.pid} of {owner.host}"
    if is_archived:
        yield "archived"
    if is_sealed:
        yield "encrypted"


def _header_data(state: SessionState, owner: Owner | None) -> Iterator[tuple[str, Any]]:
    spent, ended = state.spent.total(), state.ended
    yield from {"id": state.id, "events": state.seq, "title": state.title, "words": state.first_words}.items()
    yield from {"root": state.root, "provider": state.provider, "model": state.model, "turns": state.turn}.items()
    yield "started", to_timestamp(state.started_ms / 1000)
    yield "last", to_timestamp(state.last_ms / 1000)
    yield "interrupted", state.interrupted
    yield "ended", {"status": ended.status, "subtype": ended.subtype, "exit_code": ended.exit_code} if ended else None
    yield "open_in_process", owner.pid if owner else None
    yield "input_tokens", spent.usage.input_tokens
    yield "output_tokens", spent.usage.output_tokens
    yield from {"cost_usd": spent.cost_usd, "calls": spent.calls, "unpriced": spent.unpriced}.items()
    yield from {"files": dict(state.files), "archived": state.archived, "unknown": state.unknown}.items()
    yield "parent", state.forked_from.source if state.forked_from else ""
    yield "parent_seq", state.forked_from.parent_seq if state.forked_from else 0
    yield "imported_from", state.imported_from.source if state.imported_from else ""
    yield "checks", {name: one.passed for name, one in state.checks.items()}


def _entry_data(entry: Entry) -> dict[str, Any]:
    said = {"seq": entry.seq, "at": to_timestamp(entry.at_ms / 1000), "kind": entry.kind, "head": entry.head}
    return {**said, "body": "" if entry.kind == "picture" else entry.body}


def _block(entry: Entry) -> str:
    """Something that happened, as lines; what was said stands below it, indented."""
    head = f"[{entry.seq}] {to_time(entry.at_ms)}  {printable_path(entry.head)}"
    body = "" if entry.kind == "picture" else neutralise(entry.body).strip("\n")
    return "\n".join([head, *(f"    {line}".rstrip() for line in body.split("\n"))]) if body else head


def _open_ends(state: SessionState) -> Iterator[str]:
    """What is in flight, what waits for an answer, and what can be taken back."""
    flying = (f"{one.name} ({call}), since event {one.seq}" for call, one in state.in_flight.items())
    yield _section("in flight, without an outcome:", flying)
    asked = (f"{one.action}: {one.reason} ({id}, event {one.seq})" for id, one in state.approvals.items())
    yield _section("waiting for an answer:", asked)
    undo = (f"checkpoint {step.checkpoint_id}, event {step.seq}" for step in reversed(state.steps.undo))
    yield _section("steps that can be undone, the next one first:", undo)
    redo = (f"checkpoint {step.checkpoint_id}, event {step.seq}" for step in reversed(state.steps.redo))
    yield _section("steps that can be redone:", redo)


def _section(title: str, lines: Iterable[str]) -> str:
    told = [f"  {printable_path(line)}" for line in lines]
    return "\n".join([title, *told]) if told else ""


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{name:<{_LABEL_CHARS}}{printable_path(value)}" for name, value in pairs if value)


# --- search ---------------------------------------------------------------------------------------------------------


def hit_cells(hit: Hit) -> tuple[str, ...]:
    """Something that was found, as the cells of a table: session, event, when, who, words."""
    return hit.session, str(hit.seq), to_time(hit.at_ms), hit.kind, printable_path(hit.excerpt)


def hits_data(hits: Hits) -> dict[str, Any]:
    """What was found, for a program."""
    found = [{**hit._asdict(), "at": to_timestamp(hit.at_ms / 1000)} for hit in hits.hits]
    for one in found:
        one.pop("at_ms")
    return {"hits": found, "not_opened": hits.not_opened}


def _model(provider: str, model: str) -> str:
    return printable_path(model if provider in ("", model) else f"{provider}/{model}")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
