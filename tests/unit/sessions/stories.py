"""Logs for tests: events as the log gives them back, plausible ones and such as nobody would write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from aiex import events as told
from aiex.eventforms import to_json
from aiex.eventlines import has_line
from aiex.events import Event
from aiex.jsonform import dump
from aiex.messages import CachePoint, Document, Image, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult, Usage
from aiex.sessions.log import Recorded
from aiex.sessions.state import SessionState, fold

SESSION = "0123456789abcdef"
TAG = ("anthropic", "claude-opus-4-8", "https://api.anthropic.com")


def record(events: Iterable[Event], *, after: int = 0) -> list[Recorded]:
    """The events in their places; those that make no line are in no log."""
    turn = 0
    made: list[Recorded] = []
    for event in events:
        if not has_line(event):
            continue
        turn += isinstance(event, told.UserSpoke)
        seq = after + len(made) + 1
        written = to_json(event)
        kind = written.pop("type")
        made.append(Recorded(SESSION, seq, seq * 3, 1_000 * seq, turn, kind, 1, dump(written).encode()))
    return made


def state_of(*events: Event) -> SessionState:
    """The state behind these events."""
    return fold(record(events))


def said(*words: str) -> told.UserSpoke:
    return told.UserSpoke(tuple(map(Text, words)))


def answer(*parts: Text | ToolCall) -> told.AssistantSpoke:
    return told.AssistantSpoke(parts, "anthropic", "m")


def step(call: str, *, checkpoint: str = "", text: str = "done") -> list[Event]:
    """An answer with one call, and that call from its start to its end; behind a checkpoint it edits a file."""
    before: list[Event] = [told.CheckpointTaken(checkpoint, "write")] if checkpoint else []
    edited: list[Event] = [told.FileEdited("a", "changed", 1, 0)] if checkpoint else []
    return [
        answer(ToolCall(call, "write", {"path": "a"})), *before,
        told.ToolStarted(call, "write", {"path": "a"}), *edited, told.ToolFinished(call, "write", text),
    ]  # fmt: skip


# --- any log --------------------------------------------------------------------------------------------------------

_IDS = st.sampled_from(["a", "b", "c", "", "white space", "é"])
_SEQS = st.integers(-2, 40)
_WORDS = st.sampled_from(["", " ", "x", "two words", "a\ud800", "line\nline"])
_PART = st.one_of(
    st.builds(Text, _WORDS),
    st.builds(Reasoning, _WORDS),
    st.builds(ToolCall, _IDS, st.sampled_from(["read", "write", "odd name!"]), st.just({"path": "a"})),
    st.builds(ToolResult, _IDS, _WORDS, st.booleans()),
    st.builds(Image, st.sampled_from(["image/png", "image/tiff"]), st.just("AA==")),
    st.builds(Document, _WORDS, st.just("text/plain"), _WORDS),
    st.builds(Refusal, _WORDS),
    st.builds(
        lambda covers: Opaque("another", "m", "https://else.where", {"type": "foreign block"}, covers),
        st.integers(0, 3),
    ),
    st.just(CachePoint()),
)
_SIGNED = {"type": "thinking", "thinking": "hm", "signature": "s"}


def _thought(words: str, call: str) -> told.AssistantSpoke:
    """An answer as Anthropic gives it, with the block that goes back to it."""
    parts = (Reasoning("hm"), Opaque(*TAG, _SIGNED, 1), Text(words), ToolCall(call, "read", {}))
    return told.AssistantSpoke(parts, TAG[0], TAG[1])


_PARTS = st.lists(_PART, max_size=4).map(tuple)
_CHECKPOINTS = st.sampled_from(["c1", "c2", "c3", ""])
_SCOPES = st.sampled_from(["once", "session", "project", "user"])
_REWOUND = st.builds(
    told.Rewound,
    _CHECKPOINTS,
    _CHECKPOINTS,
    st.sampled_from(["files", "conversation", "both"]),
    _SEQS,
    st.sampled_from(["back", "forth"]),
    st.integers(-1, 4),
)
_PLAUSIBLE: list[st.SearchStrategy[Sequence[Event]]] = [
    st.builds(lambda words: [said(words)], _WORDS),
    st.builds(lambda call, words: step(call, text=words), _IDS, _WORDS),
    st.builds(lambda call, id: step(call, checkpoint=id), _IDS, st.sampled_from(["c1", "c2", "c3"])),
    st.builds(lambda one, two: [told.TextDelta(one), told.TextDelta(two)], _WORDS, _WORDS),
    st.builds(lambda one, two: [answer(ToolCall(one, "read", {}), ToolCall(two, "read", {}))], _IDS, _IDS),
    st.builds(lambda words, call: [_thought(words, call), told.ToolFinished(call, "read", words)], _WORDS, _IDS),
    st.builds(lambda seq: [told.Compacted(9, 3, "in short", seq)], _SEQS),
    st.builds(lambda seq, on: [told.Pinned(seq, on)], _SEQS, st.booleans()),
    st.builds(lambda seq, out: [told.LeftOut(seq, out)], _SEQS, st.booleans()),
    _REWOUND.map(lambda event: [event]),
]
_ANY: st.SearchStrategy[Event] = st.one_of(
    st.builds(told.SessionStarted, *map(st.just, ("1", "/w", "run", "anthropic", "m", "/w"))),
    st.builds(told.UserSpoke, _PARTS),
    st.builds(told.AssistantSpoke, _PARTS, st.just("anthropic"), st.just("m")),
    st.builds(told.TextDelta, _WORDS),
    st.builds(told.ReasoningDelta, _WORDS),
    st.builds(told.ToolStarted, _IDS, st.just("read"), st.just({})),
    st.builds(told.ToolWrote, _IDS, st.just("stdout"), _WORDS),
    st.builds(told.ToolFinished, _IDS, st.just("read"), _WORDS, st.booleans()),
    st.builds(told.ApprovalAsked, _IDS, _WORDS, st.just("rule")),
    st.builds(told.ApprovalGiven, _IDS, st.booleans(), _SCOPES, st.just("person")),
    st.builds(
        told.FileEdited, st.just("a.py"), st.sampled_from(["created", "changed", "deleted"]), st.just(1), st.just(0)
    ),
    st.builds(told.CheckpointTaken, _CHECKPOINTS, st.just("write")),
    st.builds(told.UsageUpdated, st.builds(Usage, st.none() | st.integers(0, 9)), st.none() | st.just(0.5)),
    st.builds(told.FailedOver, st.just("a/b"), st.just("c/d"), st.just("down"), st.booleans()),
    st.builds(told.SessionRenamed, _WORDS),
    st.builds(told.SessionForked, st.just("f" * 16), _SEQS),
    st.builds(told.SessionArchived),
    st.builds(told.SessionRestored),
    st.builds(told.Imported, st.just("file"), st.just("00")),
    st.builds(told.TurnInterrupted, st.just("killed"), st.lists(_IDS, max_size=2).map(tuple)),
    st.builds(told.BudgetHit, st.just("turns"), st.just(1.0), st.just(1.0)),
    st.builds(told.CheckRan, st.just("tests"), st.booleans(), st.booleans(), _WORDS),
    st.builds(told.TurnEnded, st.sampled_from(["success", "error"]), st.just("x"), st.just(0), _WORDS),
    st.builds(told.Failed, *map(st.just, ("Transient", "cut", "", 75))),
)
LOGS: st.SearchStrategy[list[Recorded]] = st.lists(
    st.one_of(*_PLAUSIBLE, _ANY.map(lambda event: [event])), max_size=14
).map(lambda pieces: record(event for piece in pieces for event in piece))
"""Any sequence of events, with runs of such as a real session has."""
