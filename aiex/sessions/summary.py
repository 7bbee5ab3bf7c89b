"""What lists say of a session, folded from its events one by one; pure, and the same wherever it begins.

Of a sealed session nothing is kept that somebody said or that names a file: only counts, times, the model, the
workspace, and where in its log the words stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex.digest import fingerprint
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    CheckpointTaken,
    Event,
    Failed,
    FailedOver,
    FileEdited,
    Imported,
    Retrying,
    Rewound,
    SessionArchived,
    SessionForked,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnInterrupted,
    UnknownEvent,
    UsageUpdated,
    UserSpoke,
)
from aiex.messages import Text, Usage
from aiex.sessions.steps import begin, confirm, drop, move

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.messages import Part

VERSION: Final = 1
"""Of what is folded; views of another version are made anew."""
MOST_WORDS_CHARS: Final = 80
MOST_TOKENS: Final = 10**12
MOST_USD: Final = 1e9
"""Of one call: more is an error or a lie, and must not spoil the sums of everything else."""

COUNTED_ONLY: Final = frozenset(
    {"text_delta", "reasoning_delta", "tool_wrote", "waiting", "noted", "warned", "security_noticed", "budget_hit",
     "check_ran", "pinned", "left_out", "compacted"}
)  # fmt: skip
"""Types of which a summary takes no more than that they happened."""


class Place(NamedTuple):
    """Where an event stands, and how it is kept."""

    seq: int
    position: int
    at_ms: int
    sealed: bool
    copied: bool


class Spent(NamedTuple):
    """What went for calls to a model; unknown counts as 0, `unpriced` says how many calls have no known price."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent._make(one + more for one, more in zip(self, other, strict=True))


NOTHING: Final = Spent()


class Asked(NamedTuple):
    """An approval that nobody gave or refused yet; the words are empty in a sealed session."""

    seq: int
    approval_id: str
    at_ms: int
    action: str
    reason: str


class Step(NamedTuple):
    """A checkpoint that undo or redo can go to."""

    seq: int
    checkpoint_id: str
    at_ms: int
    """When the step was taken, undone or redone last: of the steps of all sessions the latest is the next one."""
    reason: str


class Talk(NamedTuple):
    """Something that was said, to be searched."""

    seq: int
    kind: str
    """user, assistant or tool."""
    at_ms: int
    text: str


class Account(NamedTuple):
    """Whom usage is counted for: `provider/model`, the workspace, and the day in UTC, `2026-01-31`."""

    model: str
    root: str
    day: str


@dataclass(slots=True)
class Summary:
    """What lists say of one session. `seq` and `position` are those of its last event that was folded."""

    id: str
    seq: int = 0
    position: int = 0
    sealed: bool = False
    title: str = ""
    title_seq: int = 0
    """Where the title was given; 0 when nobody did."""
    words: str = ""
    """The beginning of what was said first."""
    words_seq: int = 0
    root: str = ""
    command: str = ""
    provider: str = ""
    model: str = ""
    state: str = "new"
    """new, working, done, failed or interrupted."""
    started_ms: int = 0
    last_ms: int = 0
    turns: int = 0
    spent: Spent = NOTHING
    files: int = 0
    archived: bool = False
    parent: str = ""
    parent_seq: int = 0
    imported: bool = False
    answered: bool = False
    """The turn that goes on has an answer."""
    calls: dict[str, int] = field(default_factory=dict)
    """Calls in flight, and where they began."""
    pending: list[Any] | None = None
    """Usage of a call that goes on: tokens, cost and time of the last word on it."""
    approvals: dict[str, Asked] = field(default_factory=dict)
    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
    aside: list[Step] = field(default_factory=list)
    is_open: bool = False


@dataclass(slots=True)
class Changes:
    """What a fold adds to the tables beside the list, since it was last written."""

    talk: list[Talk] = field(default_factory=list)
    files: set[bytes] = field(default_factory=set)
    usage: dict[Account, Spent] = field(default_factory=dict)
    approvals: bool = False
    """Whether the open approvals are others now."""
    steps: bool = False


def count(summary: Summary, place: Place) -> None:
    """Take an event of which only its being there matters."""
    if not summary.seq:
        summary.started_ms = place.at_ms
    summary.sealed = summary.sealed or place.sealed
    summary.seq, summary.position, summary.last_ms = place.seq, place.position, place.at_ms


def fold(summary: Summary, changes: Changes, place: Place, event: Event | UnknownEvent) -> None:
    """Take one event into the summary and what it changes elsewhere."""
    count(summary, place)
    _fold_spending(summary, changes, place, event)
    match event:
        case SessionStarted():
            _confirm(summary, changes)
            summary.root = event.root or summary.root
            summary.command, summary.provider, summary.model = event.command, event.provider, event.model
        case UserSpoke(parts=parts):
            _hear(summary, changes, place, parts)
        case AssistantSpoke(parts=parts, provider=provider, model=model):
            summary.provider, summary.model = provider or summary.provider, model or summary.model
            summary.state, summary.answered = "working", True
            _say(changes, place, "assistant", _text_of(parts))
        case ToolStarted(call_id=call):
            summary.state = "working"
            summary.calls[call] = place.seq
        case ToolFinished(call_id=call, text=text):
            summary.calls.pop(call, None)
            _end_step(summary, changes)
            _say(changes, place, "tool", text)
        case FileEdited(path=path):
            _confirm(summary, changes)
            changes.files.add(_digest(summary.id, path))
        case TurnEnded(status=status, answer=answer, files_changed=paths):
            if summary.state == "working" and not summary.answered:
                _say(changes, place, "assistant", answer)
            changes.files.update(_digest(summary.id, path) for path in paths)
            _end_step(summary, changes, edited=paths)
            _settle(summary, changes, "done" if status == "success" else "failed")
        case TurnInterrupted():
            _settle(summary, changes, "interrupted")
        case ApprovalAsked() | ApprovalGiven():
            _fold_approval(summary, changes, place, event)
        case CheckpointTaken() | Rewound():
            _fold_step(summary, changes, place, event)
        case _:
            _fold_session(summary, changes, place, event)


def _fold_session(summary: Summary, changes: Changes, place: Place, event: Event | UnknownEvent) -> None:
    match event:
        case SessionRenamed(title=title):
            summary.title, summary.title_seq = "" if place.sealed else title, place.seq if title else 0
        case SessionForked(parent=parent, parent_seq=seq):
            summary.parent, summary.parent_seq = parent, min(max(seq, 0), place.seq)
            _part_from_origin(summary, changes)
        case SessionArchived():
            summary.archived = True
        case SessionRestored():
            summary.archived = False
        case Imported():
            summary.imported = True
            _part_from_origin(summary, changes)
            if summary.undo or summary.redo:  # their checkpoints stayed where they were taken
                summary.undo.clear()
                summary.redo.clear()
                changes.steps = True
        case _:
            pass


def _part_from_origin(summary: Summary, changes: Changes) -> None:
    """What went on where the first events come from does not go on here."""
    summary.archived = False
    _settle(summary, changes, "interrupted" if summary.state == "working" else summary.state)


def _hear(summary: Summary, changes: Changes, place: Place, parts: Sequence[Part]) -> None:
    text = _text_of(parts)
    summary.turns += 1
    summary.state, summary.answered = "working", False
    _confirm(summary, changes)
    if not summary.words_seq and text.strip():
        summary.words_seq = place.seq
        summary.words = "" if place.sealed else first_words(text)
    _say(changes, place, "user", text)


def first_words(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: MOST_WORDS_CHARS * 8].split())
    return line if len(line) <= MOST_WORDS_CHARS else f"{line[: MOST_WORDS_CHARS - 1].rstrip()}…"


def _settle(summary: Summary, changes: Changes, state: str) -> None:
    """Nothing goes on behind the end of a turn."""
    summary.state = state
    _confirm(summary, changes)
    summary.calls.clear()
    if summary.approvals:
        summary.approvals.clear()
        changes.approvals = True


def _say(changes: Changes, place: Place, kind: str, text: str) -> None:
    if text.strip() and not place.sealed:
        changes.talk.append(Talk(place.seq, kind, place.at_ms, text))


def _text_of(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _digest(session: str, path: str) -> bytes:
    """Stands for a path where only the number of different ones is wanted; tells nothing beyond its session."""
    return bytes.fromhex(fingerprint(f"{session}\0{path}".encode("utf-8", "surrogatepass")))


# --- approvals and steps --------------------------------------------------------------------------------------------


def _fold_approval(summary: Summary, changes: Changes, place: Place, event: ApprovalAsked | ApprovalGiven) -> None:
    changes.approvals = True
    if isinstance(event, ApprovalGiven):
        summary.approvals.pop(event.approval_id, None)
        return
    action, reason = ("", "") if place.sealed else (event.action, event.reason)
    summary.approvals[event.approval_id] = Asked(place.seq, event.approval_id, place.at_ms, action, reason)


def _fold_step(summary: Summary, changes: Changes, place: Place, event: CheckpointTaken | Rewound) -> None:
    if isinstance(event, CheckpointTaken):
        reason = "" if place.sealed else event.reason
        begin(summary, Step(place.seq, event.checkpoint_id, place.at_ms, reason))
    elif event.what == "conversation" or not event.checkpoint_id:
        return
    else:
        source = summary.undo if event.direction == "back" else summary.redo
        reason = source[-1].reason if source and event.steps > 0 else ""
        before = Step(place.seq, event.undo_id, place.at_ms, reason) if event.undo_id else None
        move(
            summary, before, direction=event.direction, steps=event.steps,
            renew=lambda step: step._replace(at_ms=place.at_ms),
        )  # fmt: skip
    changes.steps = True


def _end_step(summary: Summary, changes: Changes, *, edited: Sequence[str] = ()) -> None:
    """What is open and edited nothing is no step, unless another call goes on that may."""
    if not summary.calls and not edited:
        changes.steps = drop(summary) or changes.steps


def _confirm(summary: Summary, changes: Changes) -> None:
    if summary.is_open:
        confirm(summary)
        changes.steps = True


# --- what it cost ---------------------------------------------------------------------------------------------------


def _fold_spending(summary: Summary, changes: Changes, place: Place, event: Event | UnknownEvent) -> None:
    """A later word on the usage of a call replaces the one before; what ends a call makes it count."""
    match event:
        case UsageUpdated(usage=usage, cost_usd=cost, model=model) if model:
            _book(summary, changes, place, model, [*_counts(usage), cost, place.at_ms])
        case UsageUpdated(usage=usage, cost_usd=cost):
            summary.pending = [*_counts(usage), cost, place.at_ms]
        case AssistantSpoke(provider=provider, model=model):
            _charge(summary, changes, place, f"{provider}/{model}")
        case FailedOver(from_provider=model):
            _charge(summary, changes, place, model)
        case (
            Retrying() | Failed() | TurnEnded() | TurnInterrupted() | SessionStarted() | UserSpoke()
            | SessionForked() | Imported()
        ):  # fmt: skip
            _charge(summary, changes, place, f"{summary.provider}/{summary.model}")
        case _:
            pass


def _counts(usage: Usage) -> list[int]:
    counts = (
        usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens,
        usage.reasoning_tokens,
    )  # fmt: skip
    return [min(max(count or 0, 0), MOST_TOKENS) for count in counts]


def _charge(summary: Summary, changes: Changes, place: Place, model: str) -> None:
    pending, summary.pending = summary.pending, None
    if pending is not None:
        _book(summary, changes, place, model, pending)


def _book(summary: Summary, changes: Changes, place: Place, model: str, word: Sequence[Any]) -> None:
    """Count a call by the last word on it: tokens, cost and time."""
    *counts, cost, at_ms = word
    if cost is not None and not 0 <= cost <= MOST_USD:
        cost = None
    spent = Spent._make([1, *counts, cost or 0.0, int(cost is None)])
    summary.spent = summary.spent.plus(spent)
    if not place.copied:
        account = Account(model, summary.root, day_of(at_ms))
        changes.usage[account] = changes.usage.get(account, NOTHING).plus(spent)


def day_of(at_ms: int) -> str:
    """The day in UTC, `2026-01-31`."""
    from time import gmtime, strftime

    return strftime("%Y-%m-%d", gmtime(at_ms // 1000))
