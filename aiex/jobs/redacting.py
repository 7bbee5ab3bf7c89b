"""What goes to a model, without the secrets that stand in it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from aiex.events import Noted
from aiex.guard.redact import REMOVED, redact_source, redact_texts, redact_within
from aiex.jobs.asking import Planned
from aiex.jobs.briefing import words
from aiex.messages import Document, Part, Request, Text

if TYPE_CHECKING:
    from aiex.jobs.explain import Found


def clean_found(found: "Found") -> "Found":
    """A target and its material without secrets; lines keep their numbers."""
    materials = tuple(one._replace(source=redact_source(one.source)) for one in found.materials)
    return found._replace(briefing=redact_within(found.briefing), materials=materials)


def clean_planned(planned: Planned) -> Planned:
    """The request without any secret that its parts still hold, and with the number of those that it lacks."""
    texts = _texts_of(planned.request)
    cleaned = redact_texts(texts)
    removed = sum(text.count(REMOVED) for text in cleaned)
    if cleaned is texts:
        return planned._replace(removed=removed)
    clean = dict(zip(texts, cleaned, strict=True))
    parts = tuple(part._replace(text=clean.get(part.text, part.text)) for part in planned.parts)
    return planned._replace(request=_with_texts(planned.request, clean), parts=parts, removed=removed)


def _texts_of(request: Request) -> list[str]:
    """The texts that came from a person or a file; prompts are our own."""
    parts = (part for message in request.messages if message.role != "system" for part in message.parts)
    return [part.text for part in parts if isinstance(part, Text | Document)]


def _with_texts(request: Request, clean: dict[str, str]) -> Request:
    def read(part: Part) -> Part:
        return replace(part, text=clean.get(part.text, part.text)) if isinstance(part, Text | Document) else part

    messages = tuple(replace(message, parts=tuple(map(read, message.parts))) for message in request.messages)
    return replace(request, messages=messages)


def tell_removed(planned: Planned) -> tuple[Noted, ...]:
    """How many secrets are not sent, in words and as `redactions`; nothing when there are none."""
    count = planned.removed
    if not count:
        return ()
    secrets = f"{words.count(count, 'secret')} {'was' if count == 1 else 'were'}"
    return (Noted(f"{secrets} removed from what is sent; {REMOVED} stands there", {"redactions": count}),)
