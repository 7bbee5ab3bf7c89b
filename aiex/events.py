"""What happened: frozen dataclasses that screen, pipe, JSON lines, log and tests all read.

Stream events come from a model while it speaks; lasting events tell the story of a session.
Exactly one `Stopped` or `Failed` ends a stream, and it is last. Every event has one JSON form (`aiex/eventforms.py`),
and most a line in the stream that other programs read (`aiex/eventlines.py`).
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from aiex.messages import Image, Part, StopReason, Usage
from aiex.record import record

# --- stream events -------------------------------------------------------------------------------------------------


@record
class Started:
    """A provider accepted the request and began to answer."""

    provider: str
    model: str


@record
class TextDelta:
    """The next piece of the answer."""

    text: str


@record
class ReasoningDelta:
    """The next piece of the model's thinking."""

    text: str


@record
class ToolCallStarted:
    """A tool call begins; its arguments are not complete yet."""

    id: str
    name: str


@record
class ToolCallDelta:
    """The next piece of a call's JSON arguments."""

    id: str
    arguments: str


@record
class PartEnded:
    """A part is complete; the deltas before it join to this part."""

    part: Part


@record
class UsageUpdated:
    """Tokens so far; replaces earlier values of the same call, which began with its `Started`.

    With a `model` it is all that is told of a request of a helper or for a summary, and replaces nothing.
    """

    usage: Usage
    cost_usd: float | None = None
    """None when the price of the model is unknown."""
    model: str = ""
    """As `provider/model`."""
    call_id: str = ""
    """The call of a tool that the request was made for."""


@record
class Retrying:
    """The same provider is asked again after `wait_s` seconds."""

    reason: str
    attempt: int
    wait_s: float


@record
class Waiting:
    """The provider has been silent for so long; told again as it goes on."""

    provider: str
    silent_s: float
    deadline_s: float
    """When it is given up, counted like `silent_s`; 0 for never."""


@record
class FailedOver:
    """Another provider takes over; `mid_answer` when words were already shown.

    Both are named as `provider/model`. What was shown of the part that was cut stands in a `PartEnded` before this.
    """

    from_provider: str
    to_provider: str
    reason: str
    mid_answer: bool


@record
class Stopped:
    """The stream ended as the protocol says it should."""

    reason: StopReason


@record
class Failed:
    """The stream broke; what was shown before is incomplete."""

    error: str
    message: str
    hint: str
    exit_code: int


StreamEvent = (
    Started | TextDelta | ReasoningDelta | ToolCallStarted | ToolCallDelta | PartEnded | UsageUpdated | Retrying
    | Waiting | FailedOver | Stopped | Failed
)  # fmt: skip

# --- lasting events ------------------------------------------------------------------------------------------------


@record
class SessionStarted:
    """A run begins: which version, where, asking whom."""

    version: str
    cwd: str
    command: str
    provider: str
    model: str
    root: str = ""
    """The workspace; empty where there is none."""


@record
class UserSpoke:
    """What the person asked."""

    parts: tuple[Part, ...]


@record
class AssistantSpoke:
    """One complete answer, as it was given."""

    parts: tuple[Part, ...]
    provider: str
    model: str


@record
class ToolStarted:
    """A tool call that was allowed begins to run."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]


@record
class ToolWrote:
    """The next piece of what a running command writes; bytes that are not UTF-8 come as surrogate escapes."""

    call_id: str
    stream: Literal["stdout", "stderr"]
    text: str


@record
class ToolFinished:
    """A tool call ended; `text` is what the model is told."""

    call_id: str
    name: str
    text: str
    is_error: bool = False
    duration_ms: int | None = None
    images: tuple[Image, ...] = ()
    """Pictures that the model is shown with it."""


@record
class ApprovalAsked:
    """A person, or a policy in their place, has to say whether something may happen."""

    approval_id: str
    action: str
    """What would happen, in words."""
    reason: str
    """The rule that asks."""


@record
class ApprovalGiven:
    """The answer to `ApprovalAsked`, and how far it reaches."""

    approval_id: str
    allowed: bool
    scope: Literal["once", "session", "project", "user"]
    decided_by: Literal["person", "policy"]


@record
class FileEdited:
    """A file of the workspace was written, made or removed."""

    path: str
    change: Literal["created", "changed", "deleted"]
    added_lines: int
    removed_lines: int


@record
class CheckpointTaken:
    """The files can be brought back to how they are now."""

    checkpoint_id: str
    reason: str


@record
class Rewound:
    """The files, the conversation or both went to another state; nothing is lost by it.

    The conversation is as it was behind the event `to_seq`; a redo names a later one than the rewind before it did.
    """

    checkpoint_id: str
    """What the files were brought to; empty where they were left alone."""
    undo_id: str
    """The checkpoint taken of the files before that."""
    what: Literal["files", "conversation", "both"]
    to_seq: int = 0
    direction: Literal["back", "forth"] = "back"
    steps: int = 1
    """How many checkpoints back or forth the files went."""


@record
class Compacted:
    """The conversation was shortened to fit; what the model sees from now on begins with `summary`."""

    before_tokens: int
    after_tokens: int
    summary: str
    upto_seq: int = 0
    """The summary stands for what was said up to this event; later messages stay. 0 for all of it."""


@record
class Pinned:
    """The message that the event `at_seq` recorded stays word for word through compaction, or no longer does."""

    at_seq: int
    pinned: bool = True


@record
class LeftOut:
    """The model does not see any more what the message says that the event `at_seq` recorded, or sees it again."""

    at_seq: int
    left_out: bool = True


@record
class SessionRenamed:
    """A person gave the session another title; an empty one takes the title away."""

    title: str


@record
class SessionForked:
    """The session goes its own way: everything before this is a copy of `parent` up to its event `parent_seq`."""

    parent: str
    parent_seq: int


@record
class SessionArchived:
    """The session was put aside; it can be read, and goes on after `SessionRestored`."""


@record
class SessionRestored:
    """The session was fetched back from the archive."""


@record
class Imported:
    """Everything before this came from a file; `digest` is that of the file."""

    source: str
    digest: str


@record
class TurnInterrupted:
    """A turn that had no end was found and closed: the process that ran it died.

    The calls `in_flight` had begun and have no outcome but this: they may have had effects, and are not repeated.
    """

    reason: str
    in_flight: tuple[str, ...] = ()


@record
class BudgetHit:
    """A limit was reached, or would be by the next request; `used` and `limit` are in the unit of their `kind`."""

    kind: Literal["money", "tokens", "requests", "turns", "time", "calls"]
    used: float
    limit: float


@record
class CheckRan:
    """A check of the work ran, such as tests or a linter."""

    name: str
    passed: bool
    required: bool
    summary: str
    duration_ms: int | None = None
    command: str = ""
    exit_code: int | None = None


@record
class Progressed:
    """Long work moved on; `total` is 0 while it is unknown. Shown on a terminal only."""

    label: str
    done: int
    total: int


@record
class Noted:
    """A step of work that has no end of its own, such as a watch: in words, and the same for a program."""

    message: str
    data: Mapping[str, Any] | None = None


@record
class Warned:
    """Something a person should know that does not stop the work."""

    message: str
    hint: str = ""


@record
class SecurityNoticed:
    """The audit log gives reason to look: for a person, a log, or an alert."""

    kind: Literal["repeated-denials", "escape-tried", "tampering", "new-host", "unrecorded"]
    message: str
    session: str = ""
    """The session in which it happened; empty where it is about the log itself."""


@record
class TurnEnded:
    """The outcome of a wish; always the last event, and the only one that carries an exit code.

    `subtype` names the outcome more closely ("answered", "planned", or an error class name), `answer` is the text for a
    person (Markdown), `data` the same for a program.
    """

    status: Literal["success", "error"]
    subtype: str
    exit_code: int
    answer: str = ""
    data: Mapping[str, Any] | None = None
    error: str = ""
    hint: str = ""
    usage: Usage = field(default_factory=Usage)
    num_turns: int = 1
    duration_ms: int | None = None
    total_cost_usd: float | None = None
    files_changed: tuple[str, ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    failovers: tuple[Mapping[str, Any], ...] = ()
    resume: str | None = None


LastingEvent = (
    SessionStarted | UserSpoke | AssistantSpoke | ToolStarted | ToolWrote | ToolFinished | ApprovalAsked
    | ApprovalGiven | FileEdited | CheckpointTaken | Rewound | Compacted | Pinned | LeftOut | SessionRenamed
    | SessionForked | SessionArchived | SessionRestored | Imported | TurnInterrupted | BudgetHit | CheckRan
    | Progressed | Noted | Warned | SecurityNoticed | TurnEnded
)  # fmt: skip
Event = StreamEvent | LastingEvent

# --- in their place ------------------------------------------------------------------------------------------------


@record
class UnknownEvent:
    """An event of a later version: kept as it came, written as it came."""

    type: str
    data: Mapping[str, Any]
    """The other fields."""


@record
class Envelope:
    """An event with its place in a session: `seq` counts from 1 without gaps, `ts` is UTC with milliseconds."""

    v: int
    seq: int
    ts: str
    session_id: str
    turn: int
    event: Event | UnknownEvent
