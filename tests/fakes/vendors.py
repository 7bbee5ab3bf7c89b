"""The fake server of each protocol, and the parts of a chain that asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiex import settings
from aiex.events import PartEnded, StreamEvent, TextDelta
from aiex.llm.endpoints import find_target
from aiex.llm.failover import Link
from aiex.messages import Message, Request, Text, ToolCall, ToolDefinition
from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.gemini_server import FakeGemini
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.responses_server import FakeResponses
from tests.fakes.server import FakeServer

SERVERS: dict[str, Callable[[], FakeServer]] = {
    "anthropic": FakeAnthropic,
    "gemini": FakeGemini,
    "ollama": FakeOllama,
    "openai-chat": FakeOpenAI,
    "openai-responses": FakeResponses,
}
READ = ToolDefinition("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
ASK = Request("whatever", (Message("user", (Text("Explain."),)),), (READ,))


def link_to(server: FakeServer, protocol: str, provider: str = "a", **timeouts: float) -> Link:
    """A link of a chain that asks a fake server."""
    overrides = [f"providers.{provider}.base_url={server.base_url}", f"providers.{provider}.protocol={protocol}"]
    overrides += [f"providers.{provider}.{phase}_timeout_s={limit}" for phase, limit in timeouts.items()]
    target = find_target(settings.load(None, overrides=overrides, environ={}), f"{provider}/fake-1", {})
    return Link(target.name, target)


@dataclass
class Second:
    """A vendor that knows the whole answer and continues what it is given; `repeats` so many characters of it."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    repeats: int = 0
    name: str = "second"
    asked: list[Request] = field(default_factory=list)

    @property
    def link(self) -> Link:
        return Link("second/model", speaker=self)

    async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        from aiex.events import Started, Stopped

        self.asked.append(request)
        begun = text_in(request.messages[-2]) if len(request.messages) > 2 else ""
        assert self.text.startswith(begun)
        rest = self.text[max(0, len(begun) - self.repeats) :]
        yield Started("second", "model")
        for start in range(0, len(rest), 7):
            yield TextDelta(rest[start : start + 7])
        if rest:
            yield PartEnded(Text(rest))
        for call in self.calls:
            yield PartEnded(call)
        yield Stopped("tool_use" if self.calls else "end_turn")


def text_in(message: Message) -> str:
    """The words of a message."""
    return "".join(part.text for part in message.parts if isinstance(part, Text))


def shown(events: list[StreamEvent]) -> str:
    """The words of the answer, as they came."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ended(events: list[StreamEvent], kind: type[Any]) -> list[Any]:
    """The parts of one kind that ended."""
    return [event.part for event in events if isinstance(event, PartEnded) and isinstance(event.part, kind)]
