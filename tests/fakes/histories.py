"""Sessions as they might have been, from a seed: turns, tools, approvals, rewinds, forks, failures."""

from __future__ import annotations

from random import Random
from typing import Any

from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    AssistantSpoke,
    CheckpointTaken,
    Event,
    FailedOver,
    FileEdited,
    Retrying,
    Rewound,
    SessionRenamed,
    SessionStarted,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnInterrupted,
    UsageUpdated,
    UserSpoke,
)
from aiex.messages import Text, ToolCall, Usage
from aiex.sessions.log import EventLog

START_MS = 1_790_000_000_000
WORDS = "parse the config file and say why naïve retries of Ünïcode paths fail; fix tests in café.py".split()  # noqa: SIM905  (to be read)


def started(root: str = "/code/app") -> SessionStarted:
    """The first event of a run."""
    return SessionStarted("1.0", f"{root}/src", "ask", "anthropic", "claude-x", root)


def said(text: str) -> UserSpoke:
    """What a person asked."""
    return UserSpoke((Text(text),))


def answered(text: str, *, provider: str = "anthropic", model: str = "claude-x") -> AssistantSpoke:
    """A whole answer."""
    return AssistantSpoke((Text(text),), provider, model)


def used(tokens_in: int, tokens_out: int, cost_usd: float | None = 0.25) -> UsageUpdated:
    """What a call has used so far."""
    return UsageUpdated(Usage(tokens_in, tokens_out), cost_usd)


def ended() -> TurnEnded:
    """A turn that went well."""
    return TurnEnded("success", "answered", 0)


class Histories:
    """Writes random sessions to a log; the same ones for the same seed."""

    def __init__(self, log: EventLog, seed: int) -> None:
        self.log = log
        self.random = Random(seed)
        self.ids: list[str] = []
        self._now_ms = START_MS

    def new_id(self) -> str:
        """16 hexadecimal digits."""
        return f"{self.random.getrandbits(64):016x}"

    def begin(self) -> str:
        """A new session."""
        session = self.new_id()
        self.ids.append(session)
        root = self.random.choice(["/code/app", "/code/lib", "/code/caf\udce9"])
        self.add(session, started(root))
        return session

    def add(self, session: str, *events: Event) -> None:
        """Append to a session, wherever it ends."""
        head = self.log.head(session)
        self._now_ms += self.random.choice([1, 500, 3_600_000])
        turn = (head.turn if head else 0) + any(isinstance(event, UserSpoke) for event in events)
        self.log.append(session, events, after_seq=head.seq if head else 0, turn=turn, at_ms=self._now_ms)

    def live(self, session: str) -> None:
        """Something happens in a session."""
        self.add(session, *self._some())

    def fork(self, session: str) -> str:
        """A new session that begins with a part of another."""
        from aiex.events import SessionForked

        head = self.log.head(session)
        assert head is not None
        seq, child = self.random.randint(1, head.seq), self.new_id()
        self.log.copy(session, seq, child)
        self.ids.append(child)
        self.add(child, SessionForked(session, seq))
        return child

    def remove(self, session: str) -> None:
        """A session is gone."""
        self.log.remove(session)
        self.ids.remove(session)

    def _some(self) -> list[Event]:
        random, call = self.random, f"call_{self.random.randrange(1000)}"
        text = " ".join(random.choices(WORDS, k=random.randint(1, 12)))
        usage = used(random.randrange(1000), random.randrange(100), random.choice([None, 0.125, 0.5]))
        choices: list[list[Any]] = [
            [said(text)],
            [TextDelta(piece) for piece in text.split()],
            [usage, used(7, 9), answered(text)],
            [usage, answered(text, provider="openai", model="gpt-x")],
            [usage, FailedOver("anthropic/claude-x", "openai/gpt-x", "overloaded", True)],
            [usage, Retrying("rate limit", 1, 0.5)],
            [usage],
            [AssistantSpoke((Text(text), ToolCall(call, "run", {"argv": text.split()})), "anthropic", "claude-x")],
            [ToolStarted(call, "run", {"argv": text.split()})],
            [ToolStarted(call, "edit", {}), ToolFinished(call, "edit", text)],
            [ToolFinished(call, "run", f"{text}\ud83d half")],
            [ApprovalAsked(call, f"run {text}", "policy")],
            [ApprovalGiven(call, random.random() < 0.5, "session", "person")],
            [FileEdited(f"src/{random.choice(WORDS)}", "changed", 3, 1)],
            [CheckpointTaken(f"{random.getrandbits(48):012x}", text)],
            [Rewound("aaaaaaaaaaaa", f"{random.getrandbits(48):012x}", random.choice(["files", "both", "conversation"]),
                     1, random.choice(["back", "forth"]), random.randint(1, 3))],
            [SessionRenamed(random.choice(["", text]))],
            [ended()],
            [TurnInterrupted("the process died", (call,))],
        ]  # fmt: skip
        return random.choice(choices)
