"""What was shown of an answer so far, and how another model goes on from there without a gap or a repetition."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aiex.events import (
    PartEnded,
    ReasoningDelta,
    Started,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    UsageUpdated,
    Waiting,
)
from aiex.messages import Message, Opaque, Reasoning, Request, Text, ToolCall
from aiex.templates import fill_template

LEAST_OVERLAP = 16
"""Characters that must agree at the seam before they count as repeated; less may be chance."""
LEAST_DIFFERENT = 6
"""Different characters among them: a rule of dashes or an indentation is no proof."""
MOST_OVERLAP = 4000
UNSEEN = (Started, UsageUpdated, Waiting)
"""Events that show nothing of an answer."""


class Shown:
    """The answer as a person saw it, over all attempts."""

    def __init__(self) -> None:
        self.anything = False
        """Whether a part of the answer was shown by anybody."""
        self.fresh = False
        """Whether the attempt that runs has shown something."""
        self.calls_given = False
        """Whether a tool call was given away; from then on nobody else may answer."""
        self._texts: list[str] = []
        self._open: dict[type[Text | Reasoning], list[str]] = {}
        self._overlap: Overlap | None = None
        self._signed: list[StreamEvent] = []
        """Signed blocks wait for what follows them: alone they show nothing, and would sign nothing."""

    def begin(self) -> None:
        """A new attempt begins."""
        self.fresh = False
        self._signed = []
        self._overlap = Overlap(self.text) if self.text else None

    @property
    def text(self) -> str:
        """The words of the answer so far."""
        return "".join([*self._texts, *self._open.get(Text, ())])

    def take(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What is to be shown of an event."""
        if isinstance(event, UNSEEN):
            return (event,)
        if isinstance(event, PartEnded) and isinstance(event.part, Opaque):
            self._signed.append(event)
            return ()
        if not self._signed:
            return self._take(event)
        signed, self._signed = self._signed, []
        return (*signed, *self._take(event))

    def _take(self, event: StreamEvent) -> Sequence[StreamEvent]:
        match event:
            case TextDelta(text):
                return self._say(self._overlap.feed(text) if self._overlap else text)
            case ToolCallStarted() | ToolCallDelta():
                return (self._mark(event),)
            case ReasoningDelta(text):
                self._open.setdefault(Reasoning, []).append(text)
                return (self._mark(event),)
            case PartEnded(Text(text)):
                trimmed = self._overlap is not None
                before = self._flush()
                pieces = self._open.pop(Text, [])
                whole = "".join(pieces) if pieces or trimmed else text
                self._texts.append(whole)
                return (*before, self._mark(PartEnded(Text(whole))))
            case PartEnded(part):
                if isinstance(part, Reasoning):
                    self._open.pop(Reasoning, None)
                self.calls_given = self.calls_given or isinstance(part, ToolCall)
                return (self._mark(event),)
            case Stopped():
                return (*self._flush(), event)
            case _:
                return (event,)

    def cut(self) -> Iterator[PartEnded]:
        """End the parts that are open, with what was shown of them."""
        self._overlap, self._signed = None, []
        for kind, pieces in self._open.items():
            part = kind("".join(pieces))
            if isinstance(part, Text):
                self._texts.append(part.text)
            yield PartEnded(part)
        self._open.clear()

    def resume(self, request: Request) -> Request:
        """The request whose answer goes on after what was shown; the same one when that has no words.

        Calls that were not given away are left out, and so are thoughts and signed blocks.
        """
        if not self.text:
            return request
        wish = fill_template(os.path.join(os.path.dirname(__file__), "prompts", "continue.md"))
        begun = (Message("assistant", (Text(self.text),)), Message("user", (Text(wish),)))
        return replace(request, messages=(*request.messages, *begun))

    def _mark(self, event: StreamEvent) -> StreamEvent:
        self.anything = self.fresh = True
        return event

    def _say(self, text: str) -> Sequence[StreamEvent]:
        if not text:
            return ()
        self._open.setdefault(Text, []).append(text)
        return (self._mark(TextDelta(text)),)

    def _flush(self) -> Sequence[StreamEvent]:
        """What was held back of the beginning, because it could have been a repetition."""
        overlap, self._overlap = self._overlap, None
        return self._say(overlap.end()) if overlap is not None else ()


class Overlap:
    """Takes away from the beginning of a text what repeats the end of the text before it.

    The beginning is held back as long as it could still be a repetition.
    """

    def __init__(self, before: str) -> None:
        self._before = before[-MOST_OVERLAP:]
        self._held = ""
        self._decided = False

    def feed(self, text: str) -> str:
        """What is new for certain."""
        if self._decided:
            return text
        self._held += text
        return "" if self._held in self._before else self.end()

    def end(self) -> str:
        """The rest, when no more comes or it cannot be a repetition any longer."""
        held, self._held, self._decided = self._held, "", True
        for size in range(min(len(held), len(self._before)), LEAST_OVERLAP - 1, -1):
            if self._before.endswith(held[:size]) and len(set(held[:size])) >= LEAST_DIFFERENT:
                return held[size:]
        return held
