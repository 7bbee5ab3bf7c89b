"""What is asked before a server is spoken to and told what came of it: the seam for those who keep a record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
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
        server = _server_at(url)
    except ValueError as error:
        raise ConfigError(f"cannot use {url} ({place}): {error}") from error
    return visiting(server, place, name)


@lru_cache(maxsize=16)
def _server_at(url: str) -> str:
    """Host and port of an address."""
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{host}:{port}"


def note_usage(visit: Visit, usage: Usage | None) -> None:
    """Let the record say how many tokens it took, as far as the vendor told."""
    if usage is None:
        return
    if usage.input_tokens is not None:
        visit.detail["input_tokens"] = str(usage.input_tokens)
    if usage.output_tokens is not None:
        visit.detail["output_tokens"] = str(usage.output_tokens)
