"""Answers without a model: what static analysis found out, word for word."""

from collections.abc import AsyncIterator, Iterator

from aiex.errors import Rejected
from aiex.events import PartEnded, Started, Stopped, StreamEvent, TextDelta
from aiex.messages import Document, Request, Text

BRIEFING_TITLE = "briefing"
"""The title of the document that is the answer."""


class Offline:
    """Repeats the briefing of the request; adds nothing and leaves nothing out. Never awaits."""

    name = "offline"

    async def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        """The briefing, paragraph by paragraph.

        Raises:
            Rejected: if the request has no document titled "briefing".
        """
        briefing = _find_briefing(request)
        yield Started(self.name, self.name)
        for piece in _paragraphs(briefing):
            yield TextDelta(piece)
        if briefing:
            yield PartEnded(Text(briefing))
        yield Stopped("end_turn")


PROVIDER = Offline()


def _find_briefing(request: Request) -> str:
    for message in reversed(request.messages):
        for part in reversed(message.parts):
            if isinstance(part, Document) and part.title == BRIEFING_TITLE:
                return part.text
    raise Rejected(
        "offline answers only what static analysis can tell, and this request needs a model",
        hint="name a model with -m provider/model; `aiex explain` works offline",
    )


def _paragraphs(text: str) -> Iterator[str]:
    """Pieces that join to the text, cut after blank lines."""
    start = 0
    while start < len(text):
        cut = text.find("\n\n", start)
        end = len(text) if cut < 0 else cut + 2
        yield text[start:end]
        start = end
