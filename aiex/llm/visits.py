"""What is asked before a server is spoken to and told what came of it: the seam for those who keep a record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from aiex.errors import ConfigError

if TYPE_CHECKING:
    from aiex.llm.endpoints import Target
    from aiex.messages import Usage


class Visit(Protocol):
    """A server that is being asked."""

    detail: dict[str, str]
    """Numbers that belong to the record, by name."""


Visiting = Callable[[str, str, str], AbstractAsyncContextManager[Visit]]
"""Gets `host:port`, where that was set, and `provider/model` or one of `ASIDE`; the block is the visit. Raises Denied
when there may be none."""
SIGN_IN: Final = "sign-in"
MODELS: Final = "list of models"
CATALOGUE: Final = "catalogue"
ASIDE: Final = frozenset({SIGN_IN, MODELS, CATALOGUE})
"""What is asked beside conversations: these servers are told nothing of the work."""


class _Unrecorded:
    """A visit that nobody keeps a record of."""

    def __init__(self) -> None:
        self.detail: dict[str, str] = {}


@asynccontextmanager
async def visit_freely(host: str, place: str, name: str) -> AsyncIterator[Visit]:
    """Let every server be asked."""
    yield _Unrecorded()


def visit_of(visiting: Visiting, target: Target, name: str = "") -> AbstractAsyncContextManager[Visit]:
    """The visit to the server of a target, to ask its model or what else is named."""
    return visit_url(visiting, target.endpoint.base_url, target.endpoint.url_place, name or target.name)


def visit_url(visiting: Visiting, url: str, place: str, name: str) -> AbstractAsyncContextManager[Visit]:
    """The visit to the server of an address, which was set in a place. Raises ConfigError if it names no server."""
    try:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError as error:
        raise ConfigError(f"cannot use {url} ({place}): {error}") from error
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return visiting(f"{host}:{port}", place, name)


def note_usage(visit: Visit, usage: Usage | None) -> None:
    """Let the record say how many tokens it took, as far as the vendor told."""
    counts = {} if usage is None else {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    visit.detail |= {name: str(count) for name, count in counts.items() if count is not None}
