"""What lies between two places of a session: in its conversation, its files, its permissions, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex.errors import StoreError, UsageError
from aiex.events import ApprovalAsked, ApprovalGiven, FileEdited, Rewound
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.words import clip, count
from aiex.jobs.sessions.showing import to_cost
from aiex.messages import Document, Image, Refusal, Text, ToolCall, ToolResult
from aiex.record import record
from aiex.sessions.requests import conversation

if TYPE_CHECKING:
    from aiex.messages import Part
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.log import Recorded
    from aiex.sessions.requests import Entry
    from aiex.sessions.state import SessionState

_LONGEST: Final = 100
_TOLD: Final = frozenset({"file_edited", "approval_asked", "approval_given", "rewound"})


class Touched(NamedTuple):
    """What edits did to one file; lines are added up over all of them."""

    change: str
    """created, changed or deleted: by the last of them."""
    edits: int
    added_lines: int
    removed_lines: int


class Answer(NamedTuple):
    """An approval that was given or refused."""

    seq: int
    action: str
    allowed: bool
    scope: str
    decided_by: str


@record
class Spent:
    """What went for calls to models."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int
    """Calls whose price is not known."""


@record
class Difference:
    """Everything between two places of a session."""

    session: str
    from_seq: int
    to_seq: int
    gone: tuple[Entry, ...]
    """What was said before and was rewound or shortened since."""
    said: tuple[Entry, ...]
    """What was said since."""
    files: Mapping[str, Touched]
    rewinds: tuple[str, ...]
    """Rewinds of the files, in words."""
    checkpoints: tuple[str, str]
    """Those with the files as they were at both places; empty where there is none."""
    answers: tuple[Answer, ...]
    granted: tuple[str, ...]
    """Leave for the rest of the session that holds now and did not before."""
    withdrawn: tuple[str, ...]
    spent: Spent


def compare(sessions: Sessions, session: str, from_seq: int, to_seq: int) -> Difference:
    """The difference between a session behind one event and behind a later one.

    Args:
        from_seq: 0 for before its first event.
        to_seq: Not before `from_seq`.

    Raises:
        UsageError: if they are the wrong way round.
        StoreError: if it cannot be read.
    """
    if to_seq < from_seq:
        raise UsageError(f"event {to_seq} comes before event {from_seq}", hint="--from names the earlier one")
    then, now = sessions.state(session, at_seq=from_seq), sessions.state(session, at_seq=to_seq)
    log = sessions.log.read(session, after_seq=from_seq, upto_seq=to_seq)
    between = [one for one in log if one.type in _TOLD]
    gone, said = _compare_talk(now, from_seq, to_seq)
    granted, before = _grants(now), _grants(then)
    return Difference(
        session,
        from_seq,
        to_seq,
        gone,
        said,
        _touched(between),
        tuple(_rewinds(between)),
        _checkpoints(sessions, now, from_seq, to_seq),
        tuple(_answers(between, {id: one.action for id, one in then.approvals.items()})),
        tuple(action for action in granted if action not in before),
        tuple(action for action in before if action not in granted),
        _spent(then, now),
    )


def _compare_talk(now: SessionState, from_seq: int, to_seq: int) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    before, after = conversation(now, at_seq=from_seq), conversation(now, at_seq=to_seq)
    common = sum(1 for _ in takewhile(lambda pair: pair[0][:2] == pair[1][:2], zip(before, after, strict=False)))
    return tuple(before[common:]), tuple(after[common:])


def _checkpoints(sessions: Sessions, now: SessionState, from_seq: int, to_seq: int) -> tuple[str, str]:
    """A checkpoint that holds the files after a step may be taken only before the next one, so later events count."""
    try:
        steps = sessions.state(now.id).steps
    except StoreError:
        steps = now.steps
    return steps.files_at(from_seq), steps.files_at(to_seq)


def _touched(between: Iterable[Recorded]) -> dict[str, Touched]:
    files: dict[str, Touched] = {}
    for one in between:
        event = one.event()
        if isinstance(event, FileEdited):
            _, edits, added, removed = files.pop(event.path, Touched("", 0, 0, 0))
            files[event.path] = Touched(
                event.change, edits + 1, added + event.added_lines, removed + event.removed_lines
            )
    return files


def _rewinds(between: Iterable[Recorded]) -> Iterator[str]:
    for one in between:
        event = one.event()
        if isinstance(event, Rewound) and event.what != "conversation" and event.checkpoint_id:
            way = "back" if event.direction == "back" else "forth again"
            yield f"event {one.seq}: the files went {way} to checkpoint {event.checkpoint_id}"


def _answers(between: Iterable[Recorded], asked: dict[str, str]) -> Iterator[Answer]:
    for one in between:
        match one.event():
            case ApprovalAsked(approval_id=id, action=action):
                asked[id] = action
            case ApprovalGiven(approval_id=id, allowed=allowed, scope=scope, decided_by=who):
                yield Answer(one.seq, asked.get(id, id), allowed, scope, who)


def _grants(state: SessionState) -> list[str]:
    return [grant.action or grant.approval_id for grant in state.grants]


def _spent(then: SessionState, now: SessionState) -> Spent:
    one, other = then.spent.total(), now.spent.total()
    return Spent(
        other.calls - one.calls,
        (other.usage.input_tokens or 0) - (one.usage.input_tokens or 0),
        (other.usage.output_tokens or 0) - (one.usage.output_tokens or 0),
        round((other.cost_usd or 0.0) - (one.cost_usd or 0.0), 10),
        other.unpriced - one.unpriced,
    )


# --- for a person ---------------------------------------------------------------------------------------------------


def render(found: Difference) -> str:
    """The difference as lines; what was added begins with a plus, what is gone with a minus."""
    sections = (
        _section("conversation", [*_lines_of("-", found.gone), *_lines_of("+", found.said)]),
        _section("files", list(_file_lines(found))),
        _section("permissions", list(_permission_lines(found))),
        _section("cost", _cost_lines(found.spent)),
    )
    head = f"session {found.session}, event {found.from_seq} to event {found.to_seq}"
    return "\n\n".join([head, *(section for section in sections if section)])


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines or ["no difference"])])


def _lines_of(mark: str, entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        for words in map(_words_of, entry.message.parts):
            if words:
                yield f"{mark} [{entry.seq}] {entry.message.role}: {printable_path(clip(words, _LONGEST))}"


def _words_of(part: Part) -> str:
    """What a part says, in a few words; empty where it says nothing to a person."""
    match part:
        case Text(text=text) | Refusal(text=text):
            return text
        case ToolCall(name=name):
            return f"calls {name}"
        case ToolResult(text=text, is_error=is_error):
            return f"{'failed' if is_error else 'answered'}: {text}"
        case Document(title=title):
            return f"material: {title}"
        case Image(media_type=media_type):
            return f"a picture ({media_type})"
        case _:
            return ""


def _file_lines(found: Difference) -> Iterator[str]:
    for path, one in found.files.items():
        edits = "" if one.edits == 1 else f" in {count(one.edits, 'edit')}"
        yield f"{printable_path(path)} {one.change} (+{one.added_lines} -{one.removed_lines}){edits}"
    yield from found.rewinds
    then, now = found.checkpoints
    if then and now and then != now:
        yield f"line by line: aiex diff checkpoint {then} {now}"
    elif then and not now and (found.files or found.rewinds):
        yield f"line by line, against the files of today: aiex diff checkpoint {then}"


def _permission_lines(found: Difference) -> Iterator[str]:
    for one in found.answers:
        verb = "allowed" if one.allowed else "denied"
        yield f"[{one.seq}] {verb} by a {one.decided_by}, {one.scope}: {printable_path(one.action)}"
    yield from (f"+ for the rest of the session: {printable_path(action)}" for action in found.granted)
    yield from (f"- no longer: {printable_path(action)}" for action in found.withdrawn)


def _cost_lines(spent: Spent) -> list[str]:
    if not spent.calls:
        return []
    cost = to_cost(spent.cost_usd, unpriced=spent.unpriced)
    tokens = f"{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out"
    return [f"{count(spent.calls, 'call')}, {tokens}, {cost}"]


def to_data(found: Difference) -> dict[str, Any]:
    """The difference for a program."""
    from aiex.jsonform import form_of

    spent: dict[str, Any] = form_of(Spent).write(found.spent)
    return {
        "session": found.session,
        "from": found.from_seq,
        "to": found.to_seq,
        "conversation": {"gone": list(map(_talk_data, found.gone)), "said": list(map(_talk_data, found.said))},
        "files": {path: one._asdict() for path, one in found.files.items()},
        "rewinds": list(found.rewinds),
        "checkpoints": {"from": found.checkpoints[0], "to": found.checkpoints[1]},
        "permissions": {
            "answers": [one._asdict() for one in found.answers],
            "granted": list(found.granted),
            "withdrawn": list(found.withdrawn),
        },
        "cost": spent,
    }


def _talk_data(entry: Entry) -> dict[str, Any]:
    words = [text for text in map(_words_of, entry.message.parts) if text]
    return {"seq": entry.seq, "role": entry.message.role, "text": "\n".join(words), "pinned": entry.pinned}
