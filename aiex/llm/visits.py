"""What is asked before a server is spoken to and told what came of it: the seam for those who keep a record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aiex.llm.endpoints import Target
    from aiex.messages import Usage


class Visit(Protocol):
    """A server that is being asked."""

    detail: dict[str, str]
    """Numbers that belong to the record, by name."""


Visiting = Callable[[str, str, str], AbstractAsyncContextManager[Visit]]
"""Gets `host:port`, where that was set, and `provider/model`; the block is the visit. Raises Denied when there may be
none."""


class _Unrecorded:
    """A visit that nobody keeps a record of."""

    def __init__(self) -> None:
        self.detail: dict[str, str] = {}


@asynccontextmanager
async def visit_freely(host: str, place: str, name: str) -> AsyncIterator[Visit]:
    """Let every server be asked."""
    yield _Unrecorded()


def visit_of(visiting: Visiting, target: Target) -> AbstractAsyncContextManager[Visit]:
    """The visit to the server of a target."""
    parts = urlsplit(target.endpoint.base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return visiting(f"{host}:{port}", target.endpoint.url_place, target.name)


def note_usage(visit: Visit, usage: Usage | None) -> None:
    """Let the record say how many tokens it took, as far as the vendor told."""
    counts = {} if usage is None else {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    visit.detail |= {name: str(count) for name, count in counts.items() if count is not None}
